"""Decides which readings of a push are judged by alarm rules. How they are judged is in `alarms.py`.

Most are not: a value within its quiet range, of a signal whose states are all normal, changes nothing. What is not
normal is remembered for at most a second, own changes at once; what another instance raised within that second is
caught up with by the next batch that is judged, or by the sweep, from the signal's last value.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ingestion_api import alarm_store
from ingestion_api.alarms import Case, breaking, of_signals
from ingestion_api.columns import ReadingColumns
from ingestion_api.layout import SignalKey
from ingestion_api.store import Store
from ingestion_api.watch import Watch

MAX_AGE_S = 1.0


@dataclass
class _Entry:
    signals: set[SignalKey] = field(default_factory=set)
    asked_at: float = -MAX_AGE_S
    version: int = 0


class AlarmWatch:
    """What is not normal at each site."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._entries: dict[str, _Entry] = {}

    async def cases(
        self, site_code: str, watch: Watch, columns: ReadingColumns, refused: Collection[int], received_at: datetime
    ) -> list[Case]:
        """Choose what of a batch has to be judged; nothing, as a rule."""
        if not watch.rules():
            return []
        signals = breaking(watch.ranges(), columns)
        if wary := watch.unsteady() | await self._not_normal(site_code):
            signals |= wary & columns.layout.last_rows.keys()
        if not signals:
            return []
        times = [at or received_at for at in columns.event_time]
        # In UTC, as for last values; only accepted times have a UTC for sure.
        readings = {
            signal: [(at.astimezone(UTC), value) for at, value in rows]
            for signal, rows in of_signals(signals, columns, times, refused).items()
        }
        return [
            Case(code, rule, signal, readings[signal])
            for signal in sorted(readings)
            for code, rule in watch.rules_of(signal).items()
        ]

    def forget(self, site_code: str) -> None:
        """Let the next look at what is not normal go to the database."""
        if entry := self._entries.get(site_code):
            entry.version += 1
            entry.asked_at = -MAX_AGE_S

    async def _not_normal(self, site_code: str) -> set[SignalKey]:
        entry = self._entries.setdefault(site_code, _Entry())
        asked_at = time.monotonic()
        if asked_at - entry.asked_at >= MAX_AGE_S:
            version = entry.version
            signals = await alarm_store.not_normal(self._store, site_code)
            if version != entry.version:
                return signals  # something changed meanwhile: not to be remembered
            entry.signals, entry.asked_at = signals, asked_at
        return entry.signals
