"""What a parser knows besides the bytes. It is kept with the batch, since a payload is read again when it is pulled."""

from dataclasses import dataclass
from datetime import datetime

from ingestion_api.contract import MAX_ITEMS


@dataclass(frozen=True, kw_only=True)
class Context:
    """What surrounds a body.

    Attributes:
        max_items: Most items the body may hold.
        equipment_code: What readings are of that name no equipment; empty where nobody said.
        source_code: What events are from that name no source: the credential.
        received_at: When the body came; times that are relative to now count from here.
    """

    max_items: int = MAX_ITEMS
    equipment_code: str = ""
    source_code: str = ""
    received_at: datetime | None = None
