"""Scores of models as assets: of the hours as they come, of history after a promotion, of hours that were left out.

See https://docs.dagster.io/guides/build/assets and https://docs.dagster.io/guides/automate/sensors
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from ml.settings import MlSettings
from orchestration.attempts import LONGEST_MEMORY, failed_after, is_done
from orchestration.columns import table_metadata
from orchestration.defs.dbt_project import TRANSFORM_POOL
from orchestration.defs.ml import model_page
from orchestration.defs.partitions import HOURS, hour_pieces, hour_tags, hours_of, overlaps, required, spans
from orchestration.defs.resources import WarehouseResource
from orchestration.described import sensor
from orchestration.markdown import plain
from orchestration.pending import Promotion, newest_promotions
from orchestration.rolled_up_hours import hours_with_readings
from orchestration.settings import OrchestrationSettings
from orchestration.unscored import Gap, Unscored, join
from orchestration.work import Work, ask_for

_OWNERS: Final = ["team:ml"]
_FEATURES: Final = ["marts", "features_equipment_readings"]
_settings = OrchestrationSettings()


@dg.multi_asset(
    name="score",
    group_name="ml",
    partitions_def=HOURS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=TRANSFORM_POOL,
    specs=[
        dg.AssetSpec(
            ["ml", table],
            # The rollup of the same hours goes first: hours that failed a check are not scored either.
            deps=[_FEATURES, ["ml", "promotions"], ["marts", "fct_sensor_readings_hourly"]],
            kinds={"pytorch", "postgres"},
            owners=_OWNERS,
            description=description,
            metadata=table_metadata("ml", table),
        )
        for table, description in {
            "scores": "Anomaly scores of champions, and of challengers beside them. One row per equipment, window end"
            " and model version.",
            "anomalies": "Where scores passed the threshold. One row per run of anomalous windows.",
        }.items()
    ],
)
def scores(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[Any]]:
    """Score a range of hours with the champions; decide about challengers whose time beside one is over."""
    from ml.score import score_range
    from ml.shadow import settle

    start, end = required(hours_of(context.run.tags))
    engine = warehouse.engine(MlSettings().warehouse_url)
    summary = score_range(engine, start, end)
    if summary.too_old:
        context.log.warning(f"of an earlier release, to be trained anew: {summary.too_old}")
    elif not summary.models:
        context.log.info("no equipment class has a champion yet: nothing to score")
    pages = [f"[{plain(name)} v{version}]({model_page(name, version)})" for name, version in summary.models.items()]
    told = {**asdict(summary), "champions": dg.MetadataValue.md(", ".join(pages) or "none")}
    settled = {f"{made.model_name} v{made.challenger_version}": made.reason for made in settle(engine)}
    for table in ("scores", "anomalies"):
        yield dg.MaterializeResult(asset_key=["ml", table], metadata={**told, "settled": settled})


@sensor(
    job_name="scoring",
    minimum_interval_seconds=_settings.sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def on_promotion(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SensorResult:
    """A model became champion: score the history of its equipment class with it, the newest first.

    One that only scores beside the champion catches up with the hours that came in while it was trained.
    """
    engine = warehouse.engine()
    scored: dict[str, int] = json.loads(context.cursor or "{}")
    due: list[Work] = []
    for promotion in newest_promotions(engine):
        if scored.get(promotion.role) == promotion.promotion_id:
            continue
        # Later hours are scored as they come.
        until, since = promotion.decided_at, promotion.since
        hours = hours_with_readings(engine, promotion.equipment_class, until=until, since=since)
        works = [work for work in scoring_works(promotion, hours) if not is_done(context.instance, work.name)]
        if not works:
            scored[promotion.role] = promotion.promotion_id
        due.extend(works)
    context.update_cursor(json.dumps(scored))
    notes = [] if due else ["every champion has scored its history"]
    return ask_for(context, due, notes=notes, most=_settings.ranges_per_tick)


@sensor(
    job_name="scoring",
    minimum_interval_seconds=_settings.sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def on_unscored_hours(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """A rollup went well and its scoring did not, because MLflow was away or the process died: score those hours."""
    instance, now = context.instance, datetime.now(UTC)
    memory = Unscored.read(context.cursor, first=now - LONGEST_MEMORY)
    failed = failed_after(instance, "hourly_rollup", done="dbt_hourly", not_done="score", since=memory.since)
    new = (Gap(*required(hours_of(record.dagster_run.tags)), record.storage_id) for record in failed)
    scorings = instance.get_run_records(dg.RunsFilter(job_name="scoring"), limit=20)
    due = {
        gap: [work for work in _rescoring(gap, scorings) if not is_done(instance, work.name)]
        for gap in join([*memory.gaps, *new])
    }
    context.update_cursor(Unscored(now, tuple(gap for gap, works in due.items() if works)).cursor())
    notes = [] if any(due.values()) else ["every hour that was rolled up was scored"]
    return ask_for(context, [work for works in due.values() for work in works], notes=notes)


def _rescoring(gap: Gap, scorings: Sequence[dg.RunRecord]) -> Iterator[Work]:
    """Runs that fill a gap. What keeps hours from being scored is not their content: they are tried for ever."""
    for start, end in hour_pieces(gap.start, gap.end):
        tags = hour_tags(start, end)
        yield Work(
            name=f"rescoring:{start:%Y-%m-%dT%H}:{end:%Y-%m-%dT%H}:{gap.number}",
            label=f"scores from {start:%F %H:%M} to {end:%F %H:%M}",
            tags=tags,
            related=[record for record in scorings if overlaps(record.dagster_run.tags, tags)],
            max_attempts=None,
        )


def scoring_works(promotion: Promotion, hours: Sequence[datetime]) -> list[Work]:
    """Scoring runs over hours with readings, oldest first, as a promotion found them; the newest hours first."""
    pieces = [piece for first, last in spans(hours) for piece in hour_pieces(first, last)]
    return [
        Work(
            name=f"scoring:{promotion.promotion_id}:{end:%Y-%m-%dT%H}",
            label=f"{promotion.model_name} version {promotion.version} until {end:%F %H:%M}",
            tags=hour_tags(start, end),
            # MLflow may be away for hours; a newer promotion puts an end to it.
            max_attempts=None,
        )
        for start, end in reversed(pieces)
    ]
