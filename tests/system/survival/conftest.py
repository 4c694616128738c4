"""Plants for the tests of survival, each taken away again at the end."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.survival.plant import Plant


@pytest.fixture
def make_plant(tmp_path: Path) -> Iterator[Callable[..., Plant]]:
    """Makes plants, and takes them away again: `make_plant(seed, data_dir=None, workers=1)`."""
    made: list[Plant] = []

    def make(seed: int, data_dir: Path | None = None, workers: int = 1) -> Plant:
        made.append(Plant(tmp_path, data_dir or tmp_path / "data", seed, workers))
        return made[-1]

    yield make
    for plant in made:
        plant.close()
