"""A page that contradicts itself is refused before anything is stored."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

import pyarrow as pa
import pytest

from ingestion_api.contract import BatchLedgerEntry
from warehouse.errors import PageInconsistent
from warehouse.load_page import refuse_inconsistent


def entry(batch_seq: int, accepted_count: int, kind: str = "readings") -> BatchLedgerEntry:
    return BatchLedgerEntry(
        batch_seq=batch_seq,
        batch_id=UUID(int=batch_seq),
        kind=kind,  # type: ignore[arg-type]
        origin="push",
        credential="edge",
        is_replay=False,
        received_at=datetime(2026, 3, 1, tzinfo=UTC),
        item_count=accepted_count,
        accepted_count=accepted_count,
        quarantined_count=0,
        quarantine_reasons={},
    )


@dataclass(frozen=True)
class Page:
    """A page as pulled, of which the check looks at batch_seq alone."""

    seqs: list[int]
    batches: list[BatchLedgerEntry]
    next_cursor: int
    has_more: bool = False
    table: pa.Table = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", pa.table({"batch_seq": pa.array(self.seqs, pa.int64())}))


GOOD = Page([5, 5, 8], [entry(5, 2), entry(6, 0), entry(8, 1)], 8)


def test_consistent_pages_pass() -> None:
    refuse_inconsistent("demo", "readings", 4, GOOD)
    refuse_inconsistent("demo", "readings", 4, replace(GOOD, next_cursor=11, has_more=True))
    refuse_inconsistent("demo", "readings", 4, Page([], [], 4))


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        (replace(GOOD, seqs=[5, 8]), "announces 2 items in batch 5 and holds 1"),
        (replace(GOOD, seqs=[5, 5, 8, 9]), "announces None items in batch 9 and holds 1"),
        (replace(GOOD, batches=[*GOOD.batches, entry(6, 0)]), "names a batch twice"),
        (replace(GOOD, batches=[*GOOD.batches[:2], entry(8, 1, "events")]), "another kind"),
        (replace(GOOD, next_cursor=7), "does not follow"),
        (Page([4], [entry(4, 1)], 4), "does not follow"),
        (Page([], [], 4, has_more=True), "does not move on"),
    ],
)
def test_contradictions_are_named(page: Page, complaint: str) -> None:
    with pytest.raises(PageInconsistent, match=complaint) as refused:
        refuse_inconsistent("demo", "readings", 4, page)
    assert "readings of site demo after 4" in str(refused.value)
