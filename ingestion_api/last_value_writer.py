"""Brings last values to the database, many batches at once. Which values those are is decided in `last_values.py`.

Whoever reads them and must see what this process just stored calls `flush` first.

Written with a batch of many signals, they cost ten times what storing it does, and batches of the same machines wait
for each other's commits. Here they are written some times a second. A process that is killed forgets what it had not
written: the readings are in the inbox, and the signal's next reading makes its last value right.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from ingestion_api.alarms import SignalKey
from ingestion_api.last_values import LastValue
from ingestion_api.logs import log
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

_Waiting = tuple[LastValue, datetime]  # with the time it was received


class LastValueWriter:
    """The last values of every site that are not in the database yet."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, dict[SignalKey, _Waiting]] = {}
        self._lock = asyncio.Lock()

    def note(self, site_code: str, values: Sequence[LastValue], received_at: datetime) -> None:
        """Remember the last values of a stored batch until they are written."""
        self._keep(site_code, [(value, received_at) for value in values])

    async def flush(self) -> None:
        """Write what waits; what cannot be written waits on.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: The store does not take it.
        """
        async with self._lock:
            waiting, self._waiting = self._waiting, {}
            while waiting:
                site_code, signals = waiting.popitem()
                try:
                    await self._write(site_code, signals)
                except BaseException:
                    for code, unwritten in ((site_code, signals), *waiting.items()):
                        self._keep(code, unwritten.values())
                    raise

    async def run(self) -> None:
        """Write some times a second, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.finish()

    async def finish(self) -> None:
        """Write what waits, as far as that is possible now."""
        try:
            await self.flush()
        except SQLAlchemyError as error:
            log.warning("last_values_not_written", error=type(error).__name__)

    def _keep(self, site_code: str, coming: Iterable[_Waiting]) -> None:
        waiting = self._waiting.setdefault(site_code, {})
        for one in coming:
            value = one[0]
            signal = value.equipment_code, value.metric
            before = waiting.get(signal)
            if before is None or before[0].event_time <= value.event_time:
                waiting[signal] = one

    async def _write(self, site_code: str, signals: dict[SignalKey, _Waiting]) -> None:
        if signals:
            pairs = msgspec.json.encode(list(signals.values())).decode()
            async with self._store.statements() as connection:
                await connection.execute(_WRITE, {"site_code": site_code, "pairs": pairs})
