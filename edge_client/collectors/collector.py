"""What a collector is: it describes its equipment and hands over items, chunk by chunk. Sources do not belong here."""

from collections.abc import Generator, Iterator, Mapping
from typing import NamedTuple, Protocol

from msgspec import Struct

from ingestion_api.contract import Entity, Kind


class Registration(NamedTuple):
    """One entry of the registry that must exist before the collector's items are accepted."""

    entity: Entity
    code: str
    payload: dict[str, object]


class Skip(NamedTuple):
    """Something in the source that is not an item and cannot be made one: where it stands and why."""

    place: str
    reason: str


class Chunk(Struct, frozen=True, kw_only=True):
    """Items that enter the spool together with the collector's progress, in one transaction.

    Attributes:
        kind: What the items are.
        items: One JSON document per item, as it will be sent. Wrong items are passed on: the API judges.
        is_replay: The items are history, not live (C48).
        part: The part of the source that the items come from, such as a file.
        position: How far that part is read once these items are spooled; only the collector understands it.
        fraction: Share of the whole source that is read then, 0 to 1.
        skips: What was passed over.
        lost: Items of the kind that the collector had to drop before the spool could take them.
    """

    kind: Kind
    items: list[bytes]
    is_replay: bool
    part: str
    position: str
    fraction: float
    skips: list[Skip] = []
    lost: int = 0

    @property
    def is_idle(self) -> bool:
        """Tell whether there is nothing to write down: a live source is silent, and lets the loop look around."""
        return not (self.items or self.skips or self.lost or self.part)


IDLE = Chunk(kind="readings", items=[], is_replay=False, part="", position="", fraction=0.0)


class Collector(Protocol):
    """A source of readings or events."""

    @property
    def name(self) -> str:
        """Names the source and every option that changes its items; the spool keeps the progress under it."""
        ...

    def describe(self) -> Iterator[Registration]:
        """Yield what to register, in an order in which each entry's references exist."""
        ...

    def collect(self, after: Mapping[str, str]) -> Generator[Chunk, None, None]:
        """Yield the chunks that follow the progress given: part to position, empty at the very start.

        When the generator goes on after a `yield`, the chunk is durably spooled: a live source acknowledges it then.
        A live source yields `IDLE` now and then while it is silent.
        """
        ...
