"""What holds for every test. Fixtures live beside the tests that use them."""

from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("millrace", deadline=None)
settings.load_profile("millrace")

SYSTEM = "tests/system"
# They read the plant of tests/integration/dbt_project: a worker builds it once, and each other worker would again.
PLANT = "tests/integration/dbt_project/"
OF_THE_PLANT = tuple(PLANT + name for name in ("figures/", "test_builds.py", "test_marts.py"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: with several workers, the others work off the rest meanwhile."""
    items.sort(key=lambda item: not item.nodeid.startswith(SYSTEM))


class OnePlatform(LoadFileScheduling):
    """Gives a worker whole files, all that start the platform (two are more than it bears), all that read the plant."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(SYSTEM):
            return SYSTEM
        return PLANT if nodeid.startswith(OF_THE_PLANT) else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """With one worker for the system tests, and one for the plant of the marts."""
    return OnePlatform(config, log)
