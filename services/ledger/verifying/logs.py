"""Checks of the logs: leaves from rows, tiles from leaves, heads from tiles, statements from postings."""

import hashlib
from uuid import UUID

from services.ledger.books.models import Book
from services.ledger.periods import repository as periods
from services.ledger.periods.rules import statement_bytes
from services.ledger.periods.service import compute_statement
from services.ledger.proofs import repository
from services.ledger.proofs.merkle import EMPTY_ROOT, Range, extend, needed_tiles, range_root, right_edge
from services.ledger.proofs.rules import Line, signature_is_good
from services.ledger.proofs.sealing import leaf_hash
from services.ledger.proofs.settings import known_keys
from services.ledger.verifying import repository as rows
from shared.db import Session

__all__ = ["OldHead", "check_heads", "check_leaves", "check_old_heads", "check_statements"]

_LEAVES_AT_ONCE = 4_096

# A head that somebody has kept: its origin, size and root.
OldHead = tuple[str, int, bytes]


async def check_leaves(session: Session, book: Book) -> str | None:
    """Build the log anew from the rows and compare every tile; returns the first wrong line."""
    log = await rows.log_of(session, book.id)
    size = log.tree_size if log is not None else 0
    missing = await rows.first_unsealed(session, book.id, below=log.sealed_below if log is not None else 0)
    if missing is not None:
        return f"transaction {missing} is not in the log"
    edge: dict[tuple[int, int], bytes] = {}
    at = 0
    pending: list[tuple[Line, bytes]] = []
    async for index, line in repository.lines_in_log(session, book.id, size=size):
        if index != at + len(pending):
            return f"leaf {at + len(pending)} is missing"
        pending.append((line, leaf_hash(session.tenant, book.id, line)))
        if len(pending) == _LEAVES_AT_ONCE:
            wrong, edge = await _compare(session, book.id, at, pending, edge)
            if wrong is not None:
                return wrong
            at, pending = at + len(pending), []
    if at + len(pending) != size:
        return f"leaf {at + len(pending)} is missing: the log had {size}"
    wrong, _ = await _compare(session, book.id, at, pending, edge)
    return wrong


async def _compare(
    session: Session, book_id: UUID, at: int, pending: list[tuple[Line, bytes]], edge: dict[tuple[int, int], bytes]
) -> tuple[str | None, dict[tuple[int, int], bytes]]:
    """Compare the tiles that some leaves make with those that are kept; returns what is wrong, and the new edge."""
    changed = extend(at, lambda tile: edge.get(tile, b""), [item[1] for item in pending])
    kept = await repository.tiles_of(session, book_id, changed)
    for (level, index), hashes in sorted(changed.items()):
        held = kept.get((level, index), b"")[: len(hashes)]
        if held != hashes:
            first = next((n for n in range(0, len(hashes), 32) if held[n : n + 32] != hashes[n : n + 32]), 0) // 32
            if level:
                return f"node {index * 256 + first} of level {level} of the log", edge
            line = pending[index * 256 + first - at][0]
            return f"leaf {index * 256 + first}: transaction {line.transaction_id}, leg {line.leg}", edge
    after = at + len(pending)
    return None, {tile: (edge | changed)[tile] for tile in right_edge(after)}


async def check_heads(session: Session, book: Book) -> str | None:
    """Compute the root of every head anew and check its signature; returns the first wrong head."""
    below: int | None = None
    while heads := await repository.heads_of(session, book.id, below=below, limit=500):
        for head in heads:
            if await _root(session, book.id, head.tree_size) != head.root:
                return f"head {head.tree_size}: its root does not follow from the leaves"
            if not signature_is_good(head.note, known_keys()):
                return f"head {head.tree_size}: no good signature of ours"
        below = heads[-1].tree_size
    return None


async def _root(session: Session, book_id: UUID, size: int) -> bytes | None:
    if size == 0:
        return EMPTY_ROOT
    whole = Range(0, size)
    wanted = needed_tiles([whole])
    tiles = await repository.tiles_of(session, book_id, wanted)
    try:
        return range_root(whole, tiles) if tiles.keys() == wanted else None
    except IndexError:
        return None


async def check_old_heads(session: Session, book: Book, kept: list[OldHead]) -> str | None:
    """Check that the log of today begins with the logs of heads that others have kept."""
    origin = f"linli/{session.tenant}/{book.id}"
    log = await rows.log_of(session, book.id)
    for name, size, root in kept:
        if name != origin:
            continue
        if log is None or size > log.tree_size:
            return f"the log had {size} leaves when the kept head was signed: its tail was cut off"
        if await _root(session, book.id, size) != root:
            return f"the log was rewritten since the kept head of {size} leaves"
    return None


async def check_statements(session: Session, book: Book) -> str | None:
    """Compute the statement of every closed period anew: the same bytes; returns the first that differs."""
    for period in await periods.periods_of(session, book.id, after=None, limit=10_000):
        statement = await rows.newest_statement(session, period.id)
        if statement is None:
            if period.state == "closed":
                return f"period {period.id} is closed without a statement"
            continue
        if hashlib.sha256(statement.document).digest() != statement.sha256:
            return f"statement {statement.id} does not have its hash"
        if period.state == "closed":
            document = await compute_statement(session, book, period, number=statement.number, reason=statement.reason)
            if statement_bytes(document) != statement.document:
                return f"statement {statement.id} does not follow from the postings"
    return None
