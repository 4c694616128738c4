"""The command line: exit codes and the one line that says what to put right."""

import json
from pathlib import Path

import pytest

from edge_client.cli import main
from edge_client.collectors.collector import Skip
from edge_client.collectors.simulator import Simulator, SimulatorOptions
from edge_client.errors import ConfigurationError
from edge_client.spool import Spool
from edge_client.spool_schema import lock


def said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    return captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "MILLRACE_EDGE_API_KEY is not set"),
        (["run", "--api-url", "nonsense"], "MILLRACE_EDGE_API_URL"),
        (["status"], "no spool at"),
        (["plant", "--pumps", "9"], "--pumps 9"),
    ],
)
def test_what_must_be_put_right_is_one_line_and_exit_code_1(capsys, arguments: list[str], message: str) -> None:
    assert main(arguments) == 1
    assert message in said(capsys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--collector", "csv"], "needs --folder"), (["--collector", "csv", "--folder", "nowhere"], "no such folder")],
)
def test_what_the_csv_collector_needs_is_said_before_anything_starts(
    capsys, monkeypatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setenv("MILLRACE_EDGE_API_KEY", "k")
    assert main(["run", *arguments]) == 1
    assert message in said(capsys)
    assert not Path(".millrace").exists()


def test_a_spool_in_use_is_named_with_its_user(capsys, monkeypatch, spool_path: Path) -> None:
    monkeypatch.setenv("MILLRACE_EDGE_API_KEY", "k")
    with lock(spool_path):
        assert main(["run", "--spool", str(spool_path)]) == 1
        assert "in use by process" in said(capsys)
        with pytest.raises(ConfigurationError):
            lock(spool_path)
    lock(spool_path).close()


def test_status_tells_a_program_everything(capsys, spool, spool_path: Path, kit) -> None:
    spool.append("c", kit.chunk(1, 10), now=0)
    spool.acknowledge(spool.next_batch(4, now=0), "201: fine", accepted=3, quarantined=1)
    spool.reject(spool.next_batch(1, now=0), "400 no")
    assert main(["status", "--json", "--spool", str(spool_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told.pop("file_bytes") > 4096
    assert told.pop("oldest_age_s") > 10**9
    assert len(told.pop("spool_id")) == 32
    [loss] = told.pop("losses")
    assert (loss["kind"], loss["reason"], loss["total"], loss["reported"]) == ("readings", "rejected_by_api", 1, 0)
    assert told == {
        "collected": 10,
        "sent": 4,
        "accepted": 3,
        "quarantined": 1,
        "repeated": 0,
        "pending": 5,
        "rejected": 1,
        "lost": 0,
        "skipped": 0,
        "is_finished": False,
        "last_answer": "400 no",
        "rejections": ["400 no"],
        "skips": [],
        "pending_bytes": 5 * len(b'{"n":6}') + 1,
        "oldest_at": "1970-01-01T00:00:00+00:00",
        "unreported": 1,
    }


def test_status_tells_a_person_the_same(capsys, spool: Spool, spool_path: Path, kit) -> None:
    chunk = kit.chunk(1, 2_000)
    chunk.skips.append(Skip("a.csv:7", "a: 'x' is no number"))
    spool.append("c", chunk, now=0)
    assert main(["status", "--spool", str(spool_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "collected          2,000" in lines
    assert "finished              no" in lines
    assert "oldest item of 1970-01-01T00:00:00+00:00" in lines
    assert "last answer none yet" in lines
    assert "skipped     a.csv:7: a: 'x' is no number" in lines


def test_the_plant_can_be_counted_before_it_is_sent(capsys) -> None:
    assert main(["plant", "--scale", "small", "--seed", "5", "--end", "2026-03-29T06:00"]) == 0
    counted = json.loads(capsys.readouterr().out)
    options = SimulatorOptions(hours=6, pumps=2, seed=5, end=None)
    assert counted["readings"] == Simulator(options, now=_march).tally().readings
    assert main(["plant", "--scale", "small", "--hours", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["readings"] < counted["readings"] / 5


def _march():
    from datetime import UTC, datetime

    return datetime(2026, 3, 29, 6, 0, tzinfo=UTC)
