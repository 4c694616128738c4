"""What runs tell of trainings, as Dagster stores it."""

from typing import Any

import dagster as dg
import pytest

from ml.gate import Outcome
from ml.rul.train import RulOutcome
from ml.train import TrainingOutcome
from orchestration.defs.ml import told

TRAINED = TrainingOutcome("anomaly-pump", 3, Outcome.SHADOW, "It is better.", {"vus_pr": 0.9}, "mlflow-run")
RUL = RulOutcome("rul-pump", 2, True, "It errs less.", {"rmse": 12.0}, "mlflow-run")


@pytest.fixture
def _mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml.tracking.page_of", lambda run_id, base: (f"{base}/runs/{run_id}", f"{base}/experiments/1"))


@pytest.mark.usefixtures("_mlflow")
@pytest.mark.parametrize(("outcome", "said"), [(TRAINED, {"outcome": "shadow"}), (RUL, {"is_promoted": True})])
def test_what_came_of_a_training_can_be_stored(outcome: Any, said: dict[str, object]) -> None:
    """An instance in memory keeps objects as they are; one on disk has to write them down."""

    @dg.asset
    def trained() -> dg.MaterializeResult[Any]:
        return dg.MaterializeResult(metadata=told(outcome, "drift"))

    with dg.DagsterInstance.local_temp() as instance:
        assert dg.materialize([trained], instance=instance, raise_on_error=False).success
        event = instance.get_latest_materialization_event(trained.key)
    assert event is not None
    assert event.asset_materialization is not None
    kept = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert kept.items() >= {"reason": outcome.reason, "trigger": "drift", **said}.items()
    assert kept["mlflow_model"].endswith(f"/#/models/{outcome.model_name}/versions/{outcome.version}")
