"""CSV bodies (RFC 4180) with a header row, in UTF-8, parted by commas.

Long form: the columns bear the contract's names, a row is an item. Wide form, for readings: a time column, perhaps
`equipment_code`, and a column a metric; every cell that is not empty is a reading. A quote left open swallows the rows
behind it into one refused item.
"""

import csv
import io
from collections.abc import Sequence
from functools import partial

from ingestion_api.contract import Kind
from ingestion_api.errors import MalformedRequest
from ingestion_api.formats.context import Context
from ingestion_api.formats.items import SHAPES, Item, Unreadable, assemble, check_count, convert
from ingestion_api.formats.names import ALIASES, WIDE
from ingestion_api.formats.parsed import ParsedBody

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MAX_COLUMNS = 1_000
_SHARED = ("equipment_code", "event_time", "quality")
# Where an item stands: its record, and the column that holds its value, or None for the whole record.
_Place = tuple[bytes, int | None]


def parse(kind: Kind, body: bytes, context: Context) -> ParsedBody:
    """Turn records into columns.

    Raises:
        MalformedRequest: The header cannot be read, or there is no item.
        TooLarge: There are more items than allowed.
    """
    records = _records(body.removeprefix(_BYTE_ORDER_MARK), context.max_items)
    header = _cells(records[0]) if records else None
    if not isinstance(header, list) or not any(header):
        raise MalformedRequest("the first row of a CSV body has to name the columns")
    if len(header) > _MAX_COLUMNS:
        raise MalformedRequest(f"the header names {len(header)} columns; at most {_MAX_COLUMNS} are read")
    header = [name.strip() for name in header]
    names = [ALIASES[kind].get(name, name) for name in header]
    if len(set(names)) != len(names):
        raise MalformedRequest("a column is named twice in the header")
    is_wide = kind == "readings" and "metric" not in names and "value" not in names
    items: list[Item] = []
    places: list[_Place] = []
    for record in records[1:]:
        _read(kind, names, record, context, is_wide, items, places)
        if len(items) > context.max_items:
            break
    check_count(len(items), context.max_items)
    return assemble(kind, items, partial(_originals, header, names, records[0], places))


def _records(body: bytes, max_items: int) -> list[bytes]:
    """Split at line breaks that stand outside quotes; stop behind one record more than can be taken."""
    records: list[bytes] = []
    start = position = 0
    is_open = False
    while position < len(body) and len(records) <= max_items + 1:
        end = body.find(b"\n", position)
        end = len(body) if end < 0 else end + 1
        is_open ^= body.count(b'"', position, end) % 2 == 1
        if not is_open or end == len(body):
            if record := body[start:end].rstrip(b"\r\n"):
                records.append(record)
            start = end
        position = end
    return records


def _cells(record: bytes) -> list[str] | Unreadable:
    try:
        text = record.decode()
        cells = next(csv.reader(io.StringIO(text, newline=""), strict=True))
    except UnicodeDecodeError:
        return Unreadable("text_not_storable", "the row is not valid UTF-8")
    except (csv.Error, StopIteration) as error:
        return Unreadable("malformed_item", f"the row is not CSV: {error}")
    return cells


def _read(
    kind: Kind,
    names: Sequence[str],
    record: bytes,
    context: Context,
    is_wide: bool,
    items: list[Item],
    places: list[_Place],
) -> None:
    """Add the items of one record."""
    cells = _cells(record)
    if not isinstance(cells, list):
        items.append(cells)
        places.append((record, None))
        return
    if len(cells) != len(names):
        items.append(Unreadable("malformed_item", f"the row has {len(cells)} cells, the header {len(names)}"))
        places.append((record, None))
        return
    fields = {name: cell for name, cell in zip(names, cells, strict=True) if cell != ""}
    if not is_wide:
        known = {name: fields[name] for name in SHAPES[kind].__struct_fields__ if name in fields}
        items.append(_item(kind, known, context))
        places.append((record, None))
        return
    shared = {name: fields[name] for name in _SHARED if name in fields}
    for column, name in enumerate(names):
        if name in _SHARED or name not in fields:
            continue
        metric, unit_code = WIDE.get(name.lower(), (name, None))
        reading = {**shared, "metric": metric, "value": fields[name]}
        items.append(_item(kind, reading if unit_code is None else {**reading, "unit_code": unit_code}, context))
        places.append((record, column))


def _item(kind: Kind, fields: dict[str, str], context: Context) -> Item:
    if kind == "readings":
        fields.setdefault("equipment_code", context.equipment_code)
    else:
        fields.setdefault("source_code", context.source_code)
    return convert(kind, fields, strict=False)


def _originals(header: Sequence[str], names: Sequence[str], first: bytes, places: Sequence[_Place]) -> list[bytes]:
    """Put the header in front of each record, so that it can be read alone; of a wide one, only what the item needs."""
    return [
        b"%b\n%b" % (first, record) if column is None else _narrow(header, names, record, column)
        for record, column in places
    ]


def _narrow(header: Sequence[str], names: Sequence[str], record: bytes, column: int) -> bytes:
    cells = _cells(record)
    kept = [index for index, name in enumerate(names) if name in _SHARED or index == column]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([header[index] for index in kept])
    writer.writerow([cells[index] for index in kept] if isinstance(cells, list) else [])
    return text.getvalue().encode()
