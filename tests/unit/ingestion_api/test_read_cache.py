"""S1-032, S1-049: a minute, or until something new is loaded; one computation however many ask."""

import asyncio

from ingestion_api.read_cache import ReadCache


class Source:
    """Computes answers, and counts."""

    def __init__(self, size: int = 1) -> None:
        self.count = 0
        self.now = 0.0
        self.size = size

    async def __call__(self) -> bytes:
        self.count += 1
        await asyncio.sleep(0)
        return bytes(self.size)


def asked(source: Source, cache: ReadCache, *asks: tuple[str, int]) -> int:
    """Ask one after the other; return how many were computed."""

    async def ask() -> None:
        for key, version in asks:
            await cache.get(key, version, source)

    before = source.count
    asyncio.run(ask())
    return source.count - before


def test_an_answer_lasts_a_minute_or_until_the_next_load() -> None:
    source = Source()
    cache = ReadCache(lambda: source.now)
    assert asked(source, cache, ("a", 1), ("a", 1)) == 1
    assert asked(source, cache, ("a", 2)) == 1
    source.now = 59.9
    assert asked(source, cache, ("a", 2)) == 0
    source.now = 60
    assert asked(source, cache, ("a", 2)) == 1


def test_whoever_asks_meanwhile_waits_for_the_same_answer() -> None:
    source = Source()
    cache = ReadCache(lambda: source.now)

    async def ask() -> None:
        await asyncio.gather(*(cache.get("a", 1, source) for _ in range(50)))

    asyncio.run(ask())
    assert source.count == 1


def test_entries_and_bytes_are_bounded() -> None:
    source = Source(size=40)
    few = ReadCache(lambda: source.now, max_entries=2)
    assert asked(source, few, ("a", 1), ("b", 1), ("a", 1), ("c", 1), ("a", 1), ("b", 1)) == 4
    small = ReadCache(lambda: source.now, max_bytes=100)
    assert asked(source, small, ("a", 1), ("b", 1), ("c", 1), ("c", 1), ("a", 1)) == 4
