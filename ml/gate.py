"""Decides whether a challenger becomes champion, and says why. Computing the figures belongs to `ml.evaluate`."""

from collections.abc import Mapping
from dataclasses import dataclass

from ml.evaluate import Evaluation


@dataclass(frozen=True)
class Verdict:
    """A decision of the gate.

    Attributes:
        is_promoted: Whether the challenger becomes champion.
        reason: One sentence with the figures.
    """

    is_promoted: bool
    reason: str


def best_of(candidates: Mapping[str, Evaluation], false_alarm_cap: float) -> str:
    """Choose the challenger: the best average precision among those within the cap, or among all if none is (D11).

    Args:
        candidates: Evaluations by name, all on the same windows.
        false_alarm_cap: Share of normal windows that may be flagged.
    """
    quiet = {name: found for name, found in candidates.items() if found.false_alarm_rate <= false_alarm_cap}
    return max(quiet or candidates, key=lambda name: candidates[name].average_precision)


def decide(
    challenger: Evaluation,
    champion: Evaluation | str | None,
    baselines: Mapping[str, Evaluation],
    *,
    false_alarm_cap: float,
) -> Verdict:
    """Let a challenger pass, or not.

    Args:
        challenger: On the later windows.
        champion: On the same windows; a sentence where the champion cannot judge them; None where there is none.
        baselines: The naive detectors, on the same windows.
        false_alarm_cap: Share of normal windows that a champion may flag, 0-1.
    """
    precision, false_alarms = challenger.average_precision, challenger.false_alarm_rate
    naive = max(baselines, key=lambda name: baselines[name].average_precision)
    floor = baselines[naive].average_precision
    if not false_alarms <= false_alarm_cap:
        return Verdict(
            False, f"It flags {false_alarms:.1%} of normal windows; at most {false_alarm_cap:.0%} are allowed."
        )
    if not precision > floor:
        return Verdict(False, f"Its average precision {precision:.3f} does not beat {naive}'s {floor:.3f}.")
    if isinstance(champion, Evaluation) and not precision > champion.average_precision:
        reason = f"Its average precision {precision:.3f} is not above the champion's {champion.average_precision:.3f}"
        return Verdict(False, f"{reason} on the same later data.")
    return Verdict(
        True,
        f"{_against(champion)}: average precision {precision:.3f}, best naive baseline {naive} {floor:.3f}, "
        f"false alarms {false_alarms:.1%} of at most {false_alarm_cap:.0%}.",
    )


def _against(champion: Evaluation | str | None) -> str:
    if champion is None:
        return "It is the first champion"
    if isinstance(champion, str):
        return f"It replaces a champion that cannot judge the present data ({champion.rstrip('.')})"
    return f"It beats the champion's {champion.average_precision:.3f} on the same later data"
