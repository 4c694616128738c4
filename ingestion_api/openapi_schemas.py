"""The schemas of the API's description: they come from the types themselves, so they cannot disagree with the code.

What endpoints take, answer and refuse does not belong here; `openapi.py` tells it.
"""

from typing import Any

import msgspec

from ingestion_api.alarm_desk import Alarm, LiveValue
from ingestion_api.batch_items import BatchItem
from ingestion_api.contract import (
    AlarmChange,
    BatchReceipt,
    Event,
    Loss,
    LossReport,
    Problem,
    Reading,
    RegistryChange,
)
from ingestion_api.entities import SHAPES, Shape
from ingestion_api.model_health import ModelHealth
from ingestion_api.quarantine import QuarantinedItem, Released, ReleaseRequest
from ingestion_api.system_health import SystemHealth

Json = dict[str, Any]

_TYPES = (
    Reading,
    Event,
    BatchReceipt,
    BatchItem,
    Problem,
    RegistryChange,
    QuarantinedItem,
    ReleaseRequest,
    Released,
    LossReport,
    Loss,
    Alarm,
    AlarmChange,
    LiveValue,
    ModelHealth,
    SystemHealth,
)
_COUNT: Json = {"type": "integer", "minimum": 0}


def reference(name: str) -> Json:
    """Point to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def row_name(shape: Shape) -> str:
    """Name the schema of an entity as it is answered."""
    return f"{shape.payload.__name__}Row"


def schemas() -> Json:
    """Every schema of the document, by name."""
    payloads = [shape.payload for shape in SHAPES]
    _, schemas = msgspec.json.schema_components(
        [*_TYPES, *payloads], schema_hook=_any_value, ref_template="#/components/schemas/{name}"
    )
    for shape in SHAPES:
        schemas[row_name(shape)] = _row(shape, schemas[shape.payload.__name__])
        schemas[f"{row_name(shape)}Page"] = _page(row_name(shape), {"type": "string"})
    schemas["SettledReceipt"] = _settled(schemas["BatchReceipt"])
    items = {"type": "array", "items": reference("BatchItem")}
    schemas["BatchItemPage"] = {"type": "object", "properties": {"items": items}, "required": ["items"]}
    schemas["ReadPage"] = _read_page()
    schemas["AlarmPage"] = _page("Alarm", _COUNT)
    schemas["AlarmChangePage"] = _page("AlarmChange", _COUNT)
    schemas["LivePage"] = _live_page()
    schemas["LossPage"] = _page("Loss", _COUNT)
    schemas["QuarantinePage"] = _page("QuarantinedItem", _COUNT)
    changes = {"type": "array", "items": reference("RegistryChange")}
    schemas["RegistryChanges"] = {"type": "object", "properties": {"changes": changes}, "required": ["changes"]}
    cursors = dict.fromkeys(("readings", "events", "registry", "alarms"), _COUNT)
    schemas["Cursors"] = {"type": "object", "properties": cursors, "required": list(cursors)}
    schemas["Health"] = {"type": "object", "properties": {"status": {"enum": ["live", "ready"]}}}
    return schemas


def _any_value(_: type) -> Json:
    return {"description": "Any JSON value"}


def _row(shape: Shape, payload: Json) -> Json:
    """Describe a row: the keys, and what a PUT writes."""
    keys: Json = {name: {"type": "string"} for name in ("site_code", *shape.code_columns)}
    properties = {**keys, **payload["properties"]}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _settled(receipt: Json) -> Json:
    """Describe a receipt with its settlement."""
    counts = dict.fromkeys(("accepted", "duplicate", "revised", "late", "quarantined"), _COUNT)
    properties = {
        "status": {"enum": ["settled", "pending", "unknown"], "description": "unknown: the warehouse is away"},
        **counts,
        "loaded_at": {"type": "string", "format": "date-time"},
        "reason": {"type": "string", "description": "Why it is unknown"},
    }
    settlement = {"type": "object", "properties": properties, "required": ["status"]}
    return {**receipt, "properties": {**receipt["properties"], "settlement": settlement}}


def _read_page() -> Json:
    time: Json = {"type": "string", "format": "date-time"}
    properties = {
        "items": {"type": "array", "items": {"type": "object"}},
        "next_cursor": {"type": ["string", "null"], "description": "Hand it back as cursor; null at the end"},
        "data_as_of": {"anyOf": [time, {"type": "null"}], "description": "How far the rows reach; null: no load yet"},
        "computed_at": time,
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def _live_page() -> Json:
    properties: Json = {
        "items": {"type": "array", "items": reference("LiveValue")},
        "next_cursor": {"type": ["string", "null"], "description": "Hand it back as cursor; null at the end"},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def _page(item: str, cursor: Json) -> Json:
    properties = {
        "items": {"type": "array", "items": reference(item)},
        "next_after": {"anyOf": [cursor, {"type": "null"}], "description": "Cursor of the next page; null at the end"},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}
