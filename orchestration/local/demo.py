"""Replay a plant, or a folder of CSV files, through the running platform and wait until all of it is worked off.

The input is pushed by the edge client over HTTP and everything after that is Dagster's doing: this module starts the
one, watches the other and starts again what dies meanwhile.
"""

import json
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy.exc import SQLAlchemyError

from orchestration.local.errors import DataDirectoryUnusable, DemoStalled
from orchestration.local.platform import Platform
from orchestration.local.processes import Process
from orchestration.local.progress import Progress, State
from orchestration.local.reporter import Reporter
from orchestration.local.summary import print_summary

STALLED_AFTER_S = 300.0
# Dagster has nothing to do for so long: it is done. Without a model it may still be about to train one.
QUIET_S = 15.0
QUIET_WITHOUT_MODEL_S = 90.0
POLL_S = 2.0


@dataclass(frozen=True)
class DemoInput:
    """What is replayed. It is written down, so that an interrupted demo goes on with the very same input."""

    data: str | None
    hours: int
    end: str

    def command(self) -> list[str]:
        """The edge client's arguments."""
        if self.data is not None:
            return ["--collector", "csv", "--folder", self.data, "--once"]
        return ["--collector", "simulator", "--hours", str(self.hours), "--end", self.end, "--once"]


def run_demo(data_dir: Path, reporter: Reporter, data: Path | None, hours: int, once: bool) -> bool:
    """Run the demo.

    Args:
        data_dir: The demo's own data directory.
        reporter: Where progress goes.
        data: A folder of CSV files; None for the simulated plant.
        hours: Length of the simulated history, in hours.
        once: Stop at the end instead of staying up until Ctrl-C.

    Returns:
        Whether every item is accounted for.

    Raises:
        LocalPlatformError: Something stands in the way; the message says what to do.
    """
    if data is not None and not any(data.rglob("*.csv")):
        raise DataDirectoryUnusable(f"no CSV file below {data}; say DATA=<folder with CSV files>")
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    wanted = DemoInput(str(data.resolve()) if data else None, hours, end.isoformat())
    plan = data_dir / "demo.json"
    unfinished = _unfinished(plan, wanted)
    pace = {"MILLRACE_SENSOR_INTERVAL_S": "5", "MILLRACE_TRAINING_MIN_HOURS": "6"}
    started_at = time.monotonic()
    with Platform(data_dir, reporter, pace, is_fresh=unfinished is None) as platform:
        demo_input = unfinished or wanted
        plan.write_text(json.dumps(asdict(demo_input)))
        with closing(Progress(platform.environment, platform.dagster_url)) as progress:
            replay = _start_replay(platform, demo_input)
            _watch(platform, progress, replay)
            is_reconciled = print_summary(platform, progress, time.monotonic() - started_at)
        plan.unlink()
        if not once:
            platform.stay_up()
    return is_reconciled


def _unfinished(plan: Path, wanted: DemoInput) -> DemoInput | None:
    """The input of a demo that was cut short, if it is the same kind of demo."""
    if not plan.exists():
        return None
    left = DemoInput(**json.loads(plan.read_text()))
    return left if (left.data, left.hours) == (wanted.data, wanted.hours) else None


def _start_replay(platform: Platform, demo_input: DemoInput) -> Process:
    """Let the edge client push the input."""
    replay = Process("edge-client", [sys.executable, "-m", "edge_client", "run", *demo_input.command()], is_finite=True)
    platform.supervisor.start(replay)
    return replay


def _watch(platform: Platform, progress: Progress, replay: Process) -> None:
    """Show how far the input has come until everything is worked off.

    Raises:
        DemoStalled: Nothing has changed for a long time.
    """
    last, changed_at, done_since = None, time.monotonic(), None
    quiet_s = QUIET_WITHOUT_MODEL_S
    while done_since is None or time.monotonic() - done_since < quiet_s:
        time.sleep(POLL_S)
        platform.tend()
        state = _read(platform, progress)
        now = time.monotonic()
        if state is None:
            done_since = None
            continue
        platform.reporter.update(state.line())
        if state != last:
            last, changed_at = state, now
            quiet_s = QUIET_S if state.work.champion_version else QUIET_WITHOUT_MODEL_S
        is_done = replay.is_finished and state.is_worked_off
        done_since = (done_since or now) if is_done else None
        if now - changed_at > STALLED_AFTER_S:
            failed = ", ".join(f"{run['jobName']} {run['runId'][:8]}" for run in progress.failed_runs()) or "none"
            raise DemoStalled(
                f"nothing has moved for {STALLED_AFTER_S:.0f} s: {state.line()}; failed runs: {failed}; "
                f"logs in {platform.data_dir / 'run' / 'logs'}"
            )
    platform.reporter.settle()


def _read(platform: Platform, progress: Progress) -> State | None:
    """The state, or None while something it is read from is down and being started again."""
    try:
        return progress.read()
    except (SQLAlchemyError, httpx.HTTPError, subprocess.CalledProcessError) as error:
        platform.reporter.update(f"waiting for an answer ({type(error).__name__})")
        return None
