"""Sparkplug B: what births, data and deaths say, and when a rebirth is asked for."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_client.collectors.sparkplug import Sparkplug
from edge_client.collectors.sparkplug_payload import Payload

AT_MS = 1_772_359_200_000


def message(seq: int, *metrics: dict[str, Any]) -> bytes:
    payload = Payload(timestamp=AT_MS, seq=seq)
    for metric in metrics:
        payload.metrics.add(**metric)
    return bytes(payload.SerializeToString())


def born() -> Sparkplug:
    nodes = Sparkplug({})
    nodes.decode("spBv1.0/g/NBIRTH/n", message(0, {"name": "load", "alias": 1, "double_value": 0.5}), 0)
    nodes.decode("spBv1.0/g/DBIRTH/n/P1", message(1, {"name": "flow", "alias": 2, "double_value": 1.5}), 0)
    return nodes


def values(items: list[bytes]) -> list[tuple[str, str, float, float]]:
    read = [msgspec.json.decode(item) for item in items]
    return [(i["equipment_code"], i["metric"], i["value"], i.get("quality", 1)) for i in read]


def test_data_is_named_by_the_alias_of_its_own_device() -> None:
    decoded = born().decode("spBv1.0/g/DDATA/n/P1", message(2, {"alias": 2, "float_value": 2.5}), 0)
    assert values(decoded.items) == [("P1", "flow", 2.5, 1)]
    assert msgspec.json.decode(decoded.items[0])["event_time"] == "2026-03-01T10:00:00+00:00"
    assert decoded.rebirth is None


def test_an_unknown_alias_is_skipped_by_name_and_asks_once_for_a_rebirth() -> None:
    nodes = born()
    first = nodes.decode("spBv1.0/g/DDATA/n/P1", message(2, {"alias": 9, "float_value": 1}), 100)
    again = nodes.decode("spBv1.0/g/DDATA/n/P1", message(3, {"alias": 9, "float_value": 1}), 105)
    later = nodes.decode("spBv1.0/g/DDATA/n/P1", message(4, {"alias": 9, "float_value": 1}), 111)
    assert [d.rebirth for d in (first, again, later)] == ["g/n", None, "g/n"]
    assert "alias 9" in first.skips[0].reason


def test_a_gap_asks_for_a_rebirth_and_the_numbers_wrap() -> None:
    nodes = born()
    asked = [
        nodes.decode("spBv1.0/g/NDATA/n", message(seq % 256, {"alias": 1, "double_value": 1}), seq * 20).rebirth
        for seq in [*range(2, 258), 259]
    ]
    assert asked == [None] * 256 + ["g/n"]


@pytest.mark.parametrize(("topic", "stale"), [("spBv1.0/g/DDEATH/n/P1", 1), ("spBv1.0/g/NDEATH/n", 2)])
def test_a_death_repeats_the_last_values_once_as_useless(topic: str, stale: int) -> None:
    nodes = born()
    assert [value[3] for value in values(nodes.decode(topic, message(2), 0).items)] == [0.0] * stale
    assert nodes.decode(topic, message(3), 0).items == []


@pytest.mark.parametrize(
    ("datatype", "field", "sent", "value"),
    [
        (1, "int_value", 0xFF, -1),
        (2, "int_value", 0xFFFE, -2),
        (3, "int_value", 2**32 - 5, -5),
        (4, "long_value", 2**64 - 7, -7),
        (7, "int_value", 2**32 - 5, 2**32 - 5),
        (11, "boolean_value", True, 1),
    ],
)
def test_integers_travel_unsigned_and_mean_what_their_type_says(datatype, field, sent, value) -> None:
    metric = {"name": "x", "datatype": datatype, field: sent}
    assert values(born().decode("spBv1.0/g/NDATA/n", message(2, metric), 0).items) == [("n", "x", value, 1)]


def test_the_quality_property_is_kept() -> None:
    payload = Payload(timestamp=AT_MS, seq=2)
    metric = payload.metrics.add(name="x", double_value=1)
    metric.properties.keys.append("Quality")
    metric.properties.values.add(int_value=500)
    items = born().decode("spBv1.0/g/NDATA/n", bytes(payload.SerializeToString()), 0).items
    assert values(items) == [("n", "x", 1, 0)]


def test_names_are_remembered_across_a_restart() -> None:
    again = Sparkplug({"g/n": born().memory("g/n"), "messages": ""})
    decoded = again.decode("spBv1.0/g/DDATA/n/P1", message(2, {"alias": 2, "float_value": 2.5}), 0)
    assert values(decoded.items) == [("P1", "flow", 2.5, 1)]
    assert decoded.rebirth == "g/n"


@given(st.binary(), st.sampled_from(["NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH", "STATE"]))
def test_no_payload_raises(body: bytes, kind: str) -> None:
    born().decode(f"spBv1.0/g/{kind}/n/P1", body, 0)
