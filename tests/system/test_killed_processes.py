"""Each process of the demo is killed (-9) while it works, its supervisor first; every item is accounted for then."""

import os
import signal
import time
from collections.abc import Callable

import psutil

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


def test_a_demo_whose_processes_are_killed_one_by_one_still_reconciles(make_demo: Callable) -> None:
    demo = make_demo("--once", "--hours", "24")
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
    assert "≠" not in demo.said()
    assert demo.said().count("starting it again") >= len(SERVICES) - 1


def living(demo, name: str) -> int | None:
    if name == "postgres":
        record = next(demo.cluster().glob("**/postmaster.pid"), None)
        pid = int(record.read_text().splitlines()[0]) if record else None
    else:
        pid = demo.pid(name)
    return pid if pid is not None and psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" else None


def finished(demo, name: str) -> bool:
    return name == "edge-client" and living(demo, name) is None
