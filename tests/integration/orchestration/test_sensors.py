"""What the sensors of models and marts see and ask for, on a real warehouse, without building the marts."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import text

from ml.anomaly_model import FORMAT
from orchestration.attempts import WORK_TAG
from warehouse import ledger

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def history(plant: Any) -> Any:
    """Two pumps with thirty hours of readings in the marts between them, a fan without any, and no champion."""
    with plant.engine.begin() as connection:
        connection.execute(
            text("""
                create table marts.dim_equipment (site_code text, equipment_code text, equipment_class text);
                create table marts.fct_sensor_readings_hourly
                    (site_code text, equipment_code text, metric text, signal_id integer, hour timestamptz);
                insert into marts.dim_equipment values
                    ('demo', 'P1', 'pump'), ('demo', 'P2', 'pump'), ('demo', 'F1', 'fan');
                insert into raw.signals (site_code, equipment_code, metric)
                select site_code, equipment_code, metric
                from marts.dim_equipment, unnest(array['flow', 'new']) as metric;
            """)
        )
        connection.execute(
            text("""
                insert into marts.fct_sensor_readings_hourly
                select 'demo', equipment_code, metric, signal_id,
                    cast(:noon as timestamptz) + make_interval(hours => number)
                from raw.signals cross join generate_series(0, 29) as number
                where metric = 'flow' and equipment_code like 'P%' and (equipment_code = 'P1') = (number < 20)
            """),
            {"noon": NOON},
        )
    return plant


@pytest.fixture
def promote(history: Any) -> Any:
    """Writes decisions into the promotion ledger, and takes them back."""

    def record(
        version: int,
        *,
        episode_id: str | None = None,
        is_promoted: bool = True,
        trigger: str = "manual",
        beside_since: datetime | None = None,
        model_format: int | None = FORMAT,
    ) -> None:
        with history.engine.begin() as connection:
            connection.execute(
                text("""
                    insert into ml.promotions (model_name, challenger_version, is_promoted, is_shadow, reason, trigger,
                        episode_id, metrics, mlflow_run_id, decided_at, data_until)
                    values ('anomaly-pump', :version, :is_promoted, :is_shadow, 'r', :trigger,
                        :episode_id, cast(:metrics as jsonb), 'm', :decided_at, :data_until)
                """),
                {
                    "version": version,
                    "is_promoted": is_promoted and beside_since is None,
                    "is_shadow": beside_since is not None,
                    "data_until": beside_since,
                    "trigger": trigger,
                    "episode_id": episode_id,
                    "decided_at": NOON + 20 * HOUR,
                    "metrics": "{}" if model_format is None else json.dumps({"format": model_format}),
                },
            )

    yield record
    with history.engine.begin() as connection:
        connection.execute(text("delete from ml.promotions"))


def test_the_first_model_is_trained_when_the_history_stands_still(history: Any) -> None:
    assert "still coming in" in history.tick("on_missing_champion").skip_message
    (request,) = history.tick("on_missing_champion").run_requests
    assert request.run_config["ops"]["train"]["config"] == {
        "equipment_class": "pump",
        "trigger": "initial",
        "episode_id": None,
    }
    assert request.run_key == f"initial:pump:{FORMAT}:1"


def test_with_a_champion_no_first_model_is_trained(history: Any, promote: Any) -> None:
    promote(1)
    history.tick("on_missing_champion")
    assert "every equipment class has a champion" in history.tick("on_missing_champion").skip_message


def test_a_champion_that_an_earlier_release_stored_counts_as_none(history: Any, promote: Any) -> None:
    """Scoring leaves it out, so it must not need a person: the class is trained anew (issue 5)."""
    promote(1, model_format=None)
    history.tick("on_missing_champion")
    (request,) = history.tick("on_missing_champion").run_requests
    assert request.run_config["ops"]["train"]["config"]["equipment_class"] == "pump"
    promote(2)
    history.tick("on_missing_champion")
    assert "every equipment class has a champion" in history.tick("on_missing_champion").skip_message
    promote(1, model_format=None, trigger="rollback")
    history.tick("on_missing_champion")
    assert len(history.tick("on_missing_champion").run_requests) == 1


def test_a_first_challenger_that_the_gate_refused_is_not_trained_again_on_the_same_day_of_data(history: Any) -> None:
    """The training went well, and there still is no champion: without more data the next would be refused, too."""
    from orchestration.definitions import defs

    history.tick("on_missing_champion")
    (request,) = history.tick("on_missing_champion").run_requests
    history.instance.create_run_for_job(
        defs.resolve_job_def("training"),
        run_config=request.run_config,
        tags={WORK_TAG: request.run_key},
        status=dg.DagsterRunStatus.SUCCESS,
    )
    assert "training of pump: the gate refused it" in history.tick("on_missing_champion").skip_message


def test_a_new_champion_scores_its_history_once(history: Any, promote: Any) -> None:
    """From the first hour with readings to the hour of the promotion; later hours are scored as they come."""
    assert "scored its history" in history.tick("on_promotion").skip_message
    promote(1, is_promoted=False)
    assert "scored its history" in history.tick("on_promotion").skip_message
    promote(2)
    (request,) = history.tick("on_promotion").run_requests
    assert request.tags["dagster/asset_partition_range_start"] == "2026-03-02-12:00"
    assert request.tags["dagster/asset_partition_range_end"] == "2026-03-03-08:00"
    assert history.run(request, "scoring").success
    assert "scored its history" in history.tick("on_promotion").skip_message
    promote(1, trigger="rollback")
    (request,) = history.tick("on_promotion").run_requests


def test_a_challenger_beside_the_champion_catches_up_with_what_its_training_missed(history: Any, promote: Any) -> None:
    """Issue 5: from the hour of the newest reading it was trained on; once it is decided about, no more."""
    promote(1)
    (request,) = history.tick("on_promotion").run_requests
    assert history.run(request, "scoring").success
    promote(2, beside_since=NOON + 17.5 * HOUR)
    (request,) = history.tick("on_promotion").run_requests
    assert request.tags["dagster/asset_partition_range_start"] == "2026-03-03-05:00"
    assert request.tags["dagster/asset_partition_range_end"] == "2026-03-03-08:00"
    promote(3, beside_since=NOON + 18.5 * HOUR)
    (request,) = history.tick("on_promotion").run_requests
    assert request.tags["dagster/asset_partition_range_start"] == "2026-03-03-06:00"
    promote(3, is_promoted=False)
    assert "scored its history" in history.tick("on_promotion").skip_message


def test_an_episode_is_answered_by_one_training(history: Any, promote: Any) -> None:
    """D12: `run_key` is the episode; a training that failed is tried again under another key."""
    with history.engine.begin() as connection:
        connection.execute(
            text("""
                insert into ml.drift_episodes (episode_id, stream, site_code, equipment_class, detected_at, band,
                    mean_before, mean_after, sample_count)
                values ('e1', 'champion', 'demo', 'compressor', :noon, 'critical', 0.9, 0.6, 100),
                       ('e2', 'champion', 'demo', 'pump', :noon, 'critical', 0.9, 0.6, 100)
            """),
            {"noon": NOON},
        )
    promote(1, episode_id="e2", is_promoted=False)
    (request,) = history.tick("on_confidence_drift").run_requests
    assert request.run_key == "e1"
    config = request.run_config["ops"]["train"]["config"]
    assert config == {"equipment_class": "compressor", "trigger": "drift", "episode_id": "e1"}

    failed = history.run(request, "training")
    assert not failed.success  # there is no compressor
    assert "failed 1 times" in history.tick("on_confidence_drift").skip_message
    with history.retrying_at_once():
        (request,) = history.tick("on_confidence_drift").run_requests
    assert request.run_key == f"e1:after:{failed.run_id}"


def test_the_weekly_schedule_trains_every_class_once_a_week(history: Any) -> None:
    from orchestration.definitions import defs
    from orchestration.defs.resources import WarehouseResource

    schedule = defs.resolve_schedule_def("weekly_training")
    context = dg.build_schedule_context(
        instance=history.instance,
        scheduled_execution_time=datetime(2026, 3, 8, 3, tzinfo=UTC),
        resources={"warehouse": WarehouseResource()},
        repository_def=defs.get_repository_def(),
    )
    with context:
        requests = schedule.evaluate_tick(context).run_requests or []
    assert [request.run_key for request in requests] == [
        f"weekly_training:{equipment_class}:2026-03-08T0300" for equipment_class in ("fan", "pump")
    ]
    assert {request.run_config["ops"]["train"]["config"]["trigger"] for request in requests} == {"schedule"}


def test_dimensions_are_built_by_one_run_at_a_time(history: Any) -> None:
    """Master data that are put one by one over minutes ask for one run after the other, not for one a tick."""
    from orchestration.definitions import defs

    with history.engine.begin() as connection:
        connection.execute(text("insert into raw.cursors values ('demo', 'registry', 1) on conflict do nothing"))
    (request,) = history.tick("on_reference_changes").run_requests
    job = defs.resolve_job_def("reference")
    run = history.instance.create_run_for_job(job, tags=dict(request.tags), status=dg.DagsterRunStatus.STARTED)
    with history.engine.begin() as connection:
        connection.execute(text("update raw.cursors set position = position + 1 where kind = 'registry'"))
    assert "being built" in history.tick("on_reference_changes").skip_message
    history.instance.report_run_canceled(run)
    (later,) = history.tick("on_reference_changes").run_requests
    assert later.run_key != request.run_key


def test_hours_from_before_the_partitions_are_named(history: Any) -> None:
    """A device whose clock stood at 2019: the hours wait, and the tick says for what."""
    from orchestration.reference import reference_content
    from warehouse import reference_builds

    with history.engine.begin() as connection:
        connection.execute(text("insert into raw.cursors values ('demo', 'registry', 1) on conflict do nothing"))
        connection.execute(text("insert into raw.touched_hours values ('demo', '2019-05-01', 1, 0, 0, now())"))
    assert "not built yet" in history.tick("on_touched_hours").skip_message
    assert "not built yet" in history.tick("on_summarizable_hours").skip_message
    reference_builds.record(history.engine, reference_content(history.engine))
    assert "hours before 2020-01-01 wait" in history.tick("on_touched_hours").skip_message


def test_hours_wait_for_thresholds_that_are_not_right(
    history: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One number that is wrong does not fail one run after the other, until each hour waits for a person."""
    from orchestration.reference import reference_content
    from warehouse import reference_builds

    reference_builds.record(history.engine, reference_content(history.engine))
    path = tmp_path / "own.toml"
    path.write_text('thresholds = [{ expectation = "invalid_rate_is_low", below = 300 }]')
    monkeypatch.setenv("MILLRACE_EXPECTATIONS_THRESHOLDS", str(path))
    with history.engine.begin() as connection:
        ledger.touch(connection, "demo", {NOON: [NOON]}, NOON)
    outcome = history.tick("on_touched_hours")
    assert outcome.run_requests == []
    assert f"{path}: line 1 of the list, 'invalid_rate_is_low': below = 300 is no limit" in outcome.skip_message

    path.write_text('thresholds = [{ expectation = "invalid_rate_is_low", below = 30 }]')
    assert len(history.tick("on_touched_hours").run_requests) == 1
