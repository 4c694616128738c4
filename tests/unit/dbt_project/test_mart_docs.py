"""What the marts say of themselves: descriptions, grains, units, readers. Their figures are not checked here."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from ingestion_api.contract import ReasonCode

MODELS = Path(__file__).parents[3] / "dbt_project" / "models"
MARTS = sorted((MODELS / "marts").rglob("*.sql"))
EXPOSURES: list[dict[str, Any]] = yaml.safe_load((MODELS / "marts" / "_marts__exposures.yml").read_text())["exposures"]
# What the description of a column of numbers must say, by the suffix of its name.
UNITS = {
    "_s": r"\bseconds?\b",
    "_h": r"\bhours?\b",
    "_pct": r"\bpercent\b",
    "_ratio": r"\b0 to 1\b|\brelative\b|\bdimensionless\b",
    "_per_h": r"\bper hour\b|/ h\b",
    "_per_day": r"\bper day\b",
    "_units": r"\bunits?\b",
    "_value": r"\bunit_code\b",
    "_kw": r"\bkW\b",
    "_degc": r"\bdegrees Celsius\b|°C",
}
# Texts that several columns share, by name.
SHARED = {
    name: " ".join(words.split())
    for path in MODELS.rglob("*.md")
    for name, words in re.findall(r"{% docs (\w+) %}(.*?){% enddocs %}", path.read_text(), re.DOTALL)
}
NUMBERS = ("numeric", "double precision", "real", "bigint", "integer")

each_mart = pytest.mark.parametrize("path", MARTS, ids=[path.stem for path in MARTS])


def described(path: Path) -> dict[str, Any]:
    """The description that stands beside a model, with the texts it refers to."""
    written = path.with_suffix(".yml").read_text()
    (model,) = yaml.safe_load(re.sub(r"\"?{{ doc\('(\w+)'\) }}\"?", lambda name: json.dumps(SHARED[name[1]]), written))[
        "models"
    ]
    assert model["name"] == path.stem
    return dict(model)


@each_mart
def test_a_description_ends_with_the_grain(path: Path) -> None:
    text = " ".join(described(path)["description"].split())
    assert re.search(r"(^|[.] )One row per [^.]+[.]$", text), text


@each_mart
def test_every_column_is_described_with_its_type(path: Path) -> None:
    columns = described(path)["columns"]
    assert columns
    assert [column["name"] for column in columns if not str(column.get("description") or "").strip()] == []
    assert [column["name"] for column in columns if not column.get("data_type")] == []


@each_mart
def test_numbers_say_their_unit(path: Path) -> None:
    wrong = [
        f"{column['name']}: {column['description']}"
        for column in described(path)["columns"]
        for suffix, unit in UNITS.items()
        if column["data_type"].startswith(NUMBERS) and re.search(rf"{suffix}(_\d+d)?$", column["name"])
        if not re.search(unit, column["description"], re.IGNORECASE)
    ]
    assert wrong == []


def test_exposures_name_marts_that_exist_and_what_they_read() -> None:
    known = {path.stem for path in MARTS}
    for exposure in EXPOSURES:
        named = [re.fullmatch(r"ref\('(\w+)'\)", reference) for reference in exposure["depends_on"]]
        assert named and {match[1] for match in named if match} <= known, exposure["name"]
        assert all(named) and len(set(exposure["depends_on"])) == len(named), exposure["name"]
        assert exposure["description"].strip() and exposure["owner"]["name"]


def test_every_mart_that_an_analyst_may_read_is_exposed() -> None:
    exposed = {reference.split("'")[1] for exposure in EXPOSURES for reference in exposure["depends_on"]}
    assert {path.stem for path in MARTS} - exposed == set()


def test_the_read_api_is_exposed_with_what_it_reads() -> None:
    source = "".join(path.read_text() for path in (MODELS.parents[1] / "ingestion_api").rglob("*.py"))
    (exposure,) = [exposure for exposure in EXPOSURES if exposure["name"] == "read_api"]
    assert {reference.split("'")[1] for reference in exposure["depends_on"]} == set(re.findall(r"marts\.(\w+)", source))


def test_reasons_are_those_of_the_api() -> None:
    """S0-059, S0-063: a reason that the API never gives would count for nothing."""
    source = (MODELS.parent / "macros" / "data_quality.sql").read_text()
    named = set(re.findall(r"'(malformed_\w+|unknown_\w+|unit_\w+)'", source))
    assert named == {code for code in get_args(ReasonCode) if code.startswith(("malformed", "unknown", "unit_"))}
