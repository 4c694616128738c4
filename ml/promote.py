"""Carries out a decision: into the ledger, onto the aliases, into MLflow's notes. Deciding is done elsewhere."""

from sqlalchemy import Engine

from ml import promotions, registry, tracking
from ml.settings import MlSettings


def carry_out(engine: Engine, decision: promotions.Decision, settings: MlSettings) -> None:
    """Record a decision and move the aliases: both or, if MLflow refuses, neither.

    The caller holds `promotions.deciding` for the model.

    Args:
        engine: The warehouse.
        decision: Not recorded yet.
        settings: Where MLflow is.

    Raises:
        TrackingUnavailable: MLflow does not answer.
    """
    client = tracking.connect(settings)
    name, version = decision.model_name, decision.challenger_version
    shadow = promotions.shadow_in(promotions.history(engine, name))
    with engine.begin() as connection:
        promotions.record(connection, decision)
        if decision.is_promoted:
            registry.make_champion(client, name, version)
        elif decision.is_shadow:
            registry.make_shadow(client, name, version)
        elif shadow and shadow.challenger_version == version:
            registry.end_shadow(client, name)
    tracking.log_decision(client, decision)
