"""What ops and sensors are handed: configuration in, plain objects out. What is done with them is in the other files.

See https://docs.dagster.io/guides/build/external-resources
"""

import sys
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliResource
from packaging.version import Version
from sqlalchemy import Engine

from ingestion_api.client import IngestionClient
from orchestration.errors import SiteUnknown
from orchestration.manifest import DBT_PROJECT
from orchestration.settings import OrchestrationSettings
from warehouse.engine import create_engine
from warehouse.settings import warehouse_dsn


class WarehouseResource(dg.ConfigurableResource[Engine]):
    """The warehouse. Its URL is a setting and no resource configuration, because Dagster shows that to everybody."""

    def url(self, own_url: str | None = None) -> str:
        """The warehouse's URL, password included: that of a package's own login where it has one."""
        return warehouse_dsn(own_url)

    def engine(self, own_url: str | None = None) -> Engine:
        """The engine of this process, of a package's own login where it has one."""
        return _engine(self.url(own_url))


class SitesResource(dg.ConfigurableResource[IngestionClient]):
    """The ingestion APIs, one per site."""

    def client(self, site_code: str, timeout_s: float = 60) -> IngestionClient:
        """A client of one site's API; use it with `with`.

        Raises:
            SiteUnknown: The settings do not name the site.
        """
        settings = OrchestrationSettings()
        if site_code not in settings.sites:
            raise SiteUnknown(f"no ingestion API for site {site_code}: add it to MILLRACE_SITES")
        return IngestionClient(settings.sites[site_code], settings.pull_key_for(site_code), timeout_s)


class DbtResource(DbtCliResource):
    """dbt's command line (`dbt_command.py`), without five seconds that dagster-dbt spends before each command.

    Its version is the installed package's, so nobody has to ask `dbt --version` (3 s of CPU), and an adapter in this
    process (2 s) is used for nothing but `fetch_row_counts` and `fetch_column_metadata`, which nobody calls.
    """

    @property
    def _cli_version(self) -> Version:
        return Version(metadata.version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:
        return None


@cache
def _engine(url: str) -> Engine:
    return create_engine(url)


@dg.definitions
def resources() -> dg.Definitions:
    """The resources by the names that ops and sensors ask for."""
    dbt = DbtResource(
        project_dir=str(DBT_PROJECT),
        profiles_dir=str(DBT_PROJECT),
        dbt_executable=str(Path(sys.executable).with_name("millrace-dbt")),
    )
    return dg.Definitions(resources={"dbt": dbt, "sites": SitesResource(), "warehouse": WarehouseResource()})
