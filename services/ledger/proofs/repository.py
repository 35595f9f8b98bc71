"""SQL of the logs."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, insert, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from services.ledger.books.models import Book, Posting, Transaction
from services.ledger.proofs.models import Cosignature, HeadRow, Leaf, Log, Tile, Witness
from services.ledger.proofs.rules import Line
from shared.db import Session, WriteSession

__all__ = [
    "LINE_COLUMNS",
    "add_cosignature",
    "add_head",
    "add_leaves",
    "books_behind",
    "cosignatures_of",
    "find_head",
    "find_witness",
    "heads_of",
    "latest_head",
    "leaf_of",
    "line_from",
    "line_of",
    "lines_in_log",
    "list_witnesses",
    "lock_log",
    "put_tiles",
    "snapshot_xmin",
    "tiles_of",
    "unsealed_lines",
    "upper_xid",
]

LINE_COLUMNS: Final = (
    Posting.transaction_id,
    Posting.leg,
    Transaction.kind,
    Posting.debit_account,
    Posting.credit_account,
    Posting.unit,
    Posting.amount,
    Posting.debit_sequence,
    Posting.debit_after,
    Posting.credit_sequence,
    Posting.credit_after,
    Transaction.description,
    Transaction.effective_on,
    Transaction.actor,
    Transaction.created_at,
    Transaction.hold_id,
    Transaction.original_id,
    Transaction.document_sha256,
)
_OF_TRANSACTION: Final = (Posting.tenant_id == Transaction.tenant_id) & (Posting.transaction_id == Transaction.id)
_PAGE: Final = 2_000


def line_from(row: Any) -> Line:  # noqa: ANN401 - a row of LINE_COLUMNS
    """Return a posting from its columns."""
    return Line(*row)


async def snapshot_xmin(session: Session) -> int:
    """Return the oldest database transaction that may still be running; everything below it has ended."""
    return int(await session.scalar(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")) or 0)


async def books_behind(session: Session) -> Sequence[UUID]:
    """Return the books with transactions that their log has not looked at."""
    newer = select(Transaction.id).where(
        Transaction.tenant_id == Book.tenant_id,
        Transaction.book_id == Book.id,
        Transaction.xid >= func.coalesce(Log.sealed_below, 0),
    )
    statement = (
        select(Book.id)
        .outerjoin(Log, (Log.tenant_id == Book.tenant_id) & (Log.book_id == Book.id))
        .where(Book.tenant_id == session.tenant, newer.exists())
    )
    return (await session.scalars(statement)).all()


async def lock_log(session: WriteSession, book_id: UUID) -> Log:
    """Return a book's log, opened if need be, for one sealer at a time."""
    first = {"tenant_id": session.tenant, "book_id": book_id, "tree_size": 0, "sealed_below": 0}
    await session.execute(upsert(Log).values(first).on_conflict_do_nothing())
    statement = select(Log).where(Log.tenant_id == session.tenant, Log.book_id == book_id).with_for_update()
    return (await session.scalars(statement)).one()


async def upper_xid(session: Session, book_id: UUID, *, low: int, below: int, at_most: int) -> int:
    """Return up to which database transaction to seal now: all, or as many as fit, never a part of one."""
    statement = (
        select(Transaction.xid)
        .where(Transaction.tenant_id == session.tenant, Transaction.book_id == book_id)
        .where(Transaction.xid >= low, Transaction.xid < below)
        .order_by(Transaction.xid)
        .offset(at_most)
        .limit(1)
    )
    found = await session.scalar(statement)
    return below if found is None else max(found, low + 1)


async def unsealed_lines(session: Session, book_id: UUID, *, low: int, below: int) -> list[Line]:
    """Return the postings of some database transactions that are no leaves yet, in the order of the log."""
    sealed = select(Leaf.transaction_id).where(
        Leaf.tenant_id == Transaction.tenant_id, Leaf.transaction_id == Transaction.id
    )
    statement = (
        select(*LINE_COLUMNS)
        .join(Transaction, _OF_TRANSACTION)
        .where(Transaction.tenant_id == session.tenant, Transaction.book_id == book_id)
        .where(Transaction.xid >= low, Transaction.xid < below, ~sealed.exists())
        .order_by(Transaction.xid, Transaction.id, Posting.leg)
    )
    return [line_from(row) for row in await session.execute(statement)]


async def add_leaves(session: WriteSession, rows: Sequence[dict[str, Any]]) -> None:
    """Note where transactions are in the log."""
    await session.execute(insert(Leaf), rows)


async def tiles_of(
    session: Session, book_id: UUID, wanted: Collection[tuple[int, int]]
) -> dict[tuple[int, int], bytes]:
    """Return the hashes of some tiles by level and index; those that are not there are left out."""
    if not wanted:
        return {}
    statement = select(Tile.level, Tile.tile_index, Tile.hashes).where(
        Tile.tenant_id == session.tenant, Tile.book_id == book_id, tuple_(Tile.level, Tile.tile_index).in_(wanted)
    )
    return {(row.level, row.tile_index): row.hashes for row in await session.execute(statement)}


async def put_tiles(session: WriteSession, book_id: UUID, tiles: dict[tuple[int, int], bytes]) -> None:
    """Write tiles that are new or have grown."""
    rows = [
        {"tenant_id": session.tenant, "book_id": book_id, "level": level, "tile_index": index, "hashes": hashes}
        for (level, index), hashes in tiles.items()
    ]
    statement = upsert(Tile).values(rows)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "book_id", "level", "tile_index"], set_={"hashes": statement.excluded.hashes}
        )
    )


async def add_head(session: WriteSession, row: HeadRow) -> None:
    """Keep a signed head."""
    session.add(row)
    await session.flush()


async def find_head(session: Session, book_id: UUID, tree_size: int) -> HeadRow | None:
    """Return the head of a size."""
    statement = select(HeadRow).where(
        HeadRow.tenant_id == session.tenant, HeadRow.book_id == book_id, HeadRow.tree_size == tree_size
    )
    return await session.scalar(statement)


async def latest_head(session: Session, book_id: UUID) -> HeadRow | None:
    """Return the newest head of a book."""
    statement = select(HeadRow).where(HeadRow.tenant_id == session.tenant, HeadRow.book_id == book_id)
    return await session.scalar(statement.order_by(HeadRow.tree_size.desc()).limit(1))


async def heads_of(session: Session, book_id: UUID, *, below: int | None, limit: int) -> Sequence[HeadRow]:
    """Return the heads of a book, the newest first."""
    statement = select(HeadRow).where(HeadRow.tenant_id == session.tenant, HeadRow.book_id == book_id)
    if below is not None:
        statement = statement.where(HeadRow.tree_size < below)
    return (await session.scalars(statement.order_by(HeadRow.tree_size.desc()).limit(limit))).all()


async def leaf_of(session: Session, transaction_id: UUID) -> Leaf | None:
    """Return where a transaction is in the log."""
    return await session.scalar(
        select(Leaf).where(Leaf.tenant_id == session.tenant, Leaf.transaction_id == transaction_id)
    )


async def line_of(session: Session, transaction_id: UUID, leg: int) -> Line | None:
    """Return one posting as everybody may see it."""
    statement = (
        select(*LINE_COLUMNS)
        .join(Transaction, _OF_TRANSACTION)
        .where(Posting.tenant_id == session.tenant, Posting.transaction_id == transaction_id, Posting.leg == leg)
    )
    row = (await session.execute(statement)).one_or_none()
    return line_from(row) if row is not None else None


async def lines_in_log(
    session: Session, book_id: UUID, *, first: int = 0, size: int, limit: int | None = None
) -> AsyncIterator[tuple[int, Line]]:
    """Yield the leaves of a log with their index, from one on and up to a size, reading page by page."""
    at, left = first, limit if limit is not None else size
    while at < size and left > 0:
        statement = (
            select(Leaf.first_index, *LINE_COLUMNS)
            .join(Transaction, (Transaction.tenant_id == Leaf.tenant_id) & (Transaction.id == Leaf.transaction_id))
            .join(Posting, _OF_TRANSACTION)
            .where(Leaf.tenant_id == session.tenant, Leaf.book_id == book_id)
            .where(or_(Leaf.first_index >= at, Leaf.first_index + Leaf.legs > at), Leaf.first_index < size)
            .order_by(Leaf.first_index, Posting.leg)
            .limit(_PAGE)
        )
        found = 0
        for first_index, *columns in await session.execute(statement):
            line = Line(*columns)
            index = first_index + line.leg - 1
            found += 1
            if at <= index < size and left > 0:
                yield index, line
                at, left = index + 1, left - 1
        if found == 0:
            return


async def cosignatures_of(session: Session, book_id: UUID, tree_size: int) -> Sequence[tuple[Cosignature, Witness]]:
    """Return who else has signed a head."""
    statement = (
        select(Cosignature, Witness)
        .join(Witness, (Witness.tenant_id == Cosignature.tenant_id) & (Witness.id == Cosignature.witness_id))
        .where(Cosignature.tenant_id == session.tenant, Cosignature.book_id == book_id)
        .where(Cosignature.tree_size == tree_size)
        .order_by(Witness.name)
    )
    return [(row[0], row[1]) for row in await session.execute(statement)]


async def add_cosignature(session: WriteSession, row: Cosignature) -> None:
    """Keep a witness's signature; the newest counts."""
    await session.execute(
        delete(Cosignature).where(
            Cosignature.tenant_id == session.tenant,
            Cosignature.book_id == row.book_id,
            Cosignature.tree_size == row.tree_size,
            Cosignature.witness_id == row.witness_id,
        )
    )
    session.add(row)
    await session.flush()


async def find_witness(session: Session, *, name: str | None = None, witness_id: UUID | None = None) -> Witness | None:
    """Return a witness by its name or its id."""
    wanted = Witness.name == name if name is not None else Witness.id == witness_id
    return await session.scalar(select(Witness).where(Witness.tenant_id == session.tenant, wanted))


async def list_witnesses(session: Session, *, after: UUID | None, limit: int) -> Sequence[Witness]:
    """Return the witnesses by id."""
    statement = select(Witness).where(Witness.tenant_id == session.tenant)
    if after is not None:
        statement = statement.where(Witness.id > after)
    return (await session.scalars(statement.order_by(Witness.id).limit(limit))).all()
