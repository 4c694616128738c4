"""`make demo ONCE=1 DATA=…` on files of the SKAB pump test bed: every cell is accounted for."""

from collections.abc import Callable
from pathlib import Path

import pytest

# The two files of a valve that was closed: 2,188 s of eight sensors. All 25 take twelve minutes.
SKAB = Path(__file__).parents[3] / "shared" / "data" / "skab" / "data" / "valve2"


def test_real_csv_files_reconcile_to_the_item(make_demo: Callable) -> None:
    if not SKAB.is_dir():
        pytest.skip(f"the SKAB files are not at {SKAB}")
    demo = make_demo("--once", "--data", str(SKAB))
    demo.start()
    assert demo.process.wait(1200) == 0, demo.said()[-4000:]
    sent, accepted, quarantined, repeated, loaded, revised, duplicates = demo.counts()
    assert sent == accepted == loaded == sum(filled_cells(path) for path in SKAB.rglob("*.csv"))
    assert quarantined == repeated == revised == duplicates == 0
    assert "≠" not in demo.said()


def filled_cells(path: Path) -> int:
    """Sensor cells of a file: every column but the time and the two labels."""
    header, *rows = path.read_text().splitlines()
    labels = {"datetime", "anomaly", "changepoint"}
    sensors = [place for place, name in enumerate(header.split(";")) if name not in labels]
    return sum(1 for row in rows if row for place in sensors if row.split(";")[place].strip())
