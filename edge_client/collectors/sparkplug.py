"""Sparkplug B: births name the metrics, data refers to them by alias, deaths make them stale, gaps ask for a rebirth.

Connecting is `mqtt.py`'s work. Equipment is the device, or the edge node for the node's own metrics.
"""

from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from msgspec import Struct

from edge_client.collectors.collector import Skip
from edge_client.collectors.live import rfc3339
from edge_client.collectors.sparkplug_payload import Payload

NAMESPACE = "spBv1.0"
FILTERS = [f"{NAMESPACE}/+/{kind}/#" for kind in ("NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH")]
REBIRTH = "Node Control/Rebirth"
REBIRTH_INTERVAL_S = 10.0
SIGNED_BITS = {1: 8, 2: 16, 3: 32, 4: 64}  # Int8 … Int64 travel as unsigned of 32 or 64 bits
GOOD = 192
IS_ITEMLESS = frozenset({"bdSeq"})


class Node(Struct):
    """What the births of one edge node said.

    Attributes:
        seq: The last sequence number, 0 to 255; None where a rebirth is awaited.
        aliases: By `device alias`: the metric's name.
        live: By `device metric`: the last value, for the death of the device.
    """

    seq: int | None = None
    aliases: dict[str, str] = {}
    live: dict[str, float] = {}


class Decoded(Struct):
    """What one message says.

    Attributes:
        items: The readings.
        skips: What could not be one.
        node: The edge node, as `group/node`.
        is_birth: The names it gave must be remembered with the items.
        rebirth: Ask this node, as `group/node`, to say its names again.
    """

    items: list[bytes] = []
    skips: list[Skip] = []
    node: str = ""
    is_birth: bool = False
    rebirth: str | None = None


class Sparkplug:
    """The edge nodes that were heard of.

    Args:
        remembered: What `memory` returned for each node before a restart.
    """

    def __init__(self, remembered: dict[str, str]) -> None:
        self._nodes = {
            name: msgspec.json.decode(text, type=Node) for name, text in remembered.items() if text.startswith("{")
        }
        self._asked_at: dict[str, float] = {}

    def memory(self, node: str) -> str:
        """Return what must be remembered of a node: without its names, what the broker still holds says nothing."""
        return msgspec.json.encode(Node(aliases=self._nodes[node].aliases)).decode()

    def decode(self, topic: str, body: bytes, now: float) -> Decoded:
        """Read one message."""
        levels = topic.split("/")
        if len(levels) not in (4, 5) or levels[0] != NAMESPACE:
            return Decoded(skips=[Skip(topic, "no topic of an edge node")])
        group, kind, node_name = levels[1:4]
        device = levels[4] if len(levels) == 5 else ""
        decoded = Decoded(node=f"{group}/{node_name}")
        try:
            payload = Payload.FromString(body)
        except DecodeError as error:
            decoded.skips.append(Skip(topic, f"no Sparkplug payload: {error}"))
            return decoded
        node = self._nodes.setdefault(decoded.node, Node())
        if kind.endswith("DEATH"):
            self._die(node, kind, device, node_name, decoded, now)
        if kind != "NDEATH":
            self._follow(node, kind, payload, decoded, now)
        if kind.endswith("BIRTH"):
            self._be_born(node, kind, device, payload, decoded)
        if kind.endswith(("BIRTH", "DATA")):
            for metric in payload.metrics:
                self._take(node, device, device or node_name, metric, payload, topic, decoded, now)
        return decoded

    def _follow(self, node: Node, kind: str, payload: Any, decoded: Decoded, now: float) -> None:
        """Look at the sequence number: a gap means that something of this node never came."""
        is_gap = kind != "NBIRTH" and (node.seq is None or payload.seq != (node.seq + 1) % 256)
        node.seq = int(payload.seq) % 256
        if is_gap:
            self._ask(decoded, now)

    def _ask(self, decoded: Decoded, now: float) -> None:
        if now - self._asked_at.get(decoded.node, -REBIRTH_INTERVAL_S) >= REBIRTH_INTERVAL_S:
            self._asked_at[decoded.node] = now
            decoded.rebirth = decoded.node

    def _be_born(self, node: Node, kind: str, device: str, payload: Any, decoded: Decoded) -> None:
        decoded.is_birth = True
        if kind == "NBIRTH":
            node.aliases, node.live = {}, {}
        for metric in payload.metrics:
            if metric.name and metric.HasField("alias"):
                node.aliases[f"{device} {metric.alias}"] = metric.name

    def _die(self, node: Node, kind: str, device: str, node_name: str, decoded: Decoded, now: float) -> None:
        """Repeat the last values as useless: what they say is no longer known to be so."""
        for name, value in list(node.live.items()):
            of_device, metric = name.split(" ", 1)
            if kind == "NDEATH" or of_device == device:
                decoded.items.append(_reading(of_device or node_name, metric, value, rfc3339(now), 0.0))
                del node.live[name]

    def _take(
        self,
        node: Node,
        device: str,
        equipment_code: str,
        metric: Any,
        payload: Any,
        topic: str,
        decoded: Decoded,
        now: float,
    ) -> None:
        name = metric.name or node.aliases.get(f"{device} {metric.alias}", "")
        if not name:
            decoded.skips.append(Skip(topic, f"alias {metric.alias} was not named by a birth"))
            self._ask(decoded, now)
            return
        if name in IS_ITEMLESS or name.startswith("Node Control/"):
            return
        value = _value(metric)
        if value is None:
            decoded.skips.append(Skip(topic, f"{name}: no number"))
            return
        node.live[f"{device} {name}"] = value
        stamp = metric.timestamp or payload.timestamp
        event_time = rfc3339(stamp / 1000 if 0 < stamp < 2**42 else now)
        decoded.items.append(_reading(equipment_code, name, value, event_time, _quality(metric)))


def rebirth_command() -> bytes:
    """Return the payload of the command that asks a node for its births."""
    payload = Payload()
    payload.metrics.add(name=REBIRTH, datatype=11, boolean_value=True)
    return bytes(payload.SerializeToString())


def _reading(equipment_code: str, metric: str, value: float, event_time: str, quality: float) -> bytes:
    item = {"equipment_code": equipment_code, "metric": metric, "value": value, "event_time": event_time}
    return msgspec.json.encode({**item, "quality": quality} if quality != 1 else item)


def _value(metric: Any) -> float | None:
    if metric.is_null:
        return None
    for field in ("double_value", "float_value", "boolean_value"):
        if metric.HasField(field):
            return float(getattr(metric, field))
    for field, width in (("int_value", 32), ("long_value", 64)):
        if metric.HasField(field):
            number = int(getattr(metric, field))
            bits = SIGNED_BITS.get(metric.datatype)
            if bits is None:
                return number
            number &= (1 << min(bits, width)) - 1
            return number - (1 << bits) if number >> (bits - 1) else number
    return None


def _quality(metric: Any) -> float:
    for key, value in zip(metric.properties.keys, metric.properties.values, strict=False):
        if key.lower() == "quality":
            return 1.0 if (value.int_value or value.long_value) == GOOD else 0.0
    return 1.0
