"""HTTP of holds."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Depends, Response

from services.ledger.books import repository as books
from services.ledger.books.doors import Posting
from services.ledger.books.schemas import TransactionResultOut
from services.ledger.books.service import READERS, get_book, may_read_book
from services.ledger.holds import service
from services.ledger.holds.schemas import HoldIn, HoldOut, SettleIn, VoidIn
from services.ledger.holds.views import hold_out
from shared.auth import Principal, Role, requires
from shared.pagination import Page, Paging
from shared.web import Reading, money_moves, service_router

__all__ = ["router"]

router = service_router(tags=["holds 冻结"])

Reader = Annotated[Principal, Depends(requires(*READERS))]
Treasurer = Annotated[Principal, Depends(requires(Role.TREASURER))]
_AGAIN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": TransactionResultOut, "description": "Done before 此前已办理"}
}


@router.put("/v1/books/{book_id}/holds/{hold_id}", status_code=201, responses=_AGAIN, summary="Reserve money 冻结资金")
async def hold_money(
    caller: Treasurer, poster: Posting, response: Response, book_id: UUID, hold_id: UUID, wanted: HoldIn
) -> TransactionResultOut:
    """Reserve money under an id of the client's own; nobody else can spend it until the hold ends."""
    result = await service.hold_money(poster, caller, book_id, hold_id, wanted)
    response.status_code = 201 if result == "ok" else 200
    return TransactionResultOut(id=hold_id, result=result)


@router.get("/v1/books/{book_id}/holds", summary="What is promised 冻结登记簿")
async def list_holds(
    caller: Reader,
    session: Reading,
    paging: Paging,
    book_id: UUID,
    state: Literal["open", "settled", "voided", "expired"] | None = None,
) -> Page[HoldOut]:
    """Return the register of what a book has promised."""
    may_read_book(caller, await get_book(session, book_id))
    after = paging.after[0] if paging.after else None
    rows = await books.holds_of(session, book_id, state=state, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.id,), view=hold_out)


@router.get("/v1/holds/{hold_id}", summary="Read a hold 冻结详情")
async def read_hold(caller: Reader, session: Reading, hold_id: UUID) -> HoldOut:
    """Return reserved money as it stands."""
    return hold_out(await service.read_hold(session, caller, hold_id))


@router.post("/v1/holds/{hold_id}/settle", dependencies=[Depends(money_moves)], summary="Spend reserved money 结算冻结")
async def settle_hold(
    caller: Treasurer, session: Reading, poster: Posting, hold_id: UUID, wanted: SettleIn
) -> TransactionResultOut:
    """Spend a part of what is reserved, or the whole; a last part releases the rest."""
    hold = await service.read_hold(session, caller, hold_id)
    return TransactionResultOut(id=wanted.id, result=await service.settle_hold(poster, caller, hold, wanted))


@router.post("/v1/holds/{hold_id}/void", dependencies=[Depends(money_moves)], summary="Give up reserved money 解冻")
async def void_hold(
    caller: Treasurer, session: Reading, poster: Posting, hold_id: UUID, wanted: VoidIn
) -> TransactionResultOut:
    """Release what is left of a hold."""
    hold = await service.read_hold(session, caller, hold_id)
    return TransactionResultOut(id=wanted.id, result=await service.void_hold(poster, caller, hold, wanted))
