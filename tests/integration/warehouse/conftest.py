"""An inbox in memory, and the truth that loading it must arrive at.

`Inbox` fulfils `warehouse.sources.Source` and pages as the API does: whole batches in order, up to a mark.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from ingestion_api.contract import AlarmChange, BatchLedgerEntry, RegistryChange

START = datetime(2026, 3, 1, 6, tzinfo=UTC)

_TEXT = pa.dictionary(pa.int32(), pa.string())
_TIME = pa.timestamp("us", "UTC")
_ARRIVAL = {"batch_seq": pa.int64(), "item_index": pa.int16()}
SCHEMAS = {
    "readings": pa.schema(
        {
            **_ARRIVAL,
            "equipment_code": _TEXT,
            "metric": _TEXT,
            "unit_code": _TEXT,
            "event_time": _TIME,
            "is_server_time": pa.bool_(),
            "value": pa.float64(),
            "quality": pa.float32(),
            "received_at": _TIME,
        }
    ),
    "events": pa.schema(
        {
            **_ARRIVAL,
            "source_code": _TEXT,
            "event_type": _TEXT,
            "event_time": _TIME,
            "is_server_time": pa.bool_(),
            "work_unit_code": _TEXT,
            "worker_code": _TEXT,
            "duration_s": pa.float64(),
            "units_produced": pa.int64(),
            "confidence": pa.float64(),
            "received_at": _TIME,
        }
    ),
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "readings": {"equipment_code": "pump-1", "metric": "pressure", "unit_code": "bar", "quality": 1.0},
    "events": {
        "source_code": "camera-1",
        "event_type": "working",
        "work_unit_code": "",
        "worker_code": "worker-1",
        "duration_s": None,
        "units_produced": None,
        "confidence": None,
    },
}


@dataclass(frozen=True)
class Page:
    """What a pull returns."""

    table: pa.Table
    batches: list[BatchLedgerEntry]
    next_cursor: int
    has_more: bool


@dataclass
class Inbox:
    """Batches of one site. Change `max_items` to page otherwise, `before_pull` to interfere."""

    max_items: int = 100_000
    entries: list[BatchLedgerEntry] = field(default_factory=list)
    items: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    changes: list[RegistryChange] = field(default_factory=list)
    alarm_changes: list[AlarmChange] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    before_pull: Callable[[str, int], None] = lambda kind, after: None
    next_seq: int = 1

    def add(
        self, kind: str, items: Iterable[dict[str, Any]], *, received_at: datetime | None = None, **entry: Any
    ) -> int:
        """Append a batch and return its batch_seq. Items need event_time (None: server's) and their content."""
        seq, self.next_seq = self.next_seq, self.next_seq + 1
        received = received_at or START + timedelta(days=1, seconds=seq)
        rows = [
            {
                **DEFAULTS[kind],
                **item,
                "event_time": item["event_time"] or received,
                "is_server_time": item["event_time"] is None,
                "batch_seq": seq,
                "item_index": index,
                "received_at": received,
            }
            for index, item in enumerate(items)
        ]
        refused = entry.pop("quarantine_reasons", {})
        self.items[seq] = rows
        self.entries.append(
            BatchLedgerEntry(
                batch_seq=seq,
                batch_id=UUID(int=seq),
                kind=kind,  # type: ignore[arg-type]
                origin=entry.get("origin", "push"),
                credential=entry.get("credential", "edge"),
                is_replay=entry.get("is_replay", False),
                received_at=received,
                item_count=len(rows) + sum(refused.values()),
                accepted_count=len(rows),
                quarantined_count=sum(refused.values()),
                quarantine_reasons=refused,
            )
        )
        return seq

    def pull(self, kind: str, after: int) -> Page:
        self.before_pull(kind, after)
        waiting = [e for e in self.entries if e.kind == kind and e.batch_seq > after and e.batch_seq not in self.hidden]
        page, count = [], 0
        for entry in waiting:
            if page and count + entry.accepted_count > self.max_items:
                break
            page.append(entry)
            count += entry.accepted_count
        has_more = len(page) < len(waiting)
        rows = [row for entry in page for row in self.items[entry.batch_seq]]
        mark = max((e.batch_seq for e in self.entries if e.batch_seq not in self.hidden), default=0)
        next_cursor = page[-1].batch_seq if has_more else max(after, mark)
        return Page(pa.Table.from_pylist(rows, SCHEMAS[kind]), page, next_cursor, has_more)

    def pull_registry_changes(self, after: int) -> Sequence[RegistryChange]:
        return [change for change in self.changes if change.change_seq > after][:3]

    def pull_alarm_changes(self, after: int) -> Sequence[AlarmChange]:
        self.before_pull("alarms", after)
        return [change for change in self.alarm_changes if change.change_seq > after][:3]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def make_inbox() -> type[Inbox]:
    return Inbox


Row = dict[str, Any]
Key = tuple[Any, ...]


@dataclass
class Truth:
    """What a naive reading of the inbox, item by item in the order of receipt, says must be stored."""

    current: dict[Key, Row] = field(default_factory=dict)
    revisions: dict[Key, list[Row]] = field(default_factory=lambda: defaultdict(list))
    inserted: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    revised: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    duplicate: dict[int, int] = field(default_factory=lambda: defaultdict(int))


@pytest.fixture
def truth_of() -> Callable[..., Truth]:
    def truth_of(inbox: Inbox, kind: str, key: Sequence[str], content: Sequence[str]) -> Truth:
        truth = Truth()
        for entry in inbox.entries:
            for row in inbox.items[entry.batch_seq] if entry.kind == kind else []:
                place = tuple(row[name] for name in key)
                known = truth.current.get(place)
                if known is None:
                    truth.inserted[entry.batch_seq] += 1
                elif all(known[name] == row[name] for name in content):
                    truth.duplicate[entry.batch_seq] += 1
                    continue
                else:
                    truth.revisions[place].append(known)
                    truth.revised[entry.batch_seq] += 1
                truth.current[place] = row
        return truth

    return truth_of
