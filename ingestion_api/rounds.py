"""Comes round every so often until told to stop.

What is done in a round is not cut off: half a statement would leave a connection that nobody closes.
"""

import asyncio
from collections.abc import AsyncIterator


async def rounds(every_s: float, stopping: asyncio.Event) -> AsyncIterator[None]:
    """Yield every so many seconds; end as soon as the event is set."""
    while not stopping.is_set():
        try:
            async with asyncio.timeout(every_s):
                await stopping.wait()
        except TimeoutError:
            yield
