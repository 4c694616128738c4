"""The order in which aliases move. The registry itself is MLflow's, and tested with it."""

from typing import Any, ClassVar

import pytest

from ml.registry import make_champion


class Refusing:
    """A client whose server goes away at the n-th question."""

    def __init__(self, answers: int) -> None:
        self._answers = answers
        self.champion: str | None = None

    def _ask(self) -> None:
        self._answers -= 1
        if self._answers < 0:
            raise ConnectionError

    def get_registered_model(self, name: str) -> Any:
        self._ask()
        return self

    aliases: ClassVar = {"challenger": "2"}

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        self._ask()

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        self._ask()
        self.champion = version


@pytest.mark.parametrize("answers", [0, 1, 2])
def test_where_mlflow_refuses_the_champion_stays(answers: int) -> None:
    """The ledger's row is taken back then, so the alias must not have moved."""
    client = Refusing(answers)
    with pytest.raises(ConnectionError):
        make_champion(client, "anomaly-pump", 2)  # type: ignore[arg-type]
    assert client.champion is None


def test_the_new_champion_is_named() -> None:
    client = Refusing(3)
    make_champion(client, "anomaly-pump", 2)  # type: ignore[arg-type]
    assert client.champion == "2"
