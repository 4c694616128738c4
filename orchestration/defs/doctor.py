"""The doctor's lines as asset checks, once an hour. What they look at is in `orchestration/doctor`.

Nobody is told of a check; of a run that failed, `on_failed_run` tells.

See https://docs.dagster.io/guides/test/asset-checks
"""

from collections.abc import Iterator

import dagster as dg

from orchestration.defs.backup import base_backups
from orchestration.doctor.examination import LINES, examine, failure
from orchestration.doctor.finding import Patient

_SEVERITY = {"failed": dg.AssetCheckSeverity.ERROR, "warning": dg.AssetCheckSeverity.WARN}


@dg.multi_asset_check(
    name="examine_platform",
    specs=[
        dg.AssetCheckSpec(name, asset=base_backups, description=" ".join((look.__doc__ or "").split()))
        for name, look in LINES.items()
    ],
)
def platform_is_sound() -> Iterator[dg.AssetCheckResult]:
    """What `make doctor` says; none of it holds anything up.

    Raises:
        dg.Failure: A line failed. All are yielded before.
    """
    findings = []
    for finding in examine(Patient()):
        findings.append(finding)
        yield dg.AssetCheckResult(
            asset_key=base_backups.key,
            check_name=finding.name,
            passed=finding.status == "ok",
            severity=_SEVERITY.get(finding.status, dg.AssetCheckSeverity.WARN),
            description=finding.says,
            metadata={"status": finding.status, "do": finding.do or "nothing", **finding.numbers},
        )
    if told := failure(findings):
        raise dg.Failure(told, allow_retries=False)


doctor = dg.define_asset_job(
    "doctor",
    dg.AssetSelection.checks(platform_is_sound),
    description="Look at versions, ports, disks, databases, clocks, backups and queues, as make doctor does.",
)
# Beside the top of the hour, when the most else begins.
hourly_doctor = dg.ScheduleDefinition(
    name="hourly_doctor",
    description="Look at the platform every hour; what is amiss fails a check of `backup/base_backups`.",
    job=doctor,
    cron_schedule="40 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
