"""Decides whether a challenger may become champion, and says why. Computing the figures belongs to `ml.evaluate`.

What a challenger has to prove: its data kept their expectations, it is quiet enough, it beats every naive baseline, and
it is better than the champion by more than chance. Then it scores beside the champion for a while (`ml.shadow`); a
challenger without a champion that could be compared with it becomes champion at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from ml.evaluate import Evaluation
from ml.metrics import expanded, nested_interval

SHARE: Final = 0.95
LEAST_STRETCHES: Final = 4
"""Stretches of time, over all equipment, below which a lead cannot be told from chance."""
SEED: Final = 31_415


class Outcome(StrEnum):
    """What becomes of a challenger."""

    PROMOTED = "promoted"
    SHADOW = "shadow"
    KEPT = "kept"

    @property
    def in_words(self) -> str:
        """As people read it."""
        return {"promoted": "promoted", "shadow": "scores beside the champion", "kept": "kept as challenger"}[self]


@dataclass(frozen=True)
class Verdict:
    """A decision of the gate.

    Attributes:
        outcome: What becomes of the challenger.
        reason: One sentence with the figures.
    """

    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class Rules:
    """What is asked of a challenger.

    Attributes:
        false_alarm_cap: Share of normal windows that a champion may flag, 0-1.
        shadow_h: Hours of data for which it scores beside the champion first; 0: none.
    """

    false_alarm_cap: float
    shadow_h: float


@dataclass(frozen=True)
class Lead:
    """VUS-PR of the challenger over the champion's, mean over equipment, in pairs.

    Attributes:
        low: Lower bound of the 95 % interval by bootstrap over equipment and their stretches of time, made wider as
            few of them ask for.
        high: Upper bound.
    """

    mean: float
    low: float
    high: float
    equipment_count: int
    stretch_count: int

    @classmethod
    def of(cls, challenger: Evaluation, champion: Evaluation) -> "Lead | None":
        """Compare two evaluations on the same test; None where there is too little to compare."""
        difference = challenger.stretch_vus_pr - champion.stretch_vus_pr
        known = np.isfinite(difference)
        difference, equipment = difference[known], challenger.stretch_equipment[known]
        if len(difference) < LEAST_STRETCHES:
            return None
        members = np.unique(equipment)
        mean = float(np.mean([difference[equipment == member].mean() for member in members]))
        share = expanded(SHARE, len(members) if len(members) > 1 else len(difference))
        low, high = nested_interval(difference, equipment, np.random.default_rng(SEED), share)
        return cls(mean, low, high, len(members), len(difference))

    def __str__(self) -> str:
        """The figures, for a reason."""
        return (
            f"VUS-PR {self.mean:+.3f} against the champion (95 % interval {self.low:+.3f} to {self.high:+.3f}, "
            f"{self.equipment_count} machines, {self.stretch_count} stretches)"
        )


def best_of(candidates: Mapping[str, Evaluation], false_alarm_cap: float) -> str:
    """Choose the challenger: the best VUS-PR among those within the cap, or among all if none is (D11).

    Args:
        candidates: Evaluations by name, all on the same test.
        false_alarm_cap: Share of normal windows that may be flagged.
    """
    quiet = {name: found for name, found in candidates.items() if found.false_alarm_rate <= false_alarm_cap}
    return max(quiet or candidates, key=lambda name: candidates[name].vus_pr)


def decide(
    challenger: Evaluation,
    champion: Evaluation | str | None,
    baselines: Mapping[str, Evaluation],
    failed_expectations: Sequence[str],
    rules: Rules,
) -> Verdict:
    """Let a challenger pass, or not.

    Args:
        challenger: On the later stretches.
        champion: On the same; a sentence where the champion cannot judge them; None where there is none.
        baselines: The naive detectors, on the same.
        failed_expectations: What the data of the training broke, in words; none where they kept everything.
        rules: What is asked.
    """
    naive = max(baselines, key=lambda name: baselines[name].vus_pr)
    problem = _own_problem(challenger, naive, baselines[naive].vus_pr, failed_expectations, rules)
    if problem:
        return Verdict(Outcome.KEPT, problem)
    figures = (
        f"VUS-PR {challenger.vus_pr:.3f}, best naive baseline {naive} {baselines[naive].vus_pr:.3f}, "
        f"false alarms {challenger.false_alarm_rate:.1%} of at most {rules.false_alarm_cap:.0%}"
    )
    if champion is None:
        return Verdict(Outcome.PROMOTED, f"It is the first champion, with nothing to compare: {figures}.")
    if isinstance(champion, str):
        against = f"It replaces a champion that cannot judge the present data ({champion.rstrip('.')})"
        return Verdict(Outcome.PROMOTED, f"{against}: {figures}.")
    against, is_better = _compared(challenger, champion, rules)
    if not is_better:
        return Verdict(Outcome.KEPT, f"{against}.")
    if not rules.shadow_h:
        return Verdict(Outcome.PROMOTED, f"{against}: {figures}.")
    return Verdict(
        Outcome.SHADOW, f"{against}: {figures}. It scores beside the champion for {rules.shadow_h:g} h of data first."
    )


def _own_problem(
    challenger: Evaluation, naive: str, floor: float, failed_expectations: Sequence[str], rules: Rules
) -> str | None:
    """What disqualifies the challenger whoever is champion, in a sentence."""
    if failed_expectations:
        return f"Its data broke expectations: {'; '.join(failed_expectations)}."
    if not challenger.false_alarm_rate <= rules.false_alarm_cap:
        return (
            f"It flags {challenger.false_alarm_rate:.1%} of normal windows; "
            f"at most {rules.false_alarm_cap:.0%} are allowed."
        )
    if not challenger.vus_pr > floor:
        return f"Its VUS-PR {challenger.vus_pr:.3f} does not beat {naive}'s {floor:.3f}."
    return None


def _compared(challenger: Evaluation, champion: Evaluation, rules: Rules) -> tuple[str, bool]:
    """How the challenger stands against the champion, in words, and whether that is enough.

    A champion that breaks the cap itself is an alarm bell, whatever its VUS-PR: it has no place to defend.
    """
    if champion.false_alarm_rate > rules.false_alarm_cap:
        return f"It replaces a champion that now flags {champion.false_alarm_rate:.1%} of normal windows", True
    lead = Lead.of(challenger, champion)
    if lead is None:
        return f"Fewer than {LEAST_STRETCHES} stretches of later data cannot tell it from the champion", False
    if lead.low > 0:
        return f"It beats the champion: {lead}", True
    return f"Its lead may be chance: {lead}", False
