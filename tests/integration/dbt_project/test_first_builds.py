"""Two dbt processes that both create everything wait for each other, whatever started them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from plant import fill
from sqlalchemy import Connection, Engine, text

BARRIER = 20_15


@pytest.fixture
def hold_ddl(warehouse_engine: Engine) -> Callable[[], Any]:
    """Lets every `create` in the database wait at its first step, once so many of them are there to go on together."""
    with warehouse_engine.begin() as connection:
        connection.execute(
            text(f"""
                create function public.wait_at_barrier() returns event_trigger language plpgsql as $$
                begin
                    perform pg_advisory_lock_shared({BARRIER});
                    perform pg_advisory_unlock_shared({BARRIER});
                end $$;
                create event trigger barrier on ddl_command_start
                when tag in ('CREATE TABLE', 'CREATE TABLE AS', 'CREATE VIEW')
                execute function public.wait_at_barrier();
            """)
        )
    waiting = text("""
        select count(*) from pg_locks
        where locktype = 'advisory' and not granted
            and database = (select oid from pg_database where datname = current_database())
    """)

    @contextmanager
    def hold(count: int) -> Iterator[None]:
        with warehouse_engine.connect() as connection:
            connection.execute(text(f"select pg_advisory_lock({BARRIER})"))
            yield
            deadline = time.monotonic() + 600
            while connection.scalar(waiting) < count:
                assert time.monotonic() < deadline, "they never met"
                time.sleep(0.05)
            connection.execute(text(f"select pg_advisory_unlock({BARRIER})"))

    return hold


def test_first_builds_beside_each_other_both_succeed(
    warehouse_url: str,
    warehouse_engine: Engine,
    start_dbt: Callable[..., Any],
    snapshot: Callable[[Connection], Any],
    hold_ddl: Any,
) -> None:
    """D6. Both have looked for seeds, views and tables, and found none, before either creates them."""
    with warehouse_engine.begin() as connection:
        fill(connection)
    both = [start_dbt(warehouse_url, with_seeds=False) for _ in range(2)]
    # Three seeds; then four threads each.
    hourly = ("run", "--select", "tag:hourly")
    for command, count in ((("seed",), 6), (("run", "--select", "tag:reference"), 8), (hourly, 8)):
        with hold_ddl(count):
            for dbt in both:
                dbt.begin(*command)
        outcomes = [dbt.end() for dbt in both]
        assert [(outcome.is_success, outcome.messages) for outcome in outcomes] == [(True, [])] * 2
    with warehouse_engine.connect() as connection:
        built = snapshot(connection)
    assert built["marts.fct_worker_hours"]
    both[0](*hourly)
    with warehouse_engine.connect() as connection:
        assert snapshot(connection) == built
