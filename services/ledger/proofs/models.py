"""Tables of the logs. Leaves and heads are only ever added to, and a tile only grows."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.ledger.models import Base
from shared.db import TenantRow

__all__ = ["Cosignature", "HeadRow", "Leaf", "Log", "Tile", "Witness"]

_BOOK = ["ledger.books.tenant_id", "ledger.books.id"]


class Log(Base):
    """How far a book's log has come: its leaves, and the database transaction below which everything is in it."""

    __tablename__ = "logs"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "book_id"], _BOOK),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    book_id: Mapped[UUID] = mapped_column(primary_key=True)
    tree_size: Mapped[int] = mapped_column(BigInteger)
    sealed_below: Mapped[int] = mapped_column(BigInteger)


class Leaf(Base):
    """Where the postings of a transaction are: from `first_index` on, in the order of their legs."""

    __tablename__ = "leaves"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "transaction_id"], ["ledger.transactions.tenant_id", "ledger.transactions.id"]
        ),
        Index("leaves_index_key", "tenant_id", "book_id", "first_index", unique=True),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    transaction_id: Mapped[UUID] = mapped_column(primary_key=True)
    book_id: Mapped[UUID]
    first_index: Mapped[int] = mapped_column(BigInteger)
    legs: Mapped[int] = mapped_column(Integer)


class Tile(Base):
    """Up to 256 hashes side by side: see merkle.py."""

    __tablename__ = "tiles"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "book_id"], _BOOK),
        CheckConstraint("octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0", name="hashes"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    book_id: Mapped[UUID] = mapped_column(primary_key=True)
    level: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    tile_index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hashes: Mapped[bytes] = mapped_column(LargeBinary)


class HeadRow(Base):
    """A signed head. `note` is the checkpoint with our signature, as it was given to everybody."""

    __tablename__ = "heads"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "book_id"], _BOOK),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    book_id: Mapped[UUID] = mapped_column(primary_key=True)
    tree_size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(Text)


class Witness(TenantRow, Base):
    """Another body that signs heads: a residents' council, an auditor, a newspaper."""

    __tablename__ = "witnesses"
    __table_args__ = (
        CheckConstraint("octet_length(public_key) = 32", name="public_key"),
        Index("witnesses_name_key", "tenant_id", "name", unique=True),
    )
    name: Mapped[str] = mapped_column(String(80))
    title: Mapped[str] = mapped_column(String(200))
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    registered_at: Mapped[datetime]


class Cosignature(Base):
    """A witness's signature over a head."""

    __tablename__ = "cosignatures"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "book_id", "tree_size"],
            ["ledger.heads.tenant_id", "ledger.heads.book_id", "ledger.heads.tree_size"],
        ),
        ForeignKeyConstraint(["tenant_id", "witness_id"], ["ledger.witnesses.tenant_id", "ledger.witnesses.id"]),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    book_id: Mapped[UUID] = mapped_column(primary_key=True)
    tree_size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    witness_id: Mapped[UUID] = mapped_column(primary_key=True)
    line: Mapped[str] = mapped_column(String(200))
    signed_at: Mapped[datetime]
