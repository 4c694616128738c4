"""Whether the history of the machines has stopped growing, so that a first model can be trained on all of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

# History that is blocked by a check, or load runs that follow each other without a pause, hold training up no longer.
LONGEST_WAIT: Final = timedelta(minutes=15)


@dataclass(frozen=True)
class History:
    """Hours with readings by equipment class, and how many hours wait for their rollup."""

    hours: Mapping[str, int]
    backlog: int


@dataclass(frozen=True)
class Watch:
    """What a sensor remembers from one look to the next: the history it saw, and since when it is the same.

    Attributes:
        history: As seen by the last look.
        since: The first look that saw it so, UTC.
        is_new: Whether no look before this one saw the same.
    """

    history: Mapping[str, Any]
    since: datetime
    is_new: bool

    @classmethod
    def after(cls, cursor: str | None, history: History, now: datetime) -> "Watch":
        """What is remembered after a look at `history`."""
        before = json.loads(cursor) if cursor else {}
        if before.get("history") == asdict(history):
            return cls(asdict(history), datetime.fromisoformat(before["since"]), is_new=False)
        return cls(asdict(history), now, is_new=True)

    def cursor(self) -> str:
        """The memory as text."""
        return json.dumps({"history": self.history, "since": self.since.isoformat()})

    def is_settled(self, *, is_busy: bool, now: datetime) -> bool:
        """Whether two looks saw the same and nothing is being loaded or rolled up, or too long a time has passed."""
        return not self.is_new and (not is_busy or now - self.since >= LONGEST_WAIT)
