"""What is said of databases, clocks, editions and backups. A real server is asked in the integration tests."""

import socket
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.doctor.databases import backup_is_recent, databases_answer, judged_clocks, judged_edition
from orchestration.doctor.finding import Patient
from warehouse.settings import WarehouseSettings
from warehouse.timescale import Capabilities


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_databases_that_were_never_started_are_said_to_be_so(tmp_path: Path) -> None:
    found = databases_answer(Patient(WarehouseSettings(data_dir=tmp_path)))
    assert (found.status, found.do) == ("warning", "make up")
    assert found.numbers == {"answering_count": 0, "silent_count": 0}
    assert not list(tmp_path.iterdir())


def test_a_database_that_is_set_and_silent_fails_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://plant:hunter2@127.0.0.1:{closed_port()}/warehouse"
    found = databases_answer(Patient(WarehouseSettings(data_dir=tmp_path, warehouse_url=url)))
    assert found.status == "failed"
    assert found.says.startswith("warehouse does not answer: connection")
    assert "hunter2" not in found.says
    assert found.numbers == {"answering_count": 0, "silent_count": 1}


@pytest.mark.parametrize(
    ("offset_s", "jump_s", "status", "said"),
    [
        (0.3, 0.0, "ok", "0.30 s ahead of"),
        (-0.3, 0.1, "ok", "0.30 s behind"),
        (-3.0, 0.0, "warning", "3.00 s behind"),
        (301.0, 0.0, "failed", "301.00 s ahead of"),
        (0.0, -20.0, "warning", "was set by -20.0 s"),
    ],
)
def test_clocks_are_judged_by_what_the_rules_allow(offset_s: float, jump_s: float, status: str, said: str) -> None:
    found = judged_clocks(offset_s, jump_s)
    assert found.status == status
    assert said in found.says
    assert bool(found.do) == (status != "ok")
    assert found.numbers == {"offset_s": offset_s, "jump_s": jump_s}


@pytest.mark.parametrize(
    ("capabilities", "said"),
    [
        (Capabilities("community", "2.28.3"), "community edition"),
        (Capabilities("apache", "2.28.3"), "Apache edition"),
        (Capabilities("none", None), "plain PostgreSQL"),
    ],
)
def test_an_edition_fits_unless_a_setting_asks_for_more(capabilities: Capabilities, said: str) -> None:
    found = judged_edition(capabilities, None)
    assert found.status == "ok"
    assert said in found.says
    asked = judged_edition(capabilities, "aggregates")
    assert asked.status == ("ok" if capabilities.has_compression else "warning")
    assert ("MILLRACE_HOURLY_AGGREGATE_SCHEMA" in asked.do) == (not capabilities.has_compression)


@pytest.fixture
def backed_up(tmp_path: Path) -> Callable[..., Patient]:
    """A cluster that does not run, with base backups of these ages."""

    def make(*ages: timedelta) -> Patient:
        settings = WarehouseSettings(data_dir=tmp_path / "data", backup_dir=tmp_path / "backups")
        control = settings.embedded().cluster / "global" / "pg_control"
        control.parent.mkdir(parents=True)
        control.write_bytes(struct.pack("=Q", 42))
        for age in ages:
            (tmp_path / "backups" / "42" / f"{datetime.now(UTC) - age:%Y%m%dT%H%M%S.%fZ}").mkdir(parents=True)
        return Patient(settings)

    return make


@pytest.mark.parametrize(
    ("newest", "status"), [(timedelta(hours=3), "ok"), (timedelta(hours=30), "warning"), (timedelta(days=4), "failed")]
)
def test_the_newest_backup_counts(backed_up: Callable[..., Patient], newest: timedelta, status: str) -> None:
    found = backup_is_recent(backed_up(newest, timedelta(days=9)))
    assert found.status == status
    assert found.numbers["kept_count"] == 2
    assert found.numbers["age_h"] == pytest.approx(newest.total_seconds() / 3_600, abs=0.1)


def test_no_backup_yet_says_how_to_take_one(backed_up: Callable[..., Patient]) -> None:
    found = backup_is_recent(backed_up())
    assert (found.status, found.do) == ("warning", "python -m warehouse backup")


def test_a_backup_that_nobody_asked_for_is_a_warning_and_one_of_others_is_theirs(tmp_path: Path) -> None:
    unset = backup_is_recent(Patient(WarehouseSettings(data_dir=tmp_path)))
    assert unset.status == "warning"
    assert "MILLRACE_BACKUP_DIR" in unset.do
    url = "postgresql://plant@db.example.org/warehouse"
    elsewhere = backup_is_recent(Patient(WarehouseSettings(data_dir=tmp_path, warehouse_url=url)))
    assert elsewhere.status == "ok"
    assert "administrator" in elsewhere.says
