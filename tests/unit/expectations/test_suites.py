"""The suites as data."""

import subprocess
import sys

import pytest

from expectations.suites import SUITES, Suite
from expectations.suites.plausible_ranges import PLAUSIBLE_RANGES
from expectations.suites.suite import GROUP_COLUMNS
from warehouse.tables import warehouse_metadata

suites = pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)


def test_importing_the_package_does_not_load_great_expectations() -> None:
    """It takes seconds, and the code location imports the suites."""
    heavy = "{'great_expectations', 'pandas', 'dagster', 'torch', 'mlflow'}"
    code = f"import sys, expectations.suites, expectations.validate; print(sorted({heavy} & set(sys.modules)))"

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "[]"


@suites
def test_a_suite_judges_an_existing_table_over_a_half_open_window(suite: Suite) -> None:
    table = warehouse_metadata.tables[".".join(suite.asset_key)]

    assert suite.time_column in table.columns
    assert f".{suite.time_column} >= {{start}}" in suite.query or f" {suite.time_column} >= {{start}}" in suite.query
    assert f"{suite.time_column} < {{end}}" in suite.query


@suites
def test_every_measure_and_group_column_is_in_the_query(suite: Suite) -> None:
    for column in {*GROUP_COLUMNS, *suite.scopes, *(expectation.column for expectation in suite.expectations)}:
        assert f" as {column}" in suite.query or f"    {column}," in suite.query


def test_names_are_unique() -> None:
    names = [expectation.name for suite in SUITES.values() for expectation in suite.expectations]

    assert len(names) == len(set(names))


def test_plausible_ranges_are_ranges() -> None:
    assert all(low < high for low, high in PLAUSIBLE_RANGES.values())
