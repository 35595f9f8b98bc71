"""Sealing: postings become leaves, and the log gets a new signed head.

Sealed is what belongs to database transactions below the oldest one that may still be running (`pg_snapshot_xmin`):
they have all ended, so nobody can come late into what was sealed, and who commits late is sealed by a later run. The
mark up to which a log has looked is kept with it, and one sealer holds the log at a time: each posting becomes a leaf
exactly once.
"""

from itertools import groupby
from typing import Final
from uuid import UUID

from services.ledger.canonical import canonical_bytes
from services.ledger.proofs import repository
from services.ledger.proofs.merkle import Range, extend, hash_leaf, needed_tiles, range_root, right_edge
from services.ledger.proofs.models import HeadRow, Log
from services.ledger.proofs.rules import Head, Line, head_text, leaf_fields, origin_of, sign_note
from shared.auth import SigningKey
from shared.clock import utc_now
from shared.db import Database, WriteSession

__all__ = ["leaf_hash", "seal_book", "seal_tenant"]

_TRANSACTIONS_AT_ONCE: Final = 2_000


def leaf_hash(tenant: str, book_id: UUID, line: Line) -> bytes:
    """Return the hash of a posting's leaf."""
    return hash_leaf(canonical_bytes(leaf_fields(tenant, book_id, line)))


async def seal_tenant(database: Database, tenant: str, key: SigningKey) -> int:
    """Seal whatever is due in all books of a tenant; returns how many leaves were added."""
    async with database.read(tenant) as session:
        behind = await repository.books_behind(session)
    added = 0
    for book_id in behind:
        while (more := await seal_book(database, tenant, book_id, key)) is not None:
            added += more
    return added


async def seal_book(database: Database, tenant: str, book_id: UUID, key: SigningKey) -> int | None:
    """Seal the next part of a book; returns how many leaves were added, None when there is nothing more to look at."""
    async with database.write(tenant) as session:
        log = await repository.lock_log(session, book_id)
        below = await repository.snapshot_xmin(session)
        # A database that was restored elsewhere counts its transactions anew: look at everything once more. What is a
        # leaf already does not become one again.
        low = log.sealed_below if log.sealed_below <= below else 0
        if low == below:
            return None
        upper = await repository.upper_xid(session, book_id, low=low, below=below, at_most=_TRANSACTIONS_AT_ONCE)
        lines = await repository.unsealed_lines(session, book_id, low=low, below=upper)
        if lines:
            await _append(session, log, lines, key)
        log.sealed_below = upper
        await session.flush()
        return len(lines) if upper < below else (len(lines) or None)


async def _append(session: WriteSession, log: Log, lines: list[Line], key: SigningKey) -> None:
    """Write leaves, tiles and a head."""
    size, rows = log.tree_size, []
    for transaction_id, legs in groupby(lines, key=lambda line: line.transaction_id):
        count = len(list(legs))
        place = {"tenant_id": session.tenant, "book_id": log.book_id, "transaction_id": transaction_id}
        rows.append({**place, "first_index": size, "legs": count})
        size += count
    await repository.add_leaves(session, rows)
    edge = await repository.tiles_of(session, log.book_id, right_edge(log.tree_size))
    hashes = [leaf_hash(session.tenant, log.book_id, line) for line in lines]
    changed = extend(log.tree_size, lambda tile: edge.get(tile, b""), hashes)
    await repository.put_tiles(session, log.book_id, changed)
    whole = Range(0, size)
    tiles = await repository.tiles_of(session, log.book_id, needed_tiles([whole]))
    head = Head(
        origin_of(session.tenant, log.book_id), size, range_root(whole, tiles), utc_now().replace(microsecond=0)
    )
    row = HeadRow(
        tenant_id=session.tenant,
        book_id=log.book_id,
        tree_size=size,
        root=head.root,
        sealed_at=head.sealed_at,
        note=sign_note(head_text(head), key),
    )
    await repository.add_head(session, row)
    log.tree_size = size
