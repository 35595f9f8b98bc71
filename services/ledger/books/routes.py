"""HTTP of books."""

from collections import defaultdict
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.ledger.books import repository, service
from services.ledger.books.doors import Posting
from services.ledger.books.models import Posting as PostingRow
from services.ledger.books.schemas import (
    AccountIn,
    AccountOut,
    BookIn,
    BookOut,
    EntryOut,
    SingleIn,
    TransactionOut,
    TransactionResultOut,
    TransactionsIn,
    TransactionsOut,
)
from services.ledger.books.views import account_out, entry_out, transaction_out
from shared.auth import Principal, Role, authenticated, requires
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import KeyedWriting, Reading, Writing, money_moves, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["books 账本"])

Caller = Annotated[Principal, Depends(authenticated)]
Reader = Annotated[Principal, Depends(requires(*service.READERS))]
Treasurer = Annotated[Principal, Depends(requires(Role.TREASURER))]


@router.post("/v1/books", status_code=201, summary="Open a book 建账")
async def open_book(
    caller: Annotated[Principal, Depends(requires(Role.TREASURER, Role.ADMINISTRATOR))],
    session: Writing,
    response: Response,
    wanted: BookIn,
) -> BookOut:
    """Open a book at an area."""
    book, is_new = await service.open_book(session, caller, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/books/{book.id}"
    set_etag(response, book.version)
    return BookOut.model_validate(book)


@router.get("/v1/books", summary="List books 账本列表")
async def list_books(_: Caller, session: Reading, paging: Paging) -> Page[BookOut]:
    """Return the tenant's books, the newest first."""
    rows = await repository.list_books(session, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.opened_at, row.id), view=BookOut.model_validate)


@router.get("/v1/books/{book_id}", summary="Read a book 账本详情")
async def read_book(_: Caller, session: Reading, response: Response, book_id: UUID) -> BookOut:
    """Return one book."""
    book = await service.get_book(session, book_id)
    set_etag(response, book.version)
    return BookOut.model_validate(book)


@router.post("/v1/books/{book_id}/accounts", status_code=201, summary="Open an account 设立科目")
async def open_account(
    caller: Treasurer, session: Writing, response: Response, book_id: UUID, wanted: AccountIn
) -> AccountOut:
    """Open an account of a book."""
    book = await service.get_book(session, book_id)
    account, balance = await service.open_book_account(session, caller, book, wanted)
    response.headers["Location"] = f"/v1/accounts/{account.id}"
    return account_out(account, balance)


@router.get("/v1/books/{book_id}/accounts", summary="Accounts of a book 科目余额")
async def list_accounts(caller: Reader, session: Reading, paging: Paging, book_id: UUID) -> Page[AccountOut]:
    """Return the accounts of a book with their balances, by code."""
    book = await service.get_book(session, book_id)
    service.may_read_book(caller, book)
    after = paging.after[0] if paging.after else None
    rows = await repository.accounts_of(session, book_id, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda pair: (pair[0].code,), view=lambda pair: account_out(*pair))


@router.post(
    "/v1/books/{book_id}/transactions",
    dependencies=[Depends(money_moves)],
    summary="Post a batch of transactions 批量记账",
)
async def post_transactions(
    caller: Treasurer, _: KeyedWriting, poster: Posting, book_id: UUID, wanted: TransactionsIn
) -> TransactionsOut:
    """Post up to 500 transactions, each all or nothing, each with its own result."""
    results = await service.post_together(poster, caller, book_id, wanted)
    pairs = zip(wanted.transactions, results, strict=True)
    return TransactionsOut(results=[TransactionResultOut(id=item.id, result=result) for item, result in pairs])


@router.put(
    "/v1/books/{book_id}/transactions/{transaction_id}",
    status_code=201,
    responses={200: {"model": TransactionResultOut, "description": "Posted before 此前已记账"}},
    summary="Post one transaction 记一笔账",
)
async def post_transaction(
    caller: Treasurer, poster: Posting, response: Response, book_id: UUID, transaction_id: UUID, wanted: SingleIn
) -> TransactionResultOut:
    """Post one transaction under an id of the client's own: sent twice, it is posted once and answered the same.

    Transactions that come at the same time are written together, so many callers with one each are as fast as one with
    many. A refused id stays refused.
    """
    result = await service.post_single(poster, caller, book_id, transaction_id, wanted)
    response.status_code = 201 if result == "ok" else 200
    return TransactionResultOut(id=transaction_id, result=result)


@router.get("/v1/books/{book_id}/transactions", summary="Transactions of a book 记账记录")
async def list_transactions(caller: Reader, session: Reading, paging: Paging, book_id: UUID) -> Page[TransactionOut]:
    """Return the transactions of a book, the newest first, refused ones included."""
    book = await service.get_book(session, book_id)
    service.may_read_book(caller, book)
    rows = await repository.list_transactions(session, book_id, after=paging.after, limit=paging.size + 1)
    legs: dict[UUID, list[PostingRow]] = defaultdict(list)
    for posting in await repository.postings_of(session, [row.id for row in rows]):
        legs[posting.transaction_id].append(posting)
    return paging.page(rows, key=lambda row: (row.xid, row.id), view=lambda row: transaction_out(row, legs[row.id]))


@router.get("/v1/accounts/{account_id}", summary="Balance of an account 科目余额")
async def read_account(caller: Reader, session: Reading, account_id: UUID) -> AccountOut:
    """Return one account with its balance."""
    found = await repository.find_account(session, account_id)
    if found is None:
        raise NotFound
    service.may_read_book(caller, await service.get_book(session, found[0].book_id))
    return account_out(*found)


@router.get("/v1/accounts/{account_id}/entries", summary="Entries of an account 明细账")
async def list_entries(caller: Reader, session: Reading, paging: Paging, account_id: UUID) -> Page[EntryOut]:
    """Return what moved an account, in its gap-free sequence, with the balance after each move."""
    found = await repository.find_account(session, account_id)
    if found is None:
        raise NotFound
    service.may_read_book(caller, await service.get_book(session, found[0].book_id))
    after = paging.after[0] if paging.after else 0
    rows = await repository.entries_of(session, account_id, after=after, limit=paging.size + 1)
    entries = [
        entry_out(account_id, posting, transaction, debit_normal=found[1].debit_normal) for posting, transaction in rows
    ]
    return paging.page(entries, key=lambda entry: (entry.sequence,), view=lambda entry: entry)
