"""The micro-batcher: single transactions of many callers go to the posting function together.

Whatever has come while one batch was being written is the next batch, and there is one batch of a tenant at a time:
callers in one process never wait for each other's locks. Everybody is answered after the COMMIT of their batch.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from services.ledger.books.rules import TransactionRequest
from shared.problems import Overloaded

__all__ = ["MicroBatcher"]

_AT_MOST: Final = 500

# Takes a tenant and what its callers ask, with the actor of each, and returns the results after COMMIT.
Post = Callable[[str, Sequence[str], Sequence[TransactionRequest]], Awaitable[list[str]]]


@dataclass(slots=True)
class _Waiting:
    actor: str
    request: TransactionRequest
    answer: "asyncio.Future[str]"


class MicroBatcher:
    """Gathers transactions and posts them by the hundreds.

    Args:
        post: writes a batch of one tenant.
        waiting_max: how many may wait in all; who comes then hears so at once.
    """

    def __init__(self, post: Post, *, waiting_max: int) -> None:
        self._post = post
        self._waiting_max = waiting_max
        self._queues: dict[str, deque[_Waiting]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._count = 0

    async def submit(self, tenant: str, actor: str, request: TransactionRequest) -> str:
        """Post one transaction with whatever else is there; returns its result, after COMMIT.

        Raises:
            Overloaded: too many wait already.
            Exception: whatever kept the batch from being written. Asking again with the same id is safe.
        """
        if self._count >= self._waiting_max:
            raise Overloaded
        waiting = _Waiting(actor, request, asyncio.get_running_loop().create_future())
        self._queues.setdefault(tenant, deque()).append(waiting)
        self._count += 1
        if tenant not in self._tasks:
            self._tasks[tenant] = asyncio.create_task(self._write_until_empty(tenant))
        return await waiting.answer

    async def close(self) -> None:
        """Write what waits."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _write_until_empty(self, tenant: str) -> None:
        queue = self._queues[tenant]
        try:
            while queue:
                batch = [queue.popleft() for _ in range(min(len(queue), _AT_MOST))]
                self._count -= len(batch)
                await self._write(tenant, batch)
        finally:
            del self._queues[tenant], self._tasks[tenant]

    async def _write(self, tenant: str, batch: Sequence[_Waiting]) -> None:
        try:
            results = await self._post(tenant, [item.actor for item in batch], [item.request for item in batch])
        except Exception as error:  # noqa: BLE001 - everybody who waits is told, and the next batch has its own chance
            for item in batch:
                if not item.answer.done():
                    item.answer.set_exception(error)
            return
        for item, result in zip(batch, results, strict=True):
            # Who has left meanwhile does not wait any more; the transaction stands all the same.
            if not item.answer.done():
                item.answer.set_result(result)
