"""The network cuts, delays, repeats and reorders, and a spool runs over; each item is stored or reported lost."""

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

SEED = int(os.environ.get("MILLRACE_SURVIVAL_SEED", "1"))
ROWS = 1_500
DEEDS = {"refuse", "cut", "late", "swallow", "truncate", "portal", "delay", "again", "twins"}


def test_whatever_the_network_does_each_item_is_stored_once_or_reported_lost(make_plant: Callable[..., Any]) -> None:
    """S1-055, C30: `sent = stored + reported lost`, to the item."""
    plant = make_plant(SEED)
    plant.start(malice=0.5)
    plant.add_edge("line-0", ROWS)
    plant.add_edge("line-1", ROWS)
    hasty = plant.add_edge("line-2", ROWS, MAX_ITEMS="400", DISCARD_POLICY="discard_oldest")
    for edge in plant.edges:
        edge.start()
    # A client that dies in the middle of all this must not forget what it does not know to be stored.
    plant.wait_for(lambda: plant.stored() >= 1_000, "1,000 items are stored")
    plant.kill_edge()
    plant.finish()
    plant.check()
    assert hasty.status()["lost"] > 0
    deeds = Counter(exchange["deed"] for exchange in plant.exchanges())
    assert deeds.keys() >= DEEDS | {"twin", "repeat"}, deeds
