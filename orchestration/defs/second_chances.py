"""Asks again for what the clock asked for and failed. Which run that is, `clock` says; whether now, `attempts`.

See https://docs.dagster.io/guides/automate/sensors
"""

from datetime import UTC, datetime
from typing import Final

import dagster as dg

from orchestration.clock import second_chances
from orchestration.defs import automation, backup, pruning, remaining_life
from orchestration.described import sensor
from orchestration.settings import OrchestrationSettings
from orchestration.work import ask_for

# What comes again within the hour by itself needs none.
SCHEDULES: Final = (
    "daily_base_backup",
    "daily_care_of_storage",
    "daily_pruning",
    "weekly_model_report",
    "weekly_rul_training",
    "weekly_training",
)


@sensor(
    jobs=[
        automation.care_of_storage,
        automation.model_report,
        automation.training,
        backup.base_backup,
        pruning.pruning,
        remaining_life.rul_training,
    ],
    minimum_interval_seconds=OrchestrationSettings().sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def on_failed_clocked_run(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """A run that a schedule asked for failed, and its next tick is a day or a week away: ask for it again."""
    works = list(second_chances(context.instance, SCHEDULES, datetime.now(UTC)))
    return ask_for(context, works, notes=[] if works else ["what the clock asked for last went well"])
