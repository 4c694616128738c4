"""Writes the weekly model performance report (S1-064), one HTML page. Computing its figures is the marts' business."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from html import escape
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, RowMapping, text

from ml.confidence_watch import CRITICAL_BELOW, HEALTHY_ABOVE
from ml.settings import MlSettings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WEEK: Final = timedelta(weeks=1)
WEEKS_SHOWN: Final = 12
SIZE_INCHES: Final = (8.0, 3.2)
STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: 0.5em 0 1.5em; }
th, td { border-bottom: 1px solid #ddd; padding: 0.25em 0.8em 0.25em 0; text-align: left; vertical-align: top; }
.critical { color: #b00020; font-weight: bold; } .warning { color: #8a5a00; } .healthy { color: #1b6e3c; }
svg { max-width: 100%; height: auto; }
"""
READING: Final = (
    "A false positive is an event with an anomaly, but no critical alarm and no stop within 24 hours; some were"
    " prevented. Missed are critical alarms without an anomaly. Savings take every prevented event for a failure to be."
)
MODELS: Final = {
    "equipment_class": "class",
    "model_version": "version",
    "equipment_count": "equipment",
    "window_count": "windows",
    "anomalous_window_ratio": "anomalous",
    "anomaly_count": "anomalies",
    "avg_confidence": "mean confidence",
    "band": "band",
    "critical_hours": "critical h",
    "warning_hours": "warning h",
    "healthy_hours": "healthy h",
    "drift_episode_count": "drift episodes",
    "maintenance_event_count": "maintenance events",
    "missed_event_count": "missed",
    "unconfirmed_ratio": "false positives, at most",
    "estimated_savings": "savings, at most",
    "currency_code": "currency",
}
DECISIONS: Final = {"equipment_class": "class", "model_version": "version", "decision_reasons": "decision and reason"}
SENSORS: Final = {
    "equipment_class": "class",
    "model_version": "version",
    "metric": "sensor",
    "anomaly_count": "anomalies",
    "leading_count": "explains most of",
    "avg_share": "mean share",
}
EPISODES: Final = {
    "detected_at": "detected",
    "stream": "stream",
    "site_code": "site",
    "equipment_class": "class",
    "band": "band",
    "mean_before": "before",
    "mean_after": "after",
    "recovered_at": "recovered",
    "explanation": "what the sensors say",
    "answer_reason": "what the training came to",
}
EDGE: Final = {
    "site_code": "site",
    "sample_count": "events",
    "avg_confidence": "mean confidence",
    "band": "band",
    "critical_hours": "critical h",
    "warning_hours": "warning h",
    "healthy_hours": "healthy h",
    "fall_count": "hours that fell by a tenth",
    "drift_episode_count": "drift episodes",
}


@dataclass(frozen=True)
class WeeklyReport:
    """What the marts hold of one week; each field but the first is rows.

    Attributes:
        week: Its Monday, UTC.
        history: Mean confidence by week and stream, up to this week.
    """

    week: date
    models: Sequence[RowMapping]
    sensors: Sequence[RowMapping]
    episodes: Sequence[RowMapping]
    edge: Sequence[RowMapping]
    history: Sequence[RowMapping]

    @property
    def title(self) -> str:
        """Such as "Model performance, 2026-W10"."""
        return f"Model performance, {self.week:%G-W%V}"


def last_complete_week(now: datetime) -> date:
    """Monday of the UTC week before the present one."""
    today = now.astimezone(UTC).date()
    return today - timedelta(days=today.weekday()) - WEEK


def write(engine: Engine, week: date, settings: MlSettings | None = None) -> tuple[WeeklyReport, Path]:
    """Write the report of a week; a report of the same week is replaced. Returns its figures and the file.

    Args:
        engine: The warehouse.
        week: Any day of it.
        settings: Read from the environment where None.
    """
    monday = week - timedelta(days=week.weekday())
    with engine.connect() as connection:
        report = read(connection, monday)
    folder = (settings or MlSettings()).reports_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"model_performance_{monday:%G-W%V}.html"
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(html_of(report), encoding="utf-8")
    unfinished.replace(path)
    return report, path


def read(connection: Connection, week: date) -> WeeklyReport:
    """Read the figures of the week that begins on this Monday."""

    def rows(statement: str) -> Sequence[RowMapping]:
        span = {"week": week, "start": datetime.combine(week, datetime.min.time(), UTC), "weeks": WEEKS_SHOWN}
        return connection.execute(text(statement), span).mappings().all()

    return WeeklyReport(
        week,
        models=rows("""
            select * from marts.fct_model_performance_weekly where week = :week order by equipment_class, model_version
        """),
        sensors=rows("""
            select * from marts.fct_model_anomaly_sensors_weekly where week = :week
            order by equipment_class, model_version, leading_count desc, metric
        """),
        episodes=rows("""
            select * from marts.fct_drift_episodes
            where detected_at >= :start and detected_at < :start + interval '7 days' order by detected_at, episode_id
        """),
        edge=rows("select * from marts.fct_edge_confidence_weekly where week = :week order by site_code"),
        history=rows("""
            select * from (
                select 'model of ' || equipment_class as stream, week,
                    cast(sum(avg_confidence * window_count) / sum(window_count) as double precision) as confidence
                from marts.fct_model_performance_weekly where window_count > 0 group by equipment_class, week
                union all
                select 'classifier at ' || site_code, week, cast(avg_confidence as double precision)
                from marts.fct_edge_confidence_weekly
            ) as streams
            where week <= :week and week > cast(:week as date) - 7 * :weeks order by stream, week
        """),
    )


def html_of(report: WeeklyReport) -> str:
    """The report as one page, its picture included."""
    scored = [row for row in report.models if row["window_count"]]
    decided = [row for row in report.models if row["decision_reasons"]]
    until = report.week + WEEK - timedelta(days=1)
    parts = [
        f"<p>{report.week:%d %B %Y} to {until:%d %B %Y}, UTC. {escape(summary(report))}</p>",
        _svg(confidence_plot(report)) if report.history else "",
        "<h2>Our models</h2>",
        _table(MODELS, scored, "No window was scored."),
        f"<p>{READING}</p>",
        "<h2>Trainings and promotions</h2>",
        _table(DECISIONS, decided, "Nothing was decided."),
        "<h2>Drift</h2>",
        _table(EPISODES, report.episodes, "Confidence did not drift."),
        "<h2>What the anomalies were about</h2>",
        _table(SENSORS, report.sensors, "There was no anomaly."),
        "<h2>The classifiers at the edge</h2>",
        _table(EDGE, report.edge, "No event had a confidence."),
    ]
    head = f'<meta charset="utf-8"><title>{report.title}</title><style>{STYLE}</style>'
    return (
        f"<!doctype html><html lang='en'><head>{head}</head><body><h1>{report.title}</h1>{''.join(parts)}</body></html>"
    )


def summary(report: WeeklyReport) -> str:
    """The week in a sentence."""
    scored = [row for row in report.models if row["window_count"]]
    windows, anomalies = (sum(row[name] for row in scored) for name in ("window_count", "anomaly_count"))
    promoted = sum(row["promotion_count"] for row in report.models)
    trained = sum(row["training_count"] for row in report.models)
    return (
        f"{len({row['equipment_class'] for row in scored})} classes of equipment: {windows:,} windows scored,"
        f" {anomalies:,} anomalies, {len(report.episodes)} drift episodes, {trained} trainings, {promoted} promotions."
    )


def confidence_plot(report: WeeklyReport) -> "Figure":
    """Mean confidence by week and stream, over the bands (S1-059..061)."""
    from matplotlib.figure import Figure

    figure = Figure(SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    axes.axhspan(0.0, CRITICAL_BELOW, color="#b00020", alpha=0.08)
    axes.axhspan(CRITICAL_BELOW, HEALTHY_ABOVE, color="#e0a000", alpha=0.08)
    for stream in sorted({row["stream"] for row in report.history}):
        own = [row for row in report.history if row["stream"] == stream]
        axes.plot(
            [f"{row['week']:%G-W%V}" for row in own], [row["confidence"] for row in own], marker="o", label=stream
        )
    lowest = min(row["confidence"] for row in report.history)
    axes.set(ylabel="mean confidence", ylim=(min(0.7, lowest - 0.02), 1.0))
    axes.tick_params(axis="x", rotation=45)
    axes.legend(fontsize="small")
    return figure


def _svg(figure: "Figure") -> str:
    import matplotlib

    drawn = StringIO()
    # Without the date and with a salt of ours, the same figures give the same page.
    with matplotlib.rc_context({"svg.hashsalt": "millrace"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()[drawn.getvalue().index("<svg") :]


def _table(columns: dict[str, str], rows: Iterable[RowMapping], where_empty: str) -> str:
    body = "".join(
        f"<tr>{''.join(f'<td{_colour(name, row[name])}>{_shown(name, row[name])}</td>' for name in columns)}</tr>"
        for row in rows
    )
    if not body:
        return f"<p>{where_empty}</p>"
    return f"<table><tr>{''.join(f'<th>{title}</th>' for title in columns.values())}</tr>{body}</table>"


def _colour(name: str, value: Any) -> str:
    return f' class="{value}"' if name == "band" and value else ""


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if name.endswith(("_ratio", "_share")):
        return f"{float(value):.1%}"
    if name.endswith("_confidence") or name.startswith("mean_"):
        return f"{float(value):.3f}"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%d %b %H:%M}"
    if isinstance(value, str):
        return escape(value).replace("\n", "<br>")
    return f"{value:,}"
