"""Judges a parsed batch: which items are accepted, which quarantined, which signals are new. The rules are in `rules`.

Nothing here reads bytes or a database, so a batch can be judged twice, and a quarantined item again.
"""

from dataclasses import dataclass

from ingestion_api.columns import Columns, ReadingColumns
from ingestion_api.contract import ReasonCode, Refusal
from ingestion_api.formats.parsed import ParsedBody
from ingestion_api.known_codes import KnownCodes
from ingestion_api.layout import SignalKey
from ingestion_api.rules import Circumstances, find_broken

# What a registration made elsewhere a moment ago would change.
_DOUBTFUL: frozenset[ReasonCode] = frozenset(
    {"unknown_equipment", "unknown_work_unit", "unknown_worker", "unit_mismatch"}
)


@dataclass(frozen=True)
class Judgement:
    """The verdict on a batch.

    Attributes:
        refused: Every quarantined item, in the order of the batch.
        accepted_count: The others.
        new_signals: (equipment, metric): unit, for the accepted readings of signals nobody registered.
    """

    refused: list[Refusal]
    accepted_count: int
    new_signals: dict[SignalKey, str | None]

    def is_doubtful(self) -> bool:
        """Tell whether a fresher look at the registry might accept more."""
        return any(refusal.reason_code in _DOUBTFUL for refusal in self.refused)


def judge(body: ParsedBody, circumstances: Circumstances) -> Judgement:
    """Judge every item of a batch."""
    columns = body.columns
    broken = find_broken(columns, circumstances)
    new_signals: dict[SignalKey, str | None] = {}
    if isinstance(columns, ReadingColumns):
        new_signals = _settle_signals(columns, circumstances.known, broken)
    refused = [*body.unreadable, *_refusals(columns, broken)]
    refused.sort(key=lambda refusal: refusal.index)
    return Judgement(refused, body.item_count - len(refused), new_signals)


def _refusals(columns: Columns, broken: dict[int, tuple[ReasonCode, str]]) -> list[Refusal]:
    return [
        Refusal(index=columns.item_index[row], reason_code=reason_code, detail=detail)
        for row, (reason_code, detail) in broken.items()
    ]


def _settle_signals(
    columns: ReadingColumns, known: KnownCodes, broken: dict[int, tuple[ReasonCode, str]]
) -> dict[SignalKey, str | None]:
    """Hold every accepted reading to its signal's unit; the first accepted reading of a new signal brings the unit.

    Not a rule of its own in `rules`, because what it says of a row depends on the rows before it.
    """
    layout = columns.layout
    if layout.fitted_at == known.change_seq:
        return {}
    rows = list(zip(columns.equipment_code, columns.metric, columns.unit_code, strict=True))
    # A set less a set costs a tenth of a call for each of its rows.
    if all(_fits(known.signals, *row) for row in set(rows) - known.fitting):
        layout.fitted_at = known.change_seq
        return {}
    new: dict[SignalKey, str | None] = {}
    for row, (equipment_code, metric, unit_code) in enumerate(rows):
        if row in broken:
            continue
        key = equipment_code, metric
        registered = known.signals[key] if key in known.signals else new.setdefault(key, unit_code)
        if key in new and registered is None:
            new[key] = unit_code
        elif unit_code is not None and registered is not None and unit_code != registered:
            sentence = f"unit_code is {unit_code!r}, but {equipment_code}/{metric} is measured in {registered!r}"
            broken[row] = "unit_mismatch", sentence
    return new


def _fits(signals: dict[SignalKey, str | None], equipment_code: str, metric: str, unit_code: str | None) -> bool:
    key = equipment_code, metric
    if key not in signals:
        return False
    registered = signals[key]
    return unit_code is None or registered is None or unit_code == registered
