"""The API, PostgreSQL and the clients are killed (-9) at random moments; nothing is lost, nothing is doubled."""

import os
from collections.abc import Callable
from typing import Any

import pytest

# Another one: MILLRACE_SURVIVAL_SEED=7 python -m pytest tests/system/survival
SEED = int(os.environ.get("MILLRACE_SURVIVAL_SEED", "1"))
KILLS = ("api", "postgres", "edge", "edge", "postgres", "edge", "edge")
KILLS_OF_SEVERAL = ("worker", "supervisor", "worker", "postgres", "edge")


@pytest.mark.parametrize(("workers", "rows", "victims"), [(1, 1_600, KILLS), (2, 1_000, KILLS_OF_SEVERAL)])
def test_whatever_is_killed_each_item_is_stored_once(
    make_plant: Callable[..., Any], workers: int, rows: int, victims: tuple[str, ...]
) -> None:
    """DESIGN 6, S1-055: acknowledged = stored exactly once."""
    plant = make_plant(SEED, workers=workers)
    plant.start()
    for number in range(3):
        plant.add_edge(f"line-{number}", rows)
    for edge in plant.edges:
        edge.start()
    total = sum(len(edge.items) for edge in plant.edges)
    moments = sorted(plant.random.uniform(0.02, 0.8) * total for _ in victims)
    for victim, moment in zip(plant.random.sample(victims, len(victims)), moments, strict=True):
        plant.wait_for(lambda moment=moment: plant.stored() >= moment, f"{moment:.0f} items are stored")
        getattr(plant, f"kill_{victim}")()
    plant.finish()
    plant.check()
