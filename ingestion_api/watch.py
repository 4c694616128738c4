"""Which signals of a site are watched by which alarm rules, as the registry's log says. Judging is `alarms.py`'s."""

from collections.abc import Mapping

import msgspec

from ingestion_api.alarm_rules import AlarmRule
from ingestion_api.alarms import Quiet, quiet_range
from ingestion_api.contract import Entity
from ingestion_api.layout import SignalKey


class Watch:
    """The enabled rules of a site, by signal: a rule watches its metric on every machine of its class."""

    def __init__(self) -> None:
        self._classes: dict[str, str] = {}
        self._rules: dict[str, AlarmRule] = {}
        self._of: dict[SignalKey, dict[str, AlarmRule]] | None = None
        self._ranges: dict[SignalKey, Quiet] = {}
        self._unsteady: frozenset[SignalKey] = frozenset()

    def learn(self, entity: Entity, code: str, payload: Mapping[str, object]) -> None:
        """Take in a machine or a rule, new or changed."""
        if entity == "equipment":
            self._classes[code] = str(payload["equipment_class"])
        elif entity == "alarm_rules":
            fields = {name: payload[name] for name in AlarmRule.__struct_fields__ if name in payload}
            self._rules[code] = msgspec.convert(fields, AlarmRule)
        self._of = None

    def rules_of(self, signal: SignalKey) -> Mapping[str, AlarmRule]:
        """Return the rules that watch a signal, by their codes."""
        return self._resolved().get(signal, {})

    def rules(self) -> Mapping[SignalKey, Mapping[str, AlarmRule]]:
        """Return all that is watched."""
        return self._resolved()

    def ranges(self) -> Mapping[SignalKey, Quiet]:
        """Return the values that break no limit, of the signals that have one."""
        self._resolved()
        return self._ranges

    def unsteady(self) -> frozenset[SignalKey]:
        """Return the signals of which each reading counts: those with a rule of kind flat_line."""
        self._resolved()
        return self._unsteady

    def _resolved(self) -> dict[SignalKey, dict[str, AlarmRule]]:
        if self._of is not None:
            return self._of
        of: dict[SignalKey, dict[str, AlarmRule]] = {}
        for code, rule in sorted(self._rules.items()):
            if not rule.is_enabled:
                continue
            for equipment_code, equipment_class in self._classes.items():
                if equipment_class == rule.equipment_class:
                    of.setdefault((equipment_code, rule.metric), {})[code] = rule
        limits = {key: [rule for rule in rules.values() if rule.kind == "limit"] for key, rules in of.items()}
        self._ranges = {key: quiet_range(rules) for key, rules in limits.items() if rules}
        self._unsteady = frozenset(
            key for key, rules in of.items() if any(rule.kind == "flat_line" for rule in rules.values())
        )
        self._of = of
        return of
