"""Lanes: work that waits in a table and goes to somebody outside, so that who is slow holds up nobody else.

Each lane claims its work under a lease, one piece after the other, and carries up to so many at a time outside of any
transaction. A slot is taken before the claim, so that no lease runs while a piece only waits. A lane whose far end
hangs keeps its own slots until its timeouts; what it shares with others is for whoever builds the lanes to bound.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from contextvars import Context
from time import monotonic
from typing import Generic, TypeVar

import structlog

__all__ = ["Lanes"]

log = structlog.get_logger()

Key = TypeVar("Key", bound=Hashable)
Claim = TypeVar("Claim")


class Lanes(Generic[Key, Claim]):
    """The lanes of one process.

    Args:
        claim: takes the next piece of a lane, and commits; None when nothing is due.
        carry: does it and records what came of it. It is given the slots that it holds, and may give back the last of
            them early, by `pop().release()`.
        slots: what a piece holds from before its claim until it is carried, the narrowest first.
    """

    def __init__(
        self,
        claim: Callable[[Key], Awaitable[Claim | None]],
        carry: Callable[[Key, Claim, list[asyncio.Semaphore]], Awaitable[None]],
        slots: Callable[[Key], Sequence[asyncio.Semaphore]],
    ) -> None:
        self._claim = claim
        self._carry = carry
        self._slots = slots
        self._lanes: dict[Key, asyncio.Task[None]] = {}
        self._carrying: dict[Key, set[asyncio.Task[None]]] = {}
        self._asked_again: set[Key] = set()
        self._is_closing = False

    def begin(self, keys: Collection[Key]) -> None:
        """Let lanes look for work; one that is looking already looks once more, since it may just have given up."""
        for key in keys:
            if key in self._lanes:
                self._asked_again.add(key)
            elif not self._is_closing:
                # Work of the house, not of whoever rang: his request's id does not belong into its log.
                self._lanes[key] = asyncio.create_task(self._run(key), context=Context())

    async def visit(self, keys: Collection[Key], *, for_s: float) -> None:
        """Let lanes look for work, and wait a while for it; what takes longer goes on by itself."""
        self.begin(keys)
        until = monotonic() + for_s
        while (tasks := self._tasks(keys)) and (left_s := until - monotonic()) > 0:
            await asyncio.wait(tasks, timeout=left_s)

    async def rest(self, keys: Collection[Key] | None = None) -> None:
        """Wait until nothing is due or on its way any more in some lanes, or in all."""
        while tasks := self._tasks(keys):
            await asyncio.wait(tasks)

    async def close(self) -> None:
        """Claim nothing more, and wait for what is on its way."""
        self._is_closing = True
        await self.rest()

    def _tasks(self, keys: Collection[Key] | None) -> list[asyncio.Task[None]]:
        chosen = {*self._lanes, *self._carrying} if keys is None else keys
        looking = [self._lanes[key] for key in chosen if key in self._lanes]
        return looking + [task for key in chosen for task in self._carrying.get(key, ())]

    async def _run(self, key: Key) -> None:
        try:
            while await self._next(key):
                pass
        except Exception as error:  # noqa: BLE001 - the next visit begins anew
            log.error("lane_ended", lane=str(key), error=repr(error)[:300])
        finally:
            self._asked_again.discard(key)
            del self._lanes[key]

    async def _next(self, key: Key) -> bool:
        """Claim and begin to carry one piece; returns whether there may be another."""
        slots = self._slots(key)
        taken: list[asyncio.Semaphore] = []
        is_kept = False
        try:
            for slot in slots:
                await slot.acquire()
                taken.append(slot)
            # Another kind of lane by now: it waits where it belongs.
            if list(self._slots(key)) != taken:
                return True
            self._asked_again.discard(key)
            claimed = None if self._is_closing else await self._claim(key)
            if claimed is None:
                return key in self._asked_again and not self._is_closing
            task = asyncio.create_task(self._carry_one(key, claimed, taken))
            is_kept = True
            self._carrying.setdefault(key, set()).add(task)
            task.add_done_callback(lambda done: self._forget(key, done))
            return True
        finally:
            if not is_kept:
                _give_back(taken)

    async def _carry_one(self, key: Key, claimed: Claim, taken: list[asyncio.Semaphore]) -> None:
        try:
            await self._carry(key, claimed, taken)
        except Exception as error:  # noqa: BLE001 - its lease runs out, and it is tried again
            log.error("not_carried", lane=str(key), error=repr(error)[:300])
        finally:
            _give_back(taken)

    def _forget(self, key: Key, task: asyncio.Task[None]) -> None:
        self._carrying[key].discard(task)
        if not self._carrying[key]:
            del self._carrying[key]


def _give_back(taken: Sequence[asyncio.Semaphore]) -> None:
    for slot in taken:
        slot.release()
