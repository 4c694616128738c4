"""Turns items that were read one by one into a parsed body. Reading them is done by each format."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from ingestion_api.columns import Columns, of_events, of_readings
from ingestion_api.contract import Event, Kind, Reading, ReasonCode, Refusal
from ingestion_api.errors import MalformedRequest, TooLarge
from ingestion_api.formats.parsed import ParsedBody

MAX_SENTENCE = 200
SHAPES: dict[Kind, type[Reading] | type[Event]] = {"readings": Reading, "events": Event}


@dataclass(frozen=True)
class Unreadable:
    """An item that cannot be read, and why."""

    reason_code: ReasonCode
    detail: str


Item = Reading | Event | Unreadable


def to_columns(kind: Kind, positions: Sequence[int], items: Sequence[Any]) -> Columns:
    """Turn readable items into columns; row i stood at `positions[i]`."""
    return of_readings(positions, items) if kind == "readings" else of_events(positions, items)


def assemble(
    kind: Kind, items: Sequence[Item], originals: Callable[[], Sequence[bytes]], *, has_relative_times: bool = False
) -> ParsedBody:
    """Build a parsed body of items in their order."""
    positions = [index for index, item in enumerate(items) if not isinstance(item, Unreadable)]
    return ParsedBody(
        columns=to_columns(kind, positions, [items[index] for index in positions]),
        unreadable=[
            Refusal(index=index, reason_code=item.reason_code, detail=item.detail)
            for index, item in enumerate(items)
            if isinstance(item, Unreadable)
        ],
        item_count=len(items),
        originals=originals,
        has_relative_times=has_relative_times,
    )


def convert(kind: Kind, fields: dict[str, Any], *, strict: bool) -> Item:
    """Make an item of values by the contract's names; texts become numbers and times where not `strict`."""
    try:
        item: Item = msgspec.convert(fields, SHAPES[kind], strict=strict)
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        return explain(str(error))
    return item


def explain(said: str) -> Unreadable:
    """Find the reason code behind what a decoder said of an item."""
    if "out of range" in said:
        return Unreadable("value_not_finite", sentence(f"{said}: no number a store can hold"))
    if "timezone component" in said:
        return Unreadable("malformed_item", "event_time needs an offset, such as 2026-02-06T10:30:00Z")
    return Unreadable("malformed_item", sentence(said))


def sentence(said: str) -> str:
    """Make a message fit to be stored: decoders quote what they were given."""
    return said.replace("\x00", "�").encode("utf-8", "replace").decode()[:MAX_SENTENCE]


def check_count(count: int, max_items: int) -> None:
    """Refuse a body of no item, and one of too many.

    Raises:
        MalformedRequest: There is none.
        TooLarge: There are more than allowed.
    """
    if count == 0:
        raise MalformedRequest("the body holds no item")
    if count > max_items:
        raise TooLarge(f"the batch holds {count} items; at most {max_items} are taken at once")


def fixed(originals: Sequence[bytes]) -> Callable[[], Sequence[bytes]]:
    """Answer with originals that are known already."""
    return partial(tuple, originals)
