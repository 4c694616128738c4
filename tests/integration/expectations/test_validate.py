"""One validation from the rows to the results table and Data Docs, on a real warehouse."""

import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import Engine, NullPool, event, select, text
from typer.testing import CliRunner

from expectations.__main__ import app
from expectations.data_docs import index_page
from expectations.errors import ValidationBroken
from expectations.suites import SUITES
from expectations.validate import validate_window
from warehouse import ledger
from warehouse.engine import create_engine
from warehouse.roles import EXPECTATIONS
from warehouse.tables import validation_results

HOUR = datetime(2026, 3, 2, 9, tzinfo=UTC)

Validate = Callable[..., dict[str, Any]]


def test_an_empty_window_passes_and_says_so(validate: Validate) -> None:
    results = validate()

    assert len(results) == sum(len(suite.expectations) for suite in SUITES.values())
    assert all(result.is_success for result in results.values())
    assert {result.observed["note"] for result in results.values()} == {"no rows"}


def test_results_are_written_with_window_and_run(plant: Any, validate: Validate, warehouse_engine: Engine) -> None:
    plant.batch(100, quarantined_count=10)

    validate(dagster_run_id="run-1")

    with warehouse_engine.connect() as connection:
        rows = connection.execute(select(validation_results)).all()
    assert {(row.suite, row.expectation) for row in rows} == {
        (suite.name, expectation.name) for suite in SUITES.values() for expectation in suite.expectations
    }
    assert {(row.window_start, row.window_end, row.dagster_run_id) for row in rows} == {
        (HOUR, HOUR + timedelta(hours=1), "run-1")
    }
    (failed,) = [row for row in rows if not row.is_success]
    assert (failed.expectation, failed.severity) == ("invalid_rate_is_low", "critical")
    assert failed.observed["failed_groups"][0]["invalid_pct"] == 10.0


def test_data_docs_show_each_window_and_need_no_internet(plant: Any, warehouse_url: str, tmp_path: Path) -> None:
    plant.batch(100, quarantined_count=10)

    validation = validate_window(warehouse_url, HOUR, HOUR + timedelta(hours=1), docs_dir=tmp_path / "docs")

    index = index_page(tmp_path / "docs")
    assert "invalid_rate_is_low" in index.read_text()
    assert set(validation.pages) == set(SUITES)
    for page in validation.pages.values():
        assert f'href="{page}"' in index.read_text()
        assert (index.parent / unquote(page)).is_file()
    links = re.findall(r'href="([^"]+)"', index.read_text())
    pages = [index.parent / link.replace("%3A", ":") for link in links]
    assert len(pages) == 2 * len(SUITES)
    for page in [index, *pages]:
        content = page.read_text()
        assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", content)
        assert "<script" not in content
        for home in re.findall(r'href="([^"#]*index.html)"', content):
            assert (page.parent / home).resolve() == index
    # What the style of the pages tells apart: the limit, and what was found.
    assert "<span>10.0</span><span>10.0</span>" in (index.parent / unquote(validation.pages["ledger"])).read_text()


def test_data_docs_keep_a_bounded_history(validate: Validate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_EXPECTATIONS_DATA_DOCS_HISTORY", "2")

    for hour in range(4):
        validate(HOUR + timedelta(hours=hour), HOUR + timedelta(hours=hour + 1), suites=["ledger"])

    docs = tmp_path / "docs"
    kept = {"2026-03-02T11:00:00Z--2026-03-02T12:00:00Z", "2026-03-02T12:00:00Z--2026-03-02T13:00:00Z"}
    assert {page.parent.parent.name for page in docs.glob("validations/**/*.html")} == kept
    assert {page.parent.parent.name for page in docs.glob("store/**/*.json")} == kept
    assert set(re.findall(r">(2026[^<]*--[^<]*)</a>", index_page(docs).read_text())) == kept


def test_a_half_written_validation_is_left_out_of_data_docs(validate: Validate, tmp_path: Path) -> None:
    """A process that is killed, or still writing, must not keep others from building."""
    validate(suites=["ledger"])
    (stored,) = (tmp_path / "docs" / "store").glob("ledger/**/*.json")
    stored.write_text(stored.read_text()[:100])

    validate(HOUR + timedelta(hours=1), HOUR + timedelta(hours=2), suites=["ledger"])

    shown = re.findall(r">(2026[^<]*--[^<]*)</a>", index_page(tmp_path / "docs").read_text())
    assert shown == ["2026-03-02T10:00:00Z--2026-03-02T11:00:00Z"]


@pytest.mark.parametrize("blocked", [".", "store", "validations", "index.html/x"])
def test_data_docs_that_cannot_be_written_take_nothing_from_a_validation(
    plant: Any, warehouse_url: str, warehouse_engine: Engine, tmp_path: Path, blocked: str
) -> None:
    """As with a full disk: what is found out is recorded and holds hours back, and the caller is warned."""
    docs = tmp_path / "docs"
    in_the_way = docs / blocked
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.write_text("in the way")
    plant.batch(100, quarantined_count=10)
    with warehouse_engine.begin() as connection:
        ledger.touch(connection, "demo", {HOUR: [HOUR]}, HOUR)

    validation = validate_window(warehouse_url, HOUR, HOUR + timedelta(hours=1), docs_dir=docs)

    (warning,) = validation.warnings
    assert validation.pages == {}
    assert warning.startswith(f"Data Docs in {docs} are not up to date: ")
    with warehouse_engine.connect() as connection:
        stored = connection.scalar(text("select count(*) from ops.validation_results"))
        assert stored == len(validation.results) == sum(len(suite.expectations) for suite in SUITES.values())
        assert connection.scalar(text("select count(*) from ops.held_hours")) == 1

    in_the_way.unlink()
    if blocked == "index.html/x":
        in_the_way.parent.rmdir()
    assert validate_window(warehouse_url, HOUR, HOUR + timedelta(hours=1), docs_dir=docs).warnings == ()
    assert "invalid_rate_is_low" in index_page(docs).read_text()


def test_nothing_but_the_warehouse_is_called(
    plant: Any, validate: Validate, warehouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S0-057: no usage report, no version check, no library from the internet."""
    plant.batch(100, quarantined_count=10)
    asked: list[object] = []
    resolve = socket.getaddrinfo

    def listen(host: object, *arguments: Any, **options: Any) -> Any:
        asked.append(host)
        return resolve(host, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", listen)

    validate()

    assert set(asked) <= {"127.0.0.1", "localhost"}


def test_each_suite_reads_its_table_once_and_no_column_that_it_does_not_name(plant: Any, validate: Validate) -> None:
    """D10: what is judged is computed by the warehouse; Great Expectations gets the groups, by name."""
    plant.batch(100, quarantined_count=10)
    plant.readings([70.0, 71.0])
    plant.events({})
    sent: list[str] = []

    def listen(_: Any, __: Any, statement: str, *___: Any) -> None:
        sent.append(" ".join(statement.split()))

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        validate()
    finally:
        event.remove(Engine, "before_cursor_execute", listen)

    for suite in SUITES.values():
        (query,) = [statement for statement in sent if re.search(rf"from {'[.]'.join(suite.asset_key)}\b", statement)]
        assert query.startswith("create temporary table")
        # A star stands for columns that a step before it named.
        assert not re.search(r"(select|,) \*( ,|,)? from raw\.", query)
        (alias,) = re.findall(rf"from {'[.]'.join(suite.asset_key)} as (\w+)", query) or [None]
        assert alias is None or f"{alias}.*" not in query
        sent.remove(query)
    # Great Expectations puts its own around the columns that we name.
    assert [statement for statement in sent if re.search(r"select \* from (?!\()", statement, re.IGNORECASE)] == []


def test_a_warehouse_without_tables_is_an_error_that_says_what_to_do(
    validate: Validate, warehouse_engine: Engine
) -> None:
    with warehouse_engine.begin() as connection:
        connection.execute(text("alter table raw.batches rename to elsewhere"))

    with pytest.raises(ValidationBroken, match="warehouse migrate"):
        validate()

    with warehouse_engine.connect() as connection:
        assert connection.execute(select(validation_results)).all() == []


def test_a_warehouse_that_does_not_answer_is_told_in_one_line(
    tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_WAREHOUSE_URL", f"postgresql://millrace:secret@127.0.0.1:{free_port}/warehouse")
    monkeypatch.setenv("MILLRACE_EXPECTATIONS_DATA_DOCS_DIR", str(tmp_path))

    outcome = CliRunner().invoke(app, ["validate", "--from", "2026-03-02T09:00", "--to", "2026-03-02T10:00"])

    assert outcome.exit_code == 2
    assert outcome.stderr.count("\n") == 1
    assert f"127.0.0.1:{free_port}/warehouse does not answer" in outcome.stderr
    assert "Connection refused" in outcome.stderr
    assert "secret" not in outcome.stderr


def test_the_command_line_exits_with_one_on_a_critical_failure(
    plant: Any, warehouse_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_WAREHOUSE_URL", warehouse_url)
    monkeypatch.setenv("MILLRACE_EXPECTATIONS_DATA_DOCS_DIR", str(tmp_path))
    window = ["validate", "--from", "2026-03-02T09:00", "--to", "2026-03-02T10:00:00Z", "--suite", "ledger"]
    plant.batch(100, late_count=100)
    assert CliRunner().invoke(app, window).exit_code == 0

    plant.batch(100, quarantined_count=50)
    outcome = CliRunner().invoke(app, window, env={"COLUMNS": "160"})

    assert outcome.exit_code == 1
    assert re.search(r"invalid_rate_is_low\W+critical\W+25\W+< 10\W+200", outcome.output)


def test_validates_by_its_own_login(
    warehouse_url: str, as_role: Callable[[str, str], str], plant: Any, tmp_path: Path
) -> None:
    """DESIGN 4: it reads raw and adds results; it needs nothing else."""
    plant.readings([70.0, 71.0])
    own = as_role(EXPECTATIONS, warehouse_url)
    results = validate_window(own, HOUR, HOUR + timedelta(hours=1), docs_dir=tmp_path).results
    with create_engine(warehouse_url, poolclass=NullPool).connect() as connection:
        assert connection.scalar(text("select count(*) from ops.validation_results")) == len(results) > 0
