"""Jobs that make and drop copies of the marts as known at a past moment. What a copy is, `warehouse.as_known` says.

See https://docs.dagster.io/guides/build/ops and https://docs.dagster.io/guides/operate/configuration/run-configuration
"""

from datetime import date, datetime

import dagster as dg
from pydantic import Field

from orchestration.as_known import Dates, build_copy, left_out
from orchestration.defs.resources import WarehouseResource
from orchestration.errors import CopyFailed
from orchestration.manifest import load_manifest
from orchestration.work import BACKGROUND
from warehouse.as_known import drop_copy, suffix_of


class CopyName(dg.Config):
    """Which copy."""

    name: str = Field(default="", description="Of the copy: up to 32 of a-z, 0-9 and _. Empty: marts_as_known itself")


class Moment(CopyName):
    """Which moment, and how much of what was known then."""

    at: str = Field(description="The moment, ISO 8601 with a time zone, such as 2026-03-02T10:00Z")
    from_date: str = Field(default="", description="First site-local date to build, such as 2026-02-01. Empty: all")
    to_date: str = Field(default="", description="The date after the last one")

    def dates(self) -> Dates | None:
        """The dates to build; None: all.

        Raises:
            CopyFailed: One of the two is missing.
        """
        if bool(self.from_date) != bool(self.to_date):
            raise CopyFailed("from_date and to_date go together")
        return (date.fromisoformat(self.from_date), date.fromisoformat(self.to_date)) if self.from_date else None


# Two copies of one name must not be made at once; a pool holds one run at a time.
@dg.op(pool="as_known")
def build_marts_as_known(context: dg.OpExecutionContext, config: Moment, warehouse: WarehouseResource) -> None:
    """Build every mart as known at a moment, in schemas of its own."""
    manifest = load_manifest()
    moment = datetime.fromisoformat(config.at)
    build_copy(
        warehouse.url(),
        manifest,
        moment,
        name=config.name,
        dates=config.dates(),
        tell=lambda line: context.log.info(line),
    )
    context.add_output_metadata(
        {"schema": f"marts{suffix_of(config.name)}", "known_at": config.at, "left_out": sorted(left_out(manifest))}
    )


@dg.op(pool="as_known")
def drop_marts_as_known(config: CopyName, warehouse: WarehouseResource) -> None:
    """Drop a copy."""
    drop_copy(warehouse.engine(), config.name)


@dg.job(
    executor_def=dg.in_process_executor,
    tags=BACKGROUND,
    description="The marts as known at a past moment, beside the real ones.",
)
def as_known_at() -> None:
    """Build one copy."""
    build_marts_as_known()


@dg.job(
    executor_def=dg.in_process_executor,
    tags=BACKGROUND,
    description="Drop a copy of the marts as known at a past moment.",
)
def drop_as_known() -> None:
    """Drop one copy."""
    drop_marts_as_known()
