"""What everybody who writes down field work brings along: the transaction, who was there, the desk and the vault."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from services.intake.cases.filing_service import Desk
from shared.auth import Principal
from shared.db import WriteSession
from shared.vault import Vault

__all__ = ["FieldWork"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FieldWork:
    """What somebody needs to write down what happened outside.

    Attributes:
        session: the transaction.
        caller: who was there.
        desk: where the numbers of cases come from.
        vault: seals doors.
    """

    session: WriteSession
    caller: Principal
    desk: Desk
    vault: Vault
    _known: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    async def once(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """Read what the visits of one batch have in common once: their area, their plan, their categories."""
        if key not in self._known:
            self._known[key] = await read()
        found: T = self._known[key]
        return found

    def forget(self) -> None:
        """Read everything anew: a savepoint that was rolled back has let go of what it had locked."""
        self._known.clear()
