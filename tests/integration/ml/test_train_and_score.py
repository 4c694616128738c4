"""From readings to a champion to scores, on a real warehouse and a real MLflow server."""

from datetime import timedelta

import pytest

from ml import anomaly_model, promotions, registry
from ml.cause import Cause
from ml.gate import Outcome
from ml.score import score_range
from ml.train import train
from ml.windows import FILL_STEPS

SCORES = """
    select equipment_code, event_time, model_version, score, threshold, is_anomaly, confidence
    from ml.scores order by 1, 2, 3
"""
ANOMALIES = """
    select equipment_code, started_at, ended_at, model_version, peak_score, threshold, sensor_shares
    from ml.anomalies order by 1, 2, 4
"""


def test_first_training_makes_a_champion_that_scores(plant, ml_settings) -> None:
    """S2-018..024, S2-026: train, gate, register, load by pyfunc, score; the failing bearing shows and says why."""
    outcome = train(
        plant.engine, plant.equipment_class, Cause(trigger="initial", dagster_run_id="run-1"), settings=ml_settings
    )
    assert outcome.is_promoted, outcome.reason
    assert outcome.reason.startswith("It is the first champion, with nothing to compare: VUS-PR ")
    assert outcome.version == 1

    summary = score_range(plant.engine, plant.start, plant.end, settings=ml_settings)
    windows_each = plant.hours * 60 - 29
    assert summary.models == {plant.model_name: 1}
    assert (summary.equipment_count, summary.window_count) == (5, 5 * windows_each)
    shares = dict(
        plant.rows(
            "select equipment_code, avg(is_anomaly::int) from ml.scores where event_time >= :at group by 1",
            at=plant.fault_at + timedelta(hours=2),
        )
    )
    assert shares.pop(plant.faulty) > 0.95
    assert max(shares.values()) < 0.10
    ((metrics, values, normal),) = plant.rows(
        "select sensor_shares, sensor_values, nearest_normal from ml.anomalies where equipment_code = :code"
        " order by peak_score desc limit 1",
        code=plant.faulty,
    )
    assert metrics.keys() == values.keys() == normal.keys()
    strangest = max(metrics, key=metrics.get)
    assert values[strangest] > normal[strangest], "issue 5: the nearest normal value; this fault drives values up"
    assert sum(metrics.values()) == pytest.approx(1.0, abs=1e-5)
    assert metrics["vibration"] + metrics["bearing_temperature"] > 0.6

    first = plant.rows(SCORES), plant.rows(ANOMALIES)
    again = score_range(plant.engine, plant.start, plant.end, settings=ml_settings)
    assert again == summary
    assert (plant.rows(SCORES), plant.rows(ANOMALIES)) == first


def test_backfilled_scores_equal_live_ones(plant, ml_settings) -> None:
    """Issue 5: hours scored as they come, in any order, with overlaps or all at once leave the same to the last bit."""
    train(plant.engine, plant.equipment_class, Cause(trigger="initial"), settings=ml_settings)
    score_range(plant.engine, plant.start, plant.end, settings=ml_settings)
    whole = stored(plant)

    begin = plant.fault_at - timedelta(hours=1)
    pieces = [(begin + timedelta(hours=h), begin + timedelta(hours=h + 1)) for h in (0, 2, 1, 5, 3, 8, 7, 4, 6, 4)]
    for start, end in [*pieces, (begin + timedelta(minutes=37), begin + timedelta(hours=7, minutes=11))]:
        score_range(plant.engine, start, end, settings=ml_settings)
    assert stored(plant) == whole

    plant.execute(
        "create table to_come as select * from marts.features_equipment_readings where event_time >= :begin",
        begin=begin,
    )
    for table in ("marts.features_equipment_readings", "ml.scores"):
        plant.execute(f"delete from {table} where event_time >= :begin", begin=begin)
    plant.execute("delete from ml.anomalies where ended_at >= :begin", begin=begin)
    earlier = stored(plant)
    # Eight hours as they come: the last windows of each see nothing of the next yet.
    for hour in (begin + timedelta(hours=h) for h in range(8)):
        plant.execute(
            "insert into marts.features_equipment_readings select * from to_come"
            " where event_time >= :hour and event_time < cast(:hour as timestamptz) + interval '1 hour'",
            hour=hour,
        )
        score_range(plant.engine, hour, hour + timedelta(hours=1), settings=ml_settings)
    live = stored(plant)
    score_range(plant.engine, begin, begin + timedelta(hours=8), settings=ml_settings)
    assert stored(plant) == live
    assert len(live[0]) == len(earlier[0]) + 5 * 8 * 60


def stored(plant) -> tuple[list[tuple], list[tuple]]:
    """Scores in full, anomalies without the shares of their peaks, which are rounded."""
    return plant.rows(SCORES), [row[:-1] for row in plant.rows(ANOMALIES)]


def test_late_readings_change_the_windows_that_see_them(plant, ml_settings) -> None:
    """Scoring the hour of a late reading also renews the windows after the hour that contain it."""
    train(plant.engine, plant.equipment_class, Cause(trigger="initial"), settings=ml_settings)
    hour = plant.start + timedelta(hours=30)
    late = (hour + timedelta(minutes=50), hour + timedelta(minutes=59))
    plant.execute(
        "create table held_back as select * from marts.features_equipment_readings"
        " where equipment_code = 'P1' and event_time between :first and :last",
        first=late[0],
        last=late[1],
    )
    plant.execute(
        "delete from marts.features_equipment_readings as f using held_back as h"
        " where (f.equipment_code, f.metric, f.event_time) = (h.equipment_code, h.metric, h.event_time)"
    )
    score_range(plant.engine, plant.start, plant.end, settings=ml_settings)
    broken = plant.rows("select count(*) from ml.scores where equipment_code = 'P1'")
    assert broken == [(plant.hours * 60 - 29 - 10 - 29,)]

    # With two of four sensors there, the model stands in for the others (issue 5). One alone is too few: its own times
    # only let the others be carried forward for five steps.
    all_windows = plant.hours * 60 - 29
    for metric, count in (("flow", broken[0][0] + FILL_STEPS), ("vibration", all_windows)):
        give_back(plant, metric)
        score_range(plant.engine, hour, hour + timedelta(hours=1), settings=ml_settings)
        found = plant.rows("select count(*) from ml.scores where equipment_code = 'P1'")
        assert found == [(count,)], metric

    give_back(plant, "motor_current")
    give_back(plant, "bearing_temperature")
    score_range(plant.engine, hour, hour + timedelta(hours=1), settings=ml_settings)
    renewed = plant.rows(SCORES)
    score_range(plant.engine, plant.start, plant.end, settings=ml_settings)
    complete = plant.rows(SCORES)
    assert renewed == complete


def give_back(plant, metric: str) -> None:
    """Let a metric's readings that were held back come late."""
    plant.execute(
        "insert into marts.features_equipment_readings select * from held_back where metric = :metric", metric=metric
    )


def test_new_scores_reopen_their_hours_for_the_daily_marts(plant, ml_settings) -> None:
    plant.execute(
        "insert into raw.touched_hours (site_code, hour, touch_count, rolled_up_count, summarized_count, touched_at)"
        " select 'demo', hour, 3, 3, 3, hour from generate_series(cast(:start as timestamptz), :end, '1 hour') as hour",
        start=plant.start,
        end=plant.end,
    )
    hour = plant.start + timedelta(hours=20)
    nothing = score_range(plant.engine, hour, hour + timedelta(hours=1), settings=ml_settings)
    behind = "select hour from raw.touched_hours where summarized_count < rolled_up_count order by hour"
    assert (nothing.models, plant.rows(behind)) == ({}, [])

    train(plant.engine, plant.equipment_class, Cause(trigger="initial"), settings=ml_settings)
    score_range(plant.engine, hour, hour + timedelta(hours=1), settings=ml_settings)
    assert plant.rows(behind) == [(hour,), (hour + timedelta(hours=1),)]


def test_a_model_of_an_earlier_release_is_left_out_until_its_class_is_trained_anew(
    plant, ml_settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others are scored meanwhile, and the successor needs no lead over what nobody can read."""
    train(plant.engine, plant.equipment_class, Cause(trigger="initial"), settings=ml_settings)
    monkeypatch.setattr(anomaly_model, "FORMAT", anomaly_model.FORMAT + 1)
    left_out = score_range(plant.engine, plant.start, plant.end, settings=ml_settings)
    assert (left_out.models, left_out.too_old, left_out.window_count) == ({}, {plant.model_name: 1}, 0)

    second = train(plant.engine, plant.equipment_class, Cause(trigger="initial"), settings=ml_settings)
    assert second.is_promoted, second.reason
    assert "cannot judge the present data (version 1 was stored by an earlier release): VUS-PR " in second.reason
    again = score_range(plant.engine, plant.start, plant.end, settings=ml_settings)
    assert (again.models, again.too_old) == ({plant.model_name: 2}, {})
    assert again.window_count > 0


def test_an_equal_challenger_is_kept_and_the_ledger_says_why(plant, ml_settings) -> None:
    """D11: same data, same seed, same model; the champion stays and the reason carries the figures."""
    first = train(plant.engine, plant.equipment_class, Cause(trigger="initial"), settings=ml_settings)
    second = train(plant.engine, plant.equipment_class, Cause(trigger="schedule"), settings=ml_settings)
    assert second.metrics == first.metrics
    assert second.outcome is Outcome.KEPT
    assert second.reason.startswith(
        "Its lead may be chance: VUS-PR +0.000 against the champion (95 % interval +0.000 to +0.000, 5 machines, "
    )
    champion = registry.champion(plant.equipment_class, ml_settings)
    assert champion is not None
    assert champion.version == 1
    ledger = promotions.history(plant.engine, plant.model_name)
    assert [(row.challenger_version, row.champion_version, row.is_promoted, row.trigger) for row in ledger] == [
        (1, None, True, "initial"),
        (2, 1, False, "schedule"),
    ]
    assert set(ledger[0].metrics["candidates"]) == {"lstm_autoencoder", "pca", "isolation_forest"}
    assert set(ledger[0].metrics["baselines"]) == {"always_on", "random", "last_value", "single_sensor"}
