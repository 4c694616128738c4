"""What became of each item of a batch, from what is known of it."""

from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import uuid4

from ingestion_api.batch_items import BatchItem, items, span
from ingestion_api.columns import of_readings
from ingestion_api.contract import BatchReceipt, Reading, Refusal

NOW = datetime(2026, 2, 6, 12, tzinfo=UTC)
# index: minutes before it was received; None has no time of its own
MINUTES = {0: 1, 1: 60, 2: None, 4: 59}
COLUMNS = of_readings(
    list(MINUTES),
    [
        Reading(
            equipment_code=f"pump-{index}",
            metric="flow",
            value=1.0,
            event_time=None if minutes is None else NOW - timedelta(minutes=minutes),
        )
        for index, minutes in MINUTES.items()
    ],
)
REFUSED = [
    Refusal(index=3, reason_code="malformed_item", detail="cannot be read"),
    Refusal(index=4, reason_code="unknown_equipment", detail="pump-4 is not registered"),
]
RECEIPT = BatchReceipt(
    batch_id=uuid4(),
    batch_seq=7,
    kind="readings",
    idempotency_key=None,
    received_at=NOW,
    accepted=3,
    quarantined=2,
    refused=REFUSED,
)
QUARANTINED = [
    BatchItem(index=3, outcome="quarantined", reason_code="malformed_item", detail="cannot be read"),
    BatchItem(index=4, outcome="quarantined", reason_code="unknown_equipment", detail="pump-4 is not registered"),
]


def test_items_of_a_batch_that_is_not_loaded_or_not_to_be_asked_for() -> None:
    reasons: tuple[Literal["pending", "unknown"], ...] = ("pending", "unknown")
    for why in reasons:
        assert items(RECEIPT, COLUMNS, why) == [
            BatchItem(index=0, outcome=why),
            BatchItem(index=1, outcome=why, is_late=True),
            BatchItem(index=2, outcome=why),
            *QUARANTINED,
        ]


def test_items_are_what_the_warehouse_made_of_them() -> None:
    """D2, C4: a version is new, or replaced another; what made none was held already."""
    assert items(RECEIPT, COLUMNS, {0: False, 1: True}) == [
        BatchItem(index=0, outcome="accepted"),
        BatchItem(index=1, outcome="revised", is_late=True),
        BatchItem(index=2, outcome="duplicate"),
        *QUARANTINED,
    ]


def test_the_span_is_of_what_was_accepted() -> None:
    found = span(RECEIPT, COLUMNS)
    assert found is not None
    assert (found.codes, found.earliest, found.latest) == (
        ["pump-0", "pump-1", "pump-2"],
        NOW - timedelta(minutes=60),
        NOW,
    )
