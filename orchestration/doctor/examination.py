"""Which lines the doctor has, in which order, and how they are shown. What each looks at is in the other files."""

from collections.abc import Callable, Iterator, Sequence
from textwrap import shorten
from typing import Final

from rich.console import Console
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError

from orchestration.doctor import databases, machine, queues
from orchestration.doctor.finding import Finding, Patient, Status, one_line
from warehouse.errors import NotStarted, WarehouseError

Look = Callable[[Patient], Finding]
LINES: Final[dict[str, Look]] = {
    look.__name__: look
    for look in (
        machine.versions_are_pinned,
        machine.ports_are_ours,
        machine.disks_have_room,
        databases.databases_answer,
        databases.migrations_are_applied,
        databases.edition_fits,
        databases.clocks_agree,
        databases.backup_is_recent,
        queues.batches_are_loaded,
        queues.hours_are_computed,
        queues.no_hour_is_held,
    )
}
# An alert has room for 500 characters (`orchestration/alerts.py`): one line is told of with what to do, mostly two are.
_LONGEST_TOLD: Final = 120
_COLORS: Final[dict[Status, str]] = {"ok": "green", "warning": "yellow", "failed": "bold red"}


def examine(patient: Patient) -> Iterator[Finding]:
    """Look at everything, a line at a time. What cannot be looked at is a line too."""
    for name, look in LINES.items():
        yield looked_at(name, look, patient)


def looked_at(name: str, look: Look, patient: Patient) -> Finding:
    """One line; where the database is the reason that there is nothing to see, it refers to the line that says why."""
    try:
        return look(patient).named(name)
    except NotStarted as error:
        return Finding(name, "warning", f"cannot be told: {error}", "make up")
    except SQLAlchemyError as error:
        do = f"see {_said('databases_answer')}, {_said('migrations_are_applied')}"
        return Finding(name, "warning", f"cannot be told: {one_line(error)}", do)
    except (OSError, WarehouseError) as error:
        return Finding(name, "failed", one_line(error), "let this account read and write there")


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print the lines, each with what to do below it, and their sum."""
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        color = _COLORS[finding.status]
        says = f"{_said(finding.name):<{width}}  {escape(finding.says)}"
        console.print(f"[{color}]{finding.status:<7}[/{color}]  {says}")
        if finding.do:
            console.print(f"{'':<{width + 9}}  → {escape(finding.do)}")
    counts = {status: sum(finding.status == status for finding in findings) for status in _COLORS}
    console.print(", ".join(f"{count} {status}" for status, count in counts.items()))


def failure(findings: Sequence[Finding]) -> str:
    """What is told of the lines that failed, in one line; empty where none did.

    An alert is cut: where several failed, their names stand before all else.
    """
    failed = [finding for finding in findings if finding.status == "failed"]
    told = "; ".join(
        f"{finding.name}: {shorten(finding.says, _LONGEST_TOLD, placeholder=' …')} → {finding.do}" for finding in failed
    )
    return f"{', '.join(finding.name for finding in failed)} failed: {told}" if len(failed) > 1 else told


def _said(name: str) -> str:
    return name.replace("_", " ")
