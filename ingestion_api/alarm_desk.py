"""What people see of the machines as they are now: last values, alarms, their changes; and acknowledging them.

Raising and clearing is `alarm_store.py`'s.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, func, insert, select, text, tuple_, update

from ingestion_api.contract import AlarmChange, AlarmState, Severity
from ingestion_api.errors import NotThere
from ingestion_api.inbox import GATE_SPACE
from ingestion_api.store import Store
from warehouse.tables import alarm_changes, alarms, api_signals, last_values

_PASS_GATE = text("select pg_advisory_xact_lock_shared(:space, hashtext(:site_code))")


class Alarm(Struct, frozen=True, kw_only=True):
    """An alarm as it stands. Without `raised_value`, silence raised it."""

    alarm_id: int
    rule_code: str
    equipment_code: str
    metric: str
    severity: Severity
    state: AlarmState
    raised_at: datetime
    raised_value: float | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    cleared_at: datetime | None
    batch_seq: int | None


class LiveValue(Struct, frozen=True, kw_only=True):
    """The newest reading of a signal, and the alarms that stand on it."""

    equipment_code: str
    metric: str
    value: float
    unit_code: str | None
    quality: float
    event_time: datetime
    received_at: datetime
    alarms: list[Alarm]


_ALARM = [alarms.c[name] for name in Alarm.__struct_fields__]
_OWN = ("change_seq", "alarm_id", "transition", "changed_at", "value", "changed_by")
_CHANGE = [alarm_changes.c[name] if name in _OWN else alarms.c[name] for name in AlarmChange.__struct_fields__]


class AlarmDesk:
    """The alarms and last values of every site."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def live(
        self, site_code: str, equipment_code: str | None, after: tuple[str, str] | None, limit: int
    ) -> list[LiveValue]:
        """Return last values by the names of their signals."""
        columns, signals = last_values.c, api_signals.c
        same = and_(
            signals.site_code == columns.site_code,
            signals.equipment_code == columns.equipment_code,
            signals.metric == columns.metric,
        )
        page = (
            select(last_values, signals.unit_code)
            .outerjoin(api_signals, same)
            .where(columns.site_code == site_code)
            .order_by(columns.equipment_code, columns.metric)
            .limit(limit)
        )
        if equipment_code is not None:
            page = page.where(columns.equipment_code == equipment_code)
        if after is not None:
            page = page.where(tuple_(columns.equipment_code, columns.metric) > after)
        standing = select(*_ALARM).where(alarms.c.site_code == site_code, _is_active()).order_by(alarms.c.alarm_id)
        async with self._store.statements() as connection:
            rows = (await connection.execute(page)).mappings().all()
            on: dict[tuple[str, str], list[Alarm]] = {}
            for alarm in (await connection.execute(standing)).mappings():
                on.setdefault((alarm["equipment_code"], alarm["metric"]), []).append(Alarm(**alarm))
        names = [name for name in LiveValue.__struct_fields__ if name != "alarms"]
        return [
            LiveValue(**{name: row[name] for name in names}, alarms=on.get((row["equipment_code"], row["metric"]), []))
            for row in rows
        ]

    async def page(
        self, site_code: str, *, is_active: bool, severity: Severity | None, after: int, limit: int
    ) -> list[Alarm]:
        """Return the alarms that follow a cursor, in the order they were raised."""
        wanted = select(*_ALARM).where(alarms.c.site_code == site_code, alarms.c.alarm_id > after)
        if is_active:
            wanted = wanted.where(_is_active())
        if severity is not None:
            wanted = wanted.where(alarms.c.severity == severity)
        async with self._store.statements() as connection:
            rows = (await connection.execute(wanted.order_by(alarms.c.alarm_id).limit(limit))).mappings()
            return [Alarm(**row) for row in rows]

    async def acknowledge(self, site_code: str, alarm_id: int, by: str, at: datetime) -> Alarm:
        """Note who has seen an alarm. The first one counts; a cleared alarm stays cleared.

        Raises:
            NotThere: The site has no such alarm.
        """
        own = and_(alarms.c.site_code == site_code, alarms.c.alarm_id == alarm_id)
        seen: dict[str, Any] = {"acknowledged_at": at, "acknowledged_by": by}
        state = func.replace(alarms.c.state, "raised", "acknowledged")
        note = update(alarms).where(own, alarms.c.acknowledged_at.is_(None)).values(**seen, state=state)
        async with self._store.transaction() as connection:
            await connection.execute(_PASS_GATE, {"space": GATE_SPACE, "site_code": site_code})
            is_first = (await connection.execute(note)).rowcount
            found = (await connection.execute(select(*_ALARM).where(own))).mappings().one_or_none()
            if found is None:
                raise NotThere(f"site {site_code!r} has no alarm {alarm_id}")
            if is_first:
                change = {"alarm_id": alarm_id, "transition": "acknowledged", "changed_at": at, "changed_by": by}
                await connection.execute(insert(alarm_changes).values(site_code=site_code, **change))
        return Alarm(**found)

    async def changes(self, site_code: str, after: int, limit: int, up_to: int | None = None) -> Sequence[AlarmChange]:
        """Return the changes that follow a cursor. Up to a mark of `export.py`, none can appear behind them later."""
        columns = alarm_changes.c
        page = select(*_CHANGE).join(alarms, alarms.c.alarm_id == columns.alarm_id)
        page = page.where(columns.site_code == site_code, columns.change_seq > after)
        if up_to is not None:
            page = page.where(columns.change_seq <= up_to)
        async with self._store.statements() as connection:
            rows = (await connection.execute(page.order_by(columns.change_seq).limit(limit))).mappings()
            return [AlarmChange(**row) for row in rows]


def _is_active() -> ColumnElement[bool]:
    return alarms.c.state.in_(("raised", "acknowledged"))
