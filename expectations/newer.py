"""What newer validations have judged: of that an older one, which took longer, says nothing any more.

Newer is who read the ledger of touched hours later (`look.py`), not who was done later.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from expectations.window import Window, instant

_HOUR = timedelta(hours=1)
# Of the longest of days the last hour is missing here: there the older judgement counts too.
_DAY = timedelta(hours=24)
# A result is stored after its ledger was read, and has an index by when it was stored.
_NEWER = text(
    "select distinct suite, window_start, window_end from ops.validation_results"
    " where suite = any(:suites) and judged_at > :judged_at and validated_at > :judged_at"
)


@dataclass(frozen=True)
class NewerJudgements:
    """By suite, the windows that newer validations have judged."""

    windows: Mapping[str, Sequence[Window]]

    def of_hour(self, suite: str, hour: datetime) -> bool:
        """Whether one of them judged all of an hour (UTC), and what was received of it, whenever that was."""
        return any(window.start <= hour and hour + _HOUR <= window.end for window in self.windows.get(suite, ()))

    def of_day(self, suite: str, day: str) -> bool:
        """Whether one of them judged a day, by its first instant: each is judged whole, however little is looked at."""
        start = instant(day)
        return any(window.start < start + _DAY and start < window.end for window in self.windows.get(suite, ()))


def newer_judgements(connection: Connection, suites: Collection[str], judged_at: datetime) -> NewerJudgements:
    """What is stored of validations that looked after `judged_at` (UTC, by the clock of the warehouse)."""
    found: dict[str, list[Window]] = {}
    for row in connection.execute(_NEWER, {"suites": list(suites), "judged_at": judged_at}):
        found.setdefault(row.suite, []).append(Window(row.window_start, row.window_end))
    return NewerJudgements(found)
