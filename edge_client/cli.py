"""The edge client's command line. It reads options and picks the collector; the work begins in `loop.py`."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from edge_client.collectors.collector import Collector
from edge_client.collectors.csv import CsvFolder, CsvOptions
from edge_client.collectors.live import Site
from edge_client.collectors.simulator import Simulator, SimulatorOptions
from edge_client.errors import ConfigurationError, EdgeError
from edge_client.settings import EdgeSettings, read_settings
from edge_client.spool import Spool
from edge_client.spool_schema import lock
from edge_client.status import in_words, read_status_at

DONE, CANNOT, UNFINISHED = 0, 1, 2
SMALL = {"hours": 6, "pumps": 2}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The command line; None for the process's own.

    Returns:
        0 when done (`run` without --once: when stopped by a signal), 1 when something must be put right first,
        2 when `run --once` was stopped before everything was sent.
    """
    options = _parser().parse_args(arguments)
    try:
        settings = read_settings(api_url=options.api_url, site_code=options.site, spool_path=options.spool)
        if options.command == "status":
            return _status(settings, options)
        if options.command == "plant":
            return _plant(settings, options)
        return _run(settings, options)
    except EdgeError as error:
        print(f"edge: {error}", file=sys.stderr)
        return CANNOT


def _run(settings: EdgeSettings, options: argparse.Namespace) -> int:
    # Here, because `status` is asked every other second and needs no HTTP client: 0.3 s less.
    from edge_client.loop import Loop
    from ingestion_api.client import IngestionClient

    if settings.api_key is None:
        raise ConfigurationError(
            "MILLRACE_EDGE_API_KEY is not set: make a key with "
            f"`python -m ingestion_api keys create --name edge --site {settings.site_code} --scopes push,registry`"
        )
    collector = _COLLECTORS[options.collector](settings, options)
    with (
        lock(settings.spool_path),
        IngestionClient(
            settings.api_url, settings.api_key.get_secret_value(), timeout_s=settings.request_timeout_s
        ) as api,
    ):
        spool = Spool(settings.spool_path, max_bytes=settings.max_bytes)
        loop = Loop(collector, spool, api, settings, is_registering=not options.no_register, out=sys.stderr)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: loop.stop())
        status = loop.run(is_once=options.once)
        spool.close()
    end = "finished" if status.is_finished else "stopped"
    print(
        f"edge: {end}: {status.sent:,} sent = {status.accepted:,} accepted + {status.quarantined:,} quarantined"
        f" + {status.repeated:,} repeated; {status.pending:,} pending, {status.rejected:,} rejected,"
        f" {status.lost:,} lost, {status.skipped:,} skipped"
    )
    return UNFINISHED if options.once and not status.is_finished else DONE


def _status(settings: EdgeSettings, options: argparse.Namespace) -> int:
    status = read_status_at(settings.spool_path)
    print(msgspec.json.encode(status).decode() if options.json else in_words(status))
    return DONE


def _plant(settings: EdgeSettings, options: argparse.Namespace) -> int:
    """Say what the simulated plant sends, item by item counted, without sending it."""
    print(msgspec.json.encode(_simulator(settings, options).tally()).decode())
    return DONE


def _simulator(settings: EdgeSettings, options: argparse.Namespace) -> Simulator:
    plant = {"hours": options.hours, "pumps": options.pumps, "seed": options.seed, "end": options.end}
    scale = SMALL if options.scale == "small" else {}
    given = {name: value for name, value in plant.items() if value is not None}
    return Simulator(
        SimulatorOptions(site_code=settings.site_code, **{**scale, **given}), now=lambda: datetime.now(UTC)
    )


def _csv(settings: EdgeSettings, options: argparse.Namespace) -> Collector:
    if options.folder is None:
        raise ConfigurationError("the csv collector needs --folder")
    return CsvFolder(
        CsvOptions(
            folder=options.folder,
            site_code=settings.site_code,
            equipment_class=options.equipment_class or "csv",
            time_zone=options.time_zone,
            time_column=options.time_column,
            ignore=tuple(name for name in options.ignore_columns.split(",") if name),
            decimal=options.decimal,
        )
    )


def _site(settings: EdgeSettings, options: argparse.Namespace) -> Site:
    codes = tuple(code for code in options.equipment.split(",") if code)
    return Site(
        code=settings.site_code,
        time_zone=options.time_zone,
        equipment=codes,
        equipment_class=options.equipment_class or "equipment",
    )


def _mqtt(settings: EdgeSettings, options: argparse.Namespace) -> Collector:
    from edge_client.collectors.mqtt import Mqtt, MqttOptions

    return Mqtt(
        MqttOptions(
            site=_site(settings, options),
            host=options.mqtt_host,
            port=options.mqtt_port,
            client_id=options.mqtt_client_id or f"millrace-{settings.site_code}",
            template=None if options.mqtt_sparkplug else options.mqtt_template,
            user=options.mqtt_user,
            password=settings.mqtt_password.get_secret_value() if settings.mqtt_password else None,
            is_tls=options.mqtt_tls,
        )
    )


def _opcua(settings: EdgeSettings, options: argparse.Namespace) -> Collector:
    from edge_client.collectors.opcua import OpcUa, OpcUaOptions

    return OpcUa(
        OpcUaOptions(
            site=_site(settings, options),
            url=options.opcua_url,
            nodes=tuple(options.opcua_node),
            below=tuple(options.opcua_below),
            interval_ms=options.opcua_interval_ms,
        )
    )


def _http(settings: EdgeSettings, options: argparse.Namespace) -> Collector:
    from edge_client.collectors.http import HttpOptions, HttpPassthrough

    return HttpPassthrough(HttpOptions(site=_site(settings, options), host=options.http_host, port=options.http_port))


_COLLECTORS: dict[str, Callable[[EdgeSettings, argparse.Namespace], Collector]] = {
    "simulator": _simulator,
    "csv": _csv,
    "mqtt": _mqtt,
    "opcua": _opcua,
    "http": _http,
}


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m edge_client", description="Store-and-forward beside the device.")
    parser.set_defaults(api_url=None, site=None, spool=None)
    commands = parser.add_subparsers(dest="command", required=True)

    run = commands.add_parser("run", help="collect, spool and forward")
    run.add_argument("--collector", choices=tuple(_COLLECTORS), default="simulator")
    run.add_argument("--once", action="store_true", help="end when everything is read and sent")
    run.add_argument("--no-register", action="store_true", help="register nothing: the key may only push")
    run.add_argument("--api-url", help="instead of MILLRACE_EDGE_API_URL")
    run.add_argument("--site", help="instead of MILLRACE_EDGE_SITE_CODE")

    run.add_argument("--equipment", default="", help="codes to register, with commas between them (mqtt, opcua, http)")
    run.add_argument("--equipment-class", help="what the equipment is (csv; equipment)")
    run.add_argument(
        "--time-zone", default="UTC", help="the site's IANA zone, also of times without offset (%(default)s)"
    )

    status = commands.add_parser("status", help="show what is sent, pending, refused and lost")
    status.add_argument("--json", action="store_true", help="for programs")
    for command in (run, status):
        command.add_argument("--spool", type=Path, help="instead of MILLRACE_EDGE_SPOOL_PATH")

    plant = commands.add_parser("plant", help="count what the simulated plant will send, as JSON")
    for command in (run, plant):
        group = command.add_argument_group("simulated plant")
        group.add_argument("--scale", choices=("full", "small"), default="full", help="small: 6 hours, 2 pumps")
        group.add_argument("--hours", type=int, help="hours of history (72)")
        group.add_argument("--pumps", type=int, help="pumps, 1 to 6 (6)")
        group.add_argument("--seed", type=int, help="of everything random (42)")
        group.add_argument("--end", type=_moment, help="when the history ends, ISO 8601, UTC unless it says so (now)")

    _add_live(run)
    group = run.add_argument_group("CSV files")
    group.add_argument("--folder", type=Path, help="read every .csv below it; each file is one piece of equipment")
    group.add_argument("--time-column", help="its name (default: the first known one)")
    group.add_argument("--ignore-columns", default="anomaly,changepoint", help="no sensors (%(default)s)")
    group.add_argument("--decimal", choices=(".", ","), default=".", help="decimal sign (%(default)s)")
    return parser


def _add_live(run: argparse.ArgumentParser) -> None:
    group = run.add_argument_group("MQTT (the password is MILLRACE_EDGE_MQTT_PASSWORD)")
    group.add_argument("--mqtt-host", default="127.0.0.1", help="the broker (%(default)s)")
    group.add_argument("--mqtt-port", type=int, default=1883, help="its port (%(default)s)")
    group.add_argument("--mqtt-client-id", help="of the persistent session; each client its own (millrace-<site>)")
    group.add_argument("--mqtt-user", help="at the broker")
    group.add_argument("--mqtt-tls", action="store_true", help="speak TLS, with the system's certificates")
    group.add_argument("--mqtt-sparkplug", action="store_true", help="the messages are Sparkplug B")
    group.add_argument(
        "--mqtt-template", default="{site}/{equipment_code}/{metric}", help="of plain JSON topics (%(default)s)"
    )
    group = run.add_argument_group("OPC UA")
    group.add_argument("--opcua-url", default="opc.tcp://127.0.0.1:4840", help="the server (%(default)s)")
    group.add_argument("--opcua-node", action="append", default=[], help="a variable, nsu=<URI>;s=<name>; repeat it")
    group.add_argument("--opcua-below", action="append", default=[], help="every variable below this node; repeat it")
    group.add_argument("--opcua-interval-ms", type=float, default=1_000, help="between two samples (%(default)s)")
    group = run.add_argument_group("HTTP passthrough")
    group.add_argument("--http-host", default="127.0.0.1", help="where to listen (%(default)s)")
    group.add_argument("--http-port", type=int, default=8010, help="on which port (%(default)s)")
