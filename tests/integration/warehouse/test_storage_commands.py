"""The commands about old rows, as somebody types them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from warehouse.__main__ import app
from warehouse.load import load_site
from warehouse.settings import WarehouseSettings

T0 = datetime(2026, 3, 1, 6, tzinfo=UTC)


@pytest.fixture
def run(warehouse_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)
    for name in WarehouseSettings.model_fields:
        monkeypatch.delenv(f"MILLRACE_{name.upper()}", raising=False)
    monkeypatch.setenv("MILLRACE_WAREHOUSE_URL", warehouse_url)
    monkeypatch.setenv("MILLRACE_ARCHIVE_DIR", str(tmp_path / "archive"))
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def scalar(engine: Engine, query: str) -> Any:
    with engine.connect() as connection:
        return connection.scalar(text(query))


def fill(engine: Engine, inbox: Any) -> None:
    inbox.add("readings", [{"event_time": T0 + timedelta(days=day), "value": 1.0} for day in range(3)])
    load_site(engine, inbox, "demo")
    with engine.begin() as connection:
        connection.execute(
            text("update raw.touched_hours set rolled_up_count = touch_count, summarized_count = touch_count")
        )
        connection.execute(
            text("create table marts.fct_sensor_readings_hourly as select signal_id, event_time as hour, "
                 "1 as reading_count from raw.readings")
        )  # fmt: skip


def test_archive_retain_restore(run: Any, warehouse_engine: Engine, inbox: Any, tmp_path: Path) -> None:
    """C2: two days go, one is under a shorter rule's edge but after the days given; one command brings a day back."""
    fill(warehouse_engine, inbox)
    outcome = run("archive", "--table", "readings", "--from", "2026-03-01", "--to", "2026-03-02")
    assert outcome.exit_code == 0 and "2 files written" in outcome.output, outcome.output
    assert len(list((tmp_path / "archive").rglob("*.parquet"))) == 2

    assert run("rules", "set", "readings", "--site", "demo", "--days", "1").exit_code == 0
    assert run("rules", "list").output.splitlines() == [
        "readings site=demo class=any: 1 days", "everything else: 180 days, hourly 1826, alarms 2557",
    ]  # fmt: skip
    outcome = run("retain", "--rehearse")
    assert "3 days would go, 3 rows; 0 stay." in outcome.output
    assert scalar(warehouse_engine, "select count(*) from raw.readings") == 3
    outcome = run("retain")
    assert "3 days gone, 3 rows; 0 stay." in outcome.output
    assert scalar(warehouse_engine, "select count(*) from raw.readings") == 0

    outcome = run("restore", "--table", "readings", "--from", "2026-03-01", "--to", "2026-03-02")
    assert "2 of 2 rows came back from 2 files." in outcome.output
    assert scalar(warehouse_engine, "select max(event_time) from raw.readings") == T0 + timedelta(days=1)
    assert "stays: restored" in run("retain").output


def test_hours_and_alarms_have_rules_of_their_own(run: Any, warehouse_engine: Engine, inbox: Any) -> None:
    """C2: five years and seven by default; what is not of a class has no rule by class."""
    fill(warehouse_engine, inbox)
    assert run("rules", "set", "hourly", "--class", "pump").exit_code == 2
    assert run("rules", "set", "hourly", "--days", "1").exit_code == 0
    assert (
        "hours of demo, 2026-03-01 stays: raw rows are there: 1 of raw.readings" in run("retain", "--rehearse").output
    )
    assert "0 days gone, 0 rows; 0 stay." in run("retain", "--table", "alarms").output


def test_erasures_are_repeated_on_demand(run: Any, warehouse_engine: Engine, inbox: Any) -> None:
    """C39: the code is told that the API has to forget as well."""
    inbox.add("events", [{"event_time": T0, "worker_code": "W1"}])
    load_site(warehouse_engine, inbox, "demo")
    assert "W1 is erased-1 from now on." in run("erase-worker", "W1", "--site", "demo", "--as", "erased-1").output
    assert run("repeat-erasures").output == "0 erasures were done again.\n"
    with warehouse_engine.begin() as connection:
        connection.execute(text("update raw.events set worker_code = 'W1'"))
    assert run("repeat-erasures").output == "W1 of demo is erased-1 again.\n1 erasures were done again.\n"


def test_reasons_are_told(run: Any, warehouse_engine: Engine, inbox: Any) -> None:
    inbox.add("readings", [{"event_time": T0, "value": 1.0}])
    load_site(warehouse_engine, inbox, "demo")
    run("rules", "set", "readings", "--days", "1")
    assert "readings of demo, 2026-03-01 stays: not settled" in run("retain").output
    run("rules", "set", "readings", "--legal-hold")
    assert "readings site=any class=any: legal hold" in run("rules", "list").output
    assert run("rules", "remove", "readings").exit_code == 0
    assert "no such rule" in run("rules", "remove", "readings").output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["restore", "--from", "2026-01-01", "--to", "2026-01-31"], "no readings, events, scores, alarms from"),
        (["restore"], "say which days"),
        (["archive", "--table", "hourly"], "it is one of readings, events, scores, alarms"),
        (["archive", "--from", "2026-02-01", "--to", "2026-01-01"], "there is no day"),
        (["archive", "--from", "tomorrow"], "does not match"),
    ],
)  # fmt: skip
def test_mistakes_are_told(run: Any, arguments: list[str], message: str) -> None:
    outcome = run(*arguments)
    assert outcome.exit_code > 0
    assert message in " ".join(outcome.stderr.replace("│", " ").split())


def test_an_archive_that_cannot_be_written_is_one_line(
    run: Any, warehouse_engine: Engine, inbox: Any, tmp_path: Path
) -> None:
    fill(warehouse_engine, inbox)
    (tmp_path / "archive").write_text("in the way")
    outcome = run("archive")
    assert (outcome.exit_code, outcome.stderr.count("\n")) == (1, 1)
    assert outcome.stderr.startswith("millrace: ")


def test_compress_says_what_it_needs(run: Any, warehouse_engine: Engine) -> None:
    outcome = run("compress")
    assert outcome.exit_code == 0
    assert "community edition" in outcome.output or "chunks compressed" in outcome.output
