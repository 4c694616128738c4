"""However data arrives, raw holds the truth and the marts are those of the truth in order (DESIGN 1 and 6, D4, D6, C1).

Plants by dice: items and their revisions in random batches, repeated, of several sites, while the registry changes.
Loads are processes that are killed at random statements, at random moments and before a commit, and started again.
The touched hours are built in random ranges. Beside it stands a warehouse that got the truth alone, sorted, at once.
"""

import json
import os
import pickle
import random
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from random_plant import HOUR, SCHEMAS, START, ZONES, Inbox, Item, a_reading, add_scores, an_event, revised
from sqlalchemy import Connection, Engine, NullPool, text
from touched_builds import roll_up, summarize

from ingestion_api.contract import RegistryChange
from orchestration.manifest import load_manifest, prepare_manifest
from warehouse.engine import create_engine
from warehouse.load import load_site
from warehouse.tables import EVENT_KEY

ROOT = Path(__file__).parents[3]
KEYS = {"readings": ("equipment_code", "metric", "event_time"), "events": EVENT_KEY[1:]}
CONTENT = {"readings": ("value", "quality"), "events": ("duration_s", "units_produced", "confidence")}
# They differ with the way that the data came, not with the data.
OF_THE_ARRIVAL = {"signal_id", "load_id", "batch_seq", "recorded_at"}


class PagedInbox(Inbox):
    """An inbox whose pages hold as many batches as the dice say."""

    def __init__(self, site_code: str, dice: random.Random) -> None:
        super().__init__(site_code)
        self.dice = dice

    def pull(self, kind: str, after: int) -> Any:
        waiting = [batch for batch in self.batches[kind] if batch[0].batch_seq > after]
        page = waiting[: self.dice.choice([1, 2, 5, 1000])]
        has_more = len(page) < len(waiting)
        table = pa.Table.from_pylist([row for _, items in page for row in items], SCHEMAS[kind])
        next_cursor = page[-1][0].batch_seq if has_more else self.sequence
        return SimpleNamespace(
            table=table, batches=[entry for entry, _ in page], next_cursor=next_cursor, has_more=has_more
        )

    def change(self, entity: Any, code: str, payload: dict[str, object], hours: float) -> None:
        number = len(self.changes) + 1
        self.changes.append(
            RegistryChange(
                change_seq=number, entity=entity, code=code, payload=payload, changed_by="",
                changed_at=START + hours * HOUR,
            )
        )  # fmt: skip

    def truth(self, kind: str) -> dict[Any, Item]:
        """The newest received version of each key; of versions with the same content the first one."""
        newest: dict[Any, Item] = {}
        for _, items in self.batches[kind]:
            for item in items:
                key = tuple(item[name] for name in KEYS[kind])
                known = newest.get(key)
                if known is None or any(known[name] != item[name] for name in CONTENT[kind]):
                    newest[key] = item
        return newest


def sorted_inbox(inbox: PagedInbox, dice: random.Random) -> PagedInbox:
    """The truth of an inbox, sorted, in one batch a kind; each item was received when it was."""
    inbox_of_truth = PagedInbox(inbox.site_code, dice)
    inbox_of_truth.changes = inbox.changes
    for kind in KEYS:
        truth = inbox.truth(kind)
        rows = [truth[key] for key in sorted(truth)]
        inbox_of_truth.add(kind, rows)
        entry, items = inbox_of_truth.batches[kind][0]
        kept = [item | {"received_at": row["received_at"]} for item, row in zip(items, rows, strict=True)]
        inbox_of_truth.batches[kind][0] = (entry, kept)
    return inbox_of_truth


def a_stream(dice: random.Random, kind: str) -> list[list[Item]]:
    """Batches of random sizes: items with revisions of some of them, and repeats of whole batches."""
    make, count = (an_event, 150) if kind == "events" else (a_reading, 150)
    items = [make(dice) for _ in range(count)]
    placed = [(dice.random(), item) for item in items]
    for item in dice.sample(items, count // 5):
        placed += [(dice.random(), revised(item, dice)) for _ in range(dice.choice([1, 1, 3]))]
    stream = [item for _, item in sorted(placed, key=lambda one: one[0])]
    batches: list[list[Item]] = []
    while stream:
        size = dice.choice([1, 4, 30])
        batches.append(stream[:size])
        stream = stream[size:]
        if dice.random() < 0.2:
            batches.append(dice.choice(batches))
    return batches


class KilledLoads:
    """Loads in processes that die."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "load_session.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
        )  # fmt: skip

    def load(self, url: str, inbox: PagedInbox, *, die_at: int | None = None, die_after_s: float | None = None) -> str:
        """Load a site and return what became of the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        file = self._scratch / "inbox"
        file.write_bytes(pickle.dumps(inbox))
        command = {"url": url, "inbox": str(file), "die_at": die_at, "die_after_s": die_after_s}
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        """End the session."""
        self._process.communicate(timeout=60)


@pytest.fixture(scope="module")
def loads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KilledLoads]:
    session = KilledLoads(tmp_path_factory.mktemp("loads"))
    yield session
    session.close()


@pytest.fixture(scope="module")
def pair(postgres: Any, start_dbt: Callable[..., Any]) -> Iterator[dict[str, tuple[str, Any]]]:
    """Two databases by name, `arrived` and `sorted`, each with its URL and its dbt session."""
    names = {role: f"arrival_{role}_{uuid.uuid4().hex[:8]}" for role in ("arrived", "sorted")}
    yield {role: (name, start_dbt(postgres.url(name), with_seeds=False)) for role, name in names.items()}
    for name in names.values():
        postgres.drop(name)


@pytest.fixture
def warehouses(
    postgres: Any, _templates: Mapping[str, str], pair: dict[str, tuple[str, Any]]
) -> Iterator[dict[str, tuple[str, Any, Engine]]]:
    """The two databases, fresh: URL, dbt and engine of each."""
    fresh = {}
    for role, (name, dbt) in pair.items():
        postgres.drop(name)
        url = postgres.create(name, _templates["warehouse"])
        dbt("seed")
        fresh[role] = (url, dbt, create_engine(url, poolclass=NullPool))
    yield fresh
    for _, _, engine in fresh.values():
        engine.dispose()


def stored(connection: Connection, kind: str, site_code: str) -> dict[Any, tuple[Any, ...]]:
    """Content of the current rows by natural key, as the truth has them."""
    source = "raw.readings join raw.signals using (signal_id)" if kind == "readings" else "raw.events"
    columns = ", ".join(f"{name}::double precision" if name == "duration_s" else name for name in CONTENT[kind])
    query = text(f"select {', '.join(KEYS[kind])}, received_at, {columns} from {source} where site_code = :site_code")
    width = len(KEYS[kind])
    return {tuple(row[:width]): tuple(row[width:]) for row in connection.execute(query, {"site_code": site_code})}


def marts_of_data() -> list[str]:
    """The marts that tell of the data; those made from the ledger or from revisions tell of how it arrived."""
    prepare_manifest()
    manifest = load_manifest()
    of_the_arrival = {
        child
        for source in ("batches", "reading_revisions", "event_revisions")
        for child in manifest["child_map"][f"source.millrace.raw.{source}"]
    }
    queue = list(of_the_arrival)
    while queue:
        children = set(manifest["child_map"].get(queue.pop(), ())) - of_the_arrival
        of_the_arrival |= children
        queue += children
    return sorted(
        node["name"]
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["schema"] == "marts" and unique_id not in of_the_arrival
    )


def shown(connection: Connection, table: str) -> list[str]:
    """Rows of a mart, bit by bit, without the columns that differ with the way that the data came."""
    columns = connection.scalars(
        text("select attname from pg_attribute where attrelid = :table\\:\\:regclass and attnum > 0 order by attnum"),
        {"table": f"marts.{table}"},
    ).all()
    told = ", ".join(name for name in columns if name not in OF_THE_ARRIVAL)
    return list(connection.scalars(text(f"select row({told})::text from marts.{table} order by 1")))


# What changes in the registry: a target, a shift that nobody knew, the time zone.
CHANGES: list[tuple[str, str, dict[str, object], float]] = [
    ("work_units", "U1", {"name": "", "target_units_per_h": 99}, 9),
    ("shifts", "NEW", {"name": "", "starts_at_local": "06:00", "ends_at_local": "14:00"}, 10),
    ("sites", "pune", {"name": "pune", "time_zone": "Europe/Berlin"}, 11),
]


# One seed for TimescaleDB, the others for plain PostgreSQL: what they find has little to do with the server.
@pytest.mark.parametrize("seed", [1] if os.environ.get("MILLRACE_TEST_WAREHOUSE_URL") else [0, 2])
def test_any_arrival_ends_in_the_marts_of_the_truth(
    seed: int, warehouses: dict[str, tuple[str, Any, Engine]], loads: KilledLoads
) -> None:
    dice = random.Random(seed)
    url, dbt, engine = warehouses["arrived"]
    inboxes = [PagedInbox(site_code, random.Random(dice.random())) for site_code in ZONES]
    add_scores(engine, random.Random(seed))
    streams = {(inbox.site_code, kind): a_stream(dice, kind) for inbox in inboxes for kind in KEYS}
    fates: list[str] = []

    def load() -> None:
        """Kill the loads of each site some times, then let one end."""
        for inbox in inboxes:
            for _ in range(4):
                death = {"die_at": dice.randint(1, 150)} if dice.random() < 0.7 else {"die_after_s": dice.random() / 4}
                fates.append(loads.load(url, inbox, **death))  # type: ignore[arg-type]
            fates.append(loads.load(url, inbox))
            assert fates[-1] == "loaded"

    def build() -> None:
        dbt("run", "--select", "tag:reference")
        roll_up(engine, dbt, dice)
        summarize(engine, dbt, dice)
        dbt("run", "--select", "tag:health")

    for inbox in inboxes:
        # Nobody knows the unit at first.
        inbox.add("readings", [a_reading(dice) | {"metric": "flow", "unit_code": None} for _ in range(20)])
        for kind in KEYS:
            for batch in streams[inbox.site_code, kind]:
                inbox.add(kind, batch)
    load()
    build()
    # Little comes later, so that what it changes elsewhere shows: an event and a unit to one site, none to the other.
    berlin, pune = inboxes
    berlin.add("events", [an_event(dice) | {"duration_s": None}])
    berlin.add("readings", [a_reading(dice) | {"metric": "flow", "unit_code": "m3/h"}])
    pune.change(*CHANGES[seed % len(CHANGES)])
    load()
    build()
    assert set(fates) == {"killed", "loaded"}
    assert fates.count("killed") >= 4

    _, truth_dbt, truth_engine = warehouses["sorted"]
    add_scores(truth_engine, random.Random(seed))
    for inbox in inboxes:
        load_site(truth_engine, sorted_inbox(inbox, dice), inbox.site_code)
    truth_dbt("run", "--full-refresh")
    with engine.connect() as connection, truth_engine.connect() as of_truth:
        for inbox in inboxes:
            for kind in KEYS:
                newest = {
                    key: (item["received_at"], *(item[name] for name in CONTENT[kind]))
                    for key, item in inbox.truth(kind).items()
                }
                assert stored(connection, kind, inbox.site_code) == newest
        tables = marts_of_data()
        assert {"fct_worker_kpis_daily", "fct_sensor_readings_hourly", "fct_site_kpis_daily"} <= set(tables)
        wrong = [table for table in tables if shown(connection, table) != shown(of_truth, table)]
        assert wrong == []
