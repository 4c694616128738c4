"""What the spool tells about the delivery: the counters in one record, in JSON and in words."""

import time
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from edge_client.spool import EXHAUSTED, LAST_ANSWER, SPOOL_ID, Spool
from edge_client.spool_losses import LossCount

SHOWN = 5  # dead letters and skips


class Status(Struct, frozen=True, kw_only=True):
    """The state of one spool; `collected` equals sent + pending + rejected + lost.

    Attributes:
        collected: Items that entered the spool.
        sent: Items that the API acknowledged, each once: accepted + quarantined + repeated.
        accepted: Of them accepted.
        quarantined: Of them quarantined.
        repeated: Of them in batches that the API had already received from somebody else.
        pending: Items that are not acknowledged yet.
        rejected: Items in batches that the API refused for good; they are kept.
        lost: Items dropped because the spool was full.
        skipped: What a collector passed over in its source because it is no item.
        is_finished: The collector has nothing more to read, and nothing is pending.
        last_answer: What the API said last, and when.
        rejections: The last answers to batches refused for good.
        skips: The first things passed over: place and reason.
        pending_bytes: What the pending items take.
        file_bytes: What the spool's file and its log take.
        oldest_at: When the oldest pending item was collected, UTC.
        oldest_age_s: How long ago that is.
        unreported: Lost and rejected items that the API has not been told of.
        losses: What was lost and rejected, by kind and reason.
        spool_id: Under which the API knows them.
    """

    collected: int
    sent: int
    accepted: int
    quarantined: int
    repeated: int
    pending: int
    rejected: int
    lost: int
    skipped: int
    is_finished: bool
    last_answer: str | None
    rejections: list[str]
    skips: list[str]
    pending_bytes: int
    file_bytes: int
    oldest_at: str | None
    oldest_age_s: int | None
    unreported: int
    losses: list[LossCount]
    spool_id: str | None


def read_status(spool: Spool) -> Status:
    """Read the state of a spool."""
    is_exhausted = spool.fact(EXHAUSTED) == "true"
    count, losses, oldest_at = spool.counters(), spool.losses(), spool.oldest_at()
    return Status(
        collected=count.collected,
        sent=count.sent,
        accepted=count.accepted,
        quarantined=count.quarantined,
        repeated=count.repeated,
        pending=count.pending,
        rejected=count.rejected,
        lost=count.lost,
        skipped=count.skipped,
        is_finished=is_exhausted and count.pending == 0,
        last_answer=spool.fact(LAST_ANSWER),
        rejections=spool.dead_letters(SHOWN),
        skips=[f"{place}: {reason}" for place, reason in spool.skips(SHOWN)],
        pending_bytes=count.pending_bytes,
        file_bytes=spool.file_bytes(),
        oldest_at=None if oldest_at is None else _moment(oldest_at),
        oldest_age_s=None if oldest_at is None else max(0, round(time.time() - oldest_at)),
        unreported=sum(loss.total - loss.reported for loss in losses),
        losses=losses,
        spool_id=spool.fact(SPOOL_ID),
    )


def read_status_at(path: Path) -> Status:
    """Read the state of a spool that another process may be using.

    Raises:
        SpoolError: There is no spool at the path.
    """
    spool = Spool(path, is_new_allowed=False)
    try:
        return read_status(spool)
    finally:
        spool.close()


def in_words(status: Status) -> str:
    """Return the state for people, one figure or sentence a line."""
    lines = [
        f"{name.removeprefix('pending_'):<12}{getattr(status, name):>12,}"
        for name in Status.__struct_fields__
        if type(getattr(status, name)) is int
    ]
    lines.append(f"finished    {'yes' if status.is_finished else 'no':>12}")
    lines.append(f"last answer {status.last_answer or 'none yet'}")
    lines.append(f"oldest item {'none' if status.oldest_at is None else f'of {status.oldest_at}'}")
    lines += [
        f"lost        {loss.total:>12,} {loss.kind}, {loss.reason}, until {_moment(loss.last_at)}"
        f"{'' if loss.reported >= loss.total else ', not reported yet'}"
        for loss in status.losses
    ]
    lines += [f"rejected    {line}" for line in status.rejections]
    lines += [f"skipped     {line}" for line in status.skips]
    return "\n".join(lines)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
