"""`make demo ONCE=1 DATA=…` on the SKAB pump test bed, killed in the middle: every cell is accounted for."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

SKAB = Path(__file__).parents[3] / "shared" / "data" / "skab" / "data"


def test_real_csv_files_reconcile_to_the_item(make_demo: Callable) -> None:
    if not SKAB.is_dir():
        pytest.skip(f"the SKAB files are not at {SKAB}")
    demo = make_demo("--once", "--data", str(SKAB))
    demo.start()
    demo.wait_for(lambda: "stored" in demo.said(), "the first figures", 300)
    os.kill(demo.process.pid, signal.SIGKILL)
    demo.process.wait()
    demo.start()
    assert demo.process.wait(1500) == 0, demo.said()[-4000:]
    assert "left over from a run that was killed" in demo.said()
    sent, accepted, quarantined, repeated, loaded, revised, duplicates = demo.counts()
    assert sent == accepted == loaded == sum(filled_cells(path) for path in SKAB.rglob("*.csv"))
    assert quarantined == repeated == revised == duplicates == 0
    assert "≠" not in demo.said()
    assert "Model anomaly-csv v1 (initial): promoted" in demo.said()


def filled_cells(path: Path) -> int:
    """Sensor cells of a file: every column but the time and the two labels."""
    header, *rows = path.read_text().splitlines()
    labels = {"datetime", "anomaly", "changepoint"}
    sensors = [place for place, name in enumerate(header.split(";")) if name not in labels]
    return sum(1 for row in rows if row for place in sensors if row.split(";")[place].strip())
