"""Every line is there, whatever it meets, and is shown with what to do."""

import io
import socket
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy.exc import OperationalError

from orchestration.alerts import one_line
from orchestration.doctor.examination import LINES, examine, failure, looked_at, show
from orchestration.doctor.finding import Finding, Patient, duration
from warehouse.errors import BackupFailed, NotStarted
from warehouse.settings import WarehouseSettings

ROOM = Finding("disks_have_room", "failed", "0.1 GiB free", "free some room")


def test_a_machine_where_nothing_runs_is_told_so(tmp_path: Path) -> None:
    findings = list(examine(Patient(WarehouseSettings(data_dir=tmp_path / "none", postgres_port=closed_port()))))
    assert [finding.name for finding in findings] == list(LINES)
    of_databases = [found for found in findings if "none was ever started here" in found.says]
    assert {found.status for found in of_databases} == {"warning"}
    assert {found.do for found in of_databases} == {"make up"}
    assert len(of_databases) == 7
    assert not (tmp_path / "none").exists()


def test_a_database_that_is_away_fails_once(tmp_path: Path) -> None:
    url = f"postgresql://plant@127.0.0.1:{closed_port()}/warehouse"
    found = {
        finding.name: finding for finding in examine(Patient(WarehouseSettings(data_dir=tmp_path, warehouse_url=url)))
    }
    assert found["databases_answer"].status == "failed"
    for name in ("migrations_are_applied", "edition_fits", "clocks_agree", "batches_are_loaded", "hours_are_computed"):
        assert found[name].status == "warning", name
        assert found[name].says.startswith("cannot be told: connection"), name
        assert "databases answer" in found[name].do, name


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotStarted("nothing here"), "warning"),
        (OperationalError("select 1", {}, Exception("refused")), "warning"),
        (PermissionError(13, "Permission denied", "/backups"), "failed"),
        (BackupFailed("broken"), "failed"),
    ],
)
def test_what_cannot_be_looked_at_is_a_line(error: Exception, status: str, tmp_path: Path) -> None:
    def look(_: Patient) -> Finding:
        raise error

    found = looked_at("disks_have_room", look, Patient(WarehouseSettings(data_dir=tmp_path)))
    assert (found.name, found.status) == ("disks_have_room", status)
    assert found.do
    assert "select 1" not in found.says


def test_a_bug_is_not_a_line(tmp_path: Path) -> None:
    def look(_: Patient) -> Finding:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        looked_at("disks_have_room", look, Patient(WarehouseSettings(data_dir=tmp_path)))


def test_lines_are_shown_with_what_to_do() -> None:
    shown = io.StringIO()
    findings = [
        Finding("clocks_agree", "ok", "all [is] well"),
        ROOM,
    ]
    show(findings, Console(file=shown, soft_wrap=True))
    assert shown.getvalue().splitlines() == [
        "ok       clocks agree     all [is] well",
        "failed   disks have room  0.1 GiB free",
        "                          → free some room",
        "1 ok, 0 warning, 1 failed",
    ]


def test_of_lines_that_failed_it_is_told_what_to_do() -> None:
    well = Finding("clocks_agree", "ok", "all is well")
    warning = Finding("no_hour_is_held", "warning", "1 hour is held", "look")
    assert failure([well, warning]) == ""
    assert failure([well, ROOM, warning]) == "disks_have_room: 0.1 GiB free → free some room"
    backup = Finding("backup_is_recent", "failed", "WAL is\nnot archived", "docs/backup.md")
    assert failure([ROOM, warning, backup]) == (
        "disks_have_room, backup_is_recent failed: disks_have_room: 0.1 GiB free → free some room; "
        "backup_is_recent: WAL is not archived → docs/backup.md"
    )


def test_an_alert_has_room_for_a_line_that_says_much_and_for_the_names_of_all() -> None:
    talkative = Finding("databases_answer", "failed", "refused " * 99, "start the server")
    alert = one_line(f"Failure: {failure([talkative])}")
    assert alert.startswith("Failure: databases_answer: refused ")
    assert alert.endswith(" … → start the server")
    all_of_them = one_line(failure([talkative.named(name) for name in LINES]))
    assert all(name in all_of_them.partition(" failed: ")[0] for name in LINES)


def test_durations_are_said_in_the_unit_that_fits() -> None:
    said = [duration(timedelta(minutes=minutes)) for minutes in (0, 89, 150, 60 * 24 * 3)]
    assert said == ["0 min", "89 min", "2.5 h", "3 d"]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
