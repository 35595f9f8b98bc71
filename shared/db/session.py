"""Two types of session, so that a signature tells whether a function may write."""

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncSession

__all__ = ["ReadSession", "Session", "WriteSession"]


class ReadSession(AsyncSession):
    """One read-only transaction of one tenant. Nobody commits it: `Database.read` ends it."""

    tenant: str = ""


class WriteSession(ReadSession):
    """One transaction of one tenant. Nobody commits it but `Database.write`, when the block ends without an error."""

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Run a quick callback once the commit has succeeded (ring a bell, wake a waiter); never when it has not."""
        self.info.setdefault("after_commit", []).append(callback)


# What a repository takes that only reads: both kinds do.
Session = ReadSession
