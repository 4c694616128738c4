"""Last values of batches of many signals, which follow the batch within a quarter of a second."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import text

START = datetime(2026, 2, 6, 10, 30, tzinfo=UTC)
MANY = 40


def push(api: Any, value: float, second: int, client: httpx.Client | None = None) -> int:
    at = (START + timedelta(seconds=second)).isoformat()
    items = [
        {"equipment_code": "pump-1", "metric": f"m{number}", "value": value, "event_time": at} for number in range(MANY)
    ]
    return (client or api.http()).post("/readings", json=items).status_code


def wait_for(api: Any, wanted: list[float]) -> list[float]:
    deadline = time.monotonic() + 20
    while True:
        with api.engine.connect() as connection:
            found = list(connection.execute(text("select value from inbox.last_values")).scalars())
        if found == wanted or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_the_newest_reading_wins_whatever_comes_last(plant: Any) -> None:
    assert push(plant, 1.0, second=0) == 201  # registers the signals: one transaction with its last values
    for value, second in ((3.0, 20), (2.0, 10)):
        assert push(plant, value, second) == 201
    assert wait_for(plant, [3.0] * MANY) == [3.0] * MANY


def test_what_cannot_be_written_is_written_later(plant: Any) -> None:
    assert push(plant, 1.0, second=0) == 201
    with plant.engine.begin() as connection:
        connection.execute(text("alter table inbox.last_values add constraint none check (value < 2)"))
    assert push(plant, 3.0, second=20) == 201
    time.sleep(0.6)  # some attempts
    assert wait_for(plant, [1.0] * MANY) == [1.0] * MANY
    with plant.engine.begin() as connection:
        connection.execute(text("alter table inbox.last_values drop constraint none"))
    assert wait_for(plant, [3.0] * MANY) == [3.0] * MANY


def test_nothing_waits_when_the_api_ends(plant: Any) -> None:
    assert push(plant, 1.0, second=0) == 201
    other = type(plant)(plant.database_url, plant.engine)
    headers = {"X-API-Key": plant.key()}
    with other.running(), httpx.Client(base_url=f"{other.url}/api/v1", headers=headers) as client:
        assert push(other, 3.0, second=20, client=client) == 201
    assert wait_for(plant, [3.0] * MANY) == [3.0] * MANY
