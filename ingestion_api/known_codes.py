"""A site's registered codes, as far as rules ask for them. Reading them from the database does not belong here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingestion_api.contract import Entity
from ingestion_api.watch import Watch

# How the codes begin that stand for workers who were erased.
ERASED = "erased-"


@dataclass
class KnownCodes:
    """What is registered at one site, as of one change of its registry. Codes are only ever added.

    Attributes:
        is_site_registered: Whether the site itself is.
        signals: (equipment, metric): the registered unit, None where none is.
        fitting: (equipment, metric, unit) of readings that surely fit their signal; there may be others.
        watch: Which signals are watched by which alarm rules.
        change_seq: The newest change that is in here.
    """

    is_site_registered: bool = False
    equipment: set[str] = field(default_factory=set)
    work_units: set[str] = field(default_factory=set)
    workers: set[str] = field(default_factory=set)
    signals: dict[tuple[str, str], str | None] = field(default_factory=dict)
    fitting: set[tuple[str, str, str | None]] = field(default_factory=set, compare=False)
    watch: Watch = field(default_factory=Watch, compare=False)
    change_seq: int = 0

    def learn(
        self,
        entity: Entity,
        code: str,
        unit_code: str | None,
        change_seq: int,
        payload: Mapping[str, object] | None = None,
    ) -> None:
        """Take in one change of the registry; of equipment and alarm rules, what they say too."""
        if entity == "sites":
            self.is_site_registered = True
        elif entity == "equipment":
            self.equipment.add(code)
        elif entity == "work_units":
            self.work_units.add(code)
        elif entity == "workers":
            self.workers.add(code)
        elif entity == "signals":
            equipment_code, _, metric = code.partition("/")
            self.fitting.discard((equipment_code, metric, self.signals.get((equipment_code, metric))))
            self.fitting |= {(equipment_code, metric, None), (equipment_code, metric, unit_code)}
            self.signals[equipment_code, metric] = unit_code
        if payload is not None:
            self.watch.learn(entity, code, payload)
        self.change_seq = max(self.change_seq, change_seq)
