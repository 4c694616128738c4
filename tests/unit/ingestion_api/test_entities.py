"""What may be registered."""

from typing import Any

import msgspec
import pytest

from ingestion_api.entities import SHAPES, Shape, Shift, Signal, Site, Worker, WorkUnit
from ingestion_api.errors import InvalidEntity

EQUIPMENT = next(shape for shape in SHAPES if shape.entity == "equipment")
SIGNALS = next(shape for shape in SHAPES if shape.entity == "signals")


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (Site, {"name": "Hamburg", "time_zone": "Europe/Berlin"}),
        (Site, {"name": "Nowhere", "time_zone": "UTC"}),
        (Shift, {"name": "Night", "starts_at_local": "22:00", "ends_at_local": "06:00"}),
        (Shift, {"name": "Day", "starts_at_local": "00:00", "ends_at_local": "23:59"}),
        (Signal, {}),
        (Signal, {"low_limit": 1, "high_limit": 1}),
        (WorkUnit, {"name": "S3", "target_units_per_h": 0}),
        (Worker, {"active_since": "2025-09-01T00:00:00+02:00"}),
    ],
)
def test_valid_payloads(kind: type[msgspec.Struct], payload: dict[str, Any]) -> None:
    msgspec.json.decode(msgspec.json.encode(payload), type=kind)


@pytest.mark.parametrize(
    ("kind", "payload", "said"),
    [
        (Site, {"name": "Hamburg", "time_zone": "Europe/Hamburg"}, "IANA"),
        (Site, {"name": "Hamburg", "time_zone": "CEST"}, "IANA"),
        (Site, {"name": "Hamburg", "time_zone": "../../etc/passwd"}, "IANA"),
        (Site, {"name": "", "time_zone": "UTC"}, "length >= 1"),
        (Site, {"name": "a\x00b", "time_zone": "UTC"}, "regex"),
        (Site, {"name": "Hamburg", "time_zone": "UTC", "colour": "red"}, "colour"),
        (Site, {"name": "Hamburg"}, "time_zone"),
        (Shift, {"name": "Night", "starts_at_local": "24:00", "ends_at_local": "06:00"}, "starts_at_local"),
        (Shift, {"name": "Night", "starts_at_local": "22:60", "ends_at_local": "06:00"}, "starts_at_local"),
        (Shift, {"name": "Night", "starts_at_local": "22:00", "ends_at_local": "6:00"}, "ends_at_local"),
        (Shift, {"name": "Night", "starts_at_local": "22:00\n", "ends_at_local": "06:00"}, "starts_at_local"),
        (Signal, {"low_limit": 2, "high_limit": 1}, "above"),
        (WorkUnit, {"name": "S3", "target_units_per_h": -1}, "target_units_per_h"),
        (Worker, {"active_since": "2025-09-01T00:00:00"}, "timezone"),
        (Worker, {"name": "Erika Mustermann"}, "name"),
    ],
)
def test_invalid_payloads(kind: type[msgspec.Struct], payload: dict[str, Any], said: str) -> None:
    """C39: a worker is a pseudonym; a name is refused."""
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.json.decode(msgspec.json.encode(payload), type=kind)


@pytest.mark.parametrize("code", ["", "a/b", "a\x00", "a\n", "x" * 201, "�"])
def test_codes_that_no_path_can_name(code: str) -> None:
    with pytest.raises(InvalidEntity):
        EQUIPMENT.keys("demo", (code,))


def test_metric_may_hold_slashes_but_its_equipment_may_not() -> None:
    assert SIGNALS.keys("demo", ("pump-1", "motor/current")) == {
        "site_code": "demo",
        "equipment_code": "pump-1",
        "metric": "motor/current",
    }
    with pytest.raises(InvalidEntity):
        SIGNALS.keys("demo", ("pump/1", "current"))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.entity)
def test_payload_and_keys_are_the_columns_of_the_table(shape: Shape) -> None:
    columns = {column.name for column in shape.table.columns} - {"site_code", "updated_at"}
    assert columns == {*shape.code_columns, *shape.payload.__struct_fields__} - {"site_code"}
