"""How long what is loaded, rolled up and summarized has waited, in numbers. What is too long, a setting says.

One look sees what waits, not since when. So a look remembers what it saw: how far each API was, which is waited for
until it is loaded, and when a consumer of the ledger last had nothing to do, since when at the earliest all that it has
to do now has come.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from orchestration.pending import SiteState
from warehouse.ledger import Backlog

_SILENT = "silent_s"


class Head(msgspec.Struct, frozen=True):
    """How far an API was at a moment (UTC), where less was loaded."""

    position: int
    seen_at: datetime


class Looks(msgspec.Struct, kw_only=True):
    """What earlier looks found.

    Attributes:
        heads: By site and kind, the oldest that was seen and is not loaded.
        silent: By site, since when its API does not answer, UTC.
        idle: By site and consumer, when it was last seen with nothing to do, UTC.
    """

    heads: dict[str, Head] = {}
    silent: dict[str, datetime] = {}
    idle: dict[str, datetime] = {}

    @classmethod
    def read(cls, cursor: str | None) -> "Looks":
        """What is remembered; at first, nothing."""
        return msgspec.json.decode(cursor, type=cls) if cursor else cls()

    def cursor(self) -> str:
        """The memory as text."""
        return msgspec.json.encode(self).decode()

    def loads(self, state: SiteState, now: datetime) -> dict[str, float]:
        """How far the loads of a site are behind its API.

        Returns:
            By kind, `<kind>_behind` batches or changes, and `<kind>_waiting_s`, the seconds since the oldest of them
            was seen; `silent_s`, the seconds for which the API has not answered. While it does not, what was seen
            before still waits.
        """
        numbers = {_SILENT: _seconds(now, self._silent_since(state, now))}
        for kind in state.stored or state.loaded:
            name, loaded = f"{state.site_code}:{kind}", state.loaded.get(kind, 0)
            known = self.heads.pop(name, None)
            head = known if known and known.position > loaded else Head(state.stored.get(kind, 0), now)
            if head.position > loaded:
                self.heads[name] = head
            numbers[f"{kind}_behind"] = max(0, state.stored.get(kind, head.position) - loaded)
            numbers[f"{kind}_waiting_s"] = _seconds(now, head.seen_at)
        return numbers

    def rollups(
        self, site_codes: Iterable[str], consumer: str, backlogs: Iterable[Backlog], now: datetime
    ) -> dict[str, dict[str, float]]:
        """How far a consumer of the ledger is behind the loads, by site.

        An hour that is scored anew waits too, though it was touched long ago: hence no wait is longer than the time
        since the consumer was last seen with nothing to do.

        Returns:
            By site, `<consumer>_hours` that wait, and `<consumer>_waiting_s`, the seconds for which one has.
        """
        of_site = {backlog.site_code: backlog for backlog in backlogs}
        numbers = {}
        for site_code in site_codes:
            name, backlog = f"{site_code}:{consumer}", of_site.get(site_code)
            if backlog is None:
                self.idle[name] = now
            since = now if backlog is None else max(backlog.touched_at, self.idle.get(name, backlog.touched_at))
            numbers[site_code] = {
                f"{consumer}_hours": float(backlog.hour_count if backlog else 0),
                f"{consumer}_waiting_s": _seconds(now, since),
            }
        return numbers

    def _silent_since(self, state: SiteState, now: datetime) -> datetime:
        if state.error is None:
            self.silent.pop(state.site_code, None)
            return now
        return self.silent.setdefault(state.site_code, now)


def late(numbers: Mapping[str, Mapping[str, float]], limit_s: float) -> dict[str, float]:
    """The waits above a limit, longest first, by site and name such as `demo: readings_waiting_s`."""
    waits = {f"{site}: {name}": value for site, of_site in numbers.items() for name, value in of_site.items()}
    above = [(name, value) for name, value in waits.items() if name.endswith("_s") and value > limit_s]
    return dict(sorted(above, key=lambda wait: -wait[1]))


def longest_s(numbers: Mapping[str, Mapping[str, float]]) -> float:
    """The longest wait of all, seconds."""
    waits = [value for of_site in numbers.values() for name, value in of_site.items() if name.endswith("_s")]
    return max(waits, default=0.0)


def _seconds(now: datetime, since: datetime) -> float:
    return max(0.0, (now - since).total_seconds())
