"""What the columns of holds, validation results and touched hours mean, where nothing said so."""

from typing import Final

from alembic import op

revision = "warehouse_0025"
down_revision = "warehouse_0024"
branch_labels = None
depends_on = None

_COMMENTS: Final = {
    "ops.validation_results": {
        "validation_id": "Number of the validation of one expectation; it grows",
        "suite": "What was judged: readings or events by their time, or the ledger by time of receipt",
        "expectation": "What was expected, such as invalid_rate_is_low",
        "window_start": "First instant that was looked at",
        "window_end": "First instant after it",
        "is_success": "Whether all groups kept their limit",
        "observed": "Figures for people, and those of each site",
        "dagster_run_id": "The Dagster run that asked; NULL: the command line",
        "validated_at": "When it was stored",
        "judged_at": "When the ledger of touched hours was read for it; NULL: before this was noted",
    },
    "ops.holds": {
        "hold_id": "Number of the hold",
        "site_code": "Whose hour is held",
        "hour": "What was judged and failed, by its first instant",
        "first_hour": "First of the hours that its rows reach into: those are held with it",
        "last_hour": "Last of them, by its first instant",
        "suite": "What was judged: readings or events by their time, or the ledger by time of receipt",
        "expectation": "What failed, such as invalid_rate_is_low",
        "period_start": "Of the first group that failed: the hour, an hour of receipt or a local midnight",
        "observed": "Figures for people; in hours and days what has to pass before the hour is let go",
        "touched_at": "Of the rows that were judged, as in raw.touched_hours: newer ones are judged anew",
        "dagster_run_id": "The Dagster run that held it last; NULL: the command line",
        "held_at": "When it failed first",
        "released_at": "When it was let go; NULL: it waits",
        "reason": "Why it was let go",
    },
    "raw.touched_hours": {
        "site_code": "Whose hour it is",
        "hour": "Its first instant",
        "touched_at": "When a load touched it last",
    },
}


def upgrade() -> None:
    """Comment the columns."""
    for table, comments in _COMMENTS.items():
        for column, comment in comments.items():
            op.execute(f"comment on column {table}.{column} is '{comment}'")


def downgrade() -> None:
    """Drop the comments."""
    for table, comments in _COMMENTS.items():
        for column in comments:
            op.execute(f"comment on column {table}.{column} is null")
