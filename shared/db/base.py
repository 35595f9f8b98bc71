"""What all tables have in common: the tenant first in the key, UTC times, named constraints, one schema per service."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Dialect, MetaData, String, Uuid, cast, func, literal_column
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.sql.elements import BindParameter, ColumnElement
from sqlalchemy.types import TypeDecorator, UserDefinedType

__all__ = ["Ltree", "TenantRow", "UtcTime", "Xid8", "service_base"]

_NAMING = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "ck": "%(table_name)s_%(constraint_name)s_check",
}


class Ltree(UserDefinedType[str]):
    """A PostgreSQL `ltree` path, `root.child.leaf`, as a plain string in Python."""

    cache_ok = True

    class comparator_factory(UserDefinedType.Comparator[str]):  # noqa: N801 - SQLAlchemy's name for this hook
        """The two operators of ltree that visibility is made of."""

        def within(self, ancestor: str | ColumnElement[str]) -> ColumnElement[bool]:
            """Tell whether this path is the ancestor or lies below it (`<@`)."""
            return self.expr.op("<@", is_comparison=True)(ancestor)

        def within_any(self, ancestors: tuple[str, ...] | list[str]) -> ColumnElement[bool]:
            """Tell whether this path lies at or below one of the ancestors; nothing lies below no ancestor."""
            paths = func.string_to_array(",".join(ancestors), literal_column("','"))
            return self.expr.op("<@", is_comparison=True)(cast(paths, _LtreeArray()))

        def contains_path(self, descendant: str | ColumnElement[str]) -> ColumnElement[bool]:
            """Tell whether the other path is this one or lies below it (`@>`)."""
            return self.expr.op("@>", is_comparison=True)(descendant)

    def get_col_spec(self, **_: Any) -> str:  # noqa: ANN401 - SQLAlchemy's signature
        """Name the type in DDL."""
        return "LTREE"

    def bind_expression(self, bindvalue: BindParameter[str]) -> ColumnElement[str]:
        """Send paths as text: asyncpg has no binary codec for ltree."""
        return func.text2ltree(cast(bindvalue, String()), type_=self)

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[str]:
        """Read paths as text."""
        return func.ltree2text(column, type_=String())


class _LtreeArray(UserDefinedType[Any]):
    """`ltree[]`, only ever the target of a cast from text."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:  # noqa: ANN401 - SQLAlchemy's signature
        """Name the type in DDL."""
        return "LTREE[]"


class Xid8(UserDefinedType[int]):
    """A PostgreSQL transaction id that never wraps around, as an integer in Python."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:  # noqa: ANN401 - SQLAlchemy's signature
        """Name the type in DDL."""
        return "XID8"


class UtcTime(TypeDecorator[datetime]):
    """A `timestamptz` that takes only aware times and always gives UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times: nobody knows which hour they mean."""
        del dialect
        if value is not None and value.tzinfo is None:
            message = "a time without an offset cannot be stored"
            raise ValueError(message)
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give UTC whatever zone the connection has."""
        del dialect
        return value.astimezone(UTC) if value is not None else None


class TenantRow:
    """The key of every row: the tenant first, so that the schema can be spread over a cluster by tenant unchanged."""

    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True, sort_order=-2)
    id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True, sort_order=-1)


def service_base(schema: str) -> type[DeclarativeBase]:
    """Make the declarative base of one service: its own schema, constraint names that migrations can rely on."""

    class Base(DeclarativeBase):
        metadata = MetaData(schema=schema, naming_convention=_NAMING)
        type_annotation_map = {datetime: UtcTime(), UUID: Uuid()}  # noqa: RUF012 - SQLAlchemy's hook

    return Base
