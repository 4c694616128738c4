"""Thresholds of a plant's own, on a real warehouse: what they are about is held to them, and nothing else (C48)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from expectations.__main__ import app
from expectations.errors import ThresholdsInvalid

HOUR = datetime(2026, 3, 2, 9, tzinfo=UTC)
INVALID = "invalid_rate_is_low"
LATE = "late_arrival_p95_is_low"
LIMITS = "values_are_within_registered_limits"

Validate = Callable[..., dict[str, Any]]
Own = Callable[..., None]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Own:
    """Writes lines of a plant's own."""
    path = tmp_path / "thresholds.toml"
    monkeypatch.setenv("MILLRACE_EXPECTATIONS_THRESHOLDS", str(path))

    def write(*lines: str) -> None:
        path.write_text(f"thresholds = [{', '.join(f'{{ {line} }}' for line in lines)}]")

    return write


def failed(result: Any) -> list[tuple[str, str, str]]:
    groups = result.observed.get("failed_groups", [])
    return [(group["site_code"], group["grain"], group["subject_code"]) for group in groups]


@pytest.mark.parametrize(("quarantined", "passes"), [(299, True), (300, False)])
def test_the_limit_itself_fails_where_it_is_another_too(
    plant: Any, validate: Validate, own: Own, quarantined: int, passes: bool
) -> None:
    """Under 30 % at this site: 29.9 % passes and 30 % does not. Another site keeps its 10 %."""
    own(f'expectation = "{INVALID}", site = "demo", below = 30, reason = "a test rig"')
    plant.batch(1000, quarantined_count=quarantined)
    plant.batch(1000, quarantined_count=99, site_code="other")
    result = validate(suites=["ledger"])[INVALID]
    assert result.is_success is passes
    assert result.observed["sites"]["demo"]["limit"] == "< 30"
    assert (result.observed["sites"]["other"]["limit"], result.observed["sites"]["other"]["worst"]) == ("< 10", 9.9)

    plant.batch(1000, quarantined_count=101, site_code="other")
    result = validate(suites=["ledger"])[INVALID]
    assert {site for site, _, _ in failed(result)} == ({"other"} if passes else {"demo", "other"})


@pytest.mark.parametrize(("limit", "passes"), [("33.333333333333336", False), ("33.33333333333334", True)])
def test_who_judges_and_who_names_the_groups_agree_to_the_last_digit(
    plant: Any, validate: Validate, own: Own, limit: str, passes: bool
) -> None:
    """A third is less than the first limit in decimals, and the same as a float, in which it is judged."""
    own(f'expectation = "{INVALID}", below = {limit}, reason = "r"')
    plant.batch(30, quarantined_count=10)
    result = validate(suites=["ledger"])[INVALID]
    assert (result.is_success, result.blocks) == (passes, not passes)
    assert len(failed(result)) == len(result.failed) == result.observed["failed_group_count"] == (0 if passes else 2)
    assert result.observed["sites"]["demo"]["failed_group_count"] == (0 if passes else 2)


def test_a_source_that_sends_late_by_design(plant: Any, validate: Validate, own: Own) -> None:
    """Line 3 may take 90 minutes; neither does it hide in the rest of its site, nor spoil the site's day."""
    own(f'expectation = "{LATE}", site = "demo", source = "line-3", below = 90, reason = "it sends once an hour"')
    late = {"late_count": 100, "credential": "line-3"}
    plant.batch(100, lateness_p95_s=5_399.9, **late)
    plant.batch(100, lateness_p95_s=59.9 * 60)
    assert validate(suites=["ledger"])[LATE].is_success

    plant.batch(900, lateness_p95_s=90 * 60, **late | {"late_count": 900})
    result = validate(suites=["ledger"])[LATE]
    assert failed(result) == [("demo", "day", "line-3"), ("demo", "hour", "line-3")]
    assert result.observed["failed_groups"][0] | {"period_start": None} == {
        "grain": "day",
        "site_code": "demo",
        "subject_code": "line-3",
        "period_start": None,
        "item_count": 1000,
        "lateness_p95_min": 90.0,
        "limit": "< 90",
    }
    # Of another site nobody said so.
    plant.batch(100, lateness_p95_s=89.9 * 60, site_code="other", **late)
    groups = failed(validate(suites=["ledger"])[LATE])
    assert ("other", "hour", "line-3") in groups
    assert ("demo", "day", "") not in groups


def test_flow_meters_of_a_class_are_judged_apart(plant: Any, validate: Validate, own: Own) -> None:
    """Of pumps, flow may leave its limits half of the time; what else the pump measures may not."""
    own(f'expectation = "{LIMITS}", equipment_class = "pump", metric = "flow", below = 50, reason = "cleaned daily"')
    plant.register("equipment", "P1", equipment_class="pump")
    for metric in ("flow", "pressure"):
        plant.register("signals", f"P1/{metric}", low_limit=0, high_limit=1)
    plant.readings([0.5] * 51 + [2] * 49, metric="flow", unit_code="L/min")
    plant.readings([0.5] * 100, metric="pressure", unit_code="bar")
    assert validate(suites=["readings"])[LIMITS].is_success

    plant.readings([2] * 12, metric="pressure", unit_code="bar", start=HOUR + timedelta(minutes=5))
    assert failed(validate(suites=["readings"])[LIMITS]) == [("demo", "hour", "P1")]
    plant.readings([2] * 2, metric="flow", unit_code="L/min", start=HOUR + timedelta(minutes=5))
    assert failed(validate(suites=["readings"])[LIMITS]) == [("demo", "hour", "P1"), ("demo", "hour", "P1/flow")]
    # A class of another name is another matter.
    plant.register("equipment", "P1", equipment_class="valve")
    assert failed(validate(suites=["readings"])[LIMITS]) == [("demo", "hour", "P1")]


def test_a_severity_of_a_sites_own_holds_nothing_there(plant: Any, validate: Validate, own: Own) -> None:
    own(f'expectation = "{INVALID}", site = "demo", severity = "warning", reason = "it is being built"')
    plant.batch(100, quarantined_count=50)
    result = validate(suites=["ledger"])[INVALID]
    assert (result.is_success, result.severity, result.failed) == (False, "warning", ())
    plant.batch(100, quarantined_count=50, site_code="other")
    result = validate(suites=["ledger"])[INVALID]
    assert result.severity == "critical"
    assert {group.site_code for group in result.failed} == {"other"}


def test_data_docs_say_which_limits_hold_and_take_nothing_for_markup(
    plant: Any, validate: Validate, own: Own, tmp_path: Path
) -> None:
    own(f'expectation = "{INVALID}", site = "demo", below = 30, reason = "a $5 <b>rig</b>"')
    plant.batch(100)
    validate(suites=["ledger"])
    page = (tmp_path / "docs" / "expectations" / "ledger.html").read_text()
    assert "Limit: &lt; 10 (critical); &lt; 30 (critical) for site demo: a $5 &lt;b&gt;rig&lt;/b&gt;." in page


def test_names_are_values_and_no_part_of_the_query(plant: Any, validate: Validate, own: Own) -> None:
    name = "it's: a %s {start} site"
    own(f'expectation = "{INVALID}", site = "{name}", below = 30, reason = "r"')
    plant.batch(100, quarantined_count=20, site_code=name)
    plant.batch(100, quarantined_count=20)
    assert {site for site, _, _ in failed(validate(suites=["ledger"])[INVALID])} == {"demo"}


def test_the_command_shows_them_and_names_what_nobody_registered(
    plant: Any, own: Own, warehouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_WAREHOUSE_URL", warehouse_url)
    plant.register("sites", "demo", name="Demo", time_zone="UTC")
    plant.register("equipment", "P1", equipment_class="pump")
    own(f'expectation = "{INVALID}", site = "demo", below = 30, reason = "a test rig"')
    outcome = CliRunner().invoke(app, ["thresholds"], env={"COLUMNS": "160"})
    assert outcome.exit_code == 0, outcome.output
    assert "site demo" in outcome.output
    assert "a test rig" in outcome.output

    of_class = f'expectation = "{LIMITS}", equipment_class = "pmup", below = 30, reason = "r"'
    own(f'expectation = "{INVALID}", site = "demmo", below = 30, reason = "a test rig"', of_class)
    outcome = CliRunner().invoke(app, ["thresholds"], env={"COLUMNS": "160"})
    assert outcome.exit_code == 2
    assert "site 'demmo', which no registry has; there are demo\n" in outcome.stderr
    assert "equipment class 'pmup', which no registry has; there are pump\n" in outcome.stderr


def test_a_wrong_line_stops_the_validation_before_it_writes(plant: Any, validate: Validate, own: Own) -> None:
    own(f'expectation = "{INVALID}", below = 300')
    with pytest.raises(ThresholdsInvalid, match="line 1"):
        validate(suites=["ledger"])
