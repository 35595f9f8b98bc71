"""HTTP of reversals and refunds."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from services.ledger.books.doors import Posting
from services.ledger.books.schemas import TransactionResultOut
from services.ledger.reversals import service
from services.ledger.reversals.schemas import RefundIn, ReversalIn
from shared.auth import Principal, Role, requires
from shared.web import Writing, money_moves, service_router

__all__ = ["router"]

router = service_router(tags=["reversals 冲正"])

# Treasurers in a general book; in the books of funds and property companies somebody else.
Keeper = Annotated[Principal, Depends(requires(Role.TREASURER, Role.AUDITOR, Role.APPROVER))]


@router.post(
    "/v1/transactions/{transaction_id}/reverse",
    dependencies=[Depends(money_moves)],
    summary="Take a transaction back 冲正",
)
async def reverse_transaction(
    caller: Keeper, session: Writing, poster: Posting, transaction_id: UUID, wanted: ReversalIn
) -> TransactionResultOut:
    """Post the mirror of a transaction, once at the most; both stay in the book for everybody to see."""
    result = await service.reverse(session, poster, caller, transaction_id, wanted)
    return TransactionResultOut(id=wanted.id, result=result)


@router.post(
    "/v1/transactions/{transaction_id}/refund",
    dependencies=[Depends(money_moves)],
    summary="Send a part back 部分退款",
)
async def refund_transaction(
    caller: Keeper, session: Writing, poster: Posting, transaction_id: UUID, wanted: RefundIn
) -> TransactionResultOut:
    """Send a part of a transaction back to where it came from; all refunds together never exceed it."""
    result = await service.refund(session, poster, caller, transaction_id, wanted)
    return TransactionResultOut(id=wanted.id, result=result)
