"""What the doctor asks the database servers. What waits in their tables is asked in `queues.py`."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from orchestration.doctor.finding import Clocks, Finding, Patient, Status, duration, one_line
from warehouse.backup import is_elsewhere, refuse_unarchived
from warehouse.backup_place import BackupPlace
from warehouse.errors import BackupFailed
from warehouse.migrate import Branch, Standing, standing
from warehouse.timescale import Capabilities, capabilities

_BRANCHES: Final[tuple[Branch, ...]] = ("api", "warehouse")
# An event time that is further ahead of the API's clock is refused (`ingestion_api/rules.py`).
_WORST_OFFSET_S = 300.0
_NOTED_OFFSET_S = 2.0
_NOTED_JUMP_S = 0.5
# One a day; the next one is late by two hours, or three in a row have failed.
_LATE_BACKUP = timedelta(hours=26)
_LOST_BACKUP = timedelta(days=3)


def databases_answer(patient: Patient) -> Finding:
    """Each of the four databases that this process knows of lets it in."""
    urls = patient.urls()
    answering, silent = [], {}
    for database, url in urls.items():
        if url is None:
            continue
        try:
            with patient.connected(database) as connection:
                connection.execute(text("select 1"))
            answering.append(database)
        except OperationalError as error:
            silent[database] = one_line(error)
    numbers = {"answering_count": len(answering), "silent_count": len(silent)}
    if not answering and not silent:
        return Finding("", "warning", "none was ever started here, and no URL is set", "make up", numbers)
    is_embedded = {database: url is None for database, url in patient.named_urls().items()}
    if silent and not patient.is_supervised and all(is_embedded[database] for database in silent):
        return Finding("", "warning", f"the embedded PostgreSQL does not run: {', '.join(silent)}", "make up", numbers)
    if silent:
        says = "; ".join(f"{database} does not answer: {why}" for database, why in silent.items())
        do = "start the server, or correct the URL and its password (docs/access.md); the embedded one logs in "
        return Finding("", "failed", says, f"{do}{patient.warehouse.embedded().log_file}", numbers)
    unknown = [database for database, url in urls.items() if url is None]
    told = f"; this process is not told of {', '.join(unknown)}" if unknown else ""
    return Finding("", "ok", f"{', '.join(answering)} answer{told}", "", numbers)


def migrations_are_applied(patient: Patient) -> Finding:
    """The API's database and the warehouse are at the newest revision of this version of Millrace."""
    known = [branch for branch in _BRANCHES if patient.urls()[branch]]
    told, numbers, later = [], {}, []
    for branch in known or _BRANCHES:
        with patient.connected(branch, as_owner=True) as connection:
            found = standing(connection, branch)
        if found.steps_behind is None:
            later.append(f"{branch} is at {found.current}, which this version does not know")
            continue
        numbers[f"{branch}_steps_behind_count"] = found.steps_behind
        told.append(f"{branch} {_said(found)}")
    if later:
        return Finding("", "failed", "; ".join(later), "a later version made it: install that one", numbers)
    if any(numbers.values()):
        return Finding("", "failed", "; ".join(told), "python -m warehouse migrate, as the owner", numbers)
    return Finding("", "ok", "; ".join(told), "", numbers)


def clocks_agree(patient: Patient) -> Finding:
    """This machine's clock shows what the database server's does, and nobody set it meanwhile."""
    with patient.connected() as connection:
        _, offset_s = min(_offset_s(connection) for _ in range(3))
    now = Clocks.now()
    jump_s = (now.wall_s - patient.started.wall_s) - (now.monotonic_s - patient.started.monotonic_s)
    return judged_clocks(offset_s, jump_s)


def judged_clocks(offset_s: float, jump_s: float) -> Finding:
    """What is to be said of how far the server's clock is ahead of ours, and how far ours was set ahead meanwhile."""
    numbers = {"offset_s": offset_s, "jump_s": jump_s}
    says = f"the database server's is {abs(offset_s):.2f} s {'ahead of' if offset_s > 0 else 'behind'} this machine's"
    do = "let NTP keep both (chrony, systemd-timesyncd): event times over 5 minutes ahead of the API's are refused"
    if abs(jump_s) > _NOTED_JUMP_S:
        return Finding("", "warning", f"this machine's was set by {jump_s:+.1f} s just now; {says}", do, numbers)
    status: Status = "ok"
    if abs(offset_s) > _NOTED_OFFSET_S:
        status = "failed" if abs(offset_s) > _WORST_OFFSET_S else "warning"
    return Finding("", status, says, "" if status == "ok" else do, numbers)


def edition_fits(patient: Patient) -> Finding:
    """The warehouse's edition of TimescaleDB can do what the settings ask for."""
    with patient.connected() as connection:
        found = capabilities(connection)
    return judged_edition(found, patient.warehouse.hourly_aggregate_schema)


def judged_edition(found: Capabilities, aggregate_schema: str | None) -> Finding:
    """What is to be said of a server, where a continuous aggregate is asked for and where none is."""
    if found.has_compression:
        return Finding("", "ok", f"TimescaleDB {found.version}, community edition: compression, continuous aggregates")
    if found.has_hypertables:
        says = (
            f"TimescaleDB {found.version}, Apache edition: hypertables, neither compression nor continuous aggregates"
        )
    else:
        says = "plain PostgreSQL: no hypertables, compression or continuous aggregates; the figures are the same"
    if aggregate_schema:
        do = "use a server with the community edition, or leave MILLRACE_HOURLY_AGGREGATE_SCHEMA empty"
        return Finding("", "warning", f"{says}, but MILLRACE_HOURLY_AGGREGATE_SCHEMA asks for one", do)
    return Finding("", "ok", says)


def backup_is_recent(patient: Patient) -> Finding:
    """The newest base backup of the embedded server is of today, and its WAL is archived since."""
    settings, server = patient.warehouse, patient.warehouse.embedded()
    if is_elsewhere(settings):
        return Finding("", "ok", "the warehouse is on a server of its own; its administrator backs it up")
    if settings.backup_dir is None:
        do = "set MILLRACE_BACKUP_DIR, best on another disk (docs/backup.md)"
        return Finding("", "warning", "MILLRACE_BACKUP_DIR is not set: nothing is backed up", do)
    if not server.cluster.exists():
        return Finding("", "warning", "there is nothing to back up: no database was ever started here", "make up")
    if server.is_running():
        try:
            refuse_unarchived(server)
        except BackupFailed as error:
            return Finding("", "failed", str(error), "docs/backup.md; until then only base backups can be restored")
    backups = BackupPlace.of_cluster(settings.backup_dir, server.cluster).backups()
    if not backups:
        return Finding("", "warning", f"{settings.backup_dir} holds no base backup yet", "python -m warehouse backup")
    age = datetime.now(UTC) - backups[-1].taken_at
    says = f"the last of {len(backups)} was taken {duration(age)} ago, {backups[-1].taken_at:%F %H:%M} UTC"
    numbers = {"age_h": age.total_seconds() / 3_600, "kept_count": len(backups)}
    if age <= _LATE_BACKUP:
        return Finding("", "ok", says, "", numbers)
    do = "python -m warehouse backup; Dagster's runs of base_backup tell why there was none (docs/backup.md)"
    return Finding("", "failed" if age > _LOST_BACKUP else "warning", says, do, numbers)


def _said(found: Standing) -> str:
    if found.steps_behind == 0:
        return f"is at {found.current}"
    return f"is at {found.current}, {found.steps_behind} before {found.head}" if found.current else "was never migrated"


def _offset_s(connection: Connection) -> tuple[float, float]:
    """How long the server took to tell its time, and how far that is ahead of ours, both in seconds."""
    asked = time.time()
    told: datetime = connection.execute(text("select clock_timestamp()")).scalar_one()
    answered = time.time()
    return answered - asked, told.timestamp() - (asked + answered) / 2
