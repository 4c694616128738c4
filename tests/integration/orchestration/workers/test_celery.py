"""Runs on two Celery workers: how they spread, what limits them, and what becomes of them when a worker dies.

The tests follow each other on one set of workers.
"""

from typing import Any

import pytest

from orchestration import celery_launcher

SITES = ("north", "south")
COUNT = 1_000


def test_sites_spread_over_the_workers_and_are_loaded_exactly_once(cluster: Any) -> None:
    """D14: both loads are under way at once, each on a worker of its own; a site's second load waits for its first."""
    for site in SITES:
        cluster.push(site, 0, COUNT)
    with cluster.stuck_loads():
        runs = {site: cluster.load(site) for site in SITES}
        again = cluster.load("north")
        cluster.dequeue()
        for run_id in runs.values():
            cluster.wait(run_id, "STARTED")
        assert {cluster.worker_of(run_id) for run_id in runs.values()} == set(cluster.workers)
        cluster.dequeue()
        assert cluster.status(again) == "QUEUED"
        cluster.monitor()
        assert {cluster.status(run_id) for run_id in runs.values()} == {"STARTED"}
    for run_id in runs.values():
        cluster.wait(run_id, "SUCCESS")
    cluster.dequeue()
    cluster.wait(again, "SUCCESS")
    assert cluster.counts() == dict.fromkeys(SITES, COUNT)


def lose_worker(cluster: Any) -> tuple[str, Any]:
    """Kill the worker of a load that is under way; returns the run and the worker."""
    lost = cluster.load("north")
    cluster.dequeue()
    cluster.wait(lost, "STARTED")
    cluster.monitor_until_seen(lost)
    gone = cluster.workers[cluster.worker_of(lost)]
    gone.kill()
    return lost, gone


def test_a_run_whose_worker_is_gone_fails_with_one_message_and_the_other_site_goes_on(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(celery_launcher, "SILENCE_S", 600.0)
    for site in SITES:
        cluster.push(site, 60, COUNT)
    with cluster.stuck_loads():
        lost, gone = lose_worker(cluster)
    other = cluster.load("south")
    cluster.dequeue()
    cluster.wait(other, "SUCCESS")
    cluster.monitor()
    assert cluster.status(lost) == "STARTED", "a worker that is cut off for a moment goes on with its run"
    monkeypatch.setattr(celery_launcher, "SILENCE_S", 0.0)
    (message,) = cluster.monitor_until_failed(lost)
    assert f"the Celery worker {gone.name} has not answered for" in message
    assert cluster.counts() == {"north": COUNT, "south": 2 * COUNT}
    again = cluster.load("north")
    cluster.dequeue()
    cluster.wait(again, "SUCCESS")
    assert cluster.counts() == dict.fromkeys(SITES, 2 * COUNT)


def test_a_worker_that_was_started_again_does_not_know_its_run(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No silence to wait for: the run fails with the next answer. The worker of the test before stays dead."""
    monkeypatch.setattr(celery_launcher, "SILENCE_S", 600.0)
    cluster.push("north", 120, COUNT)
    with cluster.stuck_loads():
        lost, gone = lose_worker(cluster)
        gone.start()
        cluster.await_workers(1)
        (message,) = cluster.monitor_until_failed(lost)
    assert f"the Celery worker {gone.name} was started again without it" in message


def test_a_run_can_be_stopped_and_its_worker_takes_the_next(cluster: Any) -> None:
    with cluster.stuck_loads():
        stopped = cluster.load("north")
        cluster.dequeue()
        cluster.wait(stopped, "STARTED")
        assert cluster.instance.run_coordinator.cancel_run(stopped)
        cluster.wait(stopped, "CANCELED")
    runs = [cluster.load(site) for site in SITES]
    cluster.dequeue()
    for run_id in runs:
        cluster.wait(run_id, "SUCCESS")
    assert cluster.counts() == {"north": 3 * COUNT, "south": 2 * COUNT}


def test_a_pool_holds_one_run_whatever_the_number_of_workers(cluster: Any) -> None:
    """Of two rollups one is sent, here to a queue that nobody reads; it can be stopped there."""
    hour = {"dagster/asset_partition_range_start": "2026-03-02-00:00"}
    hour["dagster/asset_partition_range_end"] = hour["dagster/asset_partition_range_start"]
    first, second = (queue(cluster, hour) for _ in range(2))
    assert [cluster.status(run_id) for run_id in (first, second)] == ["STARTING", "QUEUED"]
    for run_id in (first, second):
        assert cluster.instance.run_coordinator.cancel_run(run_id)
    assert [cluster.status(run_id) for run_id in (first, second)] == ["CANCELING", "CANCELED"]


def test_without_redis_a_new_run_fails_and_those_under_way_go_on(cluster: Any, broker: Any) -> None:
    """The sensor that asked for it asks again (docs/decisions/0008). Redis comes back empty: the worker still knows."""
    cluster.push("south", 120, COUNT)
    with cluster.stuck_loads():
        going = cluster.load("south")
        cluster.dequeue()
        cluster.wait(going, "STARTED")
        broker.kill()
        lost = cluster.load("north")
        cluster.dequeue()
        assert cluster.status(lost) == "FAILURE"
        broker.start()
        cluster.await_workers(1)
        cluster.monitor()
        assert cluster.status(going) == "STARTED"
    cluster.wait(going, "SUCCESS")
    again = cluster.load("north")
    cluster.dequeue()
    cluster.wait(again, "SUCCESS")
    assert cluster.counts() == dict.fromkeys(SITES, 3 * COUNT)


def queue(cluster: Any, hour: dict[str, str]) -> str:
    run_id = cluster.submit("hourly_rollup", **hour, **{"dagster-celery/queue": "nobody"})
    # The first time that Dagster sees a pool it writes its limit down, and holds nothing back yet.
    cluster.dequeue()
    return run_id
