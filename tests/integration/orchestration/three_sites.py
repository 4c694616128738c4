"""Three sites behind one API, of which one breaks a threshold, and what of them is in each layer."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingestion_api.auth import create_key
from ingestion_api.client import IngestionClient
from orchestration import seen
from orchestration.defs import dbt_project
from warehouse.engine import create_engine
from warehouse.load import load_site

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
START = NOW - 3 * HOUR
ZONE = f"Etc/GMT{-((18 - NOW.hour + 9) % 24 - 9):+d}"
SITES = ("north", "south", "west")
LIMIT = 200.0
EACH = 30  # readings an hour

LAYERS = {
    "raw": "select s.site_code, count(*) from raw.readings join raw.signals as s using (signal_id) group by 1",
    "staging": "select s.site_code, count(*) from staging.stg_raw__readings join raw.signals as s using (signal_id)"
    " group by 1",
    "rollups": "select site_code, sum(reading_count) from marts.fct_sensor_readings_hourly group by 1",
    "live": "select site_code, sum(reading_count) from marts.fct_sensor_readings_hourly_live group by 1",
    "readings": "select site_code, count(*) from marts.fct_sensor_readings group by 1",
    "features": "select site_code, count(*) from marts.features_equipment_readings group by 1",
    "daily": "select site_code, sum(reading_count) from marts.fct_sensor_readings_daily group by 1",
    "kpis": "select site_code, sum(working_h) from marts.fct_worker_kpis_daily group by 1",
}


def readings(hour: int, value: float, *, offset: int = 0) -> list[dict[str, object]]:
    """Thirty readings of an hour, one every two minutes."""
    times = (START + timedelta(hours=hour, minutes=2 * n + offset) for n in range(EACH))
    common = {"equipment_code": "P1", "metric": "flow", "value": value}
    return [common | {"event_time": time.isoformat()} for time in times]


class Sites:
    """What is pushed to the three sites, and loaded."""

    def __init__(self, plant: Any, clients: dict[str, IngestionClient]) -> None:
        self.plant = plant
        self.clients = clients

    def push(self, site: str, kind: Any, items: list[dict[str, object]]) -> None:
        """Push a batch, from a backlog so that its lateness counts for nothing, and load it."""
        self.clients[site].push(kind, json.dumps(items).encode(), is_replay=True)
        load_site(self.plant.engine, self.clients[site], site)

    def flow(self) -> None:
        """Run all that the sensors ask for until they ask for nothing."""
        with self.plant.retrying_at_once():
            for sensor, job in (("on_touched_hours", "hourly_rollup"), ("on_summarizable_hours", "daily_kpis")):
                while runs := self.plant.follow(sensor, job):
                    assert [run.success for run in runs] == [True] * len(runs)

    def roll_up(self, monkeypatch: pytest.MonkeyPatch, load: Callable[[], None]) -> None:
        """Run the rollups that are asked for now; each loads something between its checks and dbt."""
        look = seen.seen_by_checks

        def load_and_look(*of: Any) -> Any:
            load()
            return look(*of)

        with monkeypatch.context() as between:
            between.setattr(dbt_project, "seen_by_checks", load_and_look)
            assert {run.success for run in self.plant.follow("on_touched_hours", "hourly_rollup")} == {True}

    def release(self, site: str, reason: str) -> Any:
        """Let all hours of a site go, as somebody does in Dagster; returns what became of the run."""
        from orchestration.definitions import defs

        config = {"site": site, "start": START.isoformat(), "end": NOW.isoformat(), "by": "Grace", "reason": reason}
        return defs.resolve_job_def("release_hours").execute_in_process(
            instance=self.plant.instance,
            run_config={"ops": {"let_hours_go": {"config": config}}},
            raise_on_error=False,
        )

    def counts(self) -> dict[str, dict[str, float]]:
        """Readings (of KPIs: hours of work) by layer and site."""
        return {
            layer: {site: float(count) for site, count in self.plant.rows(query)} for layer, query in LAYERS.items()
        }

    def holds(self) -> list[Any]:
        """Site, expectation and outcome of every hold, as the mart tells it."""
        return self.plant.rows(
            "select site_code, expectation, hour, is_open, released_by, reason from marts.fct_quality_holds"
            " order by site_code, held_at"
        )


@pytest.fixture(scope="module")
def sites(plant: Any, databases: dict[str, str], api_address: str) -> Iterator[Sites]:
    """Three sites with three hours each; in the last hour of south, flow is over its limit."""
    engine = create_engine(databases["api"])
    with engine.begin() as connection:
        scopes = ["push", "registry", "read", "pull"]
        keys = {site: create_key(connection, f"all-{site}", site, scopes) for site in SITES}
    engine.dispose()
    clients = {site: IngestionClient(api_address, key) for site, key in keys.items()}
    sites = Sites(plant, clients)
    registry: list[tuple[Any, str, dict[str, object]]] = [
        ("work_units", "U1", {"name": "Press"}),
        ("workers", "W1", {}),
        ("equipment", "P1", {"name": "Pump", "equipment_class": "pump", "work_unit_code": "U1"}),
        ("signals", "P1/flow", {"unit_code": "L/min", "low_limit": 0, "high_limit": LIMIT}),
    ]
    state = {"source_code": "C1", "work_unit_code": "U1", "worker_code": "W1", "confidence": 0.95}
    working = state | {"event_type": "working", "event_time": START.isoformat(), "duration_s": 7_200}
    for site, client in clients.items():
        client.put("sites", site, {"name": site, "time_zone": ZONE})
        for entity, code, payload in registry:
            client.put(entity, code, payload)
        sites.push(site, "events", [working])
        for hour in range(3):
            is_bad = (site, hour) == ("south", 2)
            sites.push(site, "readings", readings(hour, LIMIT + 1 if is_bad else 50.0))
    assert [run.success for run in plant.follow("on_reference_changes", "reference")] == [True]
    sites.flow()
    yield sites
    for client in clients.values():
        client.close()
