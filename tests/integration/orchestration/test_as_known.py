"""Copies of the marts as known at a past moment, made and dropped by Dagster jobs with run configuration (S1-041)."""

from typing import Any

import dagster as dg
from sqlalchemy import text

EVENT = {"source_code": "C1", "work_unit_code": "U1", "worker_code": "W1", "event_type": "working"}


def test_a_job_shows_what_was_known_and_another_drops_it(plant: Any) -> None:
    """Sixty units are known at first; a revision makes them ninety."""
    from orchestration.definitions import defs
    from orchestration.defs.resources import WarehouseResource

    def execute(job: str, op: str, **config: str) -> dg.ExecuteInProcessResult:
        return defs.resolve_job_def(job).execute_in_process(
            instance=plant.instance,
            resources={"warehouse": WarehouseResource()},
            run_config={"ops": {op: {"config": config}}},
        )

    def load(units: int) -> str:
        plant.push("events", [{**EVENT, "event_time": "2026-03-02T08:00:00Z", "units_produced": units}])
        assert [run.success for run in plant.follow("on_new_batches", "load")] == [True]
        return str(plant.rows("select clock_timestamp()::text")[0][0])

    for entity, code, payload in (
        ("sites", "demo", {"time_zone": "UTC"}),
        ("work_units", "U1", {}),
        ("workers", "W1", {}),
    ):
        plant.api.put(entity, code, {"name": code, **payload} if entity != "workers" else payload)
    moments = [load(60), load(90)]
    for name, at in zip(("before", "after"), moments, strict=True):
        config = {"name": name, "at": at, "from_date": "2026-03-02", "to_date": "2026-03-03"}
        assert execute("as_known_at", "build_marts_as_known", **config).success
    query = "select units_produced from marts_as_known_{}.fct_worker_kpis_daily"
    assert [plant.rows(query.format(name)) for name in ("before", "after")] == [[(60,)], [(90,)]]
    assert plant.rows("select to_regclass('marts.fct_worker_kpis_daily')") == [(None,)], "the real marts are left alone"

    assert execute("drop_as_known", "drop_marts_as_known", name="before").success
    with plant.engine.connect() as connection:
        left = connection.scalars(text("select nspname from pg_namespace where nspname ~ '^marts_as_known'")).all()
    assert left == ["marts_as_known_after"]
