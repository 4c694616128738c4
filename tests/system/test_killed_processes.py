"""Each process of the demo is killed (-9) while it works; every item is accounted for at the end all the same."""

import os
import signal
import time
from collections.abc import Callable

import psutil

# Restarted by the supervisor; the supervisor itself is killed in test_real_csv_files.py.
SERVICES = (
    "edge-client",
    "ingestion-api",
    "postgres",
    "dagster-code-server",
    "dagster-daemon",
    "dagster-webserver",
    "mlflow",
)


def test_a_demo_whose_processes_are_killed_one_by_one_still_reconciles(make_demo: Callable) -> None:
    demo = make_demo("--hours", "48")
    demo.start()
    for name in SERVICES:
        pid = demo.wait_for(lambda name=name: living(demo, name), f"{name} runs", 300)
        os.kill(pid, signal.SIGKILL)
        demo.wait_for(
            lambda name=name, pid=pid: living(demo, name) not in (None, pid) or finished(demo, name),
            f"{name} is back",
            120,
        )
        time.sleep(3)
    said = demo.wait_done()
    assert "≠" not in said
    assert said.count("starting it again") >= len(SERVICES) - 1
    demo.interrupt()


def living(demo, name: str) -> int | None:
    if name == "postgres":
        record = next(demo.cluster().glob("**/postmaster.pid"), None)
        pid = int(record.read_text().splitlines()[0]) if record else None
    else:
        pid = demo.pid(name)
    return pid if pid is not None and psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" else None


def finished(demo, name: str) -> bool:
    return name == "edge-client" and living(demo, name) is None
