"""Ids of signals: equipment × metric of a site. Units and limits that somebody reviewed are the registry's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

Signal = tuple[str, str, str | None]
"""Equipment code, metric, unit code as seen (None: none)."""

_KNOWN = text(
    """
    select s.equipment_code, s.metric, s.signal_id, s.unit_code
    from unnest(cast(:equipment_codes as text[]), cast(:metrics as text[])) as w (equipment_code, metric)
    join raw.signals as s on s.site_code = :site_code and (s.equipment_code, s.metric) = (w.equipment_code, w.metric)
    """
)
# Only what is missing is sent: each row in conflict would use up an id.
_CREATE = text(
    """
    insert into raw.signals (site_code, equipment_code, metric, unit_code, recorded_at, unit_recorded_at)
    select :site_code, equipment_code, metric, unit_code, :recorded_at,
        case when unit_code is not null then :recorded_at end
    from unnest(cast(:equipment_codes as text[]), cast(:metrics as text[]), cast(:unit_codes as text[]))
        as w (equipment_code, metric, unit_code)
    order by equipment_code, metric
    on conflict (site_code, equipment_code, metric) do update
    set unit_code = excluded.unit_code, unit_recorded_at = excluded.unit_recorded_at
    where signals.unit_code is null
    """
)


_HOURS = text(
    """
    select distinct date_trunc('hour', event_time, 'UTC') from raw.readings where signal_id = any(:signal_ids)
    """
)


@dataclass(frozen=True)
class FoundSignals:
    """Ids of the signals that were asked for, in their order.

    Attributes:
        signal_ids: One per signal.
        labelled_ids: Of these, the ids whose unit was unknown until now.
    """

    signal_ids: list[int]
    labelled_ids: list[int]


def find_signals(
    connection: Connection, site_code: str, signals: Sequence[Signal], recorded_at: datetime
) -> FoundSignals:
    """Look signals up; a new one is created, and a unit is filled in once it is seen."""
    known = _known(connection, site_code, signals)
    missing = [signal for signal in signals if _is_news(signal, known.get(signal[:2]))]
    labelled = [known[signal[:2]][0] for signal in missing if signal[:2] in known]
    if missing:
        units = [unit for _, _, unit in missing]
        columns = _columns(site_code, missing) | {"unit_codes": units, "recorded_at": recorded_at}
        connection.execute(_CREATE, columns)
        known = _known(connection, site_code, signals)
    return FoundSignals([known[signal[:2]][0] for signal in signals], labelled)


def hours_of(connection: Connection, signal_ids: Sequence[int]) -> frozenset[datetime]:
    """The hours in which signals have readings."""
    if not signal_ids:
        return frozenset()
    return frozenset(connection.execute(_HOURS, {"signal_ids": list(signal_ids)}).scalars())


def _known(
    connection: Connection, site_code: str, signals: Sequence[Signal]
) -> dict[tuple[str, str], tuple[int, str | None]]:
    rows = connection.execute(_KNOWN, _columns(site_code, signals))
    return {(row.equipment_code, row.metric): (row.signal_id, row.unit_code) for row in rows}


def _is_news(signal: Signal, known: tuple[int, str | None] | None) -> bool:
    return known is None or (known[1] is None and signal[2] is not None)


def _columns(site_code: str, signals: Sequence[Signal]) -> dict[str, object]:
    return {
        "site_code": site_code,
        "equipment_codes": [equipment_code for equipment_code, _, _ in signals],
        "metrics": [metric for _, metric, _ in signals],
    }
