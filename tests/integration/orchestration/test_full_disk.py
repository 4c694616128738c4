"""The warehouse's disk is full in the middle of a load: one message, nothing half stored, and it goes on with room."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.alerts import Alerts
from orchestration.defs.alerts import SETTLES, look
from tests.integration.orchestration.real_dagster import PARAMETERS
from tests.system.survival.test_full_disk import free, shrink, small_disk
from warehouse.embedded import EmbeddedPostgres
from warehouse.engine import create_engine
from warehouse.migrate import migrate

__all__ = ["small_disk"]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BATCHES, ITEMS = 40, 1_000


@pytest.fixture
def small_warehouse(small_disk: Path, free_port: int) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(small_disk / "data", free_port, parameters=PARAMETERS)
    server.start()
    server.ensure_database("warehouse")
    migrate(server.url("warehouse"), "warehouse")
    yield server
    server.stop()


def test_a_load_onto_a_full_disk_stores_nothing_by_halves_and_goes_on_once_there_is_room(
    plant: Any, small_disk: Path, small_warehouse: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_WAREHOUSE_URL", small_warehouse.url("warehouse"))
    engine = create_engine(small_warehouse.url("warehouse"))
    plant = replace(plant, engine=engine)
    plant.api.put("sites", "demo", {"name": "Demo", "time_zone": "UTC"})
    plant.api.put("equipment", "P1", {"name": "Pump", "equipment_class": "pump"})
    for batch in range(BATCHES):
        times = (NOON + timedelta(seconds=batch * ITEMS + number) for number in range(ITEMS))
        common = {"equipment_code": "P1", "metric": "flow", "value": 1.0}
        plant.push("readings", [common | {"event_time": at.isoformat()} for at in times])
    memory = Alerts(since=datetime.now(UTC))
    shrink(small_disk)
    with plant.retrying_at_once():
        (load,) = plant.follow("on_new_batches", "load")
        assert not load.success
        ((said,), _) = look(plant.instance, memory, datetime.now(UTC) + 2 * SETTLES)
        assert said.startswith("Millrace: load failed in step load_site: ")
        assert "No space left on device" in said
        free(small_disk)
        assert plant.rows("select (select count(*) from raw.readings), (select count(*) from raw.batches)") == [(0, 0)]
        assert [run.success for run in plant.follow("on_new_batches", "load")] == [True]
    assert plant.rows("select count(*) from raw.readings") == [(BATCHES * ITEMS,)]
    assert plant.rows("select sum(duplicate_count), sum(revised_count) from raw.loads") == [(0, 0)]
    assert "all is loaded" in plant.tick("on_new_batches").skip_message
    engine.dispose()
