"""The head of a wide CSV file: its delimiter, its time column and its sensors. Rows are read in `csv.py`."""

import csv
import re
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from edge_client.errors import ConfigurationError

DELIMITERS = ";,\t"
TIME_COLUMNS = ("datetime", "timestamp", "time", "event_time", "date")


class Header(Struct, frozen=True, kw_only=True):
    """How to read a file's rows: columns by their place, from 0."""

    path: Path
    delimiter: str
    time_index: int
    metrics: dict[int, str]
    ignored: frozenset[int]


def read_header(path: Path, *, time_column: str | None, ignore: Iterable[str]) -> Header:
    """Read the first line of a file.

    Args:
        path: The file.
        time_column: Name of the column that holds the time; None for the first of TIME_COLUMNS that is there.
        ignore: Names of columns that are no sensors.

    Raises:
        ConfigurationError: The file cannot be read, or holds no time column or no sensor.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            line = file.readline()
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    delimiter = max(DELIMITERS, key=line.count)
    names = next(csv.reader([line], delimiter=delimiter), [])
    slugs = [slug(name) for name in names]
    wanted = TIME_COLUMNS if time_column is None else (slug(time_column),)
    time_index = next((slugs.index(name) for name in wanted if name in slugs), None)
    if time_index is None:
        raise ConfigurationError(
            f"{path}: no time column ({', '.join(wanted)}) among {', '.join(names) or 'no columns'}: "
            "name it with --time-column"
        )
    ignored_names = {slug(name) for name in ignore}
    ignored = frozenset(i for i, name in enumerate(slugs) if name in ignored_names)
    metrics = _distinct({i: name for i, name in enumerate(slugs) if name and i != time_index and i not in ignored})
    if not metrics:
        raise ConfigurationError(f"{path}: no sensor column beside {names[time_index]}")
    return Header(path=path, delimiter=delimiter, time_index=time_index, metrics=metrics, ignored=ignored)


def slug(name: str) -> str:
    """Return a column's name as a metric's: lower case, `_` for whatever is neither a letter nor a digit."""
    return re.sub(r"\W+", "_", name.strip().lower()).strip("_")


def _distinct(metrics: dict[int, str]) -> dict[int, str]:
    """Number the names that occur more than once, so that two columns never become one signal."""
    taken: set[str] = set()
    distinct = {}
    for index, name in metrics.items():
        number, candidate = 1, name
        while candidate in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate)
        distinct[index] = candidate
    return distinct
