"""Loads what a site's inbox holds into `raw`, exactly once (D3, D4). When to load is decided in `orchestration`.

A page is pulled, staged by COPY, settled set-wise and committed together with its ledger entries, the hours it touched
and the new cursor. So a load that is killed has stored whole pages and knows where to go on.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Engine, text

from warehouse import ingest_ledger, ledger
from warehouse.errors import PageInconsistent
from warehouse.load_page import PageCounts, store_page
from warehouse.load_registry import hours_changed_by, record_changes
from warehouse.sources import Kind, Source

REGISTRY = "registry"


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

    def with_page(self, page: PageCounts) -> "LoadSummary":
        """The summary after one more page."""
        counts = {name: getattr(self, name) + count for name, count in vars(page).items()}
        return replace(self, page_count=self.page_count + 1, **counts)


def load_site(
    engine: Engine,
    source: Source,
    site_code: str,
    *,
    dagster_run_id: str | None = None,
    progress: Callable[[LoadSummary], None] | None = None,
) -> LoadSummary:
    """Load registry changes, readings and events page by page until the site's inbox has nothing more.

    Safe against other loads of the same site: a page is stored by whoever commits first, the other pulls anew.

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
    summary = _load_registry(engine, source, LoadSummary(site_code), dagster_run_id, tell)
    kinds: tuple[Kind, ...] = ("readings", "events")
    for kind in kinds:
        summary = _load_kind(engine, source, kind, summary, dagster_run_id, tell)
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


def _load_registry(
    engine: Engine,
    source: Source,
    summary: LoadSummary,
    dagster_run_id: str | None,
    tell: Callable[[LoadSummary], None],
) -> LoadSummary:
    site_code = summary.site_code
    after = _position(engine, site_code, REGISTRY)
    while changes := source.pull_registry_changes(after):
        to = max(change.change_seq for change in changes)
        if to <= after:
            raise PageInconsistent(
                f"Registry changes of site {site_code} after {after} end at {to}: they do not follow."
            )
        with engine.begin() as connection:
            ingest_ledger.lock(connection, site_code, REGISTRY)
            found = ingest_ledger.position(connection, site_code, REGISTRY)
            if found != after:
                after = found
                continue
            recorded_at = connection.scalar(text("select clock_timestamp()"))
            load_id = ingest_ledger.open_load(
                connection, site_code, REGISTRY, (after, to), len(changes), recorded_at, dagster_run_id
            )
            change_seqs = record_changes(connection, site_code, changes, recorded_at)
            inserted = len(change_seqs)
            ingest_ledger.close_load(
                connection, load_id, inserted=inserted, revised=0, duplicate=len(changes) - inserted, late=0
            )
            ingest_ledger.move(connection, site_code, REGISTRY, to, recorded_at)
            ledger.touch(connection, site_code, hours_changed_by(connection, site_code, change_seqs), recorded_at)
        after = to
        summary = replace(summary, registry_change_count=summary.registry_change_count + inserted)
        tell(summary)
    return summary


def _position(engine: Engine, site_code: str, kind: str) -> int:
    with engine.connect() as connection:
        return ingest_ledger.position(connection, site_code, kind)
