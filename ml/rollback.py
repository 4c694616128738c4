"""Takes back the last promotion of a model. Deciding that it should be taken back is a person's business."""

from dataclasses import replace

from sqlalchemy import Engine

from ml import promotions, registry, tracking
from ml.settings import MlSettings


def roll_back(
    engine: Engine, equipment_class: str, *, reason: str, settings: MlSettings | None = None
) -> promotions.Decision:
    """Make the champion before the present one champion again and record it in the ledger.

    Args:
        engine: The warehouse.
        equipment_class: Whose model.
        reason: Why, for the ledger.
        settings: Read from the environment where None.

    Raises:
        NothingToRollBackTo: There was no champion before.
        TrainingInProgress: The model is being trained.
        TrackingUnavailable: MLflow does not answer.
    """
    settings = settings or MlSettings()
    name = registry.model_name(equipment_class)
    with promotions.deciding(engine, name):
        client = tracking.connect(settings)
        decisions = promotions.history(engine, name)
        version = promotions.version_before(decisions, name)
        made_champion = next(past for past in reversed(decisions) if past.challenger_version == version)
        present = registry.champion(equipment_class, settings)
        decision = replace(
            made_champion,
            champion_version=present.version if present else None,
            is_promoted=True,
            reason=reason,
            trigger=promotions.ROLLBACK,
            episode_id=None,
            dagster_run_id=None,
            decided_at=None,
        )
        with engine.begin() as connection:
            promotions.record(connection, decision)
            registry.make_champion(client, name, version)
    return decision
