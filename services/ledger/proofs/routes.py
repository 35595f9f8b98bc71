"""HTTP of proofs: reading them takes no sign-in."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Path, Query, Response

from services.ledger.books.models import Book
from services.ledger.books.service import get_book
from services.ledger.open import Anybody, OpenBook, OpenReading, Tenant
from services.ledger.proofs import repository, service
from services.ledger.proofs.schemas import (
    ConsistencyOut,
    CosignatureIn,
    HeadOut,
    InclusionOut,
    LineOut,
    WitnessIn,
    WitnessOut,
)
from services.ledger.proofs.sealing import leaf_hash
from services.ledger.proofs.views import head_out, key_texts, line_out, witness_out
from shared.auth import Principal, Role, authenticated, requires
from shared.db import Session
from shared.pagination import Page, Paging
from shared.web import Reading, Writing, service_router

__all__ = ["router"]

router = service_router(tags=["proofs 存证"])

_OPEN: Final = "/v1/open-books/{tenant}/{book_id}"
Size = Annotated[int, Query(ge=1, le=2**62)]


async def _shown(session: Session, book_id: UUID, size: int | None) -> HeadOut:
    head = await service.head_of(session, book_id, size)
    return head_out(book_id, head, await repository.cosignatures_of(session, book_id, head.tree_size))


@router.get(_OPEN + "/head", summary="The newest signed head 最新存证签名")
async def read_head(_: Anybody, session: OpenReading, book: OpenBook, tree_size: Size | None = None) -> HeadOut:
    """Return the newest head of a book, or that of a size. Whoever keeps its note can later tell a rewritten book."""
    return await _shown(session, book.id, tree_size)


@router.get(_OPEN + "/heads", summary="All signed heads 历次存证签名")
async def list_heads(_: Anybody, session: OpenReading, book: OpenBook, paging: Paging) -> Page[HeadOut]:
    """Return the heads of a book, the newest first."""
    below = paging.after[0] if paging.after else None
    rows = await repository.heads_of(session, book.id, below=below, limit=paging.size + 1)
    signed = {row.tree_size: await repository.cosignatures_of(session, book.id, row.tree_size) for row in rows}
    return paging.page(
        rows, key=lambda row: (row.tree_size,), view=lambda row: head_out(book.id, row, signed[row.tree_size])
    )


@router.get(_OPEN + "/lines", summary="Every line of a book 逐笔明细")
async def list_lines(_: Anybody, session: OpenReading, book: OpenBook, paging: Paging) -> Page[LineOut]:
    """Return the postings of a book as leaves of its log, the oldest first, without personal data."""
    first = paging.after[0] + 1 if paging.after else 0
    head = await repository.latest_head(session, book.id)
    size = head.tree_size if head is not None else 0
    pairs = repository.lines_in_log(session, book.id, first=first, size=size, limit=paging.size + 1)
    rows = [line_out(index, line) async for index, line in pairs]
    return paging.page(rows, key=lambda row: (row.index,), view=lambda row: row)


@router.get(_OPEN + "/proofs/inclusion", summary="Proof that a posting is in the book 入账证明")
async def prove_inclusion(
    _: Anybody,
    session: OpenReading,
    book: OpenBook,
    tenant: Tenant,
    transaction_id: UUID,
    leg: Annotated[int, Query(ge=1, le=5_000)] = 1,
    tree_size: Size | None = None,
) -> InclusionOut:
    """Return what the stand-alone verifier needs to check that a contribution is in the book."""
    head, leaf, line, hashes = await service.prove_inclusion(session, book, transaction_id, leg, tree_size)
    return InclusionOut(
        format="linli/inclusion/1",
        tenant=tenant,
        book_id=book.id,
        line=line_out(leaf.first_index + leg - 1, line),
        leaf_hash=leaf_hash(tenant, book.id, line).hex(),
        tree_size=head.tree_size,
        hashes=hashes,
        note=head.note,
        public_keys=key_texts(),
    )


@router.get(_OPEN + "/proofs/consistency", summary="Proof that nothing was rewritten 未改写证明")
async def prove_consistency(
    _: Anybody, session: OpenReading, book: OpenBook, first: Size, second: Size | None = None
) -> ConsistencyOut:
    """Return what shows that the head of `second` (the newest, if not said) only adds to that of `first`."""
    older, newer, hashes = await service.prove_consistency(session, book.id, first, second)
    return ConsistencyOut(
        format="linli/consistency/1",
        book_id=book.id,
        first_note=older.note,
        second_note=newer.note,
        hashes=hashes,
        public_keys=key_texts(),
    )


@router.post("/v1/witnesses", status_code=201, summary="Register a witness 登记见证方")
async def register_witness(
    caller: Annotated[Principal, Depends(requires(Role.ADMINISTRATOR, Role.AUDITOR))],
    session: Writing,
    response: Response,
    wanted: WitnessIn,
) -> WitnessOut:
    """Let another body sign the heads of the books."""
    witness, is_new = await service.register_witness(session, caller, wanted)
    response.status_code = 201 if is_new else 200
    return witness_out(witness)


@router.get("/v1/witnesses", summary="Witnesses 见证方")
async def list_witnesses(
    _: Annotated[Principal, Depends(authenticated)], session: Reading, paging: Paging
) -> Page[WitnessOut]:
    """Return who signs heads besides us."""
    after = paging.after[0] if paging.after else None
    rows = await repository.list_witnesses(session, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.id,), view=witness_out)


@router.put("/v1/books/{book_id}/heads/{tree_size}/cosignature", summary="Sign a head as well 联署存证")
async def cosign(
    _: Annotated[Principal, Depends(authenticated)],
    session: Writing,
    book_id: UUID,
    tree_size: Annotated[int, Path(ge=1, le=2**62)],
    wanted: CosignatureIn,
) -> HeadOut:
    """Bring a witness's signature over a head. Check the proof of consistency with the last one you signed first."""
    book: Book = await get_book(session, book_id)
    await service.cosign(session, book, tree_size, wanted)
    return await _shown(session, book_id, tree_size)
