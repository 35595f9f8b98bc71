"""The micro-batcher: what many callers ask at the same time goes to the posting function together.

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

__all__ = ["LEGS_MAX", "MicroBatcher"]

_AT_MOST: Final = 500
# What the posting function takes in one call.
LEGS_MAX: Final = 5_000

# Takes a tenant and what its callers ask, with the actor of each, and returns the results after COMMIT.
Post = Callable[[str, Sequence[str], Sequence[TransactionRequest]], Awaitable[list[str]]]


@dataclass(slots=True)
class _Waiting:
    actor: str
    requests: Sequence[TransactionRequest]
    legs: int
    answer: "asyncio.Future[list[str]]"


class MicroBatcher:
    """Gathers transactions and posts them by the hundreds.

    Args:
        post: writes a batch of one tenant.
        waiting_max: how many transactions may wait in all; who comes then hears so at once.
    """

    def __init__(self, post: Post, *, waiting_max: int) -> None:
        self._post = post
        self._waiting_max = waiting_max
        self._queues: dict[str, deque[_Waiting]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._count = 0

    async def submit(self, tenant: str, actor: str, requests: Sequence[TransactionRequest]) -> list[str]:
        """Post some transactions with whatever else is there; returns their results, after COMMIT.

        Args:
            tenant: whose.
            actor: who asks.
            requests: up to 500 transactions with up to 5 000 legs; they stay together and in their order.

        Raises:
            Overloaded: too many wait already.
            Exception: whatever kept the batch from being written. Asking again with the same ids is safe.
        """
        if self._count and self._count + len(requests) > self._waiting_max:
            raise Overloaded
        legs = sum(len(request.legs) for request in requests)
        waiting = _Waiting(actor, requests, legs, asyncio.get_running_loop().create_future())
        self._queues.setdefault(tenant, deque()).append(waiting)
        self._count += len(requests)
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
                batch = _take(queue)
                self._count -= sum(len(item.requests) for item in batch)
                await self._write(tenant, batch)
        finally:
            del self._queues[tenant], self._tasks[tenant]

    async def _write(self, tenant: str, batch: Sequence[_Waiting]) -> None:
        actors = [item.actor for item in batch for _ in item.requests]
        try:
            results = await self._post(tenant, actors, [request for item in batch for request in item.requests])
        except Exception as error:  # noqa: BLE001 - everybody who waits is told, and the next batch has its own chance
            for item in batch:
                if not item.answer.done():
                    item.answer.set_exception(error)
            return
        said = iter(results)
        for item in batch:
            own = [next(said) for _ in item.requests]
            # Who has left meanwhile does not wait any more; the transactions stand all the same.
            if not item.answer.done():
                item.answer.set_result(own)


def _take(queue: deque[_Waiting]) -> list[_Waiting]:
    """Take the next batch: at least one request, and as many more as fit."""
    batch = [queue.popleft()]
    count, legs = len(batch[0].requests), batch[0].legs
    while queue and count + len(queue[0].requests) <= _AT_MOST and legs + queue[0].legs <= LEGS_MAX:
        batch.append(queue.popleft())
        count, legs = count + len(batch[-1].requests), legs + batch[-1].legs
    return batch
