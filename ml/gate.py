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
    if isinstance(champion, Evaluation) and _is_still_better(champion, challenger, false_alarm_cap):
        return Verdict(False, f"Its average precision {precision:.3f} is not above {_figure_of(champion)}.")
    return Verdict(
        True,
        f"{_against(champion, false_alarm_cap)}: average precision {precision:.3f}, best naive baseline {naive} "
        f"{floor:.3f}, false alarms {false_alarms:.1%} of at most {false_alarm_cap:.0%}.",
    )


def _is_still_better(champion: Evaluation, challenger: Evaluation, false_alarm_cap: float) -> bool:
    """A champion stays if it is quiet enough and no worse; ties are its own."""
    return (
        champion.false_alarm_rate <= false_alarm_cap and not challenger.average_precision > champion.average_precision
    )


def _against(champion: Evaluation | str | None, false_alarm_cap: float) -> str:
    if champion is None:
        return "It is the first champion"
    if isinstance(champion, str):
        return f"It replaces a champion that cannot judge the present data ({champion.rstrip('.')})"
    if champion.false_alarm_rate > false_alarm_cap:
        return f"It replaces a champion that now flags {champion.false_alarm_rate:.1%} of normal windows"
    return f"It beats {_figure_of(champion)}"


def _figure_of(champion: Evaluation) -> str:
    return f"the champion's {champion.average_precision:.3f} on the same later data"
