"""Work that is wanted by several at the same moment is done once for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Shared"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Shared(Generic[K, V]):
    """What is being done right now, by key. Nothing is remembered once it is done."""

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Task[V]] = {}

    async def result(self, key: K, work: Callable[[], Awaitable[V]]) -> tuple[V, bool]:
        """Return the result of the work of a key, and whether this call has begun it.

        Whoever stops waiting does not stop it for the others; its error is raised for all.
        """
        running = self._running.get(key)
        if running is not None:
            return await asyncio.shield(running), False

        async def run() -> V:
            try:
                return await work()
            finally:
                del self._running[key]

        self._running[key] = begun = asyncio.get_running_loop().create_task(run())
        return await asyncio.shield(begun), True
