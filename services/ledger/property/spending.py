"""Use cases of spending: one person requests, another approves, a third pays; a document is paid once."""

from uuid import UUID

from services.ledger.books.rules import AccountClass, Leg, TransactionKind, TransactionRequest
from services.ledger.books.service import post_all
from services.ledger.property import repository
from services.ledger.property.models import PropertyBook, PropertySpending
from services.ledger.property.rules import (
    SPENDING_STEPS,
    DocumentPaidOnce,
    InTheFuture,
    SpendingAction,
    SpendingFacts,
    SpendingState,
    UnknownCategory,
)
from services.ledger.property.schemas import SpendingIn
from services.ledger.property.service import accounts_by_code, get_property_book, latest_day
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound, Unauthenticated
from shared.steps import check_step

__all__ = ["approve", "begin", "facts_of", "get_spending", "pay", "refuse", "request"]


def facts_of(spending: PropertySpending, book: PropertyBook) -> SpendingFacts:
    """Return what the rules know of a spending."""
    return SpendingFacts(SpendingState(spending.state), book.area_path, spending.requested_by, spending.approved_by)


async def get_spending(session: Session, spending_id: UUID) -> PropertySpending:
    """Return a spending, or NotFound."""
    spending = await repository.find_spending(session, spending_id)
    if spending is None:
        raise NotFound
    return spending


async def begin(session: WriteSession, spending_id: UUID) -> tuple[PropertySpending, PropertyBook]:
    """Lock a spending for a step; returns it with its book."""
    spending = await repository.lock_spending(session, spending_id)
    if spending is None:
        raise NotFound
    return spending, await get_property_book(session, spending.property_book_id)


async def request(
    session: WriteSession, caller: Principal, book: PropertyBook, wanted: SpendingIn
) -> tuple[PropertySpending, bool]:
    """Ask for a bill to be paid; returns it and whether it is new."""
    caller.must(Role.TREASURER, at=book.area_path, rule="treasurers_request_spending")
    digest = bytes.fromhex(wanted.document_sha256)
    earlier = await repository.find_spending(session, wanted.id) if wanted.id else None
    if earlier is not None:
        members = ("category", "supplier", "description", "amount_fen", "spent_on")
        asked = (book.id, digest, *(getattr(wanted, name) for name in members))
        if asked != (
            earlier.property_book_id,
            earlier.document_sha256,
            *(getattr(earlier, name) for name in members),
        ):
            raise IdTaken(pointer="/id")
        return earlier, False
    account = (await accounts_by_code(session, book)).get(f"expense:{wanted.category}")
    if account is None or account.kind != AccountClass.EXPENSE:
        raise UnknownCategory(pointer="/category")
    if wanted.spent_on > latest_day():
        raise InTheFuture(pointer="/spent_on")
    if await repository.find_by_document(session, digest) is not None:
        raise DocumentPaidOnce(pointer="/document_sha256")
    spending = PropertySpending(
        tenant_id=session.tenant,
        property_book_id=book.id,
        document_sha256=digest,
        state=SpendingState.REQUESTED.value,
        requested_by=_who(caller),
        requested_at=utc_now(),
        version=1,
        **(wanted.model_dump(exclude={"document_sha256"}) | {"id": wanted.id or new_id()}),
    )
    session.add(spending)
    await session.flush()
    return spending, True


async def approve(session: WriteSession, caller: Principal, spending: PropertySpending, book: PropertyBook) -> None:
    """Approve a spending, by somebody who has not requested it."""
    check_step(SPENDING_STEPS, SpendingAction.APPROVE, facts_of(spending, book), caller)
    spending.approved_by, spending.approved_at = _who(caller), utc_now()
    await _reach(session, spending, SpendingState.APPROVED)


async def refuse(
    session: WriteSession, caller: Principal, spending: PropertySpending, book: PropertyBook, reason: str
) -> None:
    """Refuse a spending that is not paid yet; its document may be handed in again."""
    check_step(SPENDING_STEPS, SpendingAction.REFUSE, facts_of(spending, book), caller)
    spending.refused_by, spending.reason = _who(caller), reason
    await _reach(session, spending, SpendingState.REFUSED)


async def pay(session: WriteSession, caller: Principal, spending: PropertySpending, book: PropertyBook) -> None:
    """Pay an approved spending from the bank, by somebody who has neither requested nor approved it."""
    check_step(SPENDING_STEPS, SpendingAction.PAY, facts_of(spending, book), caller)
    account = (await accounts_by_code(session, book))[f"expense:{spending.category}"]
    payment = TransactionRequest(
        id=new_id(),
        book_id=book.book_id,
        kind=TransactionKind.POST,
        legs=(Leg(account.id, book.bank_account, spending.amount_fen),),
        description=spending.description,
        effective_on=spending.spent_on,
        document_sha256=spending.document_sha256,
    )
    await post_all(session, caller.actor, payment)
    spending.paid_by, spending.paid_at, spending.transaction_id = _who(caller), utc_now(), payment.id
    await _reach(session, spending, SpendingState.PAID)


async def _reach(session: WriteSession, spending: PropertySpending, state: SpendingState) -> None:
    spending.state = state.value
    spending.version += 1
    await session.flush()


def _who(caller: Principal) -> UUID:
    """Return who stands for a step with their own name."""
    if caller.subject_id is None:
        raise Unauthenticated
    return caller.subject_id
