"""Who the workers are: the one table with names, filled from a CSV file (C39). Erasing a worker is in `erasure.py`."""

import csv
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, func
from sqlalchemy.dialects.postgresql import insert

from warehouse.errors import NamesUnreadable
from warehouse.tables import worker_names

_COLUMNS = ("worker_code", "name")
_PAGE = 1_000


def import_names(engine: Engine, site_code: str, file: Path) -> int:
    """Take names from a CSV file with the columns worker_code and name; a name known before is replaced.

    Args:
        engine: Of the warehouse.
        site_code: Whose workers.
        file: In UTF-8, with a header.

    Returns:
        How many names the file holds. None is stored if a line is bad.

    Raises:
        NamesUnreadable: The file is not there, or a line of it is bad.
    """
    count = 0
    with engine.begin() as connection:
        for page in _pages(file):
            rows = [{"site_code": site_code, "worker_code": code, "name": name} for code, name in page.items()]
            new = insert(worker_names).values(rows)
            names = {"name": new.excluded.name, "updated_at": func.now()}
            connection.execute(new.on_conflict_do_update(constraint="pk_worker_names", set_=names))
            count += len(rows)
    return count


def _pages(file: Path) -> Iterator[dict[str, str]]:
    page: dict[str, str] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            if not set(_COLUMNS) <= set(reader.fieldnames or ()):
                raise NamesUnreadable(f"{file} needs the columns worker_code and name, separated by commas")
            for row in reader:
                code, name = ((row[column] or "").strip() for column in _COLUMNS)
                if not code or not name:
                    raise NamesUnreadable(f"{file}, line {reader.line_num}: worker_code or name is empty")
                page[code] = name
                if len(page) == _PAGE:
                    yield page
                    page = {}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NamesUnreadable(f"{file} cannot be read: {error}") from error
    if page:
        yield page
