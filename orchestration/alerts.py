"""Failed runs as alerts: one a job, step, place and hour, each sent until it is taken. Which runs failed is in `defs/`.

The first failure of an hour is told at once; those that follow it are counted, and told with the first look of the next
hour. What is due moves to an outbox and stays there, word for word, until the webhook has taken it: a webhook that is
down loses nothing, and an alert that comes twice, because a process died before its cursor was kept, bears the same id.
"""

import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import httpx
import msgspec

from orchestration.errors import AlertNotTaken

_LONGEST_ERROR: Final = 500
_PLACES: Final = ("millrace/site", "millrace/equipment_class")
# What databases add to an error are the values of a row: they may name a worker (C40).
_VALUES: Final = ("[SQL:", "[parameters:", "DETAIL:", "CONTEXT:")
_DBT_SAID: Final = "Errors parsed from dbt logs:"
_DBT_PROGRESS: Final = re.compile(r"^\d+ of \d+ .*$", re.MULTILINE)


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A run that failed and is not started again by itself.

    Attributes:
        number: Grows with each failure.
        step: The first step that failed; empty where the run died outside of any.
        run_url: Where Dagster shows the run.
        error: In one line.
        tags: What the run was about: its site, its range.
    """

    number: int
    job: str
    step: str
    run_id: str
    run_url: str
    error: str
    failed_at: datetime
    tags: dict[str, str]

    @property
    def subject(self) -> str:
        """What has one alert an hour: a site or an equipment class that fails does not hide another."""
        return ":".join([self.job, self.step, *(self.tags[name] for name in _PLACES if name in self.tags)])


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of one or several failures of the same step at the same place; `latest` is the newest of them.

    Attributes:
        id: Of the first failure: it stays the same however often the alert is sent.
        refusals: How often a webhook said that it will not have this alert.
    """

    id: str
    count: int
    first_failed_at: datetime
    latest: Failure
    refusals: int = 0

    @classmethod
    def of(cls, failure: Failure) -> "Alert":
        """An alert of one failure."""
        identity = f"{failure.subject}:{failure.number}"
        return cls(id=identity, count=1, first_failed_at=failure.failed_at, latest=failure)

    def also(self, failure: Failure) -> "Alert":
        """The alert, with a later failure of the same step."""
        return msgspec.structs.replace(self, count=self.count + 1, latest=failure)

    @property
    def text(self) -> str:
        """One line for people; chat programs show a field of this name."""
        told = self.latest
        where = f" in step {told.step}" if told.step else ""
        often = f", {self.count} times since {self.first_failed_at:%F %H:%M} UTC" if self.count > 1 else ""
        return f"Millrace: {told.job} failed{where}{often}: {told.error} {told.run_url}"

    def body(self) -> dict[str, object]:
        """The alert as a flat JSON object."""
        told = msgspec.to_builtins(self.latest)
        del told["number"]
        first = self.first_failed_at.isoformat()
        return {"id": self.id, "text": self.text, "count": self.count, "first_failed_at": first, **told}


class Alerts(msgspec.Struct, kw_only=True):
    """What is remembered from one look to the next.

    Attributes:
        since: Failures before this moment (UTC) are history: nobody is told.
        after: Number of the newest failure that was read.
        after_hold: Number of the newest hold (`ops.holds`) that was read.
        told: The hour (UTC) in which a subject was last told of.
        waiting: Failures that are not told yet, by subject.
        outbox: What is told and not heard yet, oldest first.
    """

    since: datetime
    after: int = 0
    after_hold: int = 0
    told: dict[str, datetime] = {}
    waiting: dict[str, Alert] = {}
    outbox: list[Alert] = []

    @classmethod
    def read(cls, cursor: str | None, first: datetime) -> "Alerts":
        """What is remembered; a sensor without a cursor begins with the failures since `first`."""
        return msgspec.json.decode(cursor, type=cls) if cursor else cls(since=first)

    def cursor(self) -> str:
        """The memory as text."""
        return msgspec.json.encode(self).decode()

    def take(self, failure: Failure) -> None:
        """Add a failure to those that are not told yet."""
        known = self.waiting.get(failure.subject)
        self.waiting[failure.subject] = known.also(failure) if known else Alert.of(failure)

    def release(self, now: datetime) -> list[Alert]:
        """Move what is due into the outbox: subjects that were not told of in this hour and have nothing unheard."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        self.told = {subject: told for subject, told in self.told.items() if told >= hour}
        held = self.told.keys() | {alert.latest.subject for alert in self.outbox}
        due = [self.waiting.pop(subject) for subject in sorted(self.waiting.keys() - held)]
        self.told.update({alert.latest.subject: hour for alert in due})
        self.outbox.extend(due)
        return due


def write_log(alert: Alert) -> None:
    """One JSON object a line on standard output, as the ingestion API writes its log."""
    about = {"level": "error", "component": "orchestration", "event": "run_failed"}
    line = {"timestamp": datetime.now(UTC).isoformat(), **about, **alert.body()}
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()


def post(url: str, alert: Alert, timeout_s: float) -> None:
    """Hand an alert to a webhook.

    Raises:
        AlertNotTaken: It did not answer in time, or not with success. The message is without the URL, a secret.
    """
    try:
        # The answer is not read beyond its head: a webhook that trickles must not hold up the sensor.
        sent = httpx.stream("POST", url, json=alert.body(), headers={"Idempotency-Key": alert.id}, timeout=timeout_s)
        with sent as response:
            status = response.status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise AlertNotTaken(f"the webhook does not answer ({type(error).__name__})") from error
    # A conflict: it knows the id, and so has heard of it.
    if not httpx.codes.is_success(status) and status != httpx.codes.CONFLICT:
        raise AlertNotTaken(f"the webhook answered {status}", status)


def one_line(message: str) -> str:
    """An error's message as one line of bounded length, without the values of rows."""
    # dagster-dbt begins with its command line, and dbt with the models that failed; only then they say why.
    message = _DBT_PROGRESS.sub("", message.rpartition(_DBT_SAID)[2])
    for marker in _VALUES:
        message = message.split(marker)[0]
    line = " ".join(message.split())
    return line if len(line) <= _LONGEST_ERROR else f"{line[: _LONGEST_ERROR - 1]}…"


def about(tags: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """Those of a run's tags that say what it was about."""
    return {name: tags[name] for name in names if name in tags}
