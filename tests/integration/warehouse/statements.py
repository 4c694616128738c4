"""Statements by a login, as a test tries them: what is answered, and what is refused. Logins are not made here."""

from typing import Any

import pytest
from sqlalchemy import NullPool, text
from sqlalchemy.exc import ProgrammingError

from warehouse.engine import create_engine


def run(url: str, *statements: str) -> list[Any]:
    """Rows of the last statement; all in one transaction."""
    with create_engine(url, poolclass=NullPool).begin() as connection:
        for statement in statements:
            rows = connection.execute(text(statement))
        return [tuple(row) for row in rows] if rows.returns_rows else []


def refused(url: str, statement: str) -> None:
    with pytest.raises(ProgrammingError) as refusal:
        run(url, statement)
    assert refusal.value.orig.sqlstate == "42501", refusal.value  # insufficient_privilege
