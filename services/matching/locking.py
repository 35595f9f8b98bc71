"""Taking turns: at what does not exist yet, and at rows whose state decides what may be done next."""

from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, text

from shared.db import WriteSession

__all__ = ["locked", "take_turn"]

T = TypeVar("T", bound=tuple[Any, ...])

_TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


def locked(statement: Select[T]) -> Select[T]:
    """Lock the selected rows until the transaction ends and load them afresh: what was seen before may be old."""
    return statement.with_for_update().execution_options(populate_existing=True)


async def take_turn(session: WriteSession, kind: str, key: UUID | None) -> None:
    """Wait until nobody else is making the thing of this key: the same request may be on its way twice."""
    if key is not None:
        await session.execute(_TAKE_TURN, {"name": f"{session.tenant}/{kind}/{key}"})
