"""When silence of a Celery worker is taken for its end, by a clock and answers that the test gives."""

import time

import dagster as dg
import pytest
from dagster import DagsterRun
from dagster._core.launcher import WorkerStatus
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from orchestration.celery_launcher import SILENCE_S, WatchedCeleryRunLauncher

TASK, WORKER = "task", "first@host"
RUN = DagsterRun("load", tags={DAGSTER_CELERY_TASK_ID_TAG: TASK}, status=dg.DagsterRunStatus.STARTED)
OTHER = DagsterRun("load", tags={DAGSTER_CELERY_TASK_ID_TAG: "other"}, status=dg.DagsterRunStatus.STARTED)
Answers = dict[str, dict[str, object]] | None
KNOWN: Answers = {WORKER: {TASK: ["active", {}], "other": ["active", {}]}}


class Asked:
    """Stands for Celery, its `control` and its `inspect`; `answers` is what workers say next, or what Redis does."""

    def __init__(self) -> None:
        self.control = self
        self.answers: Answers | Exception = KNOWN

    def inspect(self, destination: list[str] | None, timeout: float) -> "Asked":
        return self

    def query_task(self, task_id: str) -> Answers:
        if isinstance(self.answers, Exception):
            raise self.answers
        return self.answers


class Watch:
    """A launcher, and the seconds that pass between its looks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1_000.0
        self.asked = Asked()
        self.launcher = WatchedCeleryRunLauncher(default_queue="dagster", broker="memory://", backend="disabled://")
        self.launcher.celery = self.asked
        monkeypatch.setattr(time, "monotonic", lambda: self.now_s)

    def look(self, answers: Answers | Exception, after_s: float = 15.0, run: DagsterRun = RUN) -> WorkerStatus:
        self.now_s += after_s
        self.asked.answers = answers
        return self.launcher.check_run_worker_health(run).status


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def test_silence_counts_from_the_first_look_that_nobody_answered(watch: Watch) -> None:
    assert watch.look(KNOWN) == WorkerStatus.RUNNING
    # The daemon itself was away meanwhile.
    assert watch.look(None, after_s=5 * SILENCE_S) == WorkerStatus.RUNNING
    assert watch.look(None, after_s=SILENCE_S - 1) == WorkerStatus.RUNNING
    assert watch.look(None, after_s=1) == WorkerStatus.FAILED


def test_an_answer_ends_the_silence(watch: Watch) -> None:
    watch.look(None)
    assert watch.look(KNOWN, after_s=SILENCE_S - 1) == WorkerStatus.RUNNING
    assert watch.look(None) == WorkerStatus.RUNNING
    assert watch.look(None, after_s=SILENCE_S - 1) == WorkerStatus.RUNNING


@pytest.mark.parametrize("away_s", [SILENCE_S + 1, 599, 3_600])
def test_while_redis_is_away_nobody_is_silent(watch: Watch, away_s: float) -> None:
    """Workers come back to Redis later than the daemon: their runs live, and must not be started beside themselves."""
    assert watch.look(KNOWN) == WorkerStatus.RUNNING
    watch.look(KNOWN, run=OTHER)
    assert watch.look(None) == watch.look(None, after_s=0, run=OTHER) == WorkerStatus.RUNNING
    # One look at one run is enough.
    with pytest.raises(ConnectionError):
        watch.look(ConnectionError("Redis is away"))
    assert watch.look(None, after_s=away_s) == watch.look(None, after_s=0, run=OTHER) == WorkerStatus.RUNNING
    assert watch.look(None, after_s=SILENCE_S - 1) == WorkerStatus.RUNNING
    assert watch.look(KNOWN) == watch.look(KNOWN, run=OTHER) == WorkerStatus.RUNNING


def test_a_worker_that_answers_without_the_run_was_started_again(watch: Watch) -> None:
    watch.look(KNOWN)
    assert watch.look({WORKER: {}}) == WorkerStatus.FAILED


def test_another_worker_that_does_not_know_the_run_proves_nothing(watch: Watch) -> None:
    assert watch.look({WORKER: {}}) == WorkerStatus.RUNNING
