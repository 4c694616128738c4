"""Whatever order batches of recurring layouts are noted in, the newest reading of each signal is what waits."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ingestion_api.columns import ReadingColumns
from ingestion_api.last_value_writer import _Waiting
from ingestion_api.layout import Layouts

NOW = datetime(2026, 2, 6, 10, 30, tzinfo=UTC)
MACHINES = 33
# A batch: which layout, its first second, how its times go on, and whether it is chosen from in between.
BATCHES = st.lists(
    st.tuples(st.booleans(), st.integers(-4, 4), st.sampled_from([-1, 0, 1]), st.booleans()), min_size=1, max_size=8
)


def batch(is_other: bool, second: int, step: int, value: float) -> ReadingColumns:
    codes = [f"pump-{number}" for number in range(MACHINES)]
    codes = [*reversed(codes)] if is_other else codes
    return ReadingColumns(
        item_index=range(MACHINES),
        equipment_code=codes,
        metric=["flow"] * MACHINES,
        value=[value] * MACHINES,
        event_time=[NOW + timedelta(seconds=second + step * (row // 11)) for row in range(MACHINES)],
        unit_code=[None] * MACHINES,
        quality=[1.0] * MACHINES,
    )


@given(BATCHES)
def test_the_newest_reading_waits(batches: list[tuple[bool, int, int, bool]]) -> None:
    layouts, waiting = Layouts(), _Waiting()
    for is_other in (False, True):  # both recur from the start
        for _ in range(2):
            layouts.known("a", batch(is_other, 0, 0, 0.0).layout)
    expected: dict[str, tuple[datetime, int]] = {}
    for number, (is_other, second, step, is_chosen_from) in enumerate(batches):
        columns = batch(is_other, second, step, float(number))
        columns.share(layouts.known("a", columns.layout))
        waiting.note(columns, NOW + timedelta(seconds=number))
        if is_chosen_from:
            waiting.choose()
        for code, at in zip(columns.equipment_code, columns.event_time, strict=True):
            assert at is not None
            expected[code] = max(expected.get(code, (at, number)), (at, number))
    assert not any(kept.layout.is_recurring is False for kept, _ in waiting.batches.values())
    assert {code: (value.event_time, value.value) for (code, _), (value, _) in waiting.choose().items()} == {
        code: (at, float(number)) for code, (at, number) in expected.items()
    }
    assert waiting.batches == {}


def test_of_batches_that_overlap_each_signal_keeps_its_newest_reading() -> None:
    layouts, waiting = Layouts(), _Waiting()
    layouts.known("a", batch(False, 0, 0, 0.0).layout)
    for value, second, step in ((1.0, 0, 1), (2.0, 1, 0)):  # times 0, 1, 2 by thirds of the machines, then 1 of all
        columns = batch(False, second, step, value)
        columns.share(layouts.known("a", columns.layout))
        waiting.note(columns, NOW + timedelta(seconds=value))
    kept = [waiting.choose()[f"pump-{number}", "flow"][0].value for number in range(MACHINES)]
    assert kept == [2.0] * 22 + [1.0] * 11
