"""Sends runs to Celery workers and knows when a worker is gone with its run. What a run does is not here.

dagster-celery's own launcher asks a store of results, and there a run whose worker was killed is "started" for ever, as
with Dagster's default launcher (`run_launcher.py`, docs/decisions/0008). This one asks the workers, and needs no store.
Only workers on other machines need it: `deploy/celery/dagster.yaml` names it, docs/scaling.md tells how.
"""

import time
from dataclasses import dataclass
from typing import Any, Final

from dagster import DagsterRun
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

# A worker that is cut off from Redis for less goes on with its run; one that is gone costs its site this long.
SILENCE_S: Final = 60.0
_ANSWER_S: Final = 2.0
_FORGET_S: Final = 600.0


@dataclass
class _Look:
    """What is known of a run; times are of the monotonic clock, in seconds.

    Attributes:
        at: When it was last looked for.
        worker: Who was at it.
        silent_since: The first look that nobody answered, where no later one was answered; None without such a look.
    """

    at: float
    worker: str | None = None
    silent_since: float | None = None


class WatchedCeleryRunLauncher(CeleryRunLauncher):
    """dagster-celery's launcher with a health check that believes the workers alone."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        # By the run's id. A new daemon counts anew.
        self._looks: dict[str, _Look] = {}

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Ask the worker that took the run whether it is still at it.

        A worker that no longer knows its run was started again, so the run is dead. One that does not answer is given
        `SILENCE_S` from the first look that it missed. Where Redis itself does not answer nothing is known: the error
        is the daemon's to show, and as workers take a while to come back to Redis their silence counts anew.
        """
        task_id = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task_id is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "has no task yet")
        now = time.monotonic()
        self._looks = {run_id: look for run_id, look in self._looks.items() if now - look.at < _FORGET_S}
        look = self._looks.setdefault(run.run_id, _Look(now))
        look.at = now
        try:
            # One that is known is waited for no longer than it takes to answer.
            inspect = self.celery.control.inspect(destination=[look.worker] if look.worker else None, timeout=_ANSWER_S)
            answers = inspect.query_task(task_id) or {}
        except Exception:
            for unknown in self._looks.values():
                unknown.silent_since = None
            raise
        for name, known in answers.items():
            if task_id in known:
                look.worker, look.silent_since = name, None
                return CheckRunHealthResult(WorkerStatus.RUNNING)
        # Run monitoring looks at a run again before it fails it: one that has just ended by itself is left alone.
        if look.worker in answers:
            return CheckRunHealthResult(
                WorkerStatus.FAILED, f"the Celery worker {look.worker} was started again without it"
            )
        if look.silent_since is None:
            look.silent_since = now
        silent_s = now - look.silent_since
        if silent_s < SILENCE_S:
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"no worker has known it for {silent_s:.0f} s")
        gone = f"the Celery worker {look.worker} has not answered" if look.worker else "no Celery worker has known it"
        return CheckRunHealthResult(WorkerStatus.FAILED, f"{gone} for {silent_s:.0f} s")

    def get_run_worker_debug_info(self, run: DagsterRun, include_container_logs: bool | None = True) -> None:
        """Nothing: what is known of the worker is said by the health check."""

    def terminate(self, run_id: str) -> bool:
        """Stop a run, or keep it from being started; run monitoring sees to it that it ends."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        return DAGSTER_CELERY_TASK_ID_TAG in run.tags and super().terminate(run_id)
