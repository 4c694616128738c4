"""A week of a site's pushes waits, 10,080 batches: sensors and runs drain it, and count every reading once (D6).

The batches are written into the inbox as the API stores them; everything from there on is the platform's own.
"""

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import text

from ingestion_api.batch import compressor
from orchestration.local.platform import TOOLS
from warehouse.engine import create_engine

MINUTES = 7 * 24 * 60  # a batch a minute
PUMPS = ("P1", "P2")
METRICS = ("flow", "pressure")
READINGS = MINUTES * len(PUMPS) * len(METRICS)
END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
START = END - timedelta(minutes=MINUTES)
# Dagster gives a sensor's evaluation no more: what takes longer is cut off and begins anew with the next tick.
TICK_LIMIT_S = 60


def pushed() -> Iterator[dict[str, Any]]:
    """The rows of `inbox.batches`, each received as its minute ended."""
    for minute in range(MINUTES):
        event_time, received_at = START + timedelta(minutes=minute), START + timedelta(minutes=minute, seconds=59)
        common = {"event_time": event_time.isoformat(), "value": float(minute % 60)}
        items = [common | {"equipment_code": pump, "metric": metric} for pump in PUMPS for metric in METRICS]
        body = json.dumps(items).encode()
        yield {
            "batch_id": uuid.uuid4(),
            "content_hash": sha256(body).digest(),
            "payload": compressor.compress(body),
            "count": len(items),
            "received_at": received_at,
        }


class Daemon:
    """Looks as Dagster's daemon does, with every sensor there is, and notes how long each look took."""

    def __init__(self, plant: Any) -> None:
        from orchestration.definitions import defs

        self.plant = plant
        self.sensors = sorted(sensor.name for sensor in defs.sensors or ())
        self.ticks_s: dict[str, list[float]] = {}

    def look(self) -> None:
        """Let every sensor look once, whatever it asks for."""
        for sensor in self.sensors:
            self.tick(sensor)

    def tick(self, sensor: str) -> Any:
        """Let one sensor look."""
        started_at = time.perf_counter()
        outcome = self.plant.tick(sensor)
        self.ticks_s.setdefault(sensor, []).append(time.perf_counter() - started_at)
        return outcome

    def follow(self, sensor: str, job_name: str) -> list[int]:
        """Run what a sensor asks for until it asks for nothing; returns how many runs each look asked for."""
        asked = []
        while requests := self.tick(sensor).run_requests:
            asked.append(len(requests))
            assert [self.plant.run(request, job_name).success for request in requests] == [True] * len(requests)
        return asked


@pytest.fixture(scope="module")
def daemon(plant: Any, databases: dict[str, str]) -> Daemon:
    plant.api.put("sites", "demo", {"name": "Demo", "time_zone": "UTC"})
    for pump in PUMPS:
        plant.api.put("equipment", pump, {"name": pump, "equipment_class": "pump"})
        for metric in METRICS:
            plant.api.put("signals", f"{pump}/{metric}", {"unit_code": "1", "low_limit": 0, "high_limit": 100})
    engine = create_engine(databases["api"])
    with engine.begin() as connection:
        connection.execute(
            text("""
                insert into inbox.batches (batch_id, site_code, kind, origin, credential, content_hash, format, payload,
                    item_count, accepted_count, quarantined_count, is_replay, received_at)
                values (:batch_id, 'demo', 'readings', 'push', 'edge', :content_hash, 'json', :payload,
                    :count, :count, 0, false, :received_at)
            """),
            list(pushed()),
        )
    engine.dispose()
    return Daemon(plant)


def test_a_week_of_batches_is_loaded_and_rolled_up_by_a_handful_of_runs(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As every process of the platform has it.
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", TOOLS["DAGSTER_EVENT_BATCH_SIZE"])
    plant = daemon.plant
    daemon.look()
    assert daemon.follow("on_new_batches", "load") == [1]
    assert plant.rows("select count(*), count(distinct batch_seq) from raw.batches") == [(MINUTES, MINUTES)]
    assert plant.rows("select count(*) from raw.readings") == [(READINGS,)]
    daemon.look()
    assert daemon.follow("on_reference_changes", "reference") == [1]
    daemon.look()
    # A week is the longest range that one run takes.
    assert daemon.follow("on_touched_hours", "hourly_rollup") == [1]
    hours = "select count(distinct hour), sum(reading_count) from marts.fct_sensor_readings_hourly"
    assert plant.rows(hours) == [(MINUTES // 60, READINGS)]
    assert plant.rows("select count(*) from raw.touched_hours where rolled_up_count < touch_count") == [(0,)]
    daemon.look()
    # A week touches eight local dates, and a run takes seven.
    assert len(daemon.tick("on_summarizable_hours").run_requests) <= 2
    longest = {sensor: max(ticks) for sensor, ticks in daemon.ticks_s.items()}
    print({sensor: f"{tick_s:.2f} s" for sensor, tick_s in longest.items()})
    assert max(longest.values()) < TICK_LIMIT_S, longest
