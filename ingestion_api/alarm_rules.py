"""What an alarm rule may say (S0-029). Judging readings by rules does not belong here."""

from math import isfinite
from typing import Annotated, Literal

from msgspec import Meta
from msgspec.structs import force_setattr

from ingestion_api.contract import Severity
from ingestion_api.entity_payload import Label, Payload

AlarmKind = Literal["limit", "missing_data", "flat_line"]
Operator = Literal[">=", ">", "<=", "<"]

# A condition that must hold for longer than a month is a report, not an alarm.
MAX_DURATION_S = 31 * 86_400


class AlarmRule(Payload, frozen=True, kw_only=True):
    """What calls for an operator, on one metric of every machine of a class (S0-029).

    `limit`: the value is `operator` the limit for `duration_s`; equal to it counts, unless the operator says otherwise
    (C26). `missing_data`: no reading for longer than `duration_s`. `flat_line`: no change of more than `hysteresis`
    for `duration_s`. Durations are in the devices' time. A limit's alarm clears once the value is more than
    `hysteresis` on the other side.
    """

    name: Label
    equipment_class: Label
    metric: Label
    kind: AlarmKind
    severity: Severity
    operator: Operator | None = None
    limit: float | None = None
    duration_s: Annotated[float, Meta(ge=0, le=MAX_DURATION_S)] = 0.0
    hysteresis: Annotated[float, Meta(ge=0)] = 0.0
    is_enabled: bool = True

    def __post_init__(self) -> None:
        """Refuse what could never fire, or says what its kind has no use for."""
        if not isfinite(self.hysteresis) or not isfinite(self.limit or 0.0):
            raise ValueError("limit and hysteresis must be finite")
        if self.kind == "limit":
            self._check_limit()
            return
        for name in ("operator", "limit"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name} is for rules of kind limit; this one is of kind {self.kind}")
        if self.duration_s == 0.0:
            raise ValueError(f"a rule of kind {self.kind} needs a duration_s above 0")
        if self.kind == "missing_data" and self.hysteresis:
            raise ValueError("hysteresis is not for rules of kind missing_data: they look at no value")

    def _check_limit(self) -> None:
        if self.limit is None:
            raise ValueError("a rule of kind limit needs a limit")
        if self.operator is None:
            # Stored and shown, so that nobody has to know the default (C26).
            force_setattr(self, "operator", ">=")
