"""Use cases of books."""

from collections.abc import Sequence
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from services.ledger.books import repository
from services.ledger.books.batching import LEGS_MAX, MicroBatcher
from services.ledger.books.models import Account, Balance, Book
from services.ledger.books.rules import (
    AccountCodeTaken,
    BookHasRules,
    BookKind,
    Leg,
    NewAccount,
    TooManyLegs,
    TransactionKind,
    TransactionRequest,
    refusal,
)
from services.ledger.books.schemas import AccountIn, BookIn, SingleIn, TransactionsIn
from services.ledger.models import reference
from services.ledger.problems import UnknownArea
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import Database, Session, WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound
from shared.reference import find_area

__all__ = [
    "DONE",
    "Poster",
    "get_book",
    "may_read_book",
    "open_book",
    "open_book_account",
    "post_all",
    "post_for_many",
    "post_single",
    "post_together",
]

_BOOKS_KNOWN_MAX: Final = 10_000
_TRIES_MAX: Final = 3
# Serialisation failure, unique violation.
_GAVE_WAY: Final = frozenset({"40001", "23505"})
# What a transaction answers that stands.
DONE: Final = frozenset({"ok", "replayed"})

READERS = (Role.TREASURER, Role.APPROVER, Role.PAYER, Role.AUDITOR, Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR)


async def open_book(session: WriteSession, caller: Principal, wanted: BookIn) -> tuple[Book, bool]:
    """Open a book at an area; returns it and whether it is new."""
    area = await find_area(session, reference, wanted.area_id)
    if area is None or area.closed_on is not None:
        raise UnknownArea(pointer="/area_id")
    caller.must(Role.TREASURER, Role.ADMINISTRATOR, at=area.path, rule="treasurers_open_books")
    earlier = await repository.find_book(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if (earlier.name, earlier.area_id) != (wanted.name, wanted.area_id):
            raise IdTaken(pointer="/id")
        return earlier, False
    book = Book(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        name=wanted.name,
        area_id=area.id,
        area_path=area.path,
        opened_at=utc_now(),
        version=1,
        kind=BookKind.GENERAL.value,
    )
    session.add(book)
    await session.flush()
    return book, True


def may_read_book(caller: Principal, book: Book) -> None:
    """Refuse who has no business in the accounts of a book; its statement is for everybody."""
    caller.must(*READERS, at=book.area_path, rule="book_readers")


async def get_book(session: Session, book_id: UUID) -> Book:
    """Return a book, or NotFound."""
    book = await repository.find_book(session, book_id)
    if book is None:
        raise NotFound
    return book


async def open_book_account(
    session: WriteSession, caller: Principal, book: Book, wanted: AccountIn
) -> tuple[Account, Balance]:
    """Open an account of a book; the same again is the same account."""
    caller.must(Role.TREASURER, at=book.area_path, rule="treasurers_open_accounts")
    earlier = await repository.account_by_code(session, book.id, wanted.code)
    account_id = wanted.id or new_id()
    if earlier is not None:
        if wanted.id != earlier.id:
            raise AccountCodeTaken(pointer="/code")
        asked = (wanted.name, wanted.account_class, wanted.unit, wanted.floor_fen, wanted.purpose, wanted.spend_by)
        kept = (earlier.name, earlier.kind, earlier.unit, earlier.floor_fen, earlier.purpose, earlier.spend_by)
        if asked != kept:
            raise IdTaken(pointer="/id")
    elif wanted.id is not None and await repository.find_account(session, wanted.id) is not None:
        raise IdTaken(pointer="/id")
    else:
        members = wanted.model_dump(exclude={"id", "account_class"})
        await repository.open_account(
            session, NewAccount(id=account_id, book_id=book.id, kind=wanted.account_class, **members)
        )
    found = await repository.find_account(session, account_id)
    if found is None:
        raise NotFound
    return found


async def post_together(poster: "Poster", caller: Principal, book_id: UUID, wanted: TransactionsIn) -> list[str]:
    """Post transactions by hand, each for itself; returns the result of each, in the order asked."""
    if sum(len(item.postings) for item in wanted.transactions) > LEGS_MAX:
        raise TooManyLegs(pointer="/transactions", legs_max=LEGS_MAX)
    await poster.must_by_hand(caller, book_id)
    return await poster.post(caller, [_request(book_id, item.id, item) for item in wanted.transactions])


async def post_single(
    poster: "Poster", caller: Principal, book_id: UUID, transaction_id: UUID, wanted: SingleIn
) -> str:
    """Post one transaction together with those of other callers; returns `ok` or `replayed`, or raises the refusal."""
    await poster.must_by_hand(caller, book_id)
    return await poster.post_one(caller, _request(book_id, transaction_id, wanted))


class Poster:
    """The way of single transactions into the book: who may, and then together with whatever else is there."""

    def __init__(self, database: Database, *, waiting_max: int) -> None:
        self._books = KnownBooks(database)
        self._batcher = MicroBatcher(partial(post_for_many, database), waiting_max=waiting_max)

    async def must_by_hand(self, caller: Principal, book_id: UUID) -> None:
        """Refuse who may not post by hand; NotFound for a book that is not there.

        The books of funds and property companies move only by their own rules: by hand nobody could tell applicant,
        approver and payer apart.
        """
        area_path, kind = await self._books.find(caller.tenant, book_id)
        caller.must(Role.TREASURER, at=area_path, rule="treasurers_post")
        if kind != BookKind.GENERAL:
            raise BookHasRules(kind=kind)

    async def post(self, caller: Principal, requests: Sequence[TransactionRequest]) -> list[str]:
        """Post, each for itself; returns the results after COMMIT."""
        return await self._batcher.submit(caller.tenant, caller.actor, requests)

    async def post_one(self, caller: Principal, request: TransactionRequest) -> str:
        """Post one; returns `ok` or `replayed` after COMMIT, or raises the refusal."""
        (result,) = await self.post(caller, [request])
        if result not in DONE:
            raise refusal(result, [request.id])
        return result

    async def close(self) -> None:
        """Write what waits."""
        await self._batcher.close()


async def post_for_many(
    database: Database, tenant: str, actors: Sequence[str], batch: Sequence[TransactionRequest]
) -> list[str]:
    """Write a batch that several callers have asked for, in one transaction.

    At this very moment another process may be writing one of these ids, or a hold that is named here. Once it has, that
    stands in the book, and trying again gets the answer.
    """
    tries = 0
    while True:
        tries += 1
        try:
            async with database.write(tenant) as session:
                return await repository.call_post(session, actors, batch)
        except DBAPIError as error:
            if tries == _TRIES_MAX or getattr(error.orig, "sqlstate", "") not in _GAVE_WAY:
                raise


class KnownBooks:
    """Where books are and what kind they are of. Both stay for good, so one look is enough."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[str, UUID], tuple[str, str]] = {}

    async def find(self, tenant: str, book_id: UUID) -> tuple[str, str]:
        """Return the path of a book's area and its kind, or NotFound."""
        known = self._known.get((tenant, book_id))
        if known is None:
            async with self._database.read(tenant) as session:
                book = await get_book(session, book_id)
            known = (book.area_path, book.kind)
            if len(self._known) >= _BOOKS_KNOWN_MAX:
                self._known.clear()
            self._known[tenant, book_id] = known
        return known


def _request(book_id: UUID, transaction_id: UUID, wanted: SingleIn) -> TransactionRequest:
    return TransactionRequest(
        id=transaction_id,
        book_id=book_id,
        kind=TransactionKind.POST,
        legs=tuple(
            Leg(leg.debit_account_id, leg.credit_account_id, leg.amount_fen, leg.unit) for leg in wanted.postings
        ),
        description=wanted.description,
        effective_on=wanted.effective_on,
        document_sha256=bytes.fromhex(wanted.document_sha256) if wanted.document_sha256 else None,
    )


async def post_all(session: WriteSession, actor: str, *batch: TransactionRequest) -> None:
    """Post transactions that belong together, or raise what the ledger says: with the session, nothing is kept then."""
    results = await repository.call_post(session, actor, batch)
    for result in results:
        if result not in DONE:
            raise refusal(result, [request.id for request in batch])
