"""Plain JSON over MQTT: what a topic and its payload say, as items. Connecting is `mqtt.py`'s work.

A payload is a number, or a JSON object or array of them. An object with `event_type` is an event; one with `value`, a
reading; any other is a wide one, each of whose numbers is a reading. What the payload leaves out, the topic says.
"""

import re

import msgspec

from edge_client.collectors.collector import Skip
from edge_client.collectors.live import TIME_NAMES, source_time
from edge_client.errors import ConfigurationError
from ingestion_api.contract import Kind

FIELDS = frozenset({"site", "equipment_code", "metric", "source_code", "work_unit_code", "worker_code", "event_type"})
READING = frozenset({"equipment_code", "metric", "value", "unit_code", "quality"})
EVENT_ONLY = frozenset({"source_code", "work_unit_code", "worker_code", "event_type"})

Decoded = tuple[list[tuple[Kind, bytes]], list[Skip]]


class Template:
    """Where in a topic the fields stand, as in `{site}/{equipment_code}/{metric}`; `+` is anything.

    Raises:
        ConfigurationError: It names a field that no item has.
    """

    def __init__(self, text: str) -> None:
        pattern = []
        for level in text.split("/"):
            named = re.fullmatch(r"\{(\w+)\}", level)
            if named is not None and named[1] not in FIELDS:
                raise ConfigurationError(f"--mqtt-template {text}: {named[1]} is none of {', '.join(sorted(FIELDS))}")
            pattern.append(f"(?P<{named[1]}>[^/]+)" if named else "[^/]+" if level == "+" else re.escape(level))
        self._pattern = re.compile("/".join(pattern))
        self.filter = "/".join("+" if level.startswith("{") else level for level in text.split("/"))

    def fields(self, topic: str) -> dict[str, object] | None:
        """Return what a topic says, None where it is another kind of topic."""
        found = self._pattern.fullmatch(topic)
        return None if found is None else {name: v for name, v in found.groupdict().items() if name != "site"}


def decode(template: Template, topic: str, payload: bytes, now: float) -> Decoded:
    """Turn a message into items; what cannot be one is skipped by name."""
    fields = template.fields(topic)
    if fields is None:
        return [], [Skip(topic, "the topic does not fit the template")]
    try:
        said = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return [], [Skip(topic, f"no JSON: {error}")]
    items: list[tuple[Kind, bytes]] = []
    skips: list[Skip] = []
    for one in _singles(said):
        found = _items(fields, one, now)
        items += found
        if not found:
            skips.append(Skip(topic, "neither a number, nor an object with numbers or an event_type"))
    return items, skips


def _singles(said: object) -> list[object]:
    if isinstance(said, dict):
        for name in ("readings", "events"):
            if isinstance(said.get(name), list):
                return list(said[name])
    return said if isinstance(said, list) else [said]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _items(fields: dict[str, object], one: object, now: float) -> list[tuple[Kind, bytes]]:
    if _is_number(one):
        return [_reading(fields, {"value": one}, now)]
    if not isinstance(one, dict):
        return []
    if "event_type" in one or "event_type" in fields:
        rest = {name: value for name, value in one.items() if name not in TIME_NAMES}
        about = {name: value for name, value in fields.items() if name in EVENT_ONLY}
        return [("events", msgspec.json.encode({**about, **rest, "event_time": source_time(one, now)}))]
    if "value" in one:
        return [_reading(fields, one, now)]
    shared = {name: one[name] for name in (*TIME_NAMES, "equipment_code", "quality") if name in one}
    wide = {name: value for name, value in one.items() if name not in shared and _is_number(value)}
    return [_reading(fields, {**shared, "metric": name, "value": value}, now) for name, value in wide.items()]


def _reading(fields: dict[str, object], one: dict[str, object], now: float) -> tuple[Kind, bytes]:
    about = {name: value for name, value in fields.items() if name not in EVENT_ONLY}
    known = {name: value for name, value in one.items() if name in READING}
    if isinstance(known.get("value"), bool):
        known["value"] = int(bool(known["value"]))
    return "readings", msgspec.json.encode({**about, **known, "event_time": source_time(one, now)})
