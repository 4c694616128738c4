"""What holds for every mart."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

Rows = Callable[[str], list[dict[str, Any]]]


def test_analysts_read_marts_and_nothing_else(engine: Engine, dbt: Any) -> None:
    with engine.connect() as connection:
        connection.execute(text("set role bi_reader"))
        assert connection.scalar(text("select count(*) from marts.fct_worker_kpis_daily")) == 4
        assert connection.scalar(text("select count(*) from marts.features_equipment_readings")) == 4
        assert connection.scalar(text("select count(*) from marts.fct_worker_hours_live")) > 0
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text("select * from intermediate.int_states_resolved"))


def test_every_column_of_every_mart_is_explained_in_the_database(rows: Rows) -> None:
    columns = """
        select attrelid::regclass::text || '.' || attname as name from pg_attribute
        where attrelid in (
            select oid from pg_class where relnamespace = 'marts'::regnamespace and relkind in ('r', 'v')
        ) and attnum > 0 and not attisdropped and {} order by 1
    """
    assert rows(columns.format("col_description(attrelid, attnum) is null")) == []
    assert len(rows(columns.format("true"))) > 100
