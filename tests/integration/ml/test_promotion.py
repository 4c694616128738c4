"""From the gate to the alias: expectations, hours beside the champion, rollback by itself."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from typer.testing import CliRunner

from ml import promotions, registry, tracking
from ml.__main__ import app
from ml.cause import Cause
from ml.data_checks import failed_expectations
from ml.gate import Outcome
from ml.promote import carry_out
from ml.promotions import Decision
from ml.rollback import roll_back, roll_back_critical
from ml.score import score_range
from ml.settings import MlSettings
from ml.shadow import settle
from ml.train import train

HOUR = timedelta(hours=1)


@pytest.fixture
def quick(ml_settings: MlSettings) -> MlSettings:
    """Four hours beside the champion, and quicker trainings still."""
    return ml_settings.model_copy(update={"shadow_h": 4.0, "epochs": 1, "max_windows": 2_000})


def aliases(plant, settings: MlSettings) -> dict[str, int]:
    found = registry.scorers(settings)
    own = [scorer for scorer in found if scorer.model_name == plant.model_name]
    return {"challenger" if scorer.is_shadow else "champion": scorer.version for scorer in own}


def validated(
    plant, start: datetime, hours: int, is_success: bool, severity: str = "critical", suite: str = "readings"
):
    plant.execute(
        "insert into ops.validation_results"
        " (suite, expectation, window_start, window_end, severity, is_success, observed)"
        " values (:suite, 'values_are_present', :start, :end, :severity, :is_success, '{}')",
        suite=suite,
        start=start,
        end=start + hours * HOUR,
        severity=severity,
        is_success=is_success,
    )


def test_an_hour_counts_as_it_was_last_validated(plant) -> None:
    """However the windows were cut; warnings and checks of other data do not stop a model."""

    def failed() -> list[str]:
        with plant.engine.connect() as connection:
            return failed_expectations(connection, plant.start, plant.end)

    assert failed() == []
    validated(plant, plant.start, 4, is_success=True)
    validated(plant, plant.start + HOUR, 1, is_success=False, severity="warning")
    validated(plant, plant.start + HOUR, 1, is_success=False, suite="events")
    validated(plant, plant.end + HOUR, 1, is_success=False)
    assert failed() == []
    validated(plant, plant.start + HOUR, 3, is_success=False)
    assert failed() == ["values_are_present of readings in 3 hours from 2026-03-02 01:00 UTC on"]
    validated(plant, plant.start + 2 * HOUR, 1, is_success=True)
    validated(plant, plant.start, 2, is_success=True)
    assert failed() == ["values_are_present of readings in 1 hour from 2026-03-02 03:00 UTC on"]
    # Whoever said since that it is no more than a warning, lets the model learn from it.
    validated(plant, plant.start + 3 * HOUR, 1, is_success=False, severity="warning")
    assert failed() == []


def test_a_better_challenger_scores_beside_the_champion_before_it_is_promoted(plant, quick) -> None:
    """Issue 5. The champion learnt on readings so noisy, which broke an expectation too, that it knows little now."""
    plant.execute("truncate marts.features_equipment_readings")
    plant.measure(plant.start, plant.hours, noise=4.0)
    validated(plant, plant.start, 1, is_success=False)
    refused = train(plant.engine, plant.equipment_class, Cause(trigger="initial"), settings=quick)
    assert refused.outcome is Outcome.KEPT
    assert refused.reason == (
        "Its data broke expectations: values_are_present of readings in 1 hour from 2026-03-02 00:00 UTC on."
    )
    assert aliases(plant, quick) == {}
    validated(plant, plant.start, 1, is_success=True)
    first = train(plant.engine, plant.equipment_class, Cause(trigger="initial"), settings=quick)
    assert first.outcome is Outcome.PROMOTED, first.reason

    plant.execute("truncate marts.features_equipment_readings")
    plant.measure(plant.start, plant.hours)
    third = train(plant.engine, plant.equipment_class, Cause(trigger="schedule"), settings=quick)
    assert third.outcome is Outcome.SHADOW, third.reason
    assert third.reason.endswith("It scores beside the champion for 4 h of data first.")
    assert aliases(plant, quick) == {"champion": 2, "challenger": 3}
    assert settle(plant.engine, settings=quick) == []

    plant.measure(plant.end, 5)
    halfway = score_range(plant.engine, plant.end, plant.end + 2 * HOUR, settings=quick)
    assert (halfway.models, halfway.shadows) == ({plant.model_name: 2}, {plant.model_name: 3})
    versions = dict(plant.rows("select model_version, count(*) from ml.scores group by 1"))
    assert versions[2] == versions[3] == halfway.window_count
    assert settle(plant.engine, settings=quick) == []

    score_range(plant.engine, plant.end + 2 * HOUR, plant.end + 5 * HOUR, settings=quick)
    (decision,) = settle(plant.engine, settings=quick)
    assert decision.outcome is Outcome.PROMOTED, decision.reason
    assert decision.reason.startswith("Over 4 h beside the champion, 1,200 windows: it flags ")
    assert decision.metrics["shadow"]["window_count"] == 1_200
    assert aliases(plant, quick) == {"champion": 3}
    assert settle(plant.engine, settings=quick) == []
    ledger = promotions.history(plant.engine, plant.model_name)
    assert [(made.challenger_version, made.champion_version, made.outcome) for made in ledger] == [
        (1, None, Outcome.KEPT),
        (2, None, Outcome.PROMOTED),
        (3, 2, Outcome.SHADOW),
        (3, 2, Outcome.PROMOTED),
    ]
    version = tracking.connect(quick).get_model_version(plant.model_name, "3")
    assert version.description == f"Promoted. {decision.reason}"


@pytest.fixture
def reigning(plant, quick) -> Decision:
    """The decision that made version 1 champion."""
    train(plant.engine, plant.equipment_class, Cause(trigger="initial"), settings=quick)
    (decision,) = promotions.history(plant.engine, plant.model_name)
    return decision


def another(plant, quick: MlSettings, decision: Decision, **changes: object) -> Decision:
    """The same model as the next version, and a decision about it, carried out."""
    source = tracking.connect(quick).get_model_version(plant.model_name, "1").source
    assert source is not None
    made = {"champion_version": 1, "trigger": "schedule", "decided_at": None, "is_promoted": False, **changes}
    version = registry.register(plant.model_name, source, {})
    carry_out(plant.engine, replace(decision, challenger_version=version, **made), quick)
    return promotions.history(plant.engine, plant.model_name)[-1]


def test_a_challenger_that_is_loud_on_live_data_is_refused(plant, quick, reigning, warehouse_url, monkeypatch) -> None:
    """Until it has scored as much as the champion it waits; people see for how long."""
    begin = plant.fault_at - 4 * HOUR
    shadow = another(plant, quick, reigning, is_shadow=True, data_until=begin)
    monkeypatch.setenv("MILLRACE_WAREHOUSE_URL", warehouse_url)
    monkeypatch.setenv("MILLRACE_ML_TRACKING_URI", quick.tracking_uri)
    monkeypatch.setenv("MILLRACE_ML_SHADOW_H", "4")
    monkeypatch.setenv("COLUMNS", "200")
    shown = CliRunner().invoke(app, ["status"]).output
    assert f"{plant.model_name}: v2 scores beside v1 until the data reach 2026-03-03 16:00 UTC" in shown

    score_range(plant.engine, begin, plant.end, settings=quick)
    plant.execute(
        "create table apart as select * from ml.scores where model_version = 2 and event_time > :at", at=begin
    )
    plant.execute("delete from ml.scores where model_version = 2 and event_time > :at", at=begin + HOUR)
    assert settle(plant.engine, settings=quick) == []
    plant.execute("insert into ml.scores select * from apart where event_time > :at", at=begin + HOUR)
    plant.execute("update ml.scores set is_anomaly = true where model_version = 2 and equipment_code <> 'P1'")
    said = CliRunner().invoke(app, ["settle"]).output
    assert (
        f"{plant.model_name} v2: kept as challenger. Over 4 h beside the champion, 1,200 windows: it flags 100.0%"
        in said
    )
    assert aliases(plant, quick) == {"champion": 1}
    last = promotions.history(plant.engine, plant.model_name)[-1]
    assert (last.outcome, last.trigger, last.data_until) == (Outcome.KEPT, shadow.trigger, begin + 4 * HOUR)
    assert "No challenger" in CliRunner().invoke(app, ["settle"]).output


def healthy(plant, version: int, start: datetime, means: list[float]) -> None:
    for number, mean in enumerate(means):
        plant.execute(
            "insert into marts.fct_model_health_hourly values"
            " ('champion', 'demo', 'P1', :cls, :version, :hour, :mean, :mean, 60, 'any')",
            version=version,
            hour=start + number * HOUR,
            mean=mean,
        )


def test_a_new_champion_that_turns_critical_is_rolled_back_once(plant, quick, reigning) -> None:
    """Issue 5. What it made of earlier data, and hours long after its promotion, do not count against it."""
    healthy(plant, 1, plant.end, [0.5] * 4)
    assert roll_back_critical(plant.engine, settings=quick) == []  # there is no way back
    another(plant, quick, reigning, is_promoted=True, data_until=plant.end)
    healthy(plant, 2, plant.start, [0.5] * 4)
    healthy(plant, 2, plant.end + 8 * 24 * HOUR, [0.5] * 4)
    healthy(plant, 2, plant.end, [0.90, 0.70, 0.70, 0.76])
    assert roll_back_critical(plant.engine, settings=quick) == []
    assert aliases(plant, quick) == {"champion": 2}

    healthy(plant, 2, plant.end + 4 * HOUR, [0.70, 0.74, 0.70])
    (decision,) = roll_back_critical(plant.engine, settings=quick)
    assert decision.reason == (
        "By itself: confidence of version 2 was critical, under 0.75, for 3 hours from 2026-03-04 04:00 UTC on."
    )
    assert (decision.trigger, decision.challenger_version, decision.champion_version) == ("rollback", 1, 2)
    assert aliases(plant, quick) == {"champion": 1}
    assert roll_back_critical(plant.engine, settings=quick) == []
    healthy(plant, 1, plant.end + 4 * HOUR, [0.5] * 4)
    assert roll_back_critical(plant.engine, settings=quick) == []


def test_a_champion_that_nobody_recorded_has_nothing_to_defend(plant, quick, reigning) -> None:
    """A process died after the alias moved and before its row was written: ledger and alias agree again."""
    plant.execute("delete from ml.promotions")
    assert aliases(plant, quick) == {"champion": 1}
    second = train(plant.engine, plant.equipment_class, Cause(trigger="initial"), settings=quick)
    assert second.outcome is Outcome.PROMOTED, second.reason
    assert aliases(plant, quick) == {"champion": 2}
    (made,) = promotions.history(plant.engine, plant.model_name)
    assert (made.challenger_version, made.champion_version) == (2, None)


def test_a_rollback_ends_the_time_beside_the_champion(plant, quick, reigning) -> None:
    another(plant, quick, reigning, is_promoted=True)
    another(plant, quick, reigning, is_shadow=True, champion_version=2)
    assert aliases(plant, quick) == {"champion": 2, "challenger": 3}
    assert [made.challenger_version for made in promotions.shadows(plant.engine)] == [3]
    roll_back(plant.engine, plant.equipment_class, reason="a try", settings=quick)
    assert aliases(plant, quick) == {"champion": 1}
    assert promotions.shadows(plant.engine) == []
