"""Which hours were rolled up and not scored, remembered from one look of a sensor to the next. Who looks is not here.

Runs that failed are read once. While MLflow is away for a weekend, thousands of them leave the same few hours unscored.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

# The clocks of a run and of the sensor may differ. A run that is read twice asks for nothing twice.
_OVERLAP = timedelta(minutes=5)


@dataclass(frozen=True, order=True)
class Gap:
    """Hours without scores, half-open, UTC; `number` is that of the newest run that left them so, and names them."""

    start: datetime
    end: datetime
    number: int


@dataclass(frozen=True)
class Unscored:
    """What a look left behind.

    Attributes:
        since: Runs that failed before this moment (UTC) were read.
        gaps: What is not scored yet.
    """

    since: datetime
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def read(cls, cursor: str | None, first: datetime) -> "Unscored":
        """What is remembered; a sensor without a cursor begins with the runs that failed since `first`."""
        if not cursor:
            return cls(first)
        kept = json.loads(cursor)
        gaps = (
            Gap(datetime.fromisoformat(start), datetime.fromisoformat(end), run) for start, end, run in kept["gaps"]
        )
        return cls(datetime.fromisoformat(kept["since"]) - _OVERLAP, tuple(gaps))

    def cursor(self) -> str:
        """The memory as text."""
        gaps = [(gap.start.isoformat(), gap.end.isoformat(), gap.number) for gap in self.gaps]
        return json.dumps({"since": self.since.isoformat(), "gaps": gaps})


def join(gaps: Iterable[Gap]) -> list[Gap]:
    """Join gaps that overlap or touch, oldest first."""
    joined: list[Gap] = []
    for gap in sorted(gaps):
        if joined and gap.start <= joined[-1].end:
            last = joined.pop()
            gap = Gap(last.start, max(last.end, gap.end), max(last.number, gap.number))
        joined.append(gap)
    return joined
