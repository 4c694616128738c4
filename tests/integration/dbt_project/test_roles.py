"""dbt builds by its own login: it owns what it builds, and reads what it builds from (DESIGN 4)."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import NullPool, make_url, text

from warehouse import tables
from warehouse.engine import create_engine
from warehouse.roles import DBT, PACKAGES, create_reader, enable_logins

# Every kind of model: views, reference tables, hourly and daily ones. Their tests look at all dimensions.
CHOSEN = (
    "staging +marts.production +fct_sensor_readings_hourly +features_equipment_readings +fct_site_kpis_daily "
    "+fct_site_freshness"
)


def rows(url: str, query: str) -> list[Any]:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_dbt_builds_and_tests_by_its_own_login(
    warehouse_url: str, fresh_database: Any, start_dbt: Callable[[str], Any], as_role: Callable[[str, str], str]
) -> None:
    """Also where the owner built first, and again on what is there by then; readers read all of it."""
    with create_engine(warehouse_url, poolclass=NullPool).begin() as connection:
        site = {"site_code": "demo", "change_seq": 1, "entity": "sites", "code": "demo", "changed_by": ""}
        about = {"payload": {"name": "", "time_zone": "Europe/Berlin"}, "changed_at": text("now()")}
        connection.execute(tables.warehouse_registry_changes.insert().values(**site, **about))
    owners_dbt = start_dbt(warehouse_url)
    owners_dbt("build", "--exclude-resource-type", "unit_test", "--select", "staging", "+marts.production")
    owners_dbt.close()
    url = as_role(DBT, warehouse_url)
    enable_logins({"warehouse": warehouse_url}, dict.fromkeys(PACKAGES, str(make_url(url).password)))

    dbt = start_dbt(url)
    for _ in range(2):
        dbt("build", "--exclude-resource-type", "unit_test", "--select", *CHOSEN.split())

    dbt.close()

    owned = "select distinct tableowner from pg_tables where schemaname in ('staging', 'intermediate', 'marts') "
    assert rows(warehouse_url, owned + "union select viewowner from pg_views where schemaname = 'marts'") == [(DBT,)]
    reader = create_reader(warehouse_url, "reader_of_dbt", "secret")
    built = "select format('%I.%I', schemaname, relname) from (select schemaname, tablename as relname from pg_tables "
    built += "union all select schemaname, viewname from pg_views) as built where schemaname = 'marts'"
    marts = [name for (name,) in rows(warehouse_url, built)]
    assert {"marts.dim_sites", "marts.features_equipment_readings", "marts.fct_site_kpis_daily"} <= set(marts)
    for mart in marts:
        rows(reader, f"select * from {mart}")
