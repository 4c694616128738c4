"""Columns are told apart by the first line alone."""

from pathlib import Path

import pytest

from edge_client.collectors.csv_header import Header, read_header, slug


def header(tmp_path: Path, line: str, **options: object) -> Header:
    path = tmp_path / "a.csv"
    path.write_text(line, encoding="utf-8")
    return read_header(path, **{"time_column": None, "ignore": (), **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    found = header(tmp_path, delimiter.join(["time", "a b", "c"]))
    assert found.delimiter == delimiter
    assert found.metrics == {1: "a_b", 2: "c"}


@pytest.mark.parametrize("name", ["datetime", "timestamp", "time", "event_time", "date", "Date Time", " TIME "])
def test_the_time_column_is_found_wherever_it_is(tmp_path: Path, name: str) -> None:
    found = header(tmp_path, f"a,{name},b", time_column="date time" if name == "Date Time" else None)
    assert found.time_index == 1
    assert found.metrics == {0: "a", 2: "b"}


def test_a_byte_order_mark_and_quotes_are_no_part_of_a_name(tmp_path: Path) -> None:
    assert header(tmp_path, '\ufeff"date","Flow, total (l/min)"').metrics == {1: "flow_total_l_min"}


def test_two_columns_never_become_one_signal(tmp_path: Path) -> None:
    assert header(tmp_path, "time,Temp A,temp_a,TEMP-A").metrics == {1: "temp_a", 2: "temp_a_2", 3: "temp_a_3"}


def test_ignored_columns_are_no_sensors(tmp_path: Path) -> None:
    found = header(tmp_path, "time,a,Anomaly,changepoint", ignore=("anomaly", "changepoint"))
    assert found.metrics == {1: "a"}
    assert found.ignored == {2, 3}


def test_names_stay_readable() -> None:
    assert slug("Volume Flow RateRMS") == "volume_flow_raterms"
    assert slug("Öl-Druck [bar]") == "öl_druck_bar"
