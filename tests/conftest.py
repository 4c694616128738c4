"""What holds for every test. Fixtures live beside the tests that use them."""

from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("millrace", deadline=None)
settings.load_profile("millrace")

SYSTEM = "tests/system"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: with several workers, the others work off the rest meanwhile."""
    items.sort(key=lambda item: not item.nodeid.startswith(SYSTEM))


class OnePlatform(LoadFileScheduling):
    """Gives a worker whole files, and all tests that start the platform to the same one: two are more than it bears."""

    def _split_scope(self, nodeid: str) -> str:
        return SYSTEM if nodeid.startswith(SYSTEM) else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """With one worker for the system tests."""
    return OnePlatform(config, log)
