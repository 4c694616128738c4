"""Plain JSON over MQTT: every documented payload, and nothing that raises."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_client.collectors.topics import Template, decode
from edge_client.errors import ConfigurationError

TEMPLATE = Template("{site}/{equipment_code}/{metric}")
MACHINE = Template("plant/+/{equipment_code}")
NOW = "1970-01-01T00:00:00+00:00"


def items(template: Template, topic: str, payload: bytes) -> list[tuple[str, dict[str, object]]]:
    return [(kind, msgspec.json.decode(item)) for kind, item in decode(template, topic, payload, 0)[0]]


def reading(metric: str, value: float, event_time: str = NOW) -> tuple[str, dict[str, object]]:
    return "readings", {"equipment_code": "P1", "metric": metric, "value": value, "event_time": event_time}


@pytest.mark.parametrize(
    ("template", "topic", "payload", "expected"),
    [
        (TEMPLATE, "demo/P1/m", b"1.5", [reading("m", 1.5)]),
        (TEMPLATE, "demo/P1/m", b"true", [reading("m", 1)]),
        (TEMPLATE, "demo/P1/m", b'{"value": 2, "ts": 60}', [reading("m", 2, "1970-01-01T00:01:00+00:00")]),
        (TEMPLATE, "demo/P1/m", b'{"value": 2, "ts": 1772359200000}', [reading("m", 2, "2026-03-01T10:00:00+00:00")]),
        (TEMPLATE, "demo/P1/m", b'[1, {"value": 2}]', [reading("m", 1), reading("m", 2)]),
        (MACHINE, "plant/x/P1", b'{"a": 1, "b": 2, "c": "on"}', [reading("a", 1), reading("b", 2)]),
        (MACHINE, "plant/x/P1", b'{"readings": [{"metric": "a", "value": 1}]}', [reading("a", 1)]),
        (
            MACHINE,
            "plant/x/P1",
            b'{"event_type": "idle", "source_code": "C", "time": "2026-03-01T10:00:00Z"}',
            [("events", {"event_type": "idle", "source_code": "C", "event_time": "2026-03-01T10:00:00Z"})],
        ),
    ],
)
def test_payloads_become_items(template, topic, payload, expected) -> None:
    assert items(template, topic, payload) == expected


@pytest.mark.parametrize("payload", [b"", b"on", b'"on"', b"null", b"{}", b"\xff", b"[" * 100_000])
def test_what_says_no_number_is_skipped_with_its_topic(payload: bytes) -> None:
    found, skips = decode(TEMPLATE, "demo/P1/m", payload, 0)
    assert found == []
    assert [skip.place for skip in skips] == ["demo/P1/m"]


def test_another_topic_is_skipped_and_the_filter_asks_for_no_more() -> None:
    assert decode(TEMPLATE, "demo/P1", b"1", 0)[1]
    assert (TEMPLATE.filter, MACHINE.filter) == ("+/+/+", "plant/+/+")


def test_a_template_with_a_field_that_no_item_has_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="colour"):
        Template("{site}/{colour}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["value", "ts", "event_type", "a"]), inner),
    max_leaves=10,
)


@given(st.binary() | JSON.map(msgspec.json.encode))
def test_no_payload_raises(payload: bytes) -> None:
    for kind, item in decode(TEMPLATE, "demo/P1/m", payload, 0)[0]:
        assert kind in ("readings", "events")
        assert "event_time" in msgspec.json.decode(item)
