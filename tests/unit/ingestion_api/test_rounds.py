"""Rounds go on until they are to stop, and what is done in one is done to its end."""

import asyncio

from ingestion_api.rounds import rounds


def test_a_round_is_done_to_its_end_and_is_the_last() -> None:
    async def run() -> list[str]:
        stopping, done = asyncio.Event(), []

        async def work() -> None:
            async for _ in rounds(0.01, stopping):
                done.append("begun")
                await asyncio.sleep(0.05)
                done.append("ended")

        working = asyncio.create_task(work())
        while done.count("begun") < 2:
            await asyncio.sleep(0.01)
        stopping.set()
        await asyncio.wait_for(working, 5)
        return done

    assert asyncio.run(run()) == ["begun", "ended"] * 2


def test_it_does_not_wait_for_the_next_round_when_told_to_stop() -> None:
    async def run() -> None:
        stopping = asyncio.Event()

        async def work() -> None:
            async for _ in rounds(3_600, stopping):
                raise AssertionError

        working = asyncio.create_task(work())
        await asyncio.sleep(0.01)
        stopping.set()
        await asyncio.wait_for(working, 5)

    asyncio.run(run())
