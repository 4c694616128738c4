"""The newest accepted reading of each signal is its last value, in one order for all batches."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ingestion_api.columns import ReadingColumns
from ingestion_api.last_values import newest

NOW = datetime(2026, 2, 6, 10, 30, tzinfo=UTC)
SECONDS = st.one_of(st.none(), st.integers(-5, 5))
ROWS = st.lists(st.tuples(st.sampled_from(["pump-1", "pump-2", "fan-1"]), SECONDS, st.booleans()), max_size=20)


@given(ROWS, st.booleans())
def test_the_newest_accepted_reading_of_each_signal_is_chosen(rows: list[Any], is_sorted: bool) -> None:
    if is_sorted:  # the shortcut
        rows = sorted(((name, second or 0, True) for name, second, _ in rows), key=lambda row: row[1])
    columns = ReadingColumns(
        item_index=range(len(rows)),
        equipment_code=[name for name, _, _ in rows],
        metric=["flow"] * len(rows),
        value=[float(number) for number in range(len(rows))],
        event_time=[None if second is None else NOW + timedelta(seconds=second) for _, second, _ in rows],
        unit_code=[None] * len(rows),
        quality=[1.0] * len(rows),
    )
    refused = {number for number, (_, _, is_good) in enumerate(rows) if not is_good}
    best: dict[str, tuple[int, int]] = {}
    for number, (name, second, is_good) in enumerate(rows):
        if is_good:
            best[name] = max(best.get(name, (-9, -1)), (second or 0, number))
    chosen = newest(columns, NOW, refused)
    assert [(one.equipment_code, one.value, one.event_time) for one in chosen] == [
        (name, float(number), NOW + timedelta(seconds=second)) for name, (second, number) in sorted(best.items())
    ]
