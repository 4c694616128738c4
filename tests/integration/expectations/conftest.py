"""Rows to validate: a plant's hour, written straight into the raw tables."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, insert, select

from expectations.validate import ValidationResult, validate_window
from tests.integration.expectations.held import AN_HOUR, HOUR, T0
from warehouse import ledger
from warehouse.tables import batches, events, loads, readings, signals, warehouse_registry_changes

Validate = Callable[..., dict[str, ValidationResult]]


@pytest.fixture
def validate(warehouse_url: str, tmp_path: Path) -> Validate:
    """Validates an hour, or what `start` and `end` say, and returns the results by name of the expectation."""

    def run(start: datetime = HOUR, end: datetime = HOUR + timedelta(hours=1), **options: Any) -> Any:
        options = {"docs_dir": tmp_path / "docs", **options}
        return {result.expectation: result for result in validate_window(warehouse_url, start, end, **options).results}

    return run


class Plant:
    """Writes what the loader would have written."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sequence = 0
        with engine.begin() as connection:
            counts = ("item_count", "inserted_count", "revised_count", "duplicate_count", "late_count")
            load = {
                "site_code": "demo",
                "kind": "readings",
                "cursor_from": 0,
                "cursor_to": 1,
                **dict.fromkeys(counts, 0),
            }
            self._load_id = connection.execute(insert(loads).values(load).returning(loads.c.load_id)).scalar_one()

    def register(self, entity: str, code: str, **payload: object) -> None:
        """Append a change of the registry."""
        self._sequence += 1
        change = {"site_code": "demo", "change_seq": self._sequence, "entity": entity, "code": code, "payload": payload}
        with self._engine.begin() as connection:
            connection.execute(insert(warehouse_registry_changes).values(**change, changed_by="test", changed_at=HOUR))

    def batch(self, items: int, *, received_at: datetime = HOUR, **columns: object) -> None:
        """Append a batch to the ingest ledger; every accepted item is new, on time and timed by the device."""
        self._sequence += 1
        quarantined = columns.get("quarantined_count", 0)
        assert isinstance(quarantined, int)
        row = {
            "site_code": "demo",
            "batch_seq": self._sequence,
            "batch_id": uuid4(),
            "kind": "readings",
            "origin": "push",
            "credential": "edge",
            "is_replay": False,
            "item_count": items,
            "accepted_count": items - quarantined,
            "quarantined_count": quarantined,
            "quarantine_reasons": {},
            "inserted_count": items - quarantined,
            "revised_count": 0,
            "duplicate_count": 0,
            "device_timed_count": items - quarantined,
            "late_count": 0,
            "load_id": self._load_id,
            "received_at": received_at,
        }
        with self._engine.begin() as connection:
            connection.execute(insert(batches).values(row | columns))

    def readings(
        self,
        values: Sequence[float],
        *,
        metric: str = "bearing_temperature",
        unit_code: str | None = "Cel",
        start: datetime = HOUR,
        quality: float = 1.0,
    ) -> None:
        """Add readings of pump P1, a second apart."""
        key = {"site_code": "demo", "equipment_code": "P1", "metric": metric}
        with self._engine.begin() as connection:
            found = select(signals.c.signal_id).filter_by(**key)
            signal_id = (
                connection.execute(found).scalar()
                or connection.execute(
                    insert(signals).values(**key, unit_code=unit_code).returning(signals.c.signal_id)
                ).scalar_one()
            )
            connection.execute(
                insert(readings),
                [
                    {
                        "signal_id": signal_id,
                        "item_index": 0,
                        "is_server_time": False,
                        "event_time": start + timedelta(seconds=second),
                        "value": value,
                        "quality": quality,
                        "batch_seq": 1,
                        "load_id": self._load_id,
                        "received_at": start,
                        "recorded_at": start,
                    }
                    for second, value in enumerate(values)
                ],
            )

    def events(self, *rows: dict[str, Any], start: datetime = HOUR) -> None:
        """Add events of camera C1, a second apart; unless a row says otherwise working, for a second, at 0.9."""
        with self._engine.begin() as connection:
            for second, row in enumerate(rows):
                event = {
                    "site_code": "demo",
                    "source_code": "C1",
                    "event_type": "working",
                    "event_time": start + timedelta(seconds=second),
                    "work_unit_code": "W1",
                    "worker_code": "",
                    "duration_s": 1,
                    "confidence": 0.9,
                    "is_server_time": False,
                    "item_index": 0,
                    "batch_seq": 1,
                    "load_id": self._load_id,
                    "received_at": start,
                    "recorded_at": start,
                }
                connection.execute(insert(events).values(event | row))


@pytest.fixture
def plant(warehouse_engine: Engine) -> Plant:
    """An empty warehouse to write into."""
    return Plant(warehouse_engine)


@pytest.fixture
def touch(warehouse_engine: Engine) -> Callable[..., None]:
    """Tells the ledger that loads touched hours of a site, numbered from HOUR, at a minute.

    What they brought was received in the hours `received`; without those, in the hour that it is about.
    """

    def touch(*numbers: int, site: str = "demo", minute: int = 0, received: Sequence[int] = ()) -> None:
        with warehouse_engine.begin() as connection:
            hours = {number: [HOUR + hour * AN_HOUR for hour in received or (number,)] for number in numbers}
            touched = {HOUR + number * AN_HOUR: those for number, those in hours.items()}
            ledger.touch(connection, site, touched, T0 + timedelta(minutes=minute))

    return touch
