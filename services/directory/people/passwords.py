"""Password hashing: argon2id beside the event loop, a few at a time, and as slow for nobody as for somebody."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.problems import Unavailable

__all__ = ["Passwords"]

# OWASP's choice for argon2id where memory is shared with other work: 19 MiB, two passes, one lane.
_MEMORY_KIB: Final = 19_456
_PASSES: Final = 2
_LANES: Final = 1
_WAITING_MAX: Final = 64
T = TypeVar("T")


class Passwords:
    """Hashes and checks passwords in threads.

    Args:
        at_once: how many threads hash at the same time; beyond 64 that wait, callers get Unavailable.
    """

    def __init__(self, at_once: int) -> None:
        self._hasher = PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=_LANES)
        self._places = asyncio.Semaphore(at_once)
        # Threads of their own: those of the event loop look up names, and a name that is gone keeps them for seconds.
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="password")
        self._waiting = 0
        self._nobody = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """Return the encoded hash of a password, with its own salt."""
        async with self._place():
            return await self._run(self._hasher.hash, password)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Check a password; without a hash it takes as long and is always wrong."""
        async with self._place():
            right = await self._run(self._verify, password_hash or self._nobody, password)
        return right and password_hash is not None

    async def _run(self, work: Callable[..., T], *arguments: str) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._waiting >= _WAITING_MAX:
            raise Unavailable(retry_after_s=1)
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()
