"""Each process of a replay of real files is killed (-9) in the middle, its supervisor first; every cell is there once.

The files are those of the SKAB pump test bed, replayed as `make demo ONCE=1 DATA=…` does.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

# The two files of a valve that was closed: 2,188 s of eight sensors. All 25 take twelve minutes.
SKAB = Path(__file__).parents[3] / "shared" / "data" / "skab" / "data" / "valve2"

# Restarted by the supervisor.
SERVICES = (
    "edge-client",
    "ingestion-api",
    "postgres",
    "dagster-code-server",
    "dagster-daemon",
    "dagster-webserver",
    "mlflow",
)


def test_files_whose_replay_is_killed_process_by_process_reconcile_to_the_cell(make_demo: Callable) -> None:
    if not SKAB.is_dir():
        pytest.skip(f"the SKAB files are not at {SKAB}")
    demo = make_demo("--once", "--data", str(SKAB))
    demo.start()
    demo.wait_for(lambda: "stored" in demo.said(), "the first figures", 300)
    os.kill(demo.process.pid, signal.SIGKILL)
    demo.process.wait()
    demo.start()
    demo.wait_for(
        lambda: "left over from a run that was killed" in demo.said(), "what the first one left is stopped", 60
    )
    for name in SERVICES:
        pid = demo.wait_for(lambda name=name: living(demo, name), f"{name} runs", 300)
        os.kill(pid, signal.SIGKILL)
        demo.wait_for(
            lambda name=name, pid=pid: living(demo, name) not in (None, pid) or finished(demo, name),
            f"{name} is back",
            120,
        )
        time.sleep(3)
    assert demo.process.wait(1200) == 0, demo.said()[-4000:]
    assert demo.said().count("starting it again") >= len(SERVICES) - 1
    sent, accepted, quarantined, repeated, loaded, revised, duplicates = demo.counts()
    assert sent == accepted + repeated
    assert accepted == loaded + duplicates
    assert loaded == sum(filled_cells(path) for path in SKAB.rglob("*.csv"))
    assert quarantined == revised == 0
    assert "≠" not in demo.said()


def living(demo, name: str) -> int | None:
    if name == "postgres":
        record = next(demo.cluster().glob("**/postmaster.pid"), None)
        pid = int(record.read_text().splitlines()[0]) if record else None
    else:
        pid = demo.pid(name)
    return pid if pid is not None and psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" else None


def finished(demo, name: str) -> bool:
    return name == "edge-client" and living(demo, name) is None


def filled_cells(path: Path) -> int:
    """Sensor cells of a file: every column but the time and the two labels."""
    header, *rows = path.read_text().splitlines()
    labels = {"datetime", "anomaly", "changepoint"}
    sensors = [place for place, name in enumerate(header.split(";")) if name not in labels]
    return sum(1 for row in rows if row for place in sensors if row.split(";")[place].strip())
