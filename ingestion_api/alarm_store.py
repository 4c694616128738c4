"""What alarm rules remember, and alarms, in the database. Which readings are judged is decided in `alarm_watch.py`.

Locks are taken in one order everywhere, so nothing waits in a circle: states, in the order of their keys; then the
site's gate; then alarms. Whoever logs a change holds the gate, so `export.py` can tell which changes are complete.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ingestion_api.alarms import Case, State, Transition, judge
from ingestion_api.layout import SignalKey
from ingestion_api.store import Store
from warehouse.tables import alarm_changes, alarm_states, alarms

# Makes the rows that are missing and locks all: an update that changes nothing locks as `for update` does, without
# leaving a moment between making and locking. Last values come with them, read before the batch replaces them.
_LOCK = text(
    """
    with wanted as (
        select * from unnest(cast(:equipment_code as text[]), cast(:metric as text[]), cast(:rule_code as text[]))
            as wanted (equipment_code, metric, rule_code)
    ),
    locked as (
        insert into inbox.alarm_states as states
            (site_code, equipment_code, metric, rule_code, is_raised, is_normal)
        select :site_code, equipment_code, metric, rule_code, false, true
        from wanted order by equipment_code, metric, rule_code
        on conflict (site_code, equipment_code, metric, rule_code) do update set site_code = states.site_code
        returning states.*
    )
    select locked.* from locked
    """
)
_LAST = text(
    """
    select equipment_code, metric, event_time, value, received_at from inbox.last_values
    where site_code = :site_code and (equipment_code, metric) in (
        select * from unnest(cast(:equipment_code as text[]), cast(:metric as text[]))
    )
    """
)
_NOT_NORMAL = select(alarm_states.c.equipment_code, alarm_states.c.metric).where(~alarm_states.c.is_normal).distinct()


@dataclass(frozen=True)
class Held:
    """A case with its state, locked, and the alarm that stands."""

    case: Case
    state: State
    alarm_id: int | None
    last: tuple[datetime, float] | None = None
    received_at: datetime | None = None


async def not_normal(store: Store, site_code: str) -> set[SignalKey]:
    """Return the signals with a state that the next reading may change, whatever it says."""
    async with store.statements() as connection:
        rows = await connection.execute(_NOT_NORMAL.where(alarm_states.c.site_code == site_code))
        return {(row.equipment_code, row.metric) for row in rows}


async def hold(connection: AsyncConnection, site_code: str, cases: Sequence[Case]) -> list[Held]:
    """Lock the states of cases until the transaction ends; call it before the gate is passed."""
    wanted = {
        "site_code": site_code,
        "equipment_code": [case.signal[0] for case in cases],
        "metric": [case.signal[1] for case in cases],
    }
    rules = [case.rule_code for case in cases]
    locked = {
        (row["equipment_code"], row["metric"], row["rule_code"]): row
        for row in (await connection.execute(_LOCK, {**wanted, "rule_code": rules})).mappings()
    }
    last = {(row.equipment_code, row.metric): row for row in await connection.execute(_LAST, wanted)}
    held = []
    for case in cases:
        row = locked[*case.signal, case.rule_code]
        state = State(
            last_time=row["event_time"], since=row["started_at"], unmoved=row["unmoved"], is_raised=row["is_raised"]
        )
        newest = last.get(case.signal)
        reading = None if newest is None else (newest.event_time, newest.value)
        held.append(Held(case, state, row["alarm_id"], reading, None if newest is None else newest.received_at))
    return held


async def settle(
    connection: AsyncConnection, site_code: str, held: Sequence[Held], batch_seq: int | None = None
) -> bool:
    """Judge cases and write what became of them. The last value is judged too, if a batch came past unjudged.

    Returns:
        Whether a signal came back to normal or left it.
    """
    judged = []
    for one in held:
        if one.case.rule is None:
            continue
        # First, so that what is older than it is late.
        state, unjudged = judge(one.case.rule, one.state, [one.last] if one.last else [])
        state, transitions = judge(one.case.rule, state, one.case.readings)
        judged.append((one, state, [*unjudged, *transitions]))
    return await write(connection, site_code, judged, batch_seq)


async def write(
    connection: AsyncConnection,
    site_code: str,
    judged: Sequence[tuple[Held, State, Sequence[Transition]]],
    batch_seq: int | None = None,
) -> bool:
    """Write new states, and the alarms and changes that follow; the transaction holds the gate.

    Returns:
        As `settle`.
    """
    if not judged:
        return False
    episodes: list[dict[str, Any]] = []
    ended: list[dict[str, Any]] = []
    told: list[tuple[Transition, int | None, int]] = []
    open_of: list[int | None] = []
    for held, _, transitions in judged:
        alarm_id, opened = held.alarm_id, None
        for transition in transitions:
            if transition.change == "raised":
                opened, alarm_id = len(episodes), None
                episodes.append(_episode(site_code, held.case, transition, batch_seq))
            elif opened is not None:
                episodes[opened].update(state="cleared", cleared_at=transition.at)
            else:
                ended.append({"ended_id": alarm_id, "ended_at": transition.at})
            told.append((transition, alarm_id, opened if opened is not None else -1))
        open_of.append(opened)
    ids = await _insert(connection, episodes)
    if ended:
        clear = update(alarms).where(alarms.c.alarm_id == bindparam("ended_id"))
        await connection.execute(clear.values(state="cleared", cleared_at=bindparam("ended_at")), ended)
    if told:
        changes = [
            {
                "site_code": site_code,
                "alarm_id": alarm_id if alarm_id is not None else ids[opened],
                "transition": transition.change,
                "changed_at": transition.at,
                "value": transition.value,
            }
            for transition, alarm_id, opened in told
        ]
        await connection.execute(insert(alarm_changes), changes)
    await _remember(connection, site_code, judged, [None if at is None else ids[at] for at in open_of])
    return any(held.state.is_normal() != state.is_normal() for held, state, _ in judged)


def _episode(site_code: str, case: Case, transition: Transition, batch_seq: int | None) -> dict[str, Any]:
    return {
        "site_code": site_code,
        "rule_code": case.rule_code,
        "equipment_code": case.signal[0],
        "metric": case.signal[1],
        "severity": case.rule.severity if case.rule else "low",
        "state": "raised",
        "raised_at": transition.at,
        "raised_value": transition.value,
        "cleared_at": None,
        "batch_seq": batch_seq,
    }


async def _insert(connection: AsyncConnection, episodes: list[dict[str, Any]]) -> list[int]:
    if not episodes:
        return []
    made = insert(alarms).returning(alarms.c.alarm_id, sort_by_parameter_order=True)
    return list((await connection.execute(made, episodes)).scalars())


async def _remember(
    connection: AsyncConnection,
    site_code: str,
    judged: Sequence[tuple[Held, State, Sequence[Transition]]],
    new_alarms: Sequence[int | None],
) -> None:
    rows = []
    for (held, state, _), new_alarm in zip(judged, new_alarms, strict=True):
        rows.append(
            {
                "s": site_code,
                "e": held.case.signal[0],
                "m": held.case.signal[1],
                "r": held.case.rule_code,
                "event_time": state.last_time,
                "started_at": state.since,
                "unmoved": state.unmoved,
                "is_raised": state.is_raised,
                "is_normal": state.is_normal(),
                "alarm_id": (new_alarm or held.alarm_id) if state.is_raised else None,
            }
        )
    columns = alarm_states.c
    row = update(alarm_states).where(
        columns.site_code == bindparam("s"),
        columns.equipment_code == bindparam("e"),
        columns.metric == bindparam("m"),
        columns.rule_code == bindparam("r"),
    )
    names = ("event_time", "started_at", "unmoved", "is_raised", "is_normal", "alarm_id")
    await connection.execute(row.values({name: bindparam(name) for name in names}), rows)
