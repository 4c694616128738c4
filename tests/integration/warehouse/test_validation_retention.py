"""Results of validations go when they are past their time, but for those of hours that are held still."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from warehouse.validation_retention import RetainedValidations, retain_validations

NOW = datetime(2026, 10, 1, tzinfo=UTC)
HOUR = datetime(2025, 3, 2, 9, tzinfo=UTC)
AN_HOUR = timedelta(hours=1)
_RESULT = text(
    "insert into ops.validation_results"
    " (suite, expectation, window_start, window_end, severity, is_success, observed, validated_at)"
    " values ('readings', :expectation, :start, :end, 'critical', false, '{}', :validated_at)"
)
_HOLD = text(
    "insert into ops.holds (site_code, hour, first_hour, last_hour, suite, expectation, period_start, observed,"
    " touched_at, released_at, released_by, reason)"
    " values ('demo', :hour, :hour, :hour, :suite, :expectation, :hour, '{}', :hour, :released_at, :by, :by)"
)


def validated(engine: Engine, expectation: str, *, days_ago: float, start: datetime = HOUR) -> None:
    """Store what a validation of three hours found."""
    parameters = {"expectation": expectation, "start": start, "end": start + 3 * AN_HOUR}
    with engine.begin() as connection:
        connection.execute(_RESULT, {**parameters, "validated_at": NOW - timedelta(days=days_ago)})


def hold(engine: Engine, expectation: str, hour: datetime, suite: str = "readings", by: str | None = None) -> None:
    parameters = {"hour": hour, "suite": suite, "expectation": expectation, "by": by}
    with engine.begin() as connection:
        connection.execute(_HOLD, {**parameters, "released_at": NOW if by else None})


def retain(engine: Engine, keep_days: int = 400) -> RetainedValidations:
    with engine.begin() as connection:
        return retain_validations(connection, NOW, keep_days)


def left(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(text("select expectation from ops.validation_results order by validation_id")))


def test_results_go_after_their_days(warehouse_engine: Engine) -> None:
    validated(warehouse_engine, "old", days_ago=400.01)
    validated(warehouse_engine, "young", days_ago=399.99)
    assert retain(warehouse_engine) == RetainedValidations(deleted=1, kept=0)
    assert left(warehouse_engine) == ["young"]
    assert retain(warehouse_engine) == RetainedValidations(deleted=0, kept=0)
    assert retain(warehouse_engine, keep_days=399) == RetainedValidations(deleted=1, kept=0)


def test_as_long_as_an_hour_is_held_its_results_stay_and_go_when_it_is_let_go(warehouse_engine: Engine) -> None:
    """Those of its expectation about it, of which the window is half-open; holds themselves stay for good."""
    for start in (HOUR, HOUR - 2 * AN_HOUR, HOUR - 3 * AN_HOUR, HOUR + AN_HOUR):
        validated(warehouse_engine, "held", days_ago=500, start=start)
    validated(warehouse_engine, "released", days_ago=500)
    validated(warehouse_engine, "of_another_suite", days_ago=500)
    hold(warehouse_engine, "held", HOUR)
    hold(warehouse_engine, "released", HOUR, by="Ada")
    hold(warehouse_engine, "of_another_suite", HOUR, suite="events")
    assert retain(warehouse_engine) == RetainedValidations(deleted=4, kept=2)
    assert left(warehouse_engine) == ["held", "held"]
    with warehouse_engine.begin() as connection:
        connection.execute(text("update ops.holds set released_at = now(), released_by = 'Ada', reason = 'known'"))
    assert retain(warehouse_engine) == RetainedValidations(deleted=2, kept=0)
    with warehouse_engine.connect() as connection:
        assert connection.scalar(text("select count(*) from ops.holds")) == 3
