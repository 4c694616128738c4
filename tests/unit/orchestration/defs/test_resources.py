"""Resources: what they refuse, and that a process has one engine."""

import pytest

from orchestration.defs.resources import SitesResource, WarehouseResource
from orchestration.errors import SiteUnknown


def test_a_site_that_is_not_configured_is_named_with_the_setting_to_change() -> None:
    with pytest.raises(SiteUnknown, match="site nowhere: add it to MILLRACE_SITES"):
        SitesResource().client("nowhere")


def test_a_process_shares_one_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_WAREHOUSE_URL", "postgresql://u:p@127.0.0.1:1/w")
    assert WarehouseResource().engine() is WarehouseResource().engine()


def test_the_warehouses_password_is_no_part_of_the_configuration_that_dagster_shows() -> None:
    assert WarehouseResource.to_config_schema().as_field().config_type.fields == {}
