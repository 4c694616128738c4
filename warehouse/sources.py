"""What the loader asks of a site's inbox, as structural types. `ingestion_api.client` fulfils them, unimported."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

import pyarrow as pa

Kind = Literal["readings", "events"]


class BatchEntry(Protocol):
    """What the inbox tells of a batch."""

    @property
    def batch_seq(self) -> int:
        """Its place in the order of receipt."""

    @property
    def batch_id(self) -> UUID:
        """Known to the sender."""

    @property
    def kind(self) -> str:
        """`readings` or `events`."""

    @property
    def origin(self) -> str:
        """`push`, or `release` from quarantine."""

    @property
    def credential(self) -> str:
        """Name of the API key."""

    @property
    def is_replay(self) -> bool:
        """Sent from a store-and-forward backlog (C48)."""

    @property
    def received_at(self) -> datetime:
        """By the API's clock."""

    @property
    def item_count(self) -> int:
        """Items as sent."""

    @property
    def accepted_count(self) -> int:
        """Items in the pulled table."""

    @property
    def quarantined_count(self) -> int:
        """Items that are not."""

    @property
    def quarantine_reasons(self) -> Mapping[str, int]:
        """Items by reason code."""


class Pull(Protocol):
    """One page: whole batches, their accepted items, and where the next page starts."""

    @property
    def table(self) -> pa.Table:
        """Accepted items, columns as the export of the kind has them."""

    @property
    def batches(self) -> Sequence[BatchEntry]:
        """All batches of the page, also those without an accepted item."""

    @property
    def next_cursor(self) -> int:
        """`after` of the next page."""

    @property
    def has_more(self) -> bool:
        """Whether there is a next page already."""


class RegistryChange(Protocol):
    """One change of the registry."""

    @property
    def change_seq(self) -> int:
        """Its place in the order of changes."""

    @property
    def entity(self) -> str:
        """Registry table."""

    @property
    def code(self) -> str:
        """Key below the site."""

    @property
    def payload(self) -> Mapping[str, object]:
        """The full row after the change."""

    @property
    def changed_by(self) -> str:
        """Name of the API key."""

    @property
    def changed_at(self) -> datetime:
        """By the API's clock."""


class AlarmChange(Protocol):
    """One step of an alarm's life."""

    @property
    def change_seq(self) -> int:
        """Its place in the order of changes."""

    @property
    def alarm_id(self) -> int:
        """The alarm, by its number at the site."""

    @property
    def transition(self) -> str:
        """`raised`, `acknowledged` or `cleared`."""

    @property
    def changed_at(self) -> datetime:
        """By the device's clock where a reading did it, else by the API's."""

    @property
    def value(self) -> float | None:
        """Of the reading that did it."""

    @property
    def changed_by(self) -> str | None:
        """Name of the API key that acknowledged."""

    @property
    def rule_code(self) -> str:
        """The rule that raised the alarm."""

    @property
    def equipment_code(self) -> str:
        """The equipment it is about."""

    @property
    def metric(self) -> str:
        """What of it is measured."""

    @property
    def severity(self) -> str:
        """The rule's when the alarm was raised (C23)."""


class Source(Protocol):
    """The inbox of one site."""

    def pull(self, kind: Kind, after: int) -> Pull:
        """Batches of a kind beyond a batch_seq."""

    def pull_registry_changes(self, after: int) -> Sequence[RegistryChange]:
        """Changes of the registry beyond a change_seq, in order; none: caught up."""

    def pull_alarm_changes(self, after: int) -> Sequence[AlarmChange]:
        """Changes of alarms beyond a change_seq, in order; none: caught up."""
