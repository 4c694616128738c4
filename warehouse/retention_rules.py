"""How long rows stay: rules by table, site and equipment class (C2). Deleting is `retention`'s."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql

from warehouse.archived_tables import FAMILIES
from warehouse.tables import retention_rules

HOURLY: Final = "hourly"
RULED: Final = (*FAMILIES, HOURLY)


@dataclass(frozen=True)
class Rule:
    """How long rows stay.

    Attributes:
        family: Of tables, or `hourly`: the hourly rollups.
        site_code: Empty: any.
        equipment_class: Empty: any.
        keep_days: None: for ever.
        is_legal_hold: Nothing that the rule covers is deleted, whatever other rules say.
    """

    family: str
    site_code: str = ""
    equipment_class: str = ""
    keep_days: int | None = None
    is_legal_hold: bool = False

    def covers(self, family: str, site_code: str, equipment_class: str) -> bool:
        """Whether these rows are among what the rule is about."""
        return (
            self.family == family
            and self.site_code in {"", site_code}
            and self.equipment_class in {"", equipment_class}
        )


def rules(connection: Connection) -> list[Rule]:
    """All rules."""
    of = retention_rules.c
    rows = connection.execute(
        select(of.table_name, of.site_code, of.equipment_class, of.keep_days, of.is_legal_hold).order_by(
            of.table_name, of.site_code, of.equipment_class
        )
    )
    return [Rule(row.table_name, row.site_code, row.equipment_class, row.keep_days, row.is_legal_hold) for row in rows]


def rule_for(known: Sequence[Rule], family: str, site_code: str, equipment_class: str, keep_days: int) -> Rule:
    """What holds for a site's rows of a class: the rule that names most, a site before a class; any legal hold holds.

    A rule that is a legal hold and gives no days says nothing of the time after it.

    Args:
        known: All rules.
        family: Of tables, or `hourly`.
        site_code: Whose rows.
        equipment_class: Of which class; empty where there is none.
        keep_days: Where no rule is about them.
    """
    covering = [rule for rule in known if rule.covers(family, site_code, equipment_class)]
    default = Rule(family, keep_days=keep_days)
    timed = [rule for rule in covering if rule.keep_days is not None or not rule.is_legal_hold]
    nearest = max(timed, key=lambda rule: (bool(rule.site_code), bool(rule.equipment_class)), default=default)
    is_legal_hold = any(rule.is_legal_hold for rule in covering)
    return Rule(family, site_code, equipment_class, nearest.keep_days, is_legal_hold)


def set_rule(connection: Connection, rule: Rule) -> None:
    """Add a rule, or change the one with the same family, site and class."""
    row: dict[str, object] = {
        "table_name": rule.family,
        "site_code": rule.site_code,
        "equipment_class": rule.equipment_class,
    }
    row |= {"keep_days": rule.keep_days, "is_legal_hold": rule.is_legal_hold}
    statement = postgresql.insert(retention_rules).values(row)
    changed = {name: statement.excluded[name] for name in ("keep_days", "is_legal_hold")}
    connection.execute(statement.on_conflict_do_update(constraint=retention_rules.primary_key, set_=changed))


def remove_rule(connection: Connection, family: str, site_code: str = "", equipment_class: str = "") -> bool:
    """Remove a rule; False where there is none."""
    of = retention_rules.c
    is_rule = (of.table_name == family, of.site_code == site_code, of.equipment_class == equipment_class)
    return connection.execute(delete(retention_rules).where(*is_rule)).rowcount > 0
