"""Use cases of reversals and refunds."""

from uuid import UUID

from services.ledger.books import repository as books
from services.ledger.books.models import Book, Posting, Transaction
from services.ledger.books.rules import BookKind, Leg, TransactionKind, TransactionRequest
from services.ledger.books.service import Poster, get_book
from services.ledger.campaigns import repository as campaigns
from services.ledger.reversals.rules import CampaignMoney, NotReversible, OwnTransaction, PartsDiffer
from services.ledger.reversals.schemas import RefundIn, ReversalIn
from shared.auth import Principal, Role
from shared.db import Session
from shared.problems import NotFound

__all__ = ["mirrored", "refund", "reverse"]


async def _original(
    session: Session, caller: Principal, transaction_id: UUID
) -> tuple[Transaction, Book, list[Posting]]:
    transaction = await books.find_transaction(session, transaction_id)
    if transaction is None:
        raise NotFound
    book = await get_book(session, transaction.book_id)
    _check_duties(caller, transaction, book)
    postings = list(await books.postings_of(session, [transaction_id]))
    if not postings:
        raise NotReversible(result=transaction.result)
    touched = {account for item in postings for account in (item.debit_account, item.credit_account)}
    if await campaigns.holds_gifts(session, touched):
        raise CampaignMoney
    return transaction, book, postings


def _check_duties(caller: Principal, transaction: Transaction, book: Book) -> None:
    """Refuse who may not take it back: in the books of funds and property companies nobody does so alone."""
    if book.kind == BookKind.GENERAL:
        caller.must(Role.TREASURER, at=book.area_path, rule="treasurers_reverse")
        return
    caller.must(Role.AUDITOR, Role.APPROVER, at=book.area_path, rule="another_reverses")
    if caller.actor == transaction.actor:
        raise OwnTransaction(rule="another_reverses")


def mirrored(postings: list[Posting]) -> tuple[Leg, ...]:
    """Return the legs that take postings back."""
    return tuple(Leg(item.credit_account, item.debit_account, item.amount, item.unit) for item in postings)


async def reverse(session: Session, poster: Poster, caller: Principal, transaction_id: UUID, wanted: ReversalIn) -> str:
    """Take a transaction back whole; the posting function keeps it to once. Returns `ok` or `replayed`.

    It is written through the batcher, by itself: a refusal is kept under its id, and so is given again.
    """
    transaction, book, postings = await _original(session, caller, transaction_id)
    request = TransactionRequest(
        id=wanted.id,
        book_id=book.id,
        kind=TransactionKind.REVERSE,
        legs=mirrored(postings),
        description=wanted.reason,
        effective_on=wanted.effective_on,
        original_id=transaction.id,
    )
    return await poster.post_one(caller, request)


async def refund(session: Session, poster: Poster, caller: Principal, transaction_id: UUID, wanted: RefundIn) -> str:
    """Send a part back; the posting function keeps all refunds together within the original, as `reverse` does."""
    transaction, book, postings = await _original(session, caller, transaction_id)
    if len(wanted.parts) != len(postings):
        raise PartsDiffer(pointer="/parts", postings=len(postings))
    legs = tuple(
        Leg(item.credit_account, item.debit_account, part, item.unit)
        for item, part in zip(postings, wanted.parts, strict=True)
    )
    request = TransactionRequest(
        id=wanted.id,
        book_id=book.id,
        kind=TransactionKind.REFUND,
        legs=legs,
        description=wanted.reason,
        effective_on=wanted.effective_on,
        original_id=transaction.id,
    )
    return await poster.post_one(caller, request)
