"""Rows of the warehouse that the API reads, as a load would have written them."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, insert

from warehouse import tables

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
SIGNAL = {"equipment_code": "pump-1", "metric": "temperature"}


def add_readings(engine: Engine, *minutes: int) -> None:
    common = {"signal_id": 1, "item_index": 0, "is_server_time": False, "batch_seq": 1, "load_id": 1, "quality": 1}
    times = [START + timedelta(minutes=minute) for minute in minutes]
    rows = [{**common, "event_time": at, "value": 1.0, "received_at": at, "recorded_at": at} for at in times]
    with engine.begin() as connection:
        connection.execute(insert(tables.readings), rows)
