"""Tables of hours and dates are those of the rows that were judged, bit for bit, whatever was loaded since (S0-064)."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from random_plant import DAY, HOUR, HOURS, START, Inbox, a_plant
from sqlalchemy import Connection, Engine, text

from warehouse.load import load_site

# How a site sends is told of all it sent, by the hour of receipt; alarms are judged by nobody.
OF_RECEIPT = {"marts.fct_data_quality_hourly", "marts.fct_data_quality_daily"}
RANGE = {
    "start_hour": (START - 24 * HOUR).isoformat(),
    "end_hour": (START + (HOURS + 24) * HOUR).isoformat(),
    "start_date": (START - DAY).date(),
    "end_date": (START + timedelta(hours=HOURS) + 2 * DAY).date(),
}


def fill(_: Connection) -> None:
    """Nothing yet."""


def load(engine: Engine, inboxes: list[Inbox]) -> None:
    for inbox in inboxes:
        load_site(engine, inbox, inbox.site_code)  # type: ignore[arg-type]


def test_what_is_loaded_after_it_was_judged_changes_no_table(
    own_url: str, own_engine: Engine, start_dbt: Callable[..., Any], snapshot: Any
) -> None:
    """Late rows, revisions, failures that move: what they replaced is taken from the revisions."""
    dbt, (inboxes, later) = start_dbt(own_url), a_plant(random.Random(6))

    def tables() -> dict[str, list[Any]]:
        with own_engine.connect() as connection:
            found = snapshot(connection)
        # Of how often rows were revised, revisions tell.
        found["marts.fct_signal_quality_hourly"] = [
            row.rpartition(",")[0] for row in found["marts.fct_signal_quality_hourly"]
        ]
        return {name: sorted(rows) for name, rows in found.items() if name not in OF_RECEIPT}

    load(own_engine, inboxes)
    dbt("run")
    before = tables()
    with own_engine.begin() as connection:
        connection.execute(text("update raw.touched_hours set judged_at = clock_timestamp()"))
        connection.execute(
            text("update raw.touched_hours set rolled_up_count = touch_count, summarized_count = touch_count")
        )
    for inbox, kind, items in later:
        if kind != "alarms":
            inbox.add(kind, items)
    load(own_engine, inboxes)
    for tag in ("tag:hourly", "tag:daily"):
        dbt("run", "--select", tag, judged_only=True, **RANGE)
    after = tables()
    assert {name for name in before if before[name] != after[name]} == set()
    assert sum(map(len, before.values())) > 1_000
    # Without being told so, dbt takes all there is.
    dbt("run", "--select", "tag:hourly", "tag:daily", **RANGE)
    changed = tables()
    assert {"marts.fct_sensor_readings_hourly", "marts.fct_worker_hours", "marts.fct_work_unit_iso22400_daily"} <= {
        name for name in before if before[name] != changed[name]
    }
