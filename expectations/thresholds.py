"""What the expectations hold the data to: `thresholds.toml`, and a plant's own lines. What is measured is in `suites/`.

A line without a scope is the default of its expectation. Others are about a site, an equipment class, a metric or a
source: of those that fit a group, the one that names most counts; of as many, one of the site itself, then one of the
class. What a line names by its metric or source is judged apart from the rest of its equipment or site, so that it
neither hides in their rates nor spoils them.
"""

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Engine, text

from expectations.errors import ThresholdsInvalid
from expectations.suites import SUITES, Expectation, Severity, Suite

SHIPPED: Final = Path(__file__).with_name("thresholds.toml")
# In the order of what each says when two lines name as many.
_SCOPES: Final = ("site", "equipment_class", "metric", "source")
_COLUMNS: Final = {"site": "site_code"}
_EXPECTATIONS: Final = {each.name: each for suite in SUITES.values() for each in suite.expectations}
_SUITE_OF: Final = {each.name: suite for suite in SUITES.values() for each in suite.expectations}
_KNOWN: Final = text("""
    select 'site' as scope, site_code as name from raw.registry_changes where entity = 'sites'
    union
    select 'equipment_class', payload ->> 'equipment_class' from raw.registry_changes where entity = 'equipment'
    union
    select 'metric', substr(code, strpos(code, '/') + 1) from raw.registry_changes where entity = 'signals'
    union
    select 'metric', metric from raw.signals
""")


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """The upper bound of a measure, for the groups that it is about.

    Attributes:
        expectation: Name of the expectation.
        limit: In the unit of the measure.
        is_strict: Whether the limit itself fails (C48).
        severity: `critical` holds the hours of a failed group back; `warning` only shows.
        scope: What it is about: any of site, equipment_class, metric and source; empty, everything.
        reason: Why it is not the default.
    """

    expectation: str
    limit: float
    is_strict: bool
    severity: Severity
    scope: Mapping[str, str]
    reason: str = ""

    @property
    def bound(self) -> str:
        """As people read it."""
        return f"{'<' if self.is_strict else '<='} {self.limit:g}"

    @property
    def about(self) -> str:
        """What it is about, as people read it."""
        return " and ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.scope.items()) or "everything"

    @property
    def rank(self) -> tuple[int, ...]:
        """Grows with how much it says about a group."""
        return (len(self.scope), *(name in self.scope for name in _SCOPES))

    @property
    def condition(self) -> str:
        """SQL of whether it is about a row with the columns of a suite's scopes."""
        return " and ".join(f"{_COLUMNS.get(name, name)} = {_quoted(value)}" for name, value in self.scope.items())


@dataclass(frozen=True)
class Thresholds:
    """All that holds.

    Attributes:
        defaults: By expectation.
        exceptions: What is about a part of the groups; those first that say most.
    """

    defaults: Mapping[str, Threshold]
    exceptions: tuple[Threshold, ...]

    def told(self, expectation: str) -> str:
        """The limits of an expectation in one line."""
        default = self.defaults[expectation]
        exceptions = [
            f"{line.bound} ({line.severity}) for {line.about}: {line.reason}"
            for line in self.exceptions
            if line.expectation == expectation
        ]
        return "; ".join([f"{default.bound} ({default.severity})", *exceptions])

    def limit_sql(self, expectation: Expectation) -> str:
        """SQL of the limit of a group."""
        return self._case(expectation, lambda threshold: repr(threshold.limit))

    def severity_sql(self, expectation: Expectation) -> str:
        """SQL of how bad it is that a group fails."""
        return self._case(expectation, lambda threshold: _quoted(threshold.severity))

    def apart_sql(self, suite: Suite) -> str:
        """SQL of whether the metric of a row, or its source, has a line of its own."""
        found = {
            f"({threshold.condition})"
            for threshold in self.exceptions
            if _SUITE_OF[threshold.expectation] is suite and threshold.scope.keys() & {"metric", "source"}
        }
        return f"({' or '.join(sorted(found))})" if found else "false"

    def _case(self, expectation: Expectation, value: Callable[[Threshold], str]) -> str:
        cases = [
            f"when {threshold.condition} then {value(threshold)}"
            for threshold in self.exceptions
            if threshold.expectation == expectation.name
        ]
        default = value(self.defaults[expectation.name])
        return f"case {' '.join(cases)} else {default} end" if cases else default


def read(own: Path | None = None) -> Thresholds:
    """Read the thresholds that are shipped, and those of a plant, whose lines replace ours about the same.

    Args:
        own: The plant's file, if it has one.

    Raises:
        ThresholdsInvalid: A file cannot be read, or one of its lines is not right; says which and why.
    """
    shipped = _lines(SHIPPED)
    usual = {line.expectation: line for line in shipped if not line.scope}
    found: dict[Any, Threshold] = {}
    for path, lines in ((SHIPPED, shipped), (own, _lines(own) if own else [])):
        seen = set()
        for number, line in enumerate(lines, start=1):
            key = (line.expectation, *line.scope.items())
            problem = "there is one about the same before it" if key in seen else _problem(line, usual)
            if problem:
                raise ThresholdsInvalid(f"{path}: line {number} of the list, {line.expectation!r}: {problem}")
            seen.add(key)
            found[key] = _threshold(line, usual[line.expectation])
    thresholds = sorted(found.values(), key=lambda threshold: threshold.rank, reverse=True)
    return Thresholds(
        defaults={threshold.expectation: threshold for threshold in thresholds if not threshold.scope},
        exceptions=tuple(threshold for threshold in thresholds if threshold.scope),
    )


def problem(own: Path | None = None) -> str | None:
    """What is wrong with the thresholds, in one line; None, nothing."""
    try:
        read(own)
    except ThresholdsInvalid as error:
        return str(error)
    return None


def unknown_names(engine: Engine, thresholds: Thresholds) -> list[str]:
    """Which sites, classes and metrics are named that no registry has; one line each.

    Such a threshold is about nothing, which stops nobody. Sources are in no registry.
    """
    named = {(scope, name) for threshold in thresholds.exceptions for scope, name in threshold.scope.items()}
    named = {(scope, name) for scope, name in named if scope != "source"}
    if not named:
        return []
    with engine.connect() as connection:
        known = {(row.scope, row.name) for row in connection.execute(_KNOWN) if row.name}
    return [
        f"a threshold is about {scope.replace('_', ' ')} {name!r}, which no registry has; there are "
        + (", ".join(sorted(other for kind, other in known if kind == scope)) or "none")
        for scope, name in sorted(named - known)
    ]


class _Line(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A line as it is written."""

    expectation: str
    below: float | None = None
    at_most: float | None = None
    severity: Severity | None = None
    site: str = ""
    equipment_class: str = ""
    metric: str = ""
    source: str = ""
    reason: str = ""

    @property
    def scope(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in _SCOPES if getattr(self, name)}

    @property
    def limit(self) -> float | None:
        return self.below if self.below is not None else self.at_most


class _File(msgspec.Struct, forbid_unknown_fields=True):
    thresholds: list[_Line]


def _lines(path: Path) -> list[_Line]:
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File).thresholds
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ThresholdsInvalid(f"{path} cannot be read: {error}") from None


def _problem(line: _Line, usual: Mapping[str, _Line]) -> str | None:
    """What is wrong with a line; None, nothing."""
    default = usual.get(line.expectation)
    if default is None:
        return f"there is no such expectation; there are {', '.join(_EXPECTATIONS)}"
    is_strict = default.below is not None
    bound, other = ("below", "at_most") if is_strict else ("at_most", "below")
    suite, measure = _SUITE_OF[line.expectation], _EXPECTATIONS[line.expectation].column
    if getattr(line, other) is not None:
        return f"its limit is written `{bound}`, not `{other}`"
    if line.limit is None and line.severity is None:
        return f"give `{bound}` or `severity`"
    if line.limit is not None and not _is_possible(line.limit, measure, is_strict=is_strict):
        return f"{bound} = {line.limit:g} is no limit for {measure}"
    if foreign := line.scope.keys() - {"site", *suite.scopes}:
        return f"it can be told apart by site, {', '.join(suite.scopes)}, and not by {', '.join(sorted(foreign))}"
    if line.scope and not line.reason.strip():
        return "give a reason: whoever reads it later wants to know why it is not the default"
    return None


def _is_possible(limit: float, measure: str, *, is_strict: bool) -> bool:
    """Whether a measure can keep the limit."""
    highest = 100.0 if measure.endswith("_pct") else math.inf
    return math.isfinite(limit) and 0 <= limit <= highest and not (is_strict and limit == 0)


def _threshold(line: _Line, default: _Line) -> Threshold:
    limit, severity = line.limit if line.limit is not None else default.limit, line.severity or default.severity
    if limit is None or severity is None:
        raise ThresholdsInvalid(f"{SHIPPED}: {line.expectation!r} has no default limit or severity")
    return Threshold(
        expectation=line.expectation,
        limit=limit,
        is_strict=default.below is not None,
        severity=severity,
        scope=line.scope,
        reason=line.reason.strip(),
    )


def _quoted(value: str) -> str:
    """An SQL literal as SQLAlchemy's text() takes it, which reads a colon as a parameter."""
    return "'" + value.replace("'", "''").replace(":", r"\:") + "'"
