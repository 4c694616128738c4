"""The columns every body format ends in and every rule reads. Reading bytes does not belong here; see `formats/`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from ingestion_api.contract import Event, Reading
from ingestion_api.layout import Layout


@dataclass
class ReadingColumns:
    """Readings, one list per field; row i stood at `item_index[i]` of its batch. Times carry an offset."""

    item_index: Sequence[int]
    equipment_code: list[str]
    metric: list[str]
    value: list[float]
    event_time: list[datetime | None]
    unit_code: list[str | None]
    quality: list[float]

    @cached_property
    def layout(self) -> Layout:
        """What the rows are of."""
        return Layout(self.equipment_code, self.metric, self.unit_code)

    def share(self, layout: Layout) -> None:
        """Take an equal layout that is known better, and its texts: 3,000 are best freed while they are warm."""
        self.layout = layout
        self.equipment_code, self.metric, self.unit_code = layout.equipment_code, layout.metric, layout.unit_code

    @cached_property
    def is_in_order(self) -> bool:
        """Whether every row has a time and none is older than the row before it, as in most batches."""
        times = self.event_time
        try:
            # Sorting what is sorted is one walk in C.
            return bool(times) and times[0] is not None and sorted(times) == times  # type: ignore[type-var]
        except TypeError:  # some have a time and some have none
            return False


@dataclass
class EventColumns:
    """Events, one list per field; as `ReadingColumns`. No work unit and no worker are None, never empty."""

    item_index: Sequence[int]
    source_code: list[str]
    event_type: list[str]
    event_time: list[datetime | None]
    work_unit_code: list[str | None]
    worker_code: list[str | None]
    duration_s: list[float | None]
    units_produced: list[int | None]
    confidence: list[float | None]


Columns = ReadingColumns | EventColumns


def of_readings(item_index: Sequence[int], items: Sequence[Reading]) -> ReadingColumns:
    """Turn items into columns. One comprehension a column: 75 µs per 1,000 items, four times faster than a zip."""
    return ReadingColumns(
        item_index=item_index,
        equipment_code=[item.equipment_code for item in items],
        metric=[item.metric for item in items],
        value=[item.value for item in items],
        event_time=[item.event_time for item in items],
        unit_code=[item.unit_code or None for item in items],
        quality=[item.quality for item in items],
    )


def of_events(item_index: Sequence[int], items: Sequence[Event]) -> EventColumns:
    """Turn items into columns, as `of_readings`."""
    return EventColumns(
        item_index=item_index,
        source_code=[item.source_code for item in items],
        event_type=[item.event_type for item in items],
        event_time=[item.event_time for item in items],
        work_unit_code=[item.work_unit_code or None for item in items],
        worker_code=[item.worker_code or None for item in items],
        duration_s=[item.duration_s for item in items],
        units_produced=[item.units_produced for item in items],
        confidence=[item.confidence for item in items],
    )
