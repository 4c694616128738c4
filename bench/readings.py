"""The readings that every protocol sends, and whole HTTP requests of them. Sending them does not belong here.

40 machines of 10 signals are read every 100 ms; a batch of 1,000 is 2.5 such sweeps, and no time comes twice.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path

SITE = "bench"
MACHINES = tuple(f"pump-{number:02}" for number in range(1, 41))
# metric: (unit, mean, spread, decimals), as pumps have them
SIGNALS = {
    "vibration_x": ("mm/s", 2.4, 0.4, 4),
    "vibration_y": ("mm/s", 2.1, 0.4, 4),
    "vibration_z": ("mm/s", 1.7, 0.3, 4),
    "temperature_bearing": ("Cel", 61.0, 1.5, 2),
    "temperature_motor": ("Cel", 74.0, 2.0, 2),
    "pressure_in": ("bar", 2.2, 0.1, 3),
    "pressure_out": ("bar", 7.9, 0.2, 3),
    "flow": ("m3/h", 118.0, 4.0, 2),
    "current": ("A", 31.5, 0.8, 2),
    "speed": ("{rpm}", 1480.0, 3.0, 1),
}
# Five spreads above the mean.
LIMITS = {"vibration_x": 4.4, "temperature_bearing": 68.5, "temperature_motor": 84.0}
BATCH = 1_000
_SWEEP = timedelta(milliseconds=100)
_HALF = 20  # machines in half a sweep: five halves are a batch
_TEMPLATES = 251  # half sweeps with values of their own; a prime, so that batches combine them differently
_TIME = "\0"


@dataclass(frozen=True)
class Encoding:
    """How a protocol writes readings. An item leaves its time open: formatting values is most of the work of a body."""

    item: Callable[[str, str, str, str], str]
    time: Callable[[datetime], str]
    separator: str
    brackets: tuple[str, str]

    def body(self, templates: Iterable[str], times: Iterable[datetime]) -> bytes:
        """Fill the times in and put the parts together."""
        parts = [template.replace(_TIME, self.time(time)) for template, time in zip(templates, times, strict=True)]
        return (self.brackets[0] + self.separator.join(parts) + self.brackets[1]).encode()


def _json_item(equipment_code: str, metric: str, unit: str, value: str) -> str:
    return (
        f'{{"equipment_code":"{equipment_code}","metric":"{metric}","value":{value},'
        f'"event_time":"{_TIME}","unit_code":"{unit}"}}'
    )


def _line(equipment_code: str, metric: str, unit: str, value: str) -> str:
    return f"readings,equipment_code={equipment_code},metric={metric},unit_code={unit} value={value} {_TIME}"


def _rfc_3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


JSON = Encoding(_json_item, _rfc_3339, ",", ("[", "]"))
LINES = Encoding(_line, lambda time: str(round(time.timestamp() * 1000)), "\n", ("", ""))


def bodies(encoding: Encoding, first: datetime) -> Iterator[bytes]:
    """Return batches without end, the times going on from the first."""
    source = random.Random(7)  # noqa: S311 no secret
    halves = [
        [
            encoding.separator.join(
                encoding.item(machine, metric, unit, f"{source.gauss(mean, spread):.{decimals}f}")
                for machine in machines
                for metric, (unit, mean, spread, decimals) in SIGNALS.items()
            )
            for _ in range(_TEMPLATES)
        ]
        for machines in (MACHINES[:_HALF], MACHINES[_HALF:])
    ]
    # Two walks of different strides, so that the same halves meet after 251 x 251 sweeps.
    parts = (
        (halves[number % 2][(number // 2 * (1 + number % 2 * 6)) % _TEMPLATES], first + number // 2 * _SWEEP)
        for number in count()
    )
    per_batch = BATCH // (_HALF * len(SIGNALS))
    while True:
        templates, times = zip(*islice(parts, per_batch), strict=True)
        yield encoding.body(templates, times)


def request(target: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Make a whole POST request."""
    lines = [f"POST {target} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def write_requests(path: Path, target: str, headers: Mapping[str, str], encoding: Encoding, number: int) -> None:
    """Write two files of requests, one for each thread of wrk, `<path>.1` and `<path>.2`."""
    source = bodies(encoding, datetime.now(UTC) - timedelta(days=1))
    for thread in (1, 2):
        with Path(f"{path}.{thread}").open("wb") as file:
            for body in islice(source, number // 2):
                whole = request(target, headers, body)
                file.write(f"{len(whole):09}".encode() + whole)
