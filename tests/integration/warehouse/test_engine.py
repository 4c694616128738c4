"""Both engines connect, and their sessions speak UTC."""

import asyncio

from sqlalchemy import Engine, text

from warehouse.engine import create_async_engine

ZONE = text("select current_setting('TimeZone')")


def test_session_speaks_utc(warehouse_engine: Engine) -> None:
    with warehouse_engine.connect() as connection:
        assert connection.scalar(ZONE) == "UTC"


def test_asynchronous_session_speaks_utc(warehouse_url: str) -> None:
    async def ask() -> object:
        engine = create_async_engine(warehouse_url)
        async with engine.connect() as connection:
            zone = await connection.scalar(ZONE)
        await engine.dispose()
        return zone

    assert asyncio.run(ask()) == "UTC"
