"""Opens connections: the only place that does. Statements and settings do not belong here."""

from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import URL, Engine

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

# S0-041 asks for 10 to 30 connections, CCTV for 20 + 10: both hold (C43).
_POOL = {"pool_size": 20, "max_overflow": 10, "pool_timeout": 30, "pool_recycle": 3600, "pool_pre_ping": True}
_SESSION = {"options": "-c timezone=UTC", "application_name": "millrace"}


def create_engine(url: str | URL, **options: Any) -> Engine:
    """Create an engine whose sessions speak UTC.

    Args:
        url: Names the driver: `postgresql+psycopg://user:password@host:port/database`.
        options: Passed on to SQLAlchemy; they win over the defaults. With `poolclass` no pool size is set.
    """
    return sqlalchemy.create_engine(url, **_with_defaults(options))


def create_async_engine(url: str | URL, **options: Any) -> "AsyncEngine":
    """Create the asynchronous twin of `create_engine`, with the same pool."""
    # Needs the package greenlet, which only the asynchronous half of SQLAlchemy does.
    from sqlalchemy.ext import asyncio

    return asyncio.create_async_engine(url, **_with_defaults(options))


def _with_defaults(options: dict[str, Any]) -> dict[str, Any]:
    pool = {} if "poolclass" in options else _POOL
    session = {**_SESSION, **options.get("connect_args", {})}
    return {**pool, **options, "connect_args": session}
