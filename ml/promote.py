"""Carries out a decision: into the ledger, onto the aliases, into MLflow's notes; and says whose office it is.

Deciding is done elsewhere.
"""

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


def reigning(engine: Engine, alias: registry.Champion | None) -> promotions.Decision | None:
    """The decision that made the present champion, if ledger and alias name the same version.

    A process that dies between the two leaves a champion that nobody recorded, or none where one is recorded. Then
    nobody defends the office: the next challenger that is fit for it takes it, and both agree again.

    Args:
        engine: The warehouse.
        alias: Whom MLflow calls champion.
    """
    if alias is None:
        return None
    made = promotions.reign_in(promotions.history(engine, alias.model_name))
    return made if made and made.challenger_version == alias.version else None
