"""The log file of the embedded server: kept small, and quoted when something fails. What is logged is PostgreSQL's."""

from pathlib import Path

MAX_BYTES = 10 * 1024**2


def rotate(file: Path) -> int:
    """Put an overlong log aside (one is kept) and return where the next entry will begin."""
    file.touch()
    if file.stat().st_size > MAX_BYTES:
        file.replace(file.with_suffix(".log.1"))
        file.touch()
    return file.stat().st_size


def last_line(file: Path) -> str:
    """What the server wrote last."""
    written = file.read_text(errors="replace").strip() if file.exists() else ""
    return written.rpartition("\n")[2] or "it wrote nothing"
