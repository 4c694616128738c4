"""A plant by dice: two sites' inboxes, with what comes late to them and what is revised. Loads and builds nothing.

It crosses a daylight-saving change (D5) and has a site whose midnight is at half past the hour.
"""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pyarrow as pa
from sqlalchemy import Engine, insert

from ingestion_api.contract import AlarmChange, BatchLedgerEntry, RegistryChange
from warehouse import tables

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 3, 28, 12, tzinfo=UTC)  # Berlin's clocks go forward in the next night
HOURS = 30
ZONES = {"berlin": "Europe/Berlin", "pune": "Asia/Kolkata"}
Item = dict[str, Any]


def a_work_unit(number: int, line: str | None) -> tuple[str, str, Item]:
    return "work_units", f"U{number}", {"name": "", "work_center_code": line, "target_units_per_h": 10 * number}


def a_shift(code: str, starts_at: str, ends_at: str) -> tuple[str, str, Item]:
    return "shifts", code, {"name": "", "starts_at_local": starts_at, "ends_at_local": ends_at}


ENTRIES: list[tuple[str, str, Item]] = [
    ("work_centers", "L1", {"name": ""}),
    *(
        ("equipment", f"P{n}", {"name": "", "equipment_class": "pump", "work_unit_code": f"U{n % 3}"})
        for n in range(1, 4)
    ),
    ("workers", "W1", {"department": "A"}),
    *(a_work_unit(number, "L1" if number < 2 else None) for number in range(3)),
    # Over midnight and around it; one that ends in the hour that Berlin skips, one that would begin in it.
    a_shift("NIGHT", "00:10", "08:00"),
    a_shift("LATE", "23:50", "08:00"),
    a_shift("DUSK", "17:45", "02:30"),
    a_shift("DAWN", "02:15", "10:00"),
]
# In the middle of the plant's time, at half past the hour.
MOVES: list[tuple[str, str, Item]] = [a_work_unit(1, "L2"), a_shift("DUSK", "18:00", "03:00")]


class Inbox:
    """A site's inbox in memory, a `warehouse.sources.Source`."""

    def __init__(self, site_code: str) -> None:
        self.site_code = site_code
        self.batches: dict[str, list[tuple[BatchLedgerEntry, list[Item]]]] = {"readings": [], "events": []}
        self.sequence = 0
        self.alarm_changes: list[AlarmChange] = []
        site = [("sites", site_code, {"name": site_code, "time_zone": ZONES[site_code]})]
        versions = [(START, *entry) for entry in site + ENTRIES] + [(START + 13.5 * HOUR, *entry) for entry in MOVES]
        self.changes = [
            RegistryChange(change_seq=n, entity=entity, code=code, payload=payload, changed_by="", changed_at=at)  # type: ignore[arg-type]
            for n, (at, entity, code, payload) in enumerate(versions, start=1)
        ]

    def add(self, kind: str, items: Sequence[Item]) -> None:
        """Append a batch, received a little later than its newest item happened."""
        self.sequence += 1
        received_at = max(item["event_time"] for item in items) + timedelta(seconds=self.sequence)
        entry = BatchLedgerEntry(
            batch_seq=self.sequence, batch_id=UUID(int=self.sequence), kind=kind, origin="push",  # type: ignore[arg-type]
            credential="edge", is_replay=self.sequence % 5 == 0, received_at=received_at, item_count=len(items) + 1,
            accepted_count=len(items), quarantined_count=1, quarantine_reasons={"unknown_worker": 1},
        )  # fmt: skip
        common = {"batch_seq": self.sequence, "is_server_time": False, "received_at": received_at}
        self.batches[kind].append((entry, [{**item, **common, "item_index": n} for n, item in enumerate(items)]))

    def pull(self, kind: str, after: int) -> Any:
        waiting = [batch for batch in self.batches[kind] if batch[0].batch_seq > after]
        rows = [row for _, items in waiting for row in items]
        table = pa.Table.from_pylist(rows, SCHEMAS[kind])
        return SimpleNamespace(
            table=table, batches=[entry for entry, _ in waiting], next_cursor=self.sequence, has_more=False
        )

    def pull_registry_changes(self, after: int) -> Sequence[RegistryChange]:
        return [change for change in self.changes if change.change_seq > after]

    def add_alarm_changes(self, alarms: Sequence[Item]) -> None:
        """Append changes of alarms, in the order of their times as far as the devices' clocks are right."""
        first = len(self.alarm_changes) + 1
        self.alarm_changes += [AlarmChange(change_seq=first + n, **alarm) for n, alarm in enumerate(alarms)]

    def pull_alarm_changes(self, after: int) -> Sequence[AlarmChange]:
        return [change for change in self.alarm_changes if change.change_seq > after][:70]


_COMMON = {
    "batch_seq": pa.int64(), "item_index": pa.int16(), "event_time": pa.timestamp("us", "UTC"),
    "is_server_time": pa.bool_(), "received_at": pa.timestamp("us", "UTC"),
}  # fmt: skip
SCHEMAS = {
    "readings": pa.schema(
        _COMMON | {"equipment_code": pa.string(), "metric": pa.string(), "unit_code": pa.string(),
                   "value": pa.float64(), "quality": pa.float32()}
    ),
    "events": pa.schema(
        _COMMON | {"source_code": pa.string(), "event_type": pa.string(), "work_unit_code": pa.string(),
                   "worker_code": pa.string(), "duration_s": pa.float64(), "units_produced": pa.int64(),
                   "confidence": pa.float64()}
    ),
}  # fmt: skip


def an_event(dice: random.Random) -> Item:
    """Anything that a device may send: with and without duration, worker, work unit, confidence."""
    happened = START + dice.random() * HOURS * HOUR
    return {
        "source_code": dice.choice(["C1", "C2"]),
        "event_type": dice.choice(["working", "working", "idle", "absent", "down", "product_count", "scrap_count"]),
        "event_time": happened.replace(microsecond=dice.choice([0, 0, 1, 999_999])),
        "work_unit_code": dice.choice(["", "U1", "U2"]),
        "worker_code": dice.choice(["", "W1", "W2", "W3"]),
        "duration_s": dice.choice([None, None, 0.0, 0.5, 600.25, 4000.125, 20_000.0]),
        "units_produced": dice.choice([None, 0, 1, 7]),
        "confidence": dice.choice([None, 0.3, 0.7, dice.random()]),
    }


def a_reading(dice: random.Random) -> Item:
    """A reading whose sums depend on the order of their terms."""
    return {
        "equipment_code": dice.choice(["P1", "P2", "P3"]),
        "metric": dice.choice(["temperature", "pressure"]),
        "unit_code": "Cel",
        "event_time": (START + dice.random() * HOURS * HOUR).replace(microsecond=0),
        "value": dice.choice([1e16, 1.0, -1e16, 5e-324, dice.random()]),
        "quality": dice.choice([0.0, 0.7, 1.0]),
    }


def an_alarm(alarm_id: int, dice: random.Random) -> list[Item]:
    """The steps of an alarm of one of a few rules: it may chatter, flood, stand for a day, or come by a slow clock."""
    raised_at = START + dice.choice([dice.random() * HOURS, dice.random() * HOURS, dice.random() * 4, 20, -30]) * HOUR
    raised_at += timedelta(seconds=dice.randrange(90))
    lasts = dice.choice([timedelta(seconds=20), dice.random() * HOUR, dice.random() * HOURS * HOUR, -HOUR, None])
    about = {
        "alarm_id": alarm_id, "rule_code": dice.choice(["hot", "cold"]), "equipment_code": "P1",
        "metric": "temperature", "severity": dice.choice(["critical", "high", "medium", "low"]), "value": 1.0,
        "changed_by": None,
    }  # fmt: skip
    steps = [about | {"transition": "raised", "changed_at": raised_at}]
    if dice.random() < 0.5:
        seen = {"transition": "acknowledged", "changed_at": raised_at + dice.random() * HOUR, "changed_by": "panel"}
        steps.append(about | seen)
    if lasts is not None:
        steps.append(about | {"transition": "cleared", "changed_at": raised_at + lasts})
    return steps


def revised(item: Item, dice: random.Random) -> Item:
    """The same natural key with other content."""
    if "value" in item:
        return {**item, "value": item["value"] + 1}
    return {**item, "duration_s": dice.choice([None, 1.0, 900.0]), "confidence": dice.choice([None, 0.2, 0.99])}


def a_plant(dice: random.Random) -> tuple[list[Inbox], list[tuple[Inbox, str, list[Item]]]]:
    """The sites' inboxes, and what comes later: late items, and revisions of what came."""
    inboxes = [Inbox(site_code) for site_code in ZONES]
    later: list[tuple[Inbox, str, list[Item]]] = []
    for inbox in inboxes:
        # Each alarm is raised at first; what becomes of half of them, and another thirty, is known later.
        lives = [an_alarm(alarm_id, dice) for alarm_id in range(120)]
        known = [step for n, life in enumerate(lives[:90]) for step in (life if n % 2 else life[:1])]
        inbox.add_alarm_changes(sorted(known, key=lambda step: (step["alarm_id"], step["changed_at"])))
        rest = [step for n, life in enumerate(lives[:90]) if n % 2 == 0 for step in life[1:]]
        later.append((inbox, "alarms", rest + [step for life in lives[90:] for step in life]))
        # A state of eight hours that a revision makes uncertain: of these hours nothing is left.
        lonely = an_event(dice) | {"event_time": START - 12 * HOUR, "event_type": "working", "worker_code": "W4",
                                   "duration_s": 8 * 3600.0, "units_produced": None, "confidence": None}  # fmt: skip
        inbox.add("events", [lonely])
        later.append((inbox, "events", [lonely | {"confidence": 0.2}]))
        # A failure that begins with the date, until it is known that it began before it.
        midnight = datetime(2026, 3, 29, tzinfo=ZoneInfo(ZONES[inbox.site_code]))
        down = an_event(dice) | {"event_time": midnight.astimezone(UTC), "event_type": "down", "worker_code": "",
                                 "work_unit_code": "U2", "source_code": "PLC", "duration_s": 3600.0,
                                 "units_produced": None, "confidence": None}  # fmt: skip
        inbox.add("events", [down])
        later.append((inbox, "events", [down | {"event_time": down["event_time"] - HOUR}]))
        for kind, make, count in (("events", an_event, 260), ("readings", a_reading, 300)):
            items = [make(dice) for _ in range(count)]
            for start in range(0, count, 40):
                inbox.add(kind, items[start : start + 40])
            late = [make(dice) for _ in range(count // 20)]
            later.append((inbox, kind, late + [revised(item, dice) for item in dice.sample(items, count // 20)]))
    return inboxes, later


def add_scores(engine: Engine, dice: random.Random) -> None:
    """Scores of a champion, of its predecessor and of a version that was never promoted."""
    model = {"model_name": "anomaly-pump"}
    promotion = model | {"reason": "", "trigger": "initial", "metrics": {}, "mlflow_run_id": ""}
    score = model | {"site_code": "pune", "equipment_code": "P1", "score": 0, "threshold": 1, "is_anomaly": False}
    with engine.begin() as connection:
        connection.execute(
            insert(tables.promotions),
            [{**promotion, "challenger_version": v, "is_promoted": v < 3} for v in (1, 2, 3)],
        )
        connection.execute(
            insert(tables.scores),
            [
                {**score, "model_version": dice.choice([1, 2, 3]), "confidence": dice.uniform(0.5, 1),
                 "event_time": START + n * timedelta(minutes=20)}
                for n in range(3 * HOURS)
            ],
        )  # fmt: skip
