"""What newer validations have judged: of that an older one, which took longer, says nothing any more.

Newer is who read the ledger of touched hours later (`look.py`), not who was done later.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from expectations.window import Window, instant

_HOUR = timedelta(hours=1)
# Of the longest of days the last hour is missing here: there the older judgement counts too.
_DAY = timedelta(hours=24)
# A result is stored after its ledger was read, and has an index by when it was stored.
_NEWER = text(
    "select distinct suite, expectation, window_start, window_end, is_success from ops.validation_results"
    " where suite = any(:suites) and judged_at > :judged_at and validated_at > :judged_at"
)


@dataclass(frozen=True)
class NewerJudgements:
    """By suite and expectation, the windows that newer validations have judged, and whether all passed there."""

    windows: Mapping[tuple[str, str], Collection[tuple[Window, bool]]]

    def of_hour(self, suite: str, hour: datetime) -> bool:
        """Whether one of them judged all of an hour (UTC), and what was received of it, whenever that was."""
        return any(bool(self._hour(each, hour)) for each in self.windows if each[0] == suite)

    def of_day(self, suite: str, day: str) -> bool:
        """Whether one of them judged a day, by its first instant: each is judged whole, however little is looked at."""
        return any(bool(self._day(each, day)) for each in self.windows if each[0] == suite)

    def hour_passed(self, suite: str, expectation: str, hour: str) -> bool:
        """Whether an hour, by its first instant, passed wherever one of them judged it."""
        outcomes = self._hour((suite, expectation), instant(hour))
        return bool(outcomes) and all(outcomes)

    def day_passed(self, suite: str, expectation: str, day: str) -> bool:
        """Whether a day did."""
        outcomes = self._day((suite, expectation), day)
        return bool(outcomes) and all(outcomes)

    def _hour(self, what: tuple[str, str], hour: datetime) -> list[bool]:
        windows = self.windows.get(what, ())
        return [passed for window, passed in windows if window.start <= hour and hour + _HOUR <= window.end]

    def _day(self, what: tuple[str, str], day: str) -> list[bool]:
        start, windows = instant(day), self.windows.get(what, ())
        return [passed for window, passed in windows if window.start < start + _DAY and start < window.end]


def newer_judgements(connection: Connection, suites: Collection[str], judged_at: datetime) -> NewerJudgements:
    """What is stored of validations that looked after `judged_at` (UTC, by the clock of the warehouse)."""
    found: dict[tuple[str, str], list[tuple[Window, bool]]] = {}
    for row in connection.execute(_NEWER, {"suites": list(suites), "judged_at": judged_at}):
        window = Window(row.window_start, row.window_end)
        found.setdefault((row.suite, row.expectation), []).append((window, row.is_success))
    return NewerJudgements(found)
