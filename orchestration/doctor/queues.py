"""What the doctor sees waiting: batches that are not loaded, hours that are not computed. Nothing is asked for here."""

from datetime import UTC, datetime, timedelta
from typing import Final

from expectations import thresholds
from expectations.settings import ExpectationsSettings
from ingestion_api.client import IngestionClient
from orchestration.doctor.finding import Finding, Patient, Status, duration
from orchestration.pending import SiteState, last_loaded, site_states
from warehouse import ledger

_WORST_FIRST: Final[tuple[Status, ...]] = ("failed", "warning", "ok")
# Sensors look every half minute. How much waits tells nothing: a distance in numbers is no count of batches.
_LONG_UNLOADED = timedelta(minutes=15)
_CONSUMERS: Final[tuple[ledger.Consumer, ...]] = ("rolled_up", "summarized")
_LONG_WAIT = timedelta(minutes=30)
_STUCK = timedelta(hours=6)


def batches_are_loaded(patient: Patient) -> Finding:
    """What each site's inbox holds is in the warehouse: the head of the inbox less the cursor, by kind."""
    engine = patient.engine()
    loaded_at = last_loaded(engine)

    def connect(site_code: str) -> IngestionClient:
        return IngestionClient(*patient.site(site_code), patient.orchestration.api_timeout_s)

    lines: list[tuple[Status, str, str]] = []
    numbers: dict[str, float] = {}
    for state in site_states(engine, patient.orchestration.sites, connect):
        numbers |= {f"{state.site_code}_{kind}_behind_count": float(count) for kind, count in _lag(state).items()}
        status, says, do = judged(state, loaded_at.get(state.site_code), patient.now)
        lines.append((status, f"{state.site_code}: {says}", do))
    # The worst sites first: an alert is cut.
    lines.sort(key=lambda line: _WORST_FIRST.index(line[0]))
    remedies = dict.fromkeys(do for _, _, do in lines if do)
    worst: Status = lines[0][0] if lines else "ok"
    return Finding("", worst, "; ".join(says for _, says, _ in lines), "; ".join(remedies), numbers)


def hours_are_computed(patient: Patient) -> Finding:
    """What the loads touched is rolled up, and summarized in daily marts, soon."""
    start = datetime.combine(patient.orchestration.partitions_start, datetime.min.time(), UTC)
    told: list[str] = []
    numbers: dict[str, float] = {}
    longest = timedelta()
    for consumer in _CONSUMERS:
        backlogs = ledger.backlogs(patient.engine(), consumer, start)
        count = sum(backlog.hour_count for backlog in backlogs)
        wait = max([patient.now - backlog.touched_at for backlog in backlogs], default=timedelta())
        wait = max(wait, timedelta())
        numbers |= {f"{consumer}_waiting_count": count, f"{consumer}_longest_wait_s": wait.total_seconds()}
        longest = max(longest, wait)
        what = consumer.replace("_", " ")
        waiting = f"{count:,} {'hour waits' if count == 1 else 'hours wait'} to be {what}"
        told.append(f"{waiting}, the longest for {duration(wait)}" if count else f"all hours are {what}")
    if longest < _LONG_WAIT:
        return Finding("", "ok", "; ".join(told), "", numbers)
    do = "Dagster's sensors on_touched_hours and on_summarizable_hours say what they wait for, Runs which range failed"
    return Finding("", "failed" if longest > _STUCK else "warning", "; ".join(told), do, numbers)


def no_hour_is_held(patient: Patient) -> Finding:
    """No hour waits because it breaks a threshold, and none because the thresholds are not right."""
    if problem := thresholds.problem(ExpectationsSettings().thresholds):
        return Finding(
            "", "failed", f"no hour is judged: {problem}", "mend the file; python -m expectations thresholds"
        )
    held = ledger.held(patient.engine())
    numbers = {f"{line.site_code}_{line.expectation}_held_count": float(line.hour_count) for line in held}
    if not held:
        return Finding("", "ok", "every hour that was judged went on", "", numbers)
    do = "python -m expectations holds; mend the source and send the rows again, or let them go: docs/backfill.md"
    return Finding("", "warning", "; ".join(map(str, held)), do, numbers)


def _lag(state: SiteState) -> dict[str, int]:
    return {kind: max(0, head - state.loaded.get(kind, 0)) for kind, head in state.stored.items()}


def judged(state: SiteState, loaded_at: datetime | None, now: datetime) -> tuple[Status, str, str]:
    """What is to be said of a site that was last loaded at some time, and what is to be done."""
    if state.error:
        do = "start the site's ingestion API, or correct MILLRACE_SITES and the key in MILLRACE_PULL_KEYS"
        return "failed", f"its ingestion API does not answer ({state.error})", do
    if state.ahead:
        says = f"more {', '.join(state.ahead)} are loaded than its ingestion API ever took in"
        return "failed", says, "it was restored from an older backup: docs/backup.md"
    behind = {kind: count for kind, count in _lag(state).items() if count}
    if not behind:
        return "ok", "all is loaded", ""
    says = f"behind by at most {', '.join(f'{count:,} of {kind}' for kind, count in sorted(behind.items()))}"
    idle = now - loaded_at if loaded_at else None
    if idle is not None and idle < _LONG_UNLOADED:
        return "ok", says, ""
    last = f"last loaded {duration(idle)} ago" if idle is not None else "never loaded"
    do = "look again in a minute; where it stays, Dagster's runs of load and its sensor on_new_batches say why"
    return "warning", f"{says}, {last}", do
