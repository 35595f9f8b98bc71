"""SQL of books. The only way to write a posting is the posting function."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text, tuple_

from services.ledger.books.models import Account, Balance, Book, Hold, Posting, Transaction
from services.ledger.books.rules import NewAccount, TransactionRequest, body_hash
from shared.db import Session, WriteSession

__all__ = [
    "account_by_code",
    "accounts_of",
    "call_post",
    "due_holds",
    "entries_of",
    "find_account",
    "find_book",
    "find_hold",
    "find_transaction",
    "holds_of",
    "list_books",
    "list_transactions",
    "lock_book",
    "open_account",
    "postings_of",
]

_POST: Final = text("""
    SELECT tx_position, tx_id, result FROM ledger.post_entries(:tenant, CAST(:actors AS text[]),
        CAST(:ids AS uuid[]), CAST(:firsts AS integer[]), CAST(:books AS uuid[]), CAST(:kinds AS text[]),
        CAST(:hashes AS bytea[]), CAST(:holds AS uuid[]), CAST(:finals AS boolean[]),
        CAST(:expires AS timestamptz[]), CAST(:descriptions AS text[]), CAST(:dates AS date[]),
        CAST(:accounts AS uuid[]), CAST(:leg_tx AS integer[]), CAST(:debits AS integer[]),
        CAST(:credits AS integer[]), CAST(:units AS text[]), CAST(:amounts AS bigint[]),
        CAST(:originals AS uuid[]), CAST(:documents AS bytea[]))
    ORDER BY tx_position""")
_LOCK_BOOK: Final = text("SELECT ledger.lock_book(:tenant, :book)")
_OPEN_ACCOUNT: Final = text(
    "SELECT ledger.open_account(:tenant, :id, :book_id, :code, :name, :kind, :unit, :floor_fen, "
    "CAST(:purpose AS text), CAST(:spend_by AS date))"
)


async def call_post(
    session: WriteSession, actor: str | Sequence[str], batch: Sequence[TransactionRequest]
) -> list[str]:
    """Hand a batch to the posting function; returns one result per transaction, in order.

    Args:
        session: the transaction.
        actor: who asks, for all or for each.
        batch: up to 1 000 transactions with up to 5 000 legs.
    """
    legs = [(position, leg) for position, request in enumerate(batch, start=1) for leg in request.legs]
    accounts = list(dict.fromkeys(account for _, leg in legs for account in (leg.debit, leg.credit)))
    places = {account: place for place, account in enumerate(accounts, start=1)}
    firsts: dict[UUID, int] = {}
    values = {
        "tenant": session.tenant,
        "actors": [actor] * len(batch) if isinstance(actor, str) else actor,
        "ids": [request.id for request in batch],
        "firsts": [firsts.setdefault(request.id, position) for position, request in enumerate(batch, start=1)],
        "books": [request.book_id for request in batch],
        "kinds": [request.kind.value for request in batch],
        "hashes": [body_hash(request) for request in batch],
        "holds": [request.hold_id for request in batch],
        "finals": [request.is_final for request in batch],
        "expires": [request.expires_at for request in batch],
        "descriptions": [request.description for request in batch],
        "dates": [request.effective_on for request in batch],
        "accounts": accounts,
        "leg_tx": [position for position, _ in legs],
        "debits": [places[leg.debit] for _, leg in legs],
        "credits": [places[leg.credit] for _, leg in legs],
        "units": [leg.unit for _, leg in legs],
        "amounts": [leg.amount for _, leg in legs],
        "originals": [request.original_id for request in batch],
        "documents": [request.document_sha256 for request in batch],
    }
    return [row.result for row in await session.execute(_POST, values)]


async def open_account(session: WriteSession, account: NewAccount) -> None:
    """Open an account with its balance row."""
    await session.execute(_OPEN_ACCOUNT, {"tenant": session.tenant, **asdict(account), "kind": account.kind.value})


async def find_book(session: Session, book_id: UUID) -> Book | None:
    """Return a book."""
    return await session.scalar(select(Book).where(Book.tenant_id == session.tenant, Book.id == book_id))


async def list_books(session: Session, *, after: tuple[Any, ...] | None, limit: int) -> Sequence[Book]:
    """Return books, the newest first."""
    statement = select(Book).where(Book.tenant_id == session.tenant)
    if after is not None:
        statement = statement.where(tuple_(Book.opened_at, Book.id) < tuple_(*after))
    return (await session.scalars(statement.order_by(Book.opened_at.desc(), Book.id.desc()).limit(limit))).all()


async def accounts_of(
    session: Session, book_id: UUID, *, after: str | None = None, limit: int = 10_000
) -> Sequence[tuple[Account, Balance]]:
    """Return a book's accounts with their balances, by code."""
    statement = (
        select(Account, Balance)
        .join(Balance, (Balance.tenant_id == Account.tenant_id) & (Balance.account_id == Account.id))
        .where(Account.tenant_id == session.tenant, Account.book_id == book_id)
    )
    if after is not None:
        statement = statement.where(Account.code > after)
    rows = await session.execute(
        statement.order_by(Account.code).limit(limit).execution_options(populate_existing=True)
    )
    return [(account, balance) for account, balance in rows]


async def find_account(session: Session, account_id: UUID) -> tuple[Account, Balance] | None:
    """Return an account with its balance."""
    statement = (
        select(Account, Balance)
        .join(Balance, (Balance.tenant_id == Account.tenant_id) & (Balance.account_id == Account.id))
        .where(Account.tenant_id == session.tenant, Account.id == account_id)
    )
    row = (await session.execute(statement.execution_options(populate_existing=True))).one_or_none()
    return (row[0], row[1]) if row is not None else None


async def account_by_code(session: Session, book_id: UUID, code: str) -> Account | None:
    """Return the account of a book that has a code."""
    statement = select(Account).where(
        Account.tenant_id == session.tenant, Account.book_id == book_id, Account.code == code
    )
    return await session.scalar(statement)


async def entries_of(
    session: Session, account_id: UUID, *, after: int, limit: int
) -> Sequence[tuple[Posting, Transaction]]:
    """Return what moved an account, in its sequence."""
    is_debit = Posting.debit_account == account_id
    is_credit = Posting.credit_account == account_id
    halves = [
        select(Posting, Transaction)
        .join(Transaction, (Transaction.tenant_id == Posting.tenant_id) & (Transaction.id == Posting.transaction_id))
        .where(Posting.tenant_id == session.tenant, side, sequence > after)
        .order_by(sequence)
        .limit(limit)
        for side, sequence in ((is_debit, Posting.debit_sequence), (is_credit, Posting.credit_sequence))
    ]
    found = [(posting, transaction) for half in halves for posting, transaction in await session.execute(half)]
    found.sort(
        key=lambda pair: pair[0].debit_sequence if pair[0].debit_account == account_id else pair[0].credit_sequence
    )
    return found[:limit]


async def list_transactions(
    session: Session, book_id: UUID, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[Transaction]:
    """Return a book's transactions, the newest first, refused ones included."""
    statement = select(Transaction).where(Transaction.tenant_id == session.tenant, Transaction.book_id == book_id)
    if after is not None:
        statement = statement.where(tuple_(Transaction.xid, Transaction.id) < tuple_(*after))
    ordered = statement.order_by(Transaction.xid.desc(), Transaction.id.desc())
    return (await session.scalars(ordered.limit(limit))).all()


async def postings_of(session: Session, transaction_ids: Sequence[UUID]) -> Sequence[Posting]:
    """Return the postings of some transactions in the order of their legs."""
    statement = select(Posting).where(Posting.tenant_id == session.tenant, Posting.transaction_id.in_(transaction_ids))
    return (await session.scalars(statement.order_by(Posting.transaction_id, Posting.leg))).all()


async def due_holds(session: Session, now: datetime, limit: int) -> Sequence[Hold]:
    """Return open holds whose day has come, the oldest first."""
    statement = select(Hold).where(Hold.tenant_id == session.tenant, Hold.state == "open", Hold.expires_at <= now)
    return (await session.scalars(statement.order_by(Hold.expires_at, Hold.id).limit(limit))).all()


async def holds_of(
    session: Session, book_id: UUID, *, state: str | None, after: UUID | None, limit: int
) -> Sequence[Hold]:
    """Return the holds of a book by id: the register of what is promised."""
    statement = select(Hold).where(Hold.tenant_id == session.tenant, Hold.book_id == book_id)
    if state is not None:
        statement = statement.where(Hold.state == state)
    if after is not None:
        statement = statement.where(Hold.id > after)
    return (await session.scalars(statement.order_by(Hold.id).limit(limit))).all()


async def find_transaction(session: Session, transaction_id: UUID) -> Transaction | None:
    """Return a transaction, refused or not."""
    statement = select(Transaction).where(Transaction.tenant_id == session.tenant, Transaction.id == transaction_id)
    return await session.scalar(statement)


async def lock_book(session: WriteSession, book_id: UUID) -> None:
    """Keep everybody else from posting to a book until the end of the transaction."""
    await session.execute(_LOCK_BOOK, {"tenant": session.tenant, "book": book_id})


async def find_hold(session: Session, hold_id: UUID) -> Hold | None:
    """Return a hold as it stands."""
    statement = select(Hold).where(Hold.tenant_id == session.tenant, Hold.id == hold_id)
    return await session.scalar(statement.execution_options(populate_existing=True))
