"""A folder of wide CSV files as readings: what is taken, what is passed over, and where it goes on."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from edge_client.collectors.collector import Chunk, Registration
from edge_client.collectors.csv import CsvFolder, CsvOptions
from edge_client.errors import ConfigurationError
from ingestion_api.contract import Reading

SKAB = Path(__file__).parents[4] / ".." / "shared" / "data" / "skab" / "data"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    return path


def collect(folder: Path, after: dict[str, str] | None = None, **options: object) -> list[Chunk]:
    return list(CsvFolder(CsvOptions(folder=folder, **options)).collect(after or {}))  # type: ignore[arg-type]


def readings(chunks: list[Chunk]) -> list[Reading]:
    return [msgspec.json.decode(item, type=Reading) for chunk in chunks for item in chunk.items]


def test_each_file_is_one_piece_of_equipment(tmp_path: Path) -> None:
    write(tmp_path, "hall/pump 1.csv", "time,a\n2020-01-01,1\n")
    write(tmp_path, "other.CSV", "time,a\n2020-01-01,1\n")
    write(tmp_path, "readme.txt", "no data")
    collector = CsvFolder(
        CsvOptions(folder=tmp_path, site_code="s", time_zone="Europe/Berlin", equipment_class="valve")
    )
    assert list(collector.describe()) == [
        Registration("sites", "s", {"name": "s", "time_zone": "Europe/Berlin"}),
        Registration("equipment", "hall-pump 1", {"name": "pump 1", "equipment_class": "valve"}),
        Registration("equipment", "other", {"name": "other", "equipment_class": "valve"}),
    ]


def test_cells_become_readings(tmp_path: Path) -> None:
    text = "datetime;Volume Flow;Pressure;anomaly;changepoint\n2020-03-09 10:14:33;32.5;-0.05;1.0;0.0\n"
    write(tmp_path, "p.csv", text)
    (chunk,) = collect(tmp_path)
    at = datetime(2020, 3, 9, 10, 14, 33, tzinfo=UTC)
    assert readings([chunk]) == [
        Reading(equipment_code="p", metric="volume_flow", value=32.5, event_time=at),
        Reading(equipment_code="p", metric="pressure", value=-0.05, event_time=at),
    ]
    assert (chunk.kind, chunk.is_replay, chunk.part, chunk.position, chunk.fraction) == (
        "readings",
        True,
        "p.csv",
        "1",
        1.0,
    )


def test_labels_are_read_where_they_are_asked_for(tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "datetime;a;anomaly\n2020-01-01;1;0\n")
    assert [reading.metric for reading in readings(collect(tmp_path, ignore=()))] == ["a", "anomaly"]


def test_naive_times_are_read_in_the_sites_zone(tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "time,a\n2020-07-01 12:00:00,1\n2020-07-01T12:00:00+00:00,2\n2020-07-01T12:00:00Z,3\n")
    hours = [reading.event_time.hour for reading in readings(collect(tmp_path, time_zone="Europe/Berlin"))]
    assert hours == [10, 12, 12]


def test_an_empty_cell_is_no_reading_and_nothing_to_report(tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "time,a,b\n2020-01-01,,2\n\n2020-01-02,3\n")
    chunks = collect(tmp_path)
    assert [(r.metric, r.value) for r in readings(chunks)] == [("b", 2.0), ("a", 3.0)]
    assert not any(chunk.skips for chunk in chunks)


def test_whatever_cannot_be_read_is_named_by_file_and_line(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "p.csv",
        "time,a,b\n2020-01-01,x,2\nyesterday,1,2\n2020-01-03,nan,4,5\n2020-01-04,inf,1e400\n0001-01-01T00:00:00+14:00,1,\n",
    )
    chunks = collect(tmp_path)
    assert [(skip.place, skip.reason) for chunk in chunks for skip in chunk.skips] == [
        (f"{path}:2", "a: 'x' is no number"),
        (f"{path}:3", "no time that can be read, so no reading of column 2"),
        (f"{path}:3", "no time that can be read, so no reading of column 3"),
        (f"{path}:4", "a: 'nan' is no number"),
        (f"{path}:4", "column 4 has no name"),
        (f"{path}:5", "a: 'inf' is no number"),
        (f"{path}:5", "b: '1e400' is no number"),
        (f"{path}:6", "no time that can be read, so no reading of column 2"),
    ]
    assert [reading.value for reading in readings(chunks)] == [2.0, 4.0]


def test_a_row_that_is_not_csv_is_named_and_the_next_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, "p.csv", f"time,a\n2020-01-01,{'9' * 200_000}\n2020-01-02,2\n")
    chunks = collect(tmp_path)
    assert [reading.value for reading in readings(chunks)] == [2.0]
    (skip,) = chunks[0].skips
    assert skip.place == f"{path}:2" and "field larger" in skip.reason


def test_a_comma_may_be_the_decimal_sign(tmp_path: Path) -> None:
    write(tmp_path, "p.csv", "time;a\n2020-01-01;1,5\n")
    assert [reading.value for reading in readings(collect(tmp_path, decimal=","))] == [1.5]


def test_it_goes_on_after_any_chunk_without_loss_or_repetition(tmp_path: Path) -> None:
    broken = f"2020-01-01 00:00:02,{'9' * 200_000},1,1\n"
    rows = "".join(f"2020-01-01 00:{n // 60:02}:{n % 60:02},{n},{n},{'x' if n % 100 == 7 else n}\n" for n in range(900))
    write(tmp_path, "a.csv", "time,a,b,c\n" + broken + rows)
    write(tmp_path, "b.csv", "time,a\n2020-01-01,1\n")
    whole = collect(tmp_path)
    assert len(whole) == 4
    everything = [item for chunk in whole for item in chunk.items]
    skips = [skip for chunk in whole for skip in chunk.skips]
    assert len(everything) == 900 * 3 - 9 + 1 and len(skips) == 10
    for done in range(len(whole) + 1):
        after = {chunk.part: chunk.position for chunk in whole[:done]}
        rest = collect(tmp_path, after)
        assert [i for chunk in whole[:done] + rest for i in chunk.items] == everything
        assert [s for chunk in whole[:done] + rest for s in chunk.skips] == skips


def test_rows_added_later_are_read_later(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "time,a\n2020-01-01,1\n")
    (first,) = collect(tmp_path)
    with path.open("a") as file:
        file.write("2020-01-02,2\n")
    write(tmp_path, "0.csv", "time,a\n2020-01-03,3\n")
    later = collect(tmp_path, {first.part: first.position})
    assert [reading.value for reading in readings(later)] == [3.0, 2.0]


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        ({}, {}, "holds no .csv file"),
        ({"a.csv": "x,y\n1,2\n"}, {}, "no time column .* among x, y: name it with --time-column"),
        ({"a.csv": ""}, {}, "among no columns"),
        ({"a.csv": "time\n2020-01-01\n"}, {}, "no sensor column beside time"),
        ({"a.csv": "time,a\n"}, {"time_zone": "Mars/Base"}, "Mars/Base"),
        ({"a-b.csv": "time,a\n", "a/b.csv": "time,a\n"}, {}, "both be equipment a-b"),
    ],
)
def test_what_cannot_be_read_at_all_is_said_before_anything_is_sent(
    tmp_path: Path, files: dict[str, str], options: dict[str, str], message: str
) -> None:
    for name, text in files.items():
        write(tmp_path, name, text)
    with pytest.raises(ConfigurationError, match=message):
        CsvFolder(CsvOptions(folder=tmp_path, **options))  # type: ignore[arg-type]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        CsvFolder(CsvOptions(folder=tmp_path / "nowhere"))


@pytest.mark.skipif(not SKAB.is_dir(), reason="the SKAB data set is not at ../shared/data/skab/data")
def test_real_files_are_read_to_the_cell() -> None:
    cells = 0
    for path in SKAB.rglob("*.csv"):
        for line in path.read_text().splitlines()[1:]:
            cells += sum(1 for cell in line.split(";")[1:9] if cell)
    collector = CsvFolder(CsvOptions(folder=SKAB))
    codes = {entry.code for entry in collector.describe() if entry.entity == "equipment"}
    metrics, taken = set(), 0
    for chunk in collector.collect({}):
        assert not chunk.skips
        taken += len(chunk.items)
        reading = msgspec.json.decode(chunk.items[0], type=Reading)
        metrics.add(reading.metric)
        assert reading.equipment_code in codes
    assert taken == cells > 250_000
    assert {"valve1-0", "anomaly-free-anomaly-free"} <= codes
    assert metrics == {"accelerometer1rms"}
