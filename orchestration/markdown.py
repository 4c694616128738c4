"""Text from outside as Dagster's pages show it: as it is, whatever it contains."""

import html
import re
from typing import Final

_LONGEST: Final = 100
_MARKS: Final = re.compile(r"([\\`*_\[\]!|~:])")


def plain(text: str) -> str:
    """The text for a cell of a table: on one line, without tags, links or emphasis, and cut where it is very long."""
    line = " ".join(text.split())
    shown = line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
    return _MARKS.sub(r"\\\1", html.escape(shown, quote=False))
