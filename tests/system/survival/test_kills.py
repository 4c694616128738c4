"""The API, PostgreSQL and the clients are killed (-9) at random moments; nothing is lost, nothing is doubled."""

import os
from collections.abc import Callable
from typing import Any

# Another one: MILLRACE_SURVIVAL_SEED=7 python -m pytest tests/system/survival
SEED = int(os.environ.get("MILLRACE_SURVIVAL_SEED", "1"))
ROWS = 2_000
KILLS = ("api", "postgres", "edge", "api", "postgres", "edge", "edge", "edge")


def test_whatever_is_killed_each_item_is_stored_once(make_plant: Callable[..., Any]) -> None:
    """DESIGN 6, S1-055: acknowledged = stored exactly once."""
    plant = make_plant(SEED)
    plant.start()
    for number in range(3):
        plant.add_edge(f"line-{number}", ROWS)
    for edge in plant.edges:
        edge.start()
    total = sum(len(edge.items) for edge in plant.edges)
    kills = plant.random.sample(KILLS, len(KILLS))
    moments = sorted(plant.random.uniform(0.02, 0.8) * total for _ in kills)
    for victim, moment in zip(kills, moments, strict=True):
        plant.wait_for(lambda moment=moment: plant.stored() >= moment, f"{moment:.0f} items are stored")
        if victim == "edge":
            plant.kill_edge(plant.random.choice(plant.edges))
        elif victim == "api":
            plant.kill_api()
        else:
            plant.kill_postgres()
    plant.finish()
    plant.check()
