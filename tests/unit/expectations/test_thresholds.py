"""The lines of thresholds, and what is wrong with some."""

from pathlib import Path

import pytest

from expectations.errors import ThresholdsInvalid
from expectations.suites import SUITES
from expectations.thresholds import SHIPPED, read


def own(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(f"thresholds = [{', '.join(f'{{ {line} }}' for line in lines)}]")
    return path


def test_every_expectation_has_a_default_and_nothing_else_is_shipped() -> None:
    thresholds = read()
    assert list(thresholds.defaults) == [each.name for suite in SUITES.values() for each in suite.expectations]
    assert thresholds.exceptions == ()


def test_the_thresholds_of_the_mission_are_strict() -> None:
    """S0-064..066, C48."""
    limits = {name: (line.limit, line.is_strict, line.severity) for name, line in read().defaults.items()}
    assert limits["invalid_rate_is_low"] == (10, True, "critical")
    assert limits["duplicate_rate_is_low"] == (5, True, "critical")
    assert limits["late_arrival_p95_is_low"] == (60, True, "warning")


def test_of_the_lines_that_fit_the_one_that_names_most_counts(tmp_path: Path) -> None:
    name = 'expectation = "values_are_within_registered_limits", reason = "r"'
    thresholds = read(
        own(
            tmp_path,
            f'{name}, below = 11, metric = "flow"',
            f'{name}, below = 12, equipment_class = "pump"',
            f'{name}, below = 13, site = "north"',
            f'{name}, below = 14, equipment_class = "pump", metric = "flow"',
            f'{name}, below = 15, site = "north", metric = "flow"',
            f'{name}, below = 16, site = "north", equipment_class = "pump", metric = "flow"',
        )
    )
    assert [line.limit for line in thresholds.exceptions] == [16, 15, 14, 13, 12, 11]


def test_a_plants_own_default_replaces_ours_and_the_rest_stays(tmp_path: Path) -> None:
    path = own(
        tmp_path,
        'expectation = "duplicate_rate_is_low", below = 7',
        'expectation = "invalid_rate_is_low", site = "north", severity = "warning", reason = "it is being built"',
    )
    thresholds = read(path)
    assert thresholds.defaults["duplicate_rate_is_low"].limit == 7
    assert thresholds.defaults["duplicate_rate_is_low"].severity == "critical"
    assert thresholds.told("invalid_rate_is_low") == "< 10 (critical); < 10 (warning) for site north: it is being built"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('expectation = "rate_is_low", below = 1', "no such expectation; there are values_are_present"),
        ('expectation = "invalid_rate_is_low"', "give `below` or `severity`"),
        ('expectation = "invalid_rate_is_low", at_most = 1', "its limit is written `below`, not `at_most`"),
        ('expectation = "invalid_rate_is_low", below = 1, at_most = 1', "not `at_most`"),
        ('expectation = "invalid_rate_is_low", below = 0', "below = 0 is no limit for invalid_pct"),
        ('expectation = "invalid_rate_is_low", below = 100.1', "no limit"),
        ('expectation = "invalid_rate_is_low", below = nan', "no limit"),
        ('expectation = "late_arrival_p95_is_low", below = inf', "no limit"),
        ('expectation = "units_are_not_negative", at_most = -1', "at_most = -1 is no limit"),
        ('expectation = "invalid_rate_is_low", below = 1, metric = "flow", reason = "r"', "by site, source, and not"),
        ('expectation = "values_are_present", at_most = 1, source = "C1", reason = "r"', "and not by source"),
        ('expectation = "invalid_rate_is_low", below = 1, site = "north"', "give a reason"),
        ('expectation = "invalid_rate_is_low", below = true', "cannot be read: Expected `float | null`"),
        ('expectation = "invalid_rate_is_low", below = 1, line = "3"', "unknown field `line`"),
        ('expectation = "invalid_rate_is_low", severity = "fatal"', "Invalid enum value 'fatal'"),
    ],
)
def test_a_wrong_line_is_told_with_what_is_wrong(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ThresholdsInvalid) as caught:
        read(own(tmp_path, 'expectation = "duplicate_rate_is_low", below = 7', line))
    assert message in str(caught.value)
    assert str(tmp_path / "own.toml") in str(caught.value)
    assert "line 2" in str(caught.value) or "$.thresholds[1]" in str(caught.value)


def test_two_lines_about_the_same_are_refused(tmp_path: Path) -> None:
    line = 'expectation = "invalid_rate_is_low", below = {}, site = "a", source = "b", reason = "r"'
    with pytest.raises(ThresholdsInvalid, match=r"line 2 .* about the same before it"):
        read(own(tmp_path, line.format(1), line.format(2)))


@pytest.mark.parametrize("content", ["thresholds = [", "limits = []", "", "thresholds = {}"])
def test_a_file_that_is_none_is_told_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(content)
    with pytest.raises(ThresholdsInvalid, match=r"own\.toml cannot be read"):
        read(path)
    with pytest.raises(ThresholdsInvalid, match=r"none\.toml cannot be read"):
        read(tmp_path / "none.toml")


def test_ours_stands_beside_the_module() -> None:
    """It is in the package, so that it is installed with it."""
    assert SHIPPED.parent.name == "expectations"
