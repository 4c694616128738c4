"""Data Docs, the static site that shows every suite and the newest validations. What it shows comes from `evaluate.py`.

The site is `index.html` in its directory; `store/` beside it keeps the validations it is built from.
"""

import fcntl
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from expectations.docs_index import ValidationLine, render_index
from expectations.suites import SUITES, Expectation, Suite
from expectations.thresholds import Thresholds

if TYPE_CHECKING:
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext

_SITE = "millrace"


def index_page(docs_dir: Path) -> Path:
    """The page to open, whether it was built yet or not."""
    return docs_dir.absolute() / "index.html"


def open_context(thresholds: Thresholds) -> "EphemeralDataContext":
    """Start Great Expectations with every suite. It keeps validations in memory and reports no usage."""
    # Older releases report usage unless told so before they are imported; 1.24 reports nothing.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    context = _context(_in_memory())
    for suite in SUITES.values():
        context.suites.add(_gx_suite(suite, thresholds))
    return context


def pages(context: "EphemeralDataContext") -> dict[str, str]:
    """Where in the site the validations of a context are shown: by suite the path, as a link has it."""
    keys: list[Any] = context.validation_results_store.list_keys()
    return {key.expectation_suite_identifier.name: quote(_page(Path(), key).as_posix()) for key in keys}


def build(context: "EphemeralDataContext", docs_dir: Path, history: int) -> str | None:
    """Add what was validated to the site, and drop what is too old. Two builders take turns.

    A site that cannot be written takes nothing from a validation: its results are in the warehouse.

    Args:
        context: From `open_context`; the validations to show are in it.
        docs_dir: The directory of the site.
        history: Validations to keep of each suite.

    Returns:
        What is wrong with the site, in one line; None, it is up to date.
    """
    try:
        with _alone_in(docs_dir):
            _build(context, docs_dir, history)
    except OSError as error:
        return f"Data Docs in {docs_dir} are not up to date: {error}"
    return None


def _build(context: "EphemeralDataContext", docs_dir: Path, history: int) -> None:
    from great_expectations.data_context.types.resource_identifiers import ExpectationSuiteIdentifier

    site = _context(_on_disk(docs_dir))
    for name in SUITES:
        site.suites.add(context.suites.get(name))
    store = site.validation_results_store
    for key in context.validation_results_store.list_keys():
        store.set(key, context.validation_results_store.get(key))
    outcomes = {key: _read(store, key) for key in _prune(store, docs_dir, history)}
    whole = {key: outcome for key, outcome in outcomes.items() if outcome is not None}
    missing = [key for key in whole if not _page(docs_dir, key).exists()]
    suites = [ExpectationSuiteIdentifier(name=name) for name in SUITES]
    # Its own index is a script that fetches libraries from the internet to draw a table.
    site.build_data_docs(site_names=[_SITE], resource_identifiers=[*suites, *missing], build_index=False)
    # It logs what goes wrong with a page, and goes on.
    if unwritten := [_page(docs_dir, key) for key in missing if not _page(docs_dir, key).exists()]:
        raise OSError(f"{len(unwritten)} pages could not be written, among them {unwritten[0]}")
    lines = [_line(outcome, docs_dir, key) for key, outcome in whole.items()]
    descriptions = [(suite.name, suite.description) for suite in SUITES.values()]
    new_index = docs_dir / "index.html.new"
    new_index.write_text(render_index(descriptions, lines), encoding="utf-8")
    new_index.replace(index_page(docs_dir))


def _context(stores: Any) -> "EphemeralDataContext":
    import great_expectations
    from great_expectations.data_context.types.base import DataContextConfig, ProgressBarsConfig

    config = DataContextConfig(
        store_backend_defaults=stores, analytics_enabled=False, progress_bars=ProgressBarsConfig(globally=False)
    )
    return great_expectations.get_context(mode="ephemeral", project_config=config)


def _in_memory() -> Any:
    from great_expectations.data_context.types.base import InMemoryStoreBackendDefaults

    return InMemoryStoreBackendDefaults()


def _on_disk(docs_dir: Path) -> Any:
    stores = _in_memory()
    stores.stores[stores.validation_results_store_name]["store_backend"] = _folder(docs_dir.absolute() / "store")
    view = {"module_name": "expectations.docs_pages", "class_name": "OfflinePageView"}
    stores.data_docs_sites = {
        _SITE: {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": _folder(docs_dir.absolute()),
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "site_section_builders": {
                "expectations": {"view": view},
                "validations": {"view": view},
                "profiling": "None",
            },
        }
    }
    return stores


def _folder(path: Path) -> dict[str, Any]:
    return {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(path)}


def _gx_suite(suite: Suite, thresholds: Thresholds) -> Any:
    from great_expectations import ExpectationSuite

    return ExpectationSuite(
        name=suite.name,
        expectations=[_gx_expectation(expectation, thresholds) for expectation in suite.expectations],
        notes=suite.description,
    )


def _gx_expectation(expectation: Expectation, thresholds: Thresholds) -> Any:
    from great_expectations.expectations.core.expect_column_pair_values_a_to_be_greater_than_b import (
        ExpectColumnPairValuesAToBeGreaterThanB,
    )
    from great_expectations.expectations.metadata_types import FailureSeverity

    default = thresholds.defaults[expectation.name]
    return ExpectColumnPairValuesAToBeGreaterThanB(
        column_A=expectation.limit_column,
        column_B=expectation.column,
        or_equal=not default.is_strict,
        severity=FailureSeverity(default.severity),
        description=f"{expectation.description} Limit: {escape(thresholds.told(expectation.name), quote=False)}.",
        notes=f"{expectation.name} ({', '.join(expectation.mission)})",
        meta={"name": expectation.name},
    )


def _prune(store: Any, docs_dir: Path, history: int) -> list[Any]:
    """Forget all but the newest validations of each suite; return the keys of those, newest first."""
    kept: list[Any] = []
    seen: Counter[str] = Counter()
    for key in sorted(store.list_keys(), key=lambda key: key.run_id.run_time, reverse=True):
        suite = key.expectation_suite_identifier.name
        seen[suite] += 1
        if seen[suite] <= history:
            kept.append(key)
        else:
            store.remove_key(key)
            _page(docs_dir, key).unlink(missing_ok=True)
    return kept


def _read(store: Any, key: Any) -> Any | None:
    """A stored validation; None while another process is still writing it, or where one was killed over it."""
    try:
        return store.get(key)
    except (ValueError, KeyError):
        return None


def _page(docs_dir: Path, key: Any) -> Path:
    *folders, name = key.to_tuple()
    return docs_dir.joinpath("validations", *folders, f"{name}.html")


def _line(outcome: Any, docs_dir: Path, key: Any) -> ValidationLine:
    return ValidationLine(
        validated_at=key.run_id.run_time,
        suite=key.expectation_suite_identifier.name,
        window=key.run_id.run_name,
        page=_page(docs_dir, key).relative_to(docs_dir).as_posix(),
        failed=tuple(result.expectation_config.meta["name"] for result in outcome.results if not result.success),
    )


@contextmanager
def _alone_in(docs_dir: Path) -> Iterator[None]:
    docs_dir.mkdir(parents=True, exist_ok=True)
    with (docs_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
