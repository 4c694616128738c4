"""What stops the code location from loading or a run from starting. Each message says in one line what to do.

OrchestrationError
├── AlertNotTaken     a webhook did not take an alert
├── CopyFailed         the marts could not be built as known at a moment
├── ManifestMissing    dbt's manifest was never prepared
├── PruningUnsupported Dagster's events are not in SQL tables
└── SiteUnknown        a run names a site that the settings do not
"""


class OrchestrationError(Exception):
    """Base of the errors below."""


class AlertNotTaken(OrchestrationError):
    """A webhook did not take an alert: it is sent again. `status` is its answer; None where it gave none."""

    def __init__(self, message: str, status: int | None = None) -> None:
        """Say what became of the alert."""
        super().__init__(message)
        self.status = status


class CopyFailed(OrchestrationError):
    """The marts as known at a moment could not be built."""


class ManifestMissing(OrchestrationError):
    """The dbt models cannot become assets: there is no manifest."""


class PruningUnsupported(OrchestrationError):
    """Old runs of Dagster cannot be pruned: its storage has no SQL tables."""


class SiteUnknown(OrchestrationError):
    """The settings name no ingestion API for this site."""
