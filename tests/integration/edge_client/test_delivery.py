"""From a collector to the inbox of a real API, whatever is killed on the way: the sums agree to the item."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SKAB = Path(__file__).parents[3] / ".." / "shared" / "data" / "skab" / "data"
PLANT = ("--scale", "small", "--end", "2026-03-29T06:00")
HIGH_WATER = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("click", "pygments", "rich", "zstandard"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
from edge_client.cli import main
code = main(sys.argv[1:])
status = open("/proc/self/status").read()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
sys.exit(code)
"""


def expected(edge, *plant: str) -> dict[str, int]:
    tally: dict[str, int] = json.loads(edge.run("plant", *plant))
    return tally


def total(tally: dict[str, int]) -> tuple[int, int]:
    """Accepted and quarantined, as the API must find it."""
    quarantined = tally["quarantined_readings"] + tally["quarantined_events"]
    return tally["readings"] + tally["events"] - quarantined, quarantined


def assert_delivered(edge, api, tally: dict[str, int]) -> None:
    status = edge.status()
    assert status["is_finished"]
    assert (status["accepted"], status["quarantined"]) == api.sums() == total(tally)
    assert status["sent"] == status["collected"] == tally["readings"] + tally["events"]
    for name in ("pending", "rejected", "lost", "skipped", "repeated"):
        assert status[name] == 0, status


def test_the_plant_arrives_to_the_item(edge, api) -> None:
    api.start()
    printed = edge.run("run", "--once", *PLANT)
    assert "edge: finished" in printed
    assert_delivered(edge, api, expected(edge, *PLANT))


def test_it_waits_for_an_api_that_is_not_there_yet(edge, api) -> None:
    process = edge.start("run", "--once", *PLANT)
    while "trying again" not in edge.log():
        assert process.poll() is None
        time.sleep(0.05)
    api.start()
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert_delivered(edge, api, expected(edge, *PLANT))


def test_killed_clients_and_apis_lose_and_repeat_nothing(edge, api) -> None:
    """`kill -9` of either, again and again, most of the time in the middle of a send."""
    chance, kills = random.Random(20), 0
    api.start()
    tally = expected(edge, *PLANT)
    stored, step = 0, 500
    while True:
        # Small batches: many sends to be killed in. By items stored, not by time: machines differ.
        process = edge.start("run", "--once", *PLANT, MILLRACE_EDGE_BATCH_MIN="10", MILLRACE_EDGE_BATCH_MAX="25")
        target = stored + chance.randint(1, 2 * step)
        while process.poll() is None and sum(api.sums()) < target:
            time.sleep(0.01)
        if process.poll() is None:
            kills += 1
            if kills % 3 == 0:
                api.kill()
                api.spawn()
            process.send_signal(signal.SIGKILL)
        process.communicate()
        stored = sum(api.sums())
        if process.returncode == 0:
            break
    assert kills >= 6
    assert_delivered(edge, api, tally)


def test_it_stops_cleanly_when_told_and_goes_on_later(edge, api) -> None:
    api.start()
    first = edge.start("run", "--once", *PLANT, MILLRACE_EDGE_BATCH_MAX="50", MILLRACE_EDGE_BATCH_MIN="50")
    while api.sums()[0] < 500:
        assert first.poll() is None
        time.sleep(0.01)
    first.send_signal(signal.SIGTERM)
    printed, _ = first.communicate(timeout=60)
    assert first.returncode == 2
    assert "edge: stopped" in printed
    edge.run("run", "--once", *PLANT)
    assert_delivered(edge, api, expected(edge, *PLANT))


def test_it_stops_although_the_api_hangs(edge, api) -> None:
    api.start()
    process = edge.start("run", "--once", *PLANT, MILLRACE_EDGE_REQUEST_TIMEOUT_S="3600", MILLRACE_EDGE_BATCH_MAX="25")
    while api.sums()[0] < 500:
        assert process.poll() is None
        time.sleep(0.01)
    api.freeze()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode == 2
    api.kill()
    api.start()
    edge.run("run", "--once", *PLANT)
    assert_delivered(edge, api, expected(edge, *PLANT))


def test_without_once_it_stays_until_it_is_told(edge, api) -> None:
    api.start()
    everything = total(expected(edge, *PLANT))
    process = edge.start("run", *PLANT)
    while api.sums() != everything:
        assert process.poll() is None
        time.sleep(0.05)
    while not edge.status()["is_finished"]:  # the answer to the last batch may still be on its way
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "edge: finished" in printed


def test_the_same_folder_from_another_spool_is_not_counted_as_new(edge, api, tmp_path) -> None:
    folder = tmp_path / "csv"
    folder.mkdir()
    (folder / "p.csv").write_text("time,a\n" + "".join(f"2026-01-01 00:00:{n:02},{n}\n" for n in range(60)))
    api.start()
    command = ("run", "--once", "--collector", "csv", "--folder", str(folder))
    edge.run(*command)
    edge.run(*command, "--spool", str(tmp_path / "other.sqlite"))
    assert api.sums() == (60, 0)
    other = json.loads(edge.run("status", "--json", "--spool", str(tmp_path / "other.sqlite")))
    assert (other["sent"], other["accepted"], other["repeated"]) == (60, 0, 60)


@pytest.mark.skipif(not SKAB.is_dir(), reason="the SKAB data set is not at ../shared/data/skab/data")
@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory's high-water mark from /proc")
def test_real_files_arrive_to_the_item_in_little_memory(edge, api) -> None:
    """Resident memory under 60 MiB with the CSV collector, where a device has no more installed than it needs."""
    api.start()
    command = ["run", "--once", "--collector", "csv", "--folder", str(SKAB)]
    answer = subprocess.run(
        [sys.executable, "-c", HIGH_WATER, *command],
        cwd=edge.folder,
        env=edge.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = sum(len(path.read_text().splitlines()) - 1 for path in SKAB.rglob("*.csv"))
    status = edge.status()
    assert (status["accepted"], status["quarantined"]) == api.sums() == (lines * 8, 0)
    assert status["skipped"] == 0
    assert int(answer.stdout.splitlines()[-1]) < 60 * 1024
