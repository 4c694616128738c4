"""Engines carry the pool that C43 asks for."""

from sqlalchemy import NullPool, QueuePool

from warehouse.engine import create_engine

URL = "postgresql+psycopg://me@127.0.0.1:1/plant"


def test_pool_is_twenty_and_ten_more() -> None:
    """C43, S0-041: 20 + 10 connections, 30 s patience, recycled hourly."""
    pool = create_engine(URL).pool
    assert isinstance(pool, QueuePool)
    assert (pool.size(), pool._max_overflow, pool.timeout(), pool._recycle) == (20, 10, 30, 3600)


def test_given_options_win() -> None:
    pool = create_engine(URL, pool_size=2, max_overflow=0).pool
    assert isinstance(pool, QueuePool)
    assert (pool.size(), pool._max_overflow) == (2, 0)


def test_other_pool_needs_no_size() -> None:
    assert isinstance(create_engine(URL, poolclass=NullPool).pool, NullPool)
