"""Sending many things at once, but not too many."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Final, TypeVar

__all__ = ["together"]

T = TypeVar("T")

_AT_ONCE: Final = 8


async def together(sendings: Iterable[Awaitable[T]]) -> list[T]:
    """Run them with a bounded number at once and return what came of each, in their order.

    Raises:
        Exception: whatever the first that failed has raised; the others are given up.
    """
    turn = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(sending: Awaitable[T]) -> T:
        async with turn:
            return await sending

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(in_turn(sending)) for sending in sendings]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    return [task.result() for task in tasks]
