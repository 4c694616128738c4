"""What every body format answers. The formats themselves do not belong here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingestion_api.columns import Columns
from ingestion_api.contract import Refusal


@dataclass(frozen=True)
class ParsedBody:
    """A body taken apart: `len(columns.item_index) + len(unreadable) == item_count`.

    Attributes:
        columns: The items that could be read.
        unreadable: The items that could not, in their order.
        item_count: All of them.
        originals: Gives the bytes of each item as they were sent; asked only where something is refused.
        has_relative_times: Whether times count from the moment of receipt, so that equal bodies are different batches.
    """

    columns: Columns
    unreadable: Sequence[Refusal]
    item_count: int
    originals: Callable[[], Sequence[bytes]]
    has_relative_times: bool = False
