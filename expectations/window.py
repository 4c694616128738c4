"""The half-open time window that is validated. What is expected inside it belongs in the suites."""

from dataclasses import dataclass
from datetime import UTC, datetime

from expectations.errors import WindowInvalid


@dataclass(frozen=True)
class Window:
    """From `start` up to but not including `end`, both with a time zone.

    Raises:
        WindowInvalid: The window is empty or reversed, or a bound has no time zone.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name, bound in (("start", self.start), ("end", self.end)):
            if bound.tzinfo is None:
                raise WindowInvalid(f"{name} {bound.isoformat()} has no time zone; say +00:00 for UTC")
        if self.start >= self.end:
            raise WindowInvalid(f"start {self.start.isoformat()} is not before end {self.end.isoformat()}")

    def bind(self, query: str) -> str:
        """Put the window into a suite's query.

        As literals, because Great Expectations shows and runs a query without parameters; a datetime cannot carry
        anything but a time.
        """
        return query.replace("{start}", _literal(self.start)).replace("{end}", _literal(self.end))

    def __str__(self) -> str:
        # An ISO 8601 interval, with the double hyphen that the standard allows in file names.
        return f"{_iso(self.start)}--{_iso(self.end)}"


def instant(text: str) -> datetime:
    """A time as people write it, ISO 8601; UTC unless it says otherwise.

    Raises:
        WindowInvalid: It is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise WindowInvalid(f"{text!r} is not a time; write it like 2026-01-31T06:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").removesuffix(".000000") + "Z"


def _literal(time: datetime) -> str:
    return f"timestamptz '{_iso(time)}'"
