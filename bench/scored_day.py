"""A hundredth of a day of 100 machines at 1 Hz, scored from the warehouse into the warehouse: 4 machines, 6 hours.

Readings lie in `raw.readings`, beside two hours of the machines' past, and are read through dbt's mart. Everything a
scoring run does is in the time, but for MLflow, which is asked once.
"""

import os
import statistics
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from bench.models import fitted_models
from bench.readings import SIGNALS
from bench.report import Report, Row
from bench.rollups import build
from bench.warehouses import Warehouses
from ml.features import Equipment
from ml.score import score_equipment
from ml.score_tables import Scored
from ml.served_model import ServedModel
from warehouse.engine import create_engine

_MACHINES = 4
_HOURS = 6
_DAY_WINDOWS = 100 * 86_400
_MOST_MIN = 5.0
_START = datetime(2026, 2, 12, tzinfo=UTC)
_SIGNALS = """
    insert into raw.signals (site_code, equipment_code, metric, unit_code)
    select 'bench', 'machine-' || machine, metric, '1'
    from generate_series(1, :machines) as machines (machine)
    cross join unnest(cast(:metrics as text[])) as named (metric)
"""
# In the order in which batches bring them: all signals of a second, then the next second.
_READINGS = """
    insert into raw.readings (signal_id, item_index, is_server_time, event_time, value, quality, batch_seq, load_id,
        received_at, recorded_at)
    select signals.signal_id, 0, false, at, means.mean + means.spread * (sin(extract(epoch from at) / 48) + 0.735 *
        (random() + random() - 1)), 1, 1, 1, at, at
    from generate_series(cast(:start as timestamptz), cast(:end as timestamptz) - interval '1 second',
        interval '1 second') as times (at)
    cross join raw.signals as signals
    inner join unnest(cast(:metrics as text[]), cast(:means as float8[]), cast(:spreads as float8[]))
        as means (metric, mean, spread) on signals.metric = means.metric
"""


def measure_scored_day(report: Report, warehouses: Warehouses, rounds: int) -> None:
    """Minutes that the day takes with each detector, from the hundredth that was scored."""
    models = [ServedModel.of(model) for model in fitted_models()]
    end = _START + timedelta(hours=_HOURS)
    with warehouses.fresh() as url:
        engine = create_engine(url)
        _fill(engine, _START - timedelta(hours=2), end)
        build(url, {}, "tag:reference")
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("vacuum analyze"))
        for version, model in enumerate(models, start=1):
            found = []
            for _ in range(rounds):
                with engine.begin() as connection:
                    connection.execute(text("truncate ml.scores, ml.anomalies"))
                warehouses.settle()
                before = warehouses.cpu_s()
                wall_s, own_s, windows = _timed(engine, model, version, end)
                found.append((wall_s, own_s, warehouses.cpu_s() - before))
            wall_s, own_s, server_s = min(found)
            day_min = wall_s * _DAY_WINDOWS / windows / 60
            of_processors_min = (own_s + server_s) / (os.cpu_count() or 1) * _DAY_WINDOWS / windows / 60
            figures = (
                f"{windows:,} windows in {wall_s:.1f} s ({statistics.median(one[0] for one in found):.1f} s median), "
                f"processor time {own_s:.1f} s here and {server_s:.1f} s in the database: "
                f"{of_processors_min:.1f} min of all cores"
            )
            report.add(
                Row(f"day of 100 machines, by {model.detector.name}", figures, f"{day_min:.1f} min, extrapolated",
                    f"< {_MOST_MIN:g} min", day_min < _MOST_MIN)
            )  # fmt: skip
        engine.dispose()


def _timed(engine: Engine, model: ServedModel, version: int, end: datetime) -> tuple[float, float, int]:
    """Seconds, seconds of this process's processor time, and windows."""
    members = [
        Scored(Equipment("bench", f"machine-{number}"), "anomaly-bench", version, model.threshold, model.sensors,
               1_000_000)
        for number in range(1, _MACHINES + 1)
    ]  # fmt: skip
    wall, own = time.perf_counter(), time.process_time()
    threads = os.cpu_count() or 1
    tally = score_equipment(engine, model, members, _START, end, threads, lambda stage, share: None)
    taken = time.perf_counter() - wall, time.process_time() - own, tally.windows
    with engine.connect() as connection:
        stored = connection.scalar(text("select count(*) from ml.scores"))
    if not stored == tally.windows == _MACHINES * _HOURS * 3_600:
        raise RuntimeError(f"{tally.windows} windows were judged and {stored} stored: such figures are worth nothing")
    return taken


def _fill(engine: Engine, start: datetime, end: datetime) -> None:
    metrics = sorted(SIGNALS)
    means, spreads = ([SIGNALS[metric][column] for metric in metrics] for column in (1, 2))
    given = {"metrics": metrics, "means": means, "spreads": spreads}
    with engine.begin() as connection:
        connection.execute(text(_SIGNALS), {"machines": _MACHINES, "metrics": metrics})
        connection.execute(text(_READINGS), {"start": start, "end": end, **given})
