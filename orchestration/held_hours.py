"""What is held back, as an event on the page of `ops/holds`. What holds hours and lets them go is `expectations`."""

from collections.abc import Sequence
from typing import Any, Final

import dagster as dg

from orchestration.markdown import plain
from warehouse.ledger import Held

HOLDS: Final = dg.AssetKey(["ops", "holds"])
SHOWN: Final = 50
_EACH: Final = dg.AssetKey(["marts", "fct_quality_holds"])
_COLUMNS: Final = ("site", "held back by", "hours", "first (UTC)", "last (UTC)")


def observed(before: Sequence[Held], after: Sequence[Held], **about: str) -> list[dg.AssetObservation]:
    """Tell what was held and is held; nothing where nothing was and is.

    Args:
        before: What was held when the work began.
        after: What is held now; of many lines those with the most hours are shown.
        about: What people wrote about it, such as who let hours go; cut where it is long.
    """
    if not before and not after:
        return []
    metadata: dict[str, Any] = {
        "held_hours": _total(after),
        "held_hours_before": _total(before),
        "held": dg.MetadataValue.md(_table(after) if after else "nothing"),
        "each_hold": dg.MetadataValue.asset(_EACH),
        **{name: dg.MetadataValue.md(plain(text)) for name, text in about.items()},
    }
    return [dg.AssetObservation(HOLDS, metadata=metadata)]


def _total(held: Sequence[Held]) -> int:
    """Hours by site and expectation: an hour that two expectations hold counts twice."""
    return sum(line.hour_count for line in held)


def _table(held: Sequence[Held]) -> str:
    most = sorted(held, key=lambda line: -line.hour_count)
    rows = [
        (
            plain(line.site_code),
            plain(line.expectation),
            line.hour_count,
            f"{line.first_hour:%F %H:%M}",
            f"{line.last_hour:%F %H:%M}",
        )
        for line in most[:SHOWN]
    ]
    lines = [_COLUMNS, ("---",) * len(_COLUMNS), *rows]
    more = [f"\nand {len(held) - SHOWN} more lines"] if len(held) > SHOWN else []
    return "\n".join([*(" | ".join(map(str, line)) for line in lines), *more])
