"""Sends runs to Celery workers and knows when a worker is gone with its run. What a run does is not here.

dagster-celery's own launcher asks the result store alone, and there a run whose worker was killed is "started" for
ever, as with Dagster's default launcher (`run_launcher.py`, docs/decisions/0008). This one asks the workers. Only
workers on other machines need it: `deploy/celery/dagster.yaml` names it, docs/scaling.md tells how.
"""

import time
from typing import Any, Final

from celery.states import READY_STATES
from dagster import DagsterRun
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

# A worker that is cut off from Redis for less goes on with its run; one that is gone costs its site this long.
SILENCE_S: Final = 60.0
_ANSWER_S: Final = 2.0


class WatchedCeleryRunLauncher(CeleryRunLauncher):
    """dagster-celery's launcher with a health check that believes the workers alone."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        # Since when nobody has known a run, by its id. A daemon that starts again counts anew.
        self._unknown_since: dict[str, float] = {}

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Ask the worker that took the run whether it is still at it.

        A worker that does not know its run was started again, so the run is dead. One that does not answer is given
        `SILENCE_S`. Where Redis itself does not answer nothing is known: the error is the daemon's to show.
        """
        task_id = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task_id is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "has no task yet")
        task = self.celery.AsyncResult(task_id)
        meta = task.backend.get_task_meta(task_id, cache=False)
        if meta["status"] in READY_STATES:
            # Run monitoring looks again first: a run that has just ended by itself is left alone.
            return self._dead(run, "its task has ended")
        worker = meta["result"].get("hostname") if isinstance(meta["result"], dict) else None
        inspect = self.celery.control.inspect(destination=[worker] if worker else None, timeout=_ANSWER_S)
        answers = inspect.query_task(task_id) or {}
        if any(task_id in known for known in answers.values()):
            self._unknown_since.pop(run.run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if worker in answers:
            return self._dead(run, f"the Celery worker {worker} was started again and does not know it")
        silent_s = time.monotonic() - self._unknown_since.setdefault(run.run_id, time.monotonic())
        if silent_s < SILENCE_S:
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"no worker has known it for {silent_s:.0f} s")
        return self._dead(run, f"the Celery worker {worker or 'of the run'} has not answered for {silent_s:.0f} s")

    def terminate(self, run_id: str) -> bool:
        """Stop a run, or keep it from being started; run monitoring sees to it that it ends."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        return DAGSTER_CELERY_TASK_ID_TAG in run.tags and super().terminate(run_id)

    def _dead(self, run: DagsterRun, why: str) -> CheckRunHealthResult:
        self._unknown_since.pop(run.run_id, None)
        return CheckRunHealthResult(WorkerStatus.FAILED, why)
