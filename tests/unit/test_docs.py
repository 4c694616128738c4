"""The hand-written pages name tables, sensors, files and endpoints; those must exist."""

import re
from pathlib import Path

import pytest

from warehouse.as_known import HISTORY
from warehouse.tables import api_metadata, warehouse_metadata

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
DATA_FLOW = (ROOT / "docs" / "data_flow.md").read_text()

every_page = pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@every_page
def test_tables_exist(page: Path) -> None:
    known = {*api_metadata.tables, *warehouse_metadata.tables, *HISTORY}
    for path in (ROOT / "dbt_project" / "models").rglob("*.sql"):
        known.add(f"{path.relative_to(ROOT / 'dbt_project' / 'models').parts[0]}.{path.stem}")
    for path in (ROOT / "warehouse" / "migrations" / "versions").rglob("*.py"):
        known.update(re.findall(r"create view (\w+\.\w+)", path.read_text()))
    named = re.findall(r"`((?:inbox|registry|raw|intermediate|marts|ml|ops)\.[a-z_]+[a-z])`", page.read_text())

    # Packages and schemas share a name where a module is meant, as in `ml.train`.
    assert {name for name in named if not (ROOT / f"{name.replace('.', '/')}.py").exists()} <= known


@every_page
def test_files_exist(page: Path) -> None:
    folders = "edge_client|expectations|ingestion_api|ml|orchestration|warehouse|dbt_project|tests"
    for path in re.findall(rf"`((?:{folders})/[\w./]*)`", page.read_text()):
        assert (ROOT / path).exists(), path


@every_page
def test_sensors_exist(page: Path) -> None:
    source = "".join(path.read_text() for path in (ROOT / "orchestration" / "defs").glob("*.py"))
    for name in re.findall(r"\bon_[a-z_]+[a-z]\b", page.read_text()):
        assert f"def {name}(" in source, name


def test_the_sentences_of_the_data_flow_are_numbered_through() -> None:
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", DATA_FLOW, re.MULTILINE)]

    assert numbers == list(range(1, len(numbers) + 1))


def test_the_endpoints_of_the_data_flow_exist() -> None:
    routes = "".join(path.read_text() for path in (ROOT / "ingestion_api" / "routes").glob("*.py"))
    for path in re.findall(r"`(?:GET|PUT|POST) /api/v1/([\w/]+)", DATA_FLOW):
        assert f'"/{path}"' in routes or all(f"/{part}" in routes for part in path.split("/")), path


def test_decisions_are_numbered_through_and_say_their_status() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    for number, page in enumerate(pages, start=1):
        title, _, status = page.read_text().splitlines()[:3]
        assert page.name.startswith(f"{number:04}-")
        assert title.startswith(f"# {number:04} ")
        assert re.match(r"Status: (accepted|superseded by \d{4})", status)
