"""Row locks that also read: what the session has seen before the lock may be old by the time it holds it."""

from typing import Any, TypeVar

from sqlalchemy import Select

__all__ = ["locked"]

T = TypeVar("T", bound=tuple[Any, ...])


def locked(statement: Select[T], *, share: bool = False) -> Select[T]:
    """Lock the selected rows until the transaction ends and load them afresh; `share` lets others share the lock."""
    return statement.with_for_update(read=share).execution_options(populate_existing=True)
