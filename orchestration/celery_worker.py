"""The Celery app of a worker, `celery -A orchestration.celery_worker worker`, set up by the instance's dagster.yaml.

So the worker and who sends it runs cannot differ: broker and options are those of the run launcher.
"""

from celery import Celery
from dagster import DagsterInstance
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

# Loaded before the worker forks: a run begins at once, and its processes share the memory.
import orchestration.definitions  # noqa: F401
from orchestration.celery_launcher import WatchedCeleryRunLauncher


def _app() -> Celery:
    with DagsterInstance.get() as instance:
        launcher = instance.run_launcher
    if not isinstance(launcher, WatchedCeleryRunLauncher):
        raise TypeError("the dagster.yaml in DAGSTER_HOME sends no runs to Celery: deploy/celery/dagster.yaml does")
    return launcher.celery


app = _app()
execute_job = create_execute_job_task(app)
resume_job = create_resume_job_task(app)
