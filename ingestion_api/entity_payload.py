"""What the payloads of all the registry's entities have in common. The entities themselves do not belong here."""

from typing import Annotated

from msgspec import Meta, Struct

Label = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]


class Payload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Columns of a registry table besides its keys. A PUT replaces all of them."""
