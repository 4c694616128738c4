"""Against Debian's mosquitto: what the broker holds arrives, and is acknowledged only once it is spooled."""

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge_client.collectors.live import Site
from edge_client.collectors.mqtt import Mqtt, MqttOptions
from edge_client.collectors.sparkplug import REBIRTH
from edge_client.collectors.sparkplug_payload import Payload
from edge_client.loop import Loop
from edge_client.settings import EdgeSettings
from edge_client.spool import Spool

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed: apt-get install mosquitto")


class Silent:
    """An API that nobody reaches: items stay in the spool, where the tests look at them."""

    def is_ready(self) -> bool:
        return False

    def put(self, *_: object) -> dict[str, object]:
        from ingestion_api.client import ApiUnavailable

        raise ApiUnavailable("nobody")


@pytest.fixture
def port(free_port: int, tmp_path: Path) -> Iterator[int]:
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {free_port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    assert MOSQUITTO is not None
    process = subprocess.Popen([MOSQUITTO, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield free_port
    process.terminate()
    process.wait()


@pytest.fixture
def device(port: int) -> Iterator[Client]:
    client = Client(CallbackAPIVersion.VERSION2, client_id="device")
    for _ in range(100):
        try:
            client.connect("127.0.0.1", port)
            break
        except OSError:
            time.sleep(0.05)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


class Runner:
    """Runs a loop on a spool with the collector under test."""

    def __init__(self, port: int, path: Path) -> None:
        self.port, self.path = port, path
        self.spool = Spool(path)

    def start(self, **options: Any) -> Loop:
        collector = Mqtt(MqttOptions(site=Site(), port=self.port, **options))
        settings = EdgeSettings(_env_file=None, spool_path=self.path)
        loop = Loop(collector, self.spool, Silent(), settings, out=StringIO())  # type: ignore[arg-type]
        self.thread = threading.Thread(target=loop.run, kwargs={"is_once": False})
        self.thread.start()
        self.loop = loop
        until(lambda: collector._client.is_connected())
        time.sleep(0.2)  # until the broker has taken the subscription
        return loop

    def stop(self) -> None:
        self.loop.stop()
        self.thread.join(10)
        assert not self.thread.is_alive()

    def items(self) -> list[dict[str, Any]]:
        with self.spool._reading() as sql:
            return [msgspec.json.decode(row[0]) for row in sql.execute("select body from items order by number")]


def until(condition: Any) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def runner(port: int, device: Client, tmp_path: Path) -> Iterator[Runner]:
    runner = Runner(port, tmp_path / "spool.sqlite")
    yield runner
    if runner.thread.is_alive():
        runner.stop()
    runner.spool.close()


def test_plain_json_topics_become_items_with_the_source_time(runner: Runner, device: Client) -> None:
    runner.start()
    device.publish("demo/P1/motor_current", b'{"value": 28.5, "timestamp": 1772359200, "unit_code": "A"}', qos=1)
    device.publish("demo/P1/vibration", b"1.25", qos=1)
    device.publish("demo/CAM1/x", b'{"event_type": "idle", "source_code": "CAM1"}', qos=1)
    device.publish("demo/P1/text", b"hello", qos=1)
    until(lambda: runner.spool.counters().collected == 3 and runner.spool.counters().skipped == 1)
    by_metric = {item.get("metric"): item for item in runner.items()}
    assert by_metric["motor_current"] == {
        "equipment_code": "P1",
        "metric": "motor_current",
        "value": 28.5,
        "unit_code": "A",
        "event_time": "2026-03-01T10:00:00+00:00",
    }
    assert by_metric["vibration"]["value"] == 1.25 and by_metric["vibration"]["event_time"]
    assert by_metric[None]["event_type"] == "idle"


def test_what_comes_while_the_client_is_away_is_kept_by_the_broker(runner: Runner, device: Client) -> None:
    runner.start()
    device.publish("demo/P1/n", b"0", qos=1)
    until(lambda: runner.spool.counters().collected == 1)
    runner.stop()
    for number in range(1, 51):
        device.publish("demo/P1/n", str(number).encode(), qos=1).wait_for_publish(10)
    runner.start()
    until(lambda: runner.spool.counters().collected >= 51)
    assert [item["value"] for item in runner.items()] == list(range(51))


def test_a_message_that_was_not_spooled_is_not_acknowledged(runner: Runner, device: Client, monkeypatch) -> None:
    """The spool fails, as on a full disk, and the client dies: the broker sends the message again."""
    from edge_client.errors import SpoolFull

    genuine = runner.spool.append
    failed = threading.Event()

    def fail(*_: object, **__: object) -> int:
        failed.set()
        raise SpoolFull("no room")

    runner.spool.append = fail  # type: ignore[method-assign]
    runner.start()
    device.publish("demo/P1/n", b"7", qos=1)
    assert failed.wait(15)
    runner.stop()
    runner.spool.append = genuine  # type: ignore[method-assign]
    runner.start()
    until(lambda: runner.spool.counters().collected == 1)
    assert runner.items()[0]["value"] == 7


def payload(seq: int, *metrics: dict[str, Any]) -> bytes:
    built = Payload(timestamp=1_772_359_200_000, seq=seq)
    for metric in metrics:
        built.metrics.add(**metric)
    return bytes(built.SerializeToString())


def test_sparkplug_aliases_outlive_a_restart_and_gaps_ask_for_a_rebirth(runner: Runner, device: Client) -> None:
    commands: list[bytes] = []
    device.on_message = lambda _client, _userdata, message: commands.append(message.payload)
    device.subscribe("spBv1.0/plant/NCMD/gateway", qos=1)
    runner.start(template=None)
    device.publish("spBv1.0/plant/NBIRTH/gateway", payload(0), qos=1)
    birth = payload(1, {"name": "temperature", "alias": 7, "datatype": 10, "double_value": 20.5})
    device.publish("spBv1.0/plant/DBIRTH/gateway/P1", birth, qos=1)
    until(lambda: runner.spool.counters().collected == 1)
    runner.stop()
    data = payload(2, {"alias": 7, "timestamp": 1_772_359_260_000, "datatype": 3, "int_value": 2**32 - 5})
    device.publish("spBv1.0/plant/DDATA/gateway/P1", data, qos=1).wait_for_publish(10)
    runner.start(template=None)
    until(lambda: runner.spool.counters().collected == 2)
    assert runner.items()[1] == {
        "equipment_code": "P1",
        "metric": "temperature",
        "value": -5,
        "event_time": "2026-03-01T10:01:00+00:00",
    }
    until(lambda: len(commands) == 1)  # the restart forgot how far the numbers were
    assert Payload.FromString(commands[0]).metrics[0].name == REBIRTH
    device.publish("spBv1.0/plant/DDEATH/gateway/P1", payload(3), qos=1)
    until(lambda: runner.spool.counters().collected == 3)
    assert (runner.items()[2]["value"], runner.items()[2]["quality"]) == (-5, 0)
