"""Use cases of proofs: that a posting is in a book, that a book was never rewritten, and who else has signed."""

from collections.abc import Sequence
from uuid import UUID

from services.ledger.books.models import Book
from services.ledger.proofs import repository
from services.ledger.proofs.merkle import Range, consistency_ranges, inclusion_ranges, needed_tiles, range_root
from services.ledger.proofs.models import Cosignature, HeadRow, Leaf, Witness
from services.ledger.proofs.rules import (
    Head,
    Line,
    NotSealedYet,
    SizeUnknown,
    WitnessTaken,
    check_cosignature,
    origin_of,
)
from services.ledger.proofs.schemas import CosignatureIn, WitnessIn
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound

__all__ = ["cosign", "head_of", "prove_consistency", "prove_inclusion", "register_witness"]


async def head_of(session: Session, book_id: UUID, tree_size: int | None) -> HeadRow:
    """Return a head by its size, or the newest; refuse sizes at which no head was signed."""
    if tree_size is None:
        head = await repository.latest_head(session, book_id)
        if head is None:
            raise NotSealedYet
        return head
    head = await repository.find_head(session, book_id, tree_size)
    if head is None:
        raise SizeUnknown(tree_size=tree_size)
    return head


async def _roots(session: Session, book_id: UUID, ranges: Sequence[Range]) -> list[str]:
    tiles = await repository.tiles_of(session, book_id, needed_tiles(ranges))
    return [range_root(wanted, tiles).hex() for wanted in ranges]


async def prove_inclusion(
    session: Session, book: Book, transaction_id: UUID, leg: int, tree_size: int | None
) -> tuple[HeadRow, Leaf, Line, list[str]]:
    """Return a head, where a posting is, its line, and the hashes between the two, from the leaf upwards."""
    line = await repository.line_of(session, transaction_id, leg)
    leaf = await repository.leaf_of(session, transaction_id)
    if line is None:
        raise NotFound
    if leaf is None:
        raise NotSealedYet
    if leaf.book_id != book.id:
        raise NotFound
    head = await head_of(session, book.id, tree_size)
    index = leaf.first_index + leg - 1
    if index >= head.tree_size:
        raise SizeUnknown(tree_size=head.tree_size, index=index)
    return head, leaf, line, await _roots(session, book.id, inclusion_ranges(index, head.tree_size))


async def prove_consistency(
    session: Session, book_id: UUID, first: int, second: int | None
) -> tuple[HeadRow, HeadRow, list[str]]:
    """Return two heads and the hashes that show the newer one only adds to the older."""
    older, newer = await head_of(session, book_id, first), await head_of(session, book_id, second)
    if older.tree_size > newer.tree_size:
        raise SizeUnknown(tree_size=older.tree_size)
    return older, newer, await _roots(session, book_id, consistency_ranges(older.tree_size, newer.tree_size))


async def register_witness(session: WriteSession, caller: Principal, wanted: WitnessIn) -> tuple[Witness, bool]:
    """Let another body sign heads; returns it and whether it is new."""
    caller.must(Role.ADMINISTRATOR, Role.AUDITOR, rule="auditors_register_witnesses")
    public = bytes.fromhex(wanted.public_key)
    earlier = await repository.find_witness(session, witness_id=wanted.id) if wanted.id else None
    if earlier is not None:
        if (earlier.name, earlier.title, earlier.public_key) != (wanted.name, wanted.title, public):
            raise IdTaken(pointer="/id")
        return earlier, False
    if await repository.find_witness(session, name=wanted.name) is not None:
        raise WitnessTaken(pointer="/name")
    witness = Witness(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        name=wanted.name,
        title=wanted.title,
        public_key=public,
        registered_at=utc_now(),
    )
    session.add(witness)
    await session.flush()
    return witness, True


async def cosign(session: WriteSession, book: Book, tree_size: int, wanted: CosignatureIn) -> HeadRow:
    """Keep a witness's signature over a head of ours. The signature itself says who it is from."""
    witness = await repository.find_witness(session, name=wanted.witness)
    if witness is None:
        raise NotFound
    row = await head_of(session, book.id, tree_size)
    head = Head(origin_of(session.tenant, book.id), row.tree_size, row.root, row.sealed_at)
    signed_at = check_cosignature(head, name=witness.name, public=witness.public_key, line=wanted.signature)
    cosignature = Cosignature(
        tenant_id=session.tenant,
        book_id=book.id,
        tree_size=tree_size,
        witness_id=witness.id,
        line=wanted.signature,
        signed_at=signed_at,
    )
    await repository.add_cosignature(session, cosignature)
    return row
