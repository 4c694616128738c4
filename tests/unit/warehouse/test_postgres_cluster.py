"""What keeps a server from starting is told in one line that names the way out."""

import shutil
import socket
from pathlib import Path

import pytest

from warehouse.errors import DataDirUnusable, PortTaken, TooLittleDisk
from warehouse.postgres_cluster import (
    ensure_password,
    refuse_full_disk,
    refuse_taken_port,
    refuse_unusable,
    server_environment,
)


def test_full_disk_is_refused_by_the_figures(tmp_path: Path) -> None:
    refuse_full_disk(tmp_path, min_free_bytes=0)
    more_than_there_is = shutil.disk_usage(tmp_path).total + 1
    with pytest.raises(TooLittleDisk, match="MILLRACE_DATA_DIR") as refused:
        refuse_full_disk(tmp_path, more_than_there_is)
    assert f"needs {more_than_there_is // 1024**2}" in str(refused.value)


def test_taken_port_is_refused_and_a_free_one_is_not() -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        port = somebody.getsockname()[1]
        with pytest.raises(PortTaken, match=str(port)):
            refuse_taken_port("127.0.0.1", port)
    refuse_taken_port("127.0.0.1", port)


def cluster(path: Path, version: str | None) -> Path:
    path.mkdir()
    if version:
        (path / "PG_VERSION").write_text(f"{version}\n")
    return path


def test_absent_cluster_is_fine(tmp_path: Path) -> None:
    refuse_unusable(tmp_path / "none", tmp_path / "password")


def test_cluster_with_its_password_is_fine(tmp_path: Path) -> None:
    ensure_password(tmp_path / "password")
    refuse_unusable(cluster(tmp_path / "cluster", "16"), tmp_path / "password")


@pytest.mark.parametrize(
    ("version", "complaint"),
    [("17", "made by PostgreSQL 17"), (None, "no PostgreSQL data"), ("16", "password is missing")],
)
def test_unusable_cluster_is_refused(version: str | None, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(DataDirUnusable, match=complaint):
        refuse_unusable(cluster(tmp_path / "cluster", version), tmp_path / "password")


def test_password_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = ensure_password(tmp_path / "password")
    assert ensure_password(tmp_path / "password") == first
    assert ensure_password(tmp_path / "other") != first
    assert len(first) >= 32
    assert (tmp_path / "password").stat().st_mode & 0o077 == 0


def test_environment_of_the_server_steers_it_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("LC_MESSAGES", "de_DE.UTF-8")
    environment = server_environment()
    assert "PGPORT" not in environment
    assert "LC_MESSAGES" not in environment
    assert environment["LC_ALL"] == "C"
