"""Loads what a site's inbox holds into `raw`, exactly once (D3, D4). When to load is decided in `orchestration`.

A page is pulled, staged by COPY, settled set-wise and committed together with its ledger entries, the hours it touched
and the new cursor. So a load that is killed has stored whole pages and knows where to go on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from warehouse import ingest_ledger, ledger
from warehouse.errors import PageInconsistent
from warehouse.load_alarms import ALARMS, record_alarm_changes
from warehouse.load_page import PageCounts, store_page
from warehouse.load_registry import REGISTRY, record_registry_changes
from warehouse.sources import Kind, Source


@dataclass(frozen=True)
class LoadSummary:
    """What loading a site has done so far. Accepted = inserted + revised + duplicate, readings and events together.

    Attributes:
        site_code: The site.
        page_count: Pages of readings and events.
        batch_count: Inbox batches in them.
        accepted_count: Items in them that the API accepted.
        quarantined_count: Items in them that it did not.
        inserted_count: New keys.
        revised_count: Known keys with new content.
        duplicate_count: Items that brought nothing new.
        late_count: Device-timed items received 60 minutes or more after their event.
        touched_hour_count: Hours touched, summed over pages.
        registry_change_count: New changes of the registry.
        alarm_change_count: New changes of alarms.
    """

    site_code: str
    page_count: int = 0
    batch_count: int = 0
    accepted_count: int = 0
    quarantined_count: int = 0
    inserted_count: int = 0
    revised_count: int = 0
    duplicate_count: int = 0
    late_count: int = 0
    touched_hour_count: int = 0
    registry_change_count: int = 0
    alarm_change_count: int = 0

    def with_page(self, page: PageCounts) -> "LoadSummary":
        """The summary after one more page."""
        counts = {name: getattr(self, name) + count for name, count in vars(page).items()}
        return replace(self, page_count=self.page_count + 1, **counts)

    def with_log(self, counter: str, inserted: int, touched: int) -> "LoadSummary":
        """The summary after one more page of a log of changes."""
        counts = {counter: getattr(self, counter) + inserted}
        return replace(self, touched_hour_count=self.touched_hour_count + touched, **counts)


@dataclass(frozen=True)
class _Log:
    """A log of changes that the API numbers and only ever adds to; `record` also returns the hours that it changed."""

    kind: str
    name: str
    counter: str
    pull: Callable[[int], Sequence[Any]]
    record: Callable[[Connection, str, Sequence[Any], datetime], tuple[int, set[datetime]]]


def load_site(
    engine: Engine,
    source: Source,
    site_code: str,
    *,
    dagster_run_id: str | None = None,
    progress: Callable[[LoadSummary], None] | None = None,
) -> LoadSummary:
    """Load registry changes, readings, events and alarm changes page by page until the site's inbox has nothing more.

    Safe against other loads of the same site: a page is stored by whoever commits first, the other pulls anew. Each of
    the four has a cursor of its own: where one fails, the others are loaded all the same, and then its error is raised.

    Args:
        engine: Of the warehouse.
        source: The site's inbox.
        site_code: The site.
        dagster_run_id: Noted in raw.loads.
        progress: Called after each page with the summary so far.

    Raises:
        PageInconsistent: A page contradicts itself or the cursor; the pages before it are stored.
    """
    tell = progress or (lambda summary: None)
    registry = _Log(
        REGISTRY, "Registry changes", "registry_change_count", source.pull_registry_changes, record_registry_changes
    )
    alarms = _Log(ALARMS, "Alarm changes", "alarm_change_count", source.pull_alarm_changes, record_alarm_changes)
    parts: list[Callable[[LoadSummary], LoadSummary]] = [
        lambda so_far: _load_log(engine, registry, so_far, dagster_run_id, tell),
        lambda so_far: _load_kind(engine, source, "readings", so_far, dagster_run_id, tell),
        lambda so_far: _load_kind(engine, source, "events", so_far, dagster_run_id, tell),
        lambda so_far: _load_log(engine, alarms, so_far, dagster_run_id, tell),
    ]
    summary, failures = LoadSummary(site_code), []
    for part in parts:
        # A batch that cannot be read holds up what follows it, and nothing beside it.
        try:
            summary = part(summary)
        except Exception as failure:
            failures.append(failure)
    if failures:
        first, *others = failures
        for other in others:
            first.add_note(f"Beside it: {other}")
        raise first
    return summary


def _load_kind(
    engine: Engine,
    source: Source,
    kind: Kind,
    summary: LoadSummary,
    dagster_run_id: str | None,
    tell: Callable[[LoadSummary], None],
) -> LoadSummary:
    site_code = summary.site_code
    after = _position(engine, site_code, kind)
    has_more = True
    while has_more:
        page = source.pull(kind, after)
        has_more = page.has_more
        if not page.batches and page.next_cursor == after:
            break
        with engine.begin() as connection:
            ingest_ledger.lock(connection, site_code, kind)
            found = ingest_ledger.position(connection, site_code, kind)
            if found != after:
                after, has_more = found, True
                continue
            # After the lock: who commits later must not have recorded earlier.
            recorded_at = connection.scalar(text("select clock_timestamp()"))
            stored = store_page(connection, site_code, kind, after, page, recorded_at, dagster_run_id)
        after = page.next_cursor
        if stored.batch_count:
            summary = summary.with_page(stored)
            tell(summary)
    return summary


def _load_log(
    engine: Engine,
    log: _Log,
    summary: LoadSummary,
    dagster_run_id: str | None,
    tell: Callable[[LoadSummary], None],
) -> LoadSummary:
    site_code, kind = summary.site_code, log.kind
    after = _position(engine, site_code, kind)
    while changes := log.pull(after):
        to = max(change.change_seq for change in changes)
        if to <= after:
            raise PageInconsistent(f"{log.name} of site {site_code} after {after} end at {to}: they do not follow.")
        with engine.begin() as connection:
            ingest_ledger.lock(connection, site_code, kind)
            found = ingest_ledger.position(connection, site_code, kind)
            if found != after:
                after = found
                continue
            recorded_at = connection.scalar(text("select clock_timestamp()"))
            load_id = ingest_ledger.open_load(
                connection, site_code, kind, (after, to), len(changes), recorded_at, dagster_run_id
            )
            inserted, hours = log.record(connection, site_code, changes, recorded_at)
            ingest_ledger.close_load(
                connection, load_id, inserted=inserted, revised=0, duplicate=len(changes) - inserted, late=0
            )
            ingest_ledger.move(connection, site_code, kind, to, recorded_at)
            ledger.touch(connection, site_code, dict.fromkeys(hours, ()), recorded_at)
        after = to
        summary = summary.with_log(log.counter, inserted, len(hours))
        tell(summary)
    return summary


def _position(engine: Engine, site_code: str, kind: str) -> int:
    with engine.connect() as connection:
        return ingest_ledger.position(connection, site_code, kind)
