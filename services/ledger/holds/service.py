"""Use cases of holds made by hand, and the end of those whose day has come."""

from typing import Final
from uuid import UUID

from services.ledger.books import repository as books
from services.ledger.books.models import Hold
from services.ledger.books.rules import Leg, TransactionKind, TransactionRequest
from services.ledger.books.service import Poster, get_book, may_read_book
from services.ledger.holds.schemas import HoldIn, SettleIn, VoidIn
from shared.auth import Principal
from shared.clock import today, utc_now
from shared.db import Database, Session
from shared.ids import new_id
from shared.problems import NotFound

__all__ = ["expire_holds", "hold_money", "read_hold", "settle_hold", "void_hold"]

_AT_ONCE: Final = 500


async def read_hold(session: Session, caller: Principal, hold_id: UUID) -> Hold:
    """Return a hold, or NotFound; refuse who has no business in its book."""
    hold = await books.find_hold(session, hold_id)
    if hold is None:
        raise NotFound
    may_read_book(caller, await get_book(session, hold.book_id))
    return hold


async def hold_money(poster: Poster, caller: Principal, book_id: UUID, hold_id: UUID, wanted: HoldIn) -> str:
    """Reserve money; returns `ok` or `replayed`, or raises the refusal."""
    await poster.must_by_hand(caller, book_id)
    request = TransactionRequest(
        id=hold_id,
        book_id=book_id,
        kind=TransactionKind.HOLD,
        legs=(Leg(wanted.debit_account_id, wanted.credit_account_id, wanted.amount_fen, wanted.unit),),
        description=wanted.description,
        effective_on=wanted.effective_on,
        expires_at=wanted.expires_at,
    )
    return await poster.post_one(caller, request)


async def settle_hold(poster: Poster, caller: Principal, hold: Hold, wanted: SettleIn) -> str:
    """Spend a part of what is reserved; returns `ok` or `replayed`, or raises the refusal."""
    await poster.must_by_hand(caller, hold.book_id)
    request = TransactionRequest(
        id=wanted.id,
        book_id=hold.book_id,
        kind=TransactionKind.SETTLE,
        legs=(Leg(hold.debit_account, hold.credit_account, wanted.amount_fen, hold.unit),),
        description=wanted.description,
        effective_on=wanted.effective_on,
        hold_id=hold.id,
        is_final=wanted.is_final,
    )
    return await poster.post_one(caller, request)


async def void_hold(poster: Poster, caller: Principal, hold: Hold, wanted: VoidIn) -> str:
    """Give up what is reserved; returns `ok` or `replayed`, or raises the refusal."""
    await poster.must_by_hand(caller, hold.book_id)
    request = TransactionRequest(
        id=wanted.id,
        book_id=hold.book_id,
        kind=TransactionKind.VOID,
        legs=(),
        description=wanted.description,
        effective_on=wanted.effective_on,
        hold_id=hold.id,
    )
    return await poster.post_one(caller, request)


async def expire_holds(database: Database, tenant: str) -> int:
    """End the holds of a tenant whose day has come; returns how many there were."""
    async with database.write(tenant) as session:
        now = utc_now()
        due = await books.due_holds(session, now, _AT_ONCE)
        batch = [
            TransactionRequest(
                id=new_id(),
                book_id=hold.book_id,
                kind=TransactionKind.EXPIRE,
                legs=(),
                description=f"hold {hold.id} expired",
                effective_on=today(),
                hold_id=hold.id,
                expires_at=now,
            )
            for hold in due
        ]
        if batch:
            # One that was resolved meanwhile is refused for itself, which is as good.
            await books.call_post(session, "system", batch)
        return len(batch)
