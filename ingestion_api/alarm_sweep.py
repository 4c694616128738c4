"""Judges what no push does: signals that fell silent, last values that came past a rule, rules that were withdrawn.

One task in each process; an advisory lock lets one of them sweep at a time.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from ingestion_api.alarm_store import Held, hold, settle, write
from ingestion_api.alarm_watch import AlarmWatch
from ingestion_api.alarms import Case, State, Transition, judge_silence
from ingestion_api.inbox import GATE_SPACE
from ingestion_api.logs import log
from ingestion_api.registry_cache import RegistryCache
from ingestion_api.rounds import rounds
from ingestion_api.store import Store
from ingestion_api.watch import Watch
from warehouse.tables import alarm_rules, alarm_states, last_values

SWEEP_EVERY_S = 1.0
# "mr" in ASCII, and a number; the lock is the whole database's, so its other half is a constant.
_SWEEP_SPACE = 0x6D72_0005
_TRY = text("select pg_try_advisory_xact_lock(:space, 0)")
_PASS_GATE = text("select pg_advisory_xact_lock_shared(:space, hashtext(:site_code))")


class AlarmSweep:
    """Sweeps all sites again and again."""

    def __init__(
        self, store: Store, registry_cache: RegistryCache, alarm_watch: AlarmWatch, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._registry_cache = registry_cache
        self._alarm_watch = alarm_watch
        self._now = now

    async def run(self, stopping: asyncio.Event) -> None:
        """Sweep until told to stop; a store that is away is tried again."""
        async for _ in rounds(SWEEP_EVERY_S, stopping):
            try:
                await self.sweep()
            except SQLAlchemyError as error:
                log.warning("sweep_failed", error=type(error).__name__)

    async def sweep(self) -> None:
        """Sweep once, unless somebody else does."""
        async with self._store.transaction() as guard:
            if not (await guard.execute(_TRY, {"space": _SWEEP_SPACE})).scalar_one():
                return
            sites = (await guard.execute(select(alarm_rules.c.site_code).distinct())).scalars().all()
            for site_code in sites:
                watch = (await self._registry_cache.codes(site_code)).watch
                if await self._sweep_site(site_code, watch):
                    self._alarm_watch.forget(site_code)

    async def _sweep_site(self, site_code: str, watch: Watch) -> bool:
        async with self._store.transaction() as connection:
            now = self._now()
            standing, withdrawn = await _not_normal(connection, site_code, watch)
            silent = await _silent(connection, site_code, watch, now)
            cases = sorted([*standing, *withdrawn, *silent], key=lambda case: (case.signal, case.rule_code))
            if not cases:
                return False
            held = await hold(connection, site_code, cases)
            await connection.execute(_PASS_GATE, {"space": GATE_SPACE, "site_code": site_code})
            ended = [_withdraw(one, now) for one in held if one.case in withdrawn]
            quiet = [_judge_silence(one, now) for one in held if one.case in silent]
            changed = await settle(connection, site_code, [one for one in held if one.case in standing])
            return await write(connection, site_code, [*ended, *quiet]) or changed


async def _not_normal(connection: AsyncConnection, site_code: str, watch: Watch) -> tuple[list[Case], list[Case]]:
    """Return the cases whose state is not normal: those with a rule, and those whose rule does not watch any more."""
    columns = alarm_states.c
    wanted = select(columns.equipment_code, columns.metric, columns.rule_code)
    rows = await connection.execute(wanted.where(columns.site_code == site_code, ~columns.is_normal))
    standing, withdrawn = [], []
    for row in rows:
        signal = row.equipment_code, row.metric
        rule = watch.rules_of(signal).get(row.rule_code)
        if rule is None:
            withdrawn.append(Case(row.rule_code, None, signal))
        else:
            standing.append(Case(row.rule_code, rule, signal))
    return standing, withdrawn


async def _silent(connection: AsyncConnection, site_code: str, watch: Watch, now: datetime) -> list[Case]:
    """Return the cases of kind missing_data whose signal sent nothing for too long and that are not raised."""
    watched = {
        (*signal, code): rule
        for signal, rules in watch.rules().items()
        for code, rule in rules.items()
        if rule.kind == "missing_data"
    }
    if not watched:
        return []
    columns, states = last_values.c, alarm_states.c
    seen = await connection.execute(
        select(columns.equipment_code, columns.metric, columns.received_at).where(columns.site_code == site_code)
    )
    received = {(row.equipment_code, row.metric): row.received_at for row in seen}
    raised = await connection.execute(
        select(states.equipment_code, states.metric, states.rule_code).where(
            states.site_code == site_code, states.is_raised
        )
    )
    standing = {(row.equipment_code, row.metric, row.rule_code) for row in raised}
    return [
        Case(code, rule, (equipment_code, metric))
        for (equipment_code, metric, code), rule in watched.items()
        if (last := received.get((equipment_code, metric))) is not None
        and (now - last).total_seconds() > rule.duration_s
        and (equipment_code, metric, code) not in standing
    ]


def _withdraw(held: Held, now: datetime) -> tuple[Held, State, list[Transition]]:
    """End what a rule that does not watch any more left behind."""
    ended = [Transition("cleared", now, None)] if held.state.is_raised else []
    return held, State(last_time=held.state.last_time), ended


def _judge_silence(held: Held, now: datetime) -> tuple[Held, State, list[Transition]]:
    """Judge by the time of receipt: a device whose clock is slow is not silent."""
    if held.case.rule is None or held.last is None or held.received_at is None:
        return held, held.state, []
    state, transitions = judge_silence(held.case.rule, replace(held.state, last_time=held.received_at), now)
    return held, replace(state, last_time=held.last[0]), transitions
