"""The weekly model performance report (S1-064)."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from ml.report import WeeklyReport, html_of, last_complete_week, summary

WEEK = date(2026, 3, 2)
MODEL = {
    "equipment_class": "pump",
    "model_version": 3,
    "equipment_count": 5,
    "window_count": 50_400,
    "anomalous_window_ratio": Decimal("0.0125"),
    "anomaly_count": 7,
    "avg_confidence": Decimal("0.912345"),
    "band": "healthy",
    "critical_hours": 0,
    "warning_hours": 12,
    "healthy_hours": 828,
    "drift_episode_count": 1,
    "maintenance_event_count": 4,
    "missed_event_count": 1,
    "unconfirmed_ratio": Decimal("0.25"),
    "estimated_savings": Decimal("67500.00"),
    "currency_code": "INR",
    "training_count": 1,
    "promotion_count": 1,
    "decision_reasons": "drift, promoted: It beats 0.8 < 0.9.\nrollback, promoted: by hand",
}
KEPT = MODEL | {"model_version": 4, "window_count": 0, "promotion_count": 0, "decision_reasons": "kept: no better"}
EPISODE = {
    "detected_at": datetime(2026, 3, 4, 6, tzinfo=UTC),
    "stream": "champion",
    "site_code": "<script>alert(1)</script>",
    "equipment_class": "pump",
    "band": "critical",
    "mean_before": 0.93,
    "mean_after": 0.7,
    "recovered_at": None,
    "explanation": "Confidence fell, none of 4 sensors drifted: look at the classifier and its labels.",
    "answer_reason": None,
}
HISTORY = [
    {"stream": "model of pump", "week": date(2026, 2, 23), "confidence": 0.95},
    {"stream": "model of pump", "week": WEEK, "confidence": 0.912345},
]
REPORT = WeeklyReport(WEEK, models=[MODEL, KEPT], sensors=[], episodes=[EPISODE], edge=[], history=HISTORY)


class Nesting(HTMLParser):
    """Fails where a tag is closed that is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize(
    ("now", "monday"),
    [
        (datetime(2026, 3, 9, 0, 0, tzinfo=UTC), date(2026, 3, 2)),
        (datetime(2026, 3, 8, 23, 59, tzinfo=UTC), date(2026, 2, 23)),
        (datetime(2026, 1, 6, 5, 0, tzinfo=UTC), date(2025, 12, 29)),
    ],
)
def test_the_last_complete_week_is_utc(now: datetime, monday: date) -> None:
    assert last_complete_week(now) == monday


def test_a_week_in_a_sentence() -> None:
    assert summary(REPORT) == (
        "1 classes of equipment: 50,400 windows scored, 7 anomalies, 1 drift episodes, 2 trainings, 1 promotions."
    )


def test_the_page_stands_alone_and_shows_the_figures() -> None:
    page = html_of(REPORT)
    nesting = Nesting()
    nesting.feed(page)
    assert nesting.open == []
    assert not re.findall(r"""(?:src|href)=["'](?!#)""", page), "a link to something outside"
    for shown in ("2026-W10", "02 March 2026 to 08 March 2026", "1.2%", "0.912", "67,500.00", "25.0%", "<svg"):
        assert shown in page, shown
    assert "It beats 0.8 &lt; 0.9.<br>rollback" in page
    assert '<td class="critical">critical</td>' in page
    assert "look at the classifier and its labels" in page
    assert page.count("<td>3</td>") == 2, "the challenger that scored nothing is among the decisions only"
    assert page.count("<td>4</td>") == 2  # its version, and the maintenance events of the other


def test_what_comes_from_outside_is_escaped() -> None:
    assert "<script>" not in html_of(REPORT)


def test_the_same_figures_give_the_same_page() -> None:
    assert html_of(REPORT) == html_of(REPORT)


def test_an_empty_week_says_so() -> None:
    page = html_of(WeeklyReport(WEEK, [], [], [], [], []))
    for said in ("No window was scored", "Nothing was decided", "Confidence did not drift", "There was no anomaly"):
        assert said in page
    assert "<svg" not in page
