"""Tells of runs that failed and of hours that are held: a line in the log, and a webhook where there is one.

What an alert says is in `alerts`.

A plain sensor, because Dagster's own for failed runs goes on to the next run when its function fails: an alert that
the webhook did not take would be lost.
See https://docs.dagster.io/guides/automate/sensors
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg
import msgspec
from dagster._core.storage.tags import WILL_RETRY_TAG
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from expectations.settings import ExpectationsSettings
from orchestration import alerts
from orchestration.defs.ingestion_api import SITE_TAG
from orchestration.defs.ml import CLASS_TAG
from orchestration.defs.partitions import PARTITION, RANGE_END, RANGE_START
from orchestration.defs.resources import WarehouseResource
from orchestration.described import sensor
from orchestration.errors import AlertNotTaken
from orchestration.settings import OrchestrationSettings
from warehouse import ledger

# Dagster says whether it starts a run again just after it says that the run failed; and what is written at the same
# time is not always seen in the order of its numbers.
SETTLES: Final = timedelta(seconds=10)
HISTORY: Final = timedelta(hours=1)
_READ_AT_ONCE: Final = 100
# A tick has 60 s, and a webhook a few seconds for each.
_MOST_POSTS: Final = 5
# About what was sent; others, such as 404 and 429, are about the address, the key or the moment.
_REFUSES_THE_ALERT: Final = (400, 413, 415, 422)
_MOST_REFUSALS: Final = 10
# How Dagster's code server begins to tell what became of a run's process, such as "was terminated by signal 9".
_DIED: Final = "Run execution process"
_TAGS: Final = (SITE_TAG, CLASS_TAG, PARTITION, RANGE_START, RANGE_END)
_settings = OrchestrationSettings()


@sensor(minimum_interval_seconds=_settings.sensor_interval_s, default_status=dg.DefaultSensorStatus.RUNNING)
def on_failed_run(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SensorResult:
    """A run failed and is not started again by itself, or hours are held back: tell of it, once a subject and hour."""
    now = datetime.now(UTC)
    memory = alerts.Alerts.read(context.cursor, first=now - HISTORY)
    try:
        for held in held_hours(warehouse.engine(ExpectationsSettings().warehouse_url), memory):
            memory.take(held)
    except SQLAlchemyError as error:
        # What is told of failed runs does not wait for it.
        context.log.warning(
            f"the warehouse does not say what is held ({type(error).__name__}); the next look asks again"
        )
    said, problem = look(context.instance, memory, now)
    if problem:
        context.log.error(problem)
        said.append(problem)
    return dg.SensorResult(skip_reason=dg.SkipReason("; ".join(said) or "no run failed"), cursor=memory.cursor())


def look(instance: dg.DagsterInstance, memory: alerts.Alerts, now: datetime) -> tuple[list[str], str | None]:
    """Read the failures since the last look, and tell of what is due.

    Args:
        instance: Where runs are remembered.
        memory: Of the last look; moved on.
        now: The present, UTC.

    Returns:
        What was told, and what is wrong with the webhook, if anything.
    """
    for failure in _failures(instance, memory, until=now - SETTLES):
        memory.take(failure)
    due = memory.release(now)
    for alert in due:
        alerts.write_log(alert)
    return [alert.text for alert in due], _send(memory, OrchestrationSettings())


def held_hours(engine: Engine, memory: alerts.Alerts) -> list[alerts.Failure]:
    """All that is held, by site and expectation, where hours were added since the last look; moves the memory on."""
    query = text("""
        select site_code, expectation, count(*) as hour_count, min(hour) as first_hour, max(hour) as last_hour,
            max(hold_id) as number, max(held_at) as held_at, coalesce(max(dagster_run_id), '') as run_id
        from ops.holds where released_at is null
        group by site_code, expectation
        having max(hold_id) > :after and max(held_at) >= :since
        order by number
    """)
    with engine.connect() as connection:
        rows = connection.execute(query, {"after": memory.after_hold, "since": memory.since}).all()
    memory.after_hold = max([memory.after_hold, *(row.number for row in rows)])
    return [
        alerts.Failure(
            number=row.number,
            job="validate_raw",
            step=f"{row.expectation} of site {row.site_code}",
            run_id=row.run_id,
            run_url=f"{OrchestrationSettings().dagster_base_url()}/runs/{row.run_id}",
            error=f"{ledger.Held(*row[:5])}; python -m expectations holds",
            failed_at=row.held_at,
            tags={SITE_TAG: row.site_code},
        )
        for row in rows
    ]


def _send(memory: alerts.Alerts, settings: OrchestrationSettings) -> str | None:
    """Empty the outbox as far as the webhook takes it; says what is wrong with the webhook, if anything.

    What it refuses goes to the end, so that it keeps no other alert; where nobody answers, none of them is sent.
    """
    url = settings.alert_url.get_secret_value()
    if not url:
        memory.outbox.clear()
    problems: list[str] = []
    waits = ""
    for alert in memory.outbox[:_MOST_POSTS]:
        try:
            alerts.post(url, alert, settings.alert_timeout_s)
        except AlertNotTaken as problem:
            waits = str(problem)
            if problem.status is None:
                break
            memory.outbox.remove(alert)
            refusals = alert.refusals + (problem.status in _REFUSES_THE_ALERT)
            if refusals >= _MOST_REFUSALS:
                problems.append(f"alert {alert.id} is given up, {refusals} times refused: {problem}")
            else:
                memory.outbox.append(msgspec.structs.replace(alert, refusals=refusals))
        else:
            memory.outbox.remove(alert)
    if waits and memory.outbox:
        problems.append(f"{len(memory.outbox)} alerts wait for the next look: {waits}")
    return "; ".join(problems) or None


def _failures(instance: dg.DagsterInstance, memory: alerts.Alerts, until: datetime) -> Iterator[alerts.Failure]:
    """Runs that failed since the last look, oldest first; moves the memory on."""
    wanted = dg.RunStatusChangeRecordsFilter(
        dg.DagsterEventType.RUN_FAILURE,
        after_storage_id=memory.after,
        after_timestamp=memory.since.timestamp(),
        before_timestamp=until.timestamp(),
    )
    found = instance.fetch_run_status_changes(wanted, limit=_READ_AT_ONCE, ascending=True).records
    run_ids = [record.event_log_entry.run_id for record in found]
    runs = {run.run_id: run for run in instance.get_runs(dg.RunsFilter(run_ids=run_ids))} if run_ids else {}
    for record in found:
        memory.after = record.storage_id
        run = runs.get(record.event_log_entry.run_id)
        # Who deletes a run knows of it.
        if run is not None and run.tags.get(WILL_RETRY_TAG) != "true":
            yield _failure(instance, run, record)


def _failure(instance: dg.DagsterInstance, run: dg.DagsterRun, record: dg.EventLogRecord) -> alerts.Failure:
    ended = record.event_log_entry.get_dagster_event()
    step, error = "", ended.message or ""
    # Run monitoring ends a run by a message alone, and the code server by one that does not say why.
    if ended.event_specific_data is not None and ended.job_failure_data.error is not None:
        error = ended.job_failure_data.error.message
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        if _DIED in (message := entry.get_dagster_event().message or ""):
            error = message[message.index(_DIED) :]
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        event = entry.get_dagster_event()
        found = event.step_failure_data.error
        # Dagster wraps what a step raised.
        if found is not None and found.cls_name == "DagsterExecutionStepExecutionError" and found.cause is not None:
            found = found.cause
        step, error = event.step_key or "", found.message if found else event.message or ""
        break
    return alerts.Failure(
        number=record.storage_id,
        job=run.job_name,
        step=step,
        run_id=run.run_id,
        run_url=f"{OrchestrationSettings().dagster_base_url()}/runs/{run.run_id}",
        error=alerts.one_line(error),
        failed_at=datetime.fromtimestamp(record.timestamp, UTC),
        tags=alerts.about(run.tags, _TAGS),
    )
