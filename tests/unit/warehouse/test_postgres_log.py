"""The log stays small and its last line is at hand."""

from pathlib import Path

from warehouse.postgres_log import MAX_BYTES, last_line, rotate


def test_next_entry_begins_at_the_end(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    assert rotate(log) == 0
    log.write_text("12345\n")
    assert rotate(log) == 6
    assert log.read_text() == "12345\n"


def test_overlong_log_is_put_aside(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    log.write_bytes(b"x" * (MAX_BYTES + 1))
    assert rotate(log) == 0
    assert (tmp_path / "postgres.log.1").stat().st_size == MAX_BYTES + 1


def test_last_line(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    assert last_line(log) == "it wrote nothing"
    log.write_bytes(b"LOG: a\nFATAL: b\xff\n\n")
    assert last_line(log) == "FATAL: b�"
