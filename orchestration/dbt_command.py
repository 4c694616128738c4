"""dbt's command line as Dagster's runs call it: it reads the parsed project instead of parsing it again.

dbt itself parses the whole project whenever `--vars` or the warehouse is another one, and a run's range is in its vars.
What a command does is not here.
"""

import argparse
import gc
import json
import os
import sys
from itertools import chain
from typing import Any, Final

from orchestration.manifest import DBT_PROJECT, is_manifest_current

PARSED: Final = DBT_PROJECT / "target" / "partial_parse.msgpack"
# They are read when SQL is compiled; any other variable may change what parsing finds.
RANGE_VARS: Final = frozenset({"start_hour", "end_hour", "start_date", "end_date", "judged_only"})


def parsed_project(arguments: list[str]) -> Any | None:
    """The project as `dbt parse` left it, for the warehouse of the environment; None where it must be parsed anew."""
    from dbt.contracts.files import FileHash
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder
    from dbt.version import __version__

    options = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    options.add_argument("--vars", type=json.loads, default={})
    given, _ = options.parse_known_args(arguments)
    if not given.vars.keys() <= RANGE_VARS or not is_manifest_current() or not PARSED.exists():
        return None
    project = Manifest.from_msgpack(PARSED.read_bytes(), decoder=extended_mashumuro_decoder)
    # As dbt reckons it where neither variables nor a profile or target are given (ManifestLoader, dbt 1.11).
    if project.state_check.vars_hash != FileHash.from_contents("\x00".join(["{}", "", "", __version__])):
        return None
    database = os.environ.get("MILLRACE_DBT_DATABASE")
    for node in chain(project.nodes.values(), project.sources.values()):
        if database and node.database != database:
            if getattr(node, "relation_name", None):
                node.relation_name = node.relation_name.replace(f'"{node.database}"', f'"{database}"', 1)
            node.database = database
    return project


def spare_unheard_events() -> None:
    """Let dbt prepare no event of debugging that no log takes: making lines of them is a sixth of its work."""
    from dbt_common.events.base_types import BaseEvent, EventLevel
    from dbt_common.events.event_manager import EventManager

    fire = EventManager.fire_event

    def fire_heard(
        manager: EventManager,
        e: BaseEvent,
        level: EventLevel | None = None,
        node: Any = None,
        force_warn_or_error_handling: bool = False,
    ) -> None:
        logs = {log.level for log in manager.loggers}
        if EventLevel.DEBUG in logs or (level or e.level_tag()) != EventLevel.DEBUG:
            fire(manager, e, level, node, force_warn_or_error_handling)

    EventManager.fire_event = fire_heard  # type: ignore[assignment, method-assign]


def main() -> None:
    """Run dbt; the process ends as `dbt` would: 0 for success, 1 for failures, 2 for an error."""
    from dbt.cli.main import dbtRunner

    arguments = sys.argv[1:]
    spare_unheard_events()
    project = parsed_project(arguments)
    # It stays to the end; looking for garbage in it, over and over, takes a fifth of the time.
    gc.freeze()
    outcome = dbtRunner(manifest=project).invoke(arguments)
    sys.exit(0 if outcome.success else 2 if outcome.exception else 1)


if __name__ == "__main__":
    main()
