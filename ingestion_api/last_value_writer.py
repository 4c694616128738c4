"""Brings last values to the database, many batches at once. Which values those are is decided in `last_values.py`.

Whoever reads them and must see what this process just stored calls `flush` first.

Written with a batch of many signals, they cost ten times what storing it does, and batches of the same machines wait
for each other's commits. Here they are written some times a second. A process that is killed forgets what it had not
written: the readings are in the inbox, and the signal's next reading makes its last value right.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from ingestion_api.columns import ReadingColumns
from ingestion_api.last_values import LastValue, newest
from ingestion_api.layout import SignalKey
from ingestion_api.logs import log
from ingestion_api.rounds import rounds
from ingestion_api.store import Store

EVERY_S = 0.25

# In the order of their names: two that lock the same rows do so in one order.
_WRITE = text(
    """
    insert into inbox.last_values as known
        (site_code, equipment_code, metric, value, quality, event_time, received_at)
    select :site_code, came.*, cast(pair ->> 1 as timestamptz)
    from json_array_elements(cast(:pairs as json)) as pair
    cross join lateral json_to_record(pair -> 0) as came
        (equipment_code text, metric text, value float8, quality float8, event_time timestamptz)
    order by came.equipment_code, came.metric
    on conflict (site_code, equipment_code, metric) do update set
        value = excluded.value, quality = excluded.quality,
        event_time = excluded.event_time, received_at = excluded.received_at
    where known.event_time <= excluded.event_time
    """
)

_Received = tuple[LastValue, datetime]  # with the time it was received


@dataclass
class _Waiting:
    """What a site's database does not have yet.

    Attributes:
        batches: The newest batch of each recurring layout, and when it was received. Its values are chosen when they
            are written, because most batches are overtaken before.
    """

    values: dict[SignalKey, _Received] = field(default_factory=dict)
    batches: dict[int, tuple[ReadingColumns, datetime]] = field(default_factory=dict)

    def note(self, columns: ReadingColumns, received_at: datetime) -> None:
        """Take the last values of a batch in."""
        if not columns.layout.is_recurring or not columns.is_in_order:
            self.keep((value, received_at) for value in newest(columns, received_at, ()))
            return
        layout = id(columns.layout)  # which lives at least as long as the batch does
        before = self.batches.pop(layout, None)
        if before is not None and not _is_over(before[0], columns):
            if _is_over(columns, before[0]):
                columns, received_at = before
            else:
                self.keep((value, before[1]) for value in newest(before[0], before[1], ()))
        self.batches[layout] = columns, received_at

    def keep(self, coming: Iterable[_Received]) -> None:
        """Keep the newest value of each signal; of equal times, the one that was received later."""
        for value, received_at in coming:
            signal = value.equipment_code, value.metric
            before = self.values.get(signal)
            if before is None or (before[0].event_time, before[1]) <= (value.event_time, received_at):
                self.values[signal] = value, received_at

    def choose(self) -> dict[SignalKey, _Received]:
        """Return the newest value of each signal."""
        for columns, received_at in self.batches.values():
            self.keep((value, received_at) for value in newest(columns, received_at, ()))
        self.batches.clear()
        return self.values


def _is_over(first: ReadingColumns, second: ReadingColumns) -> bool:
    """Tell whether a batch in order ends before another one begins."""
    return first.event_time[-1] < second.event_time[0]  # type: ignore[operator]


class LastValueWriter:
    """The last values of every site that are not in the database yet."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, _Waiting] = {}
        self._lock = asyncio.Lock()

    def note(self, site_code: str, columns: ReadingColumns, received_at: datetime) -> None:
        """Remember the last values of a stored batch, of which nothing was refused, until they are written."""
        self._waiting.setdefault(site_code, _Waiting()).note(columns, received_at)

    async def flush(self) -> None:
        """Write what waits; what cannot be written waits on.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: The store does not take it.
        """
        async with self._lock:
            waiting, self._waiting = self._waiting, {}
            while waiting:
                site_code, own = waiting.popitem()
                try:
                    await self._write(site_code, own.choose())
                except BaseException:
                    for code, unwritten in ((site_code, own), *waiting.items()):
                        self._put_back(code, unwritten)
                    raise

    async def run(self, stopping: asyncio.Event) -> None:
        """Write some times a second, until told to stop."""
        async for _ in rounds(EVERY_S, stopping):
            await self.finish()

    async def finish(self) -> None:
        """Write what waits, as far as that is possible now."""
        try:
            await self.flush()
        except SQLAlchemyError as error:
            log.warning("last_values_not_written", error=type(error).__name__)

    def _put_back(self, site_code: str, unwritten: _Waiting) -> None:
        """Let what was not written stand behind what was noted meanwhile."""
        later = self._waiting.setdefault(site_code, _Waiting()).choose()
        unwritten.choose()
        unwritten.keep(later.values())
        self._waiting[site_code] = unwritten

    async def _write(self, site_code: str, signals: dict[SignalKey, _Received]) -> None:
        if signals:
            pairs = msgspec.json.encode(list(signals.values())).decode()
            async with self._store.statements() as connection:
                await connection.execute(_WRITE, {"site_code": site_code, "pairs": pairs})
