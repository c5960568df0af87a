"""How tests wait for what tells nobody that it has come to pass."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
# Long, for a busy machine: a test that passes never waits for its end.
LONGEST_S = 30.0


async def until(look: Callable[[], T], what: str = "it", within_s: float = LONGEST_S) -> T:
    """Return the first true answer of `look`, asked between the turns of the loop.

    Raises:
        AssertionError: There was none within `within_s` seconds.
    """
    end = asyncio.get_running_loop().time() + within_s
    while True:
        if found := look():
            return found
        assert asyncio.get_running_loop().time() < end, f"{what} did not come to pass"
        await asyncio.sleep(0.005)
