"""Statements that are built once for each of their shapes and then sent as they are: for the hottest lists.

SQLAlchemy knows a statement again only once it has been built anew, which for a list of several parts costs more than
everything else that the service does for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import asyncpg as dialects

from shared.db.session import Session

__all__ = ["KeptStatement", "keep"]

_DIALECT: Final = dialects.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class KeptStatement:
    """A statement as the driver takes it.

    Attributes:
        text: with $1, $2 and so on.
        names: of the parameters, in their order.
    """

    text: str
    names: tuple[str, ...]

    async def rows(self, session: Session, values: Mapping[str, Any]) -> list[asyncpg.Record]:
        """Return all rows, for values by name; there may be more of them than the statement asks for."""
        return await session.fetch_rows(self.text, *(values[name] for name in self.names))


def keep(statement: Select[*tuple[Any, ...]]) -> KeptStatement:
    """Keep a statement whose parameters all have names, since one without would keep its first value.

    Raises:
        ValueError: some parameter has no name of its own.
    """
    compiled = statement.compile(dialect=_DIALECT)
    names = tuple(compiled.positiontup or ())
    unnamed = [name for name in names if compiled.binds[name].unique]
    if unnamed:
        message = f"parameters without a name: {', '.join(unnamed)}"
        raise ValueError(message)
    return KeptStatement(compiled.string, names)
