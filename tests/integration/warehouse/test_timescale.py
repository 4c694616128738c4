"""What the server can do is asked of the server; where it has TimescaleDB, what grows is partitioned by day."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from warehouse.timescale import capabilities, create_hypertable, enable


def test_capabilities_tell_the_edition(warehouse_engine: Engine) -> None:
    with warehouse_engine.connect() as connection:
        version = connection.scalar(text("select max(extversion) from pg_extension where extname = 'timescaledb'"))
        license_name = connection.scalar(text("select current_setting('timescaledb.license', true)"))
        found = capabilities(connection)
    editions = {None: "none", "apache": "apache", "timescale": "community"}
    assert (found.version, found.edition) == (version, editions[license_name])
    assert found.has_hypertables == (version is not None)
    assert found.has_compression == (license_name == "timescale")


def test_enabling_twice_is_once(warehouse_engine: Engine) -> None:
    with warehouse_engine.begin() as connection:
        before = capabilities(connection)
        assert enable(connection) == enable(connection) == before


def test_growing_tables_are_hypertables_of_one_day(warehouse_engine: Engine) -> None:
    """C46, S0-033."""
    query = """
        select hypertable_schema || '.' || hypertable_name, column_name, time_interval
        from timescaledb_information.dimensions order by 1"""
    with warehouse_engine.begin() as connection:
        if not capabilities(connection).has_hypertables:
            pytest.skip("this server has no TimescaleDB: set MILLRACE_TEST_WAREHOUSE_URL to one that has")
        create_hypertable(connection, "raw", "readings", "event_time")
        found = connection.execute(text(query)).all()
    day = timedelta(days=1)
    assert found == [(name, "event_time", day) for name in ("ml.scores", "raw.events", "raw.readings")]
