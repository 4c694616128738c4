"""A folder of wide CSV files, one piece of equipment each: a time column, and one column per sensor.

Files are read row by row and never held whole. How a file is told apart into columns is in `csv_header.py`.
"""

import csv
from collections.abc import Generator, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from io import TextIOWrapper
from math import isfinite
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Struct

from edge_client.collectors.collector import Chunk, Registration, Skip
from edge_client.collectors.csv_header import Header, read_header
from edge_client.errors import ConfigurationError
from ingestion_api.contract import Reading

CHUNK_ITEMS = 1_000
SKIPS_PER_CHUNK = 1_000


class CsvOptions(Struct, frozen=True, kw_only=True):
    """What may be chosen about a folder of CSV files.

    Attributes:
        folder: Where the files are, at any depth.
        site_code: The site their equipment is registered at.
        equipment_class: What all of it is.
        time_zone: The site's IANA zone, in which times without an offset are read.
        time_column: Its name; None to find it.
        ignore: Columns that are no sensors.
        decimal: The decimal sign.
    """

    folder: Path
    site_code: str = "demo"
    equipment_class: str = "csv"
    time_zone: str = "UTC"
    time_column: str | None = None
    ignore: tuple[str, ...] = ("anomaly", "changepoint")
    decimal: str = "."


class CsvFolder:
    """A folder of CSV files as a collector.

    Args:
        options: Which, and how to read them.

    Raises:
        ConfigurationError: There is nothing to read, or not in this way.
    """

    def __init__(self, options: CsvOptions) -> None:
        self._options = options
        self._zone = _zone(options.time_zone)
        if not options.folder.is_dir():
            raise ConfigurationError(f"--folder {options.folder}: there is no such folder")
        files = sorted(path for path in options.folder.rglob("*") if path.suffix.lower() == ".csv" and path.is_file())
        if not files:
            raise ConfigurationError(f"--folder {options.folder}: it holds no .csv file")
        self._headers: dict[str, Header] = {}
        for path in files:
            header = read_header(path, time_column=options.time_column, ignore=options.ignore)
            code = path.relative_to(options.folder).with_suffix("").as_posix().replace("/", "-")
            if code in self._headers:
                raise ConfigurationError(
                    f"{path} and {self._headers[code].path} would both be equipment {code}: rename one"
                )
            self._headers[code] = header
        self._encode = msgspec.json.Encoder().encode

    @property
    def name(self) -> str:
        """Names the folder: reading it again with other options goes on where it stopped."""
        return f"csv {self._options.folder.resolve()}"

    def describe(self) -> Iterator[Registration]:
        """Yield the site, and each file's equipment."""
        yield Registration(
            "sites", self._options.site_code, {"name": self._options.site_code, "time_zone": self._options.time_zone}
        )
        for code, header in self._headers.items():
            about = {"name": header.path.stem, "equipment_class": self._options.equipment_class}
            yield Registration("equipment", code, dict(about))

    def collect(self, after: Mapping[str, str]) -> Generator[Chunk, None, None]:
        """Yield the rows that follow: a part is a file, its position the rows read."""
        sizes = {code: header.path.stat().st_size for code, header in self._headers.items()}
        total, before = max(1, sum(sizes.values())), 0
        for code, header in self._headers.items():
            part = header.path.relative_to(self._options.folder).as_posix()
            for items, skips, rows, byte_count in self._read(code, header, int(after.get(part, "0"))):
                yield Chunk(
                    kind="readings",
                    items=items,
                    is_replay=True,
                    part=part,
                    position=str(rows),
                    fraction=min(1.0, (before + byte_count) / total),
                    skips=skips,
                )
            before += sizes[code]

    def _read(self, code: str, header: Header, done: int) -> Iterator[tuple[list[bytes], list[Skip], int, int]]:
        """Yield items, skips, rows read and bytes read, a chunk at a time."""
        items: list[bytes] = []
        skips: list[Skip] = []
        with header.path.open("rb") as raw, TextIOWrapper(raw, "utf-8-sig", errors="replace", newline="") as text:
            reader = csv.reader(text, delimiter=header.delimiter)
            rows = handed_over = done
            for number, row in enumerate(_rows(reader)):
                if number <= done:  # row 0 is the header
                    continue
                rows, place = number, f"{header.path}:{reader.line_num}"
                if isinstance(row, csv.Error):
                    skips.append(Skip(place, str(row)))
                else:
                    self._take(code, header, row, place, items, skips)
                if len(items) >= CHUNK_ITEMS or len(skips) >= SKIPS_PER_CHUNK:
                    yield items, skips, rows, raw.tell()
                    items, skips, handed_over = [], [], rows
            if rows > handed_over:
                yield items, skips, rows, raw.tell()

    def _take(
        self, code: str, header: Header, row: list[str], place: str, items: list[bytes], skips: list[Skip]
    ) -> None:
        """Turn one row into readings; what cannot be one is skipped by name."""
        if not any(cell.strip() for cell in row):
            return
        event_time = self._time(row[header.time_index]) if header.time_index < len(row) else None
        for index, cell in enumerate(row):
            if index == header.time_index or index in header.ignored or not cell.strip():
                continue
            metric = header.metrics.get(index)
            value = self._number(cell)
            if event_time is None:
                skips.append(Skip(place, f"no time that can be read, so no reading of column {index + 1}"))
            elif metric is None:
                skips.append(Skip(place, f"column {index + 1} has no name"))
            elif value is None:
                skips.append(Skip(place, f"{metric}: {cell.strip()[:40]!r} is no number"))
            else:
                items.append(
                    self._encode(Reading(equipment_code=code, metric=metric, value=value, event_time=event_time))
                )

    def _number(self, cell: str) -> float | None:
        if self._options.decimal != ".":
            cell = cell.replace(self._options.decimal, ".")
        try:
            value = float(cell)
        except ValueError:
            return None
        return value if isfinite(value) else None

    def _time(self, cell: str) -> datetime | None:
        try:
            time = datetime.fromisoformat(cell.strip())
            return (time.replace(tzinfo=self._zone) if time.tzinfo is None else time).astimezone(UTC)
        except (ValueError, OverflowError):
            return None


def _rows(reader: Iterator[list[str]]) -> Iterator[list[str] | csv.Error]:
    """Yield the rows, and in the place of a row that is not CSV what is wrong with it."""
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield error


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(f"--time-zone {name}: no such IANA time zone is installed here") from error
