"""HTTP of bank reconciliation."""

import asyncio
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from services.ledger.bank import repository, service
from services.ledger.bank.models import BankLine
from services.ledger.bank.parsing import (
    BYTES_MAX,
    BankFileTooLarge,
    Complaint,
    ParsedLine,
    first_broken_balance,
    parse_file,
)
from services.ledger.bank.schemas import (
    BankLineOut,
    BookAsIn,
    BulkMatchIn,
    BulkMatchOut,
    ClearingOut,
    ImportOut,
    MatchIn,
    ProposalOut,
    ReasonIn,
    ReconciliationOut,
)
from services.ledger.bank.views import line_out, lines_out, proposal_out
from services.ledger.books.service import READERS, get_book, may_read_book
from shared.auth import Principal, Role, requires
from shared.clock import today
from shared.db import WriteSession
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import ExpectedVersion, Reading, Writing, check_version, money_moves, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["bank 银行对账"])

Reader = Annotated[Principal, Depends(requires(*READERS))]
Treasurer = Annotated[Principal, Depends(requires(Role.TREASURER))]
_CSV = {"text/csv": {"schema": {"type": "string", "example": "交易日期,摘要,收入,支出,余额"}}}


async def _parsed(request: Request) -> tuple[list[ParsedLine], list[Complaint]]:
    """Read the file before there is a transaction that would be held open meanwhile, and beside the event loop."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > BYTES_MAX:
        raise BankFileTooLarge
    return await asyncio.to_thread(parse_file, await request.body())


@router.post(
    "/v1/books/{book_id}/bank-statements",
    summary="Import a bank's file 导入银行对账单",
    openapi_extra={"requestBody": {"required": True, "content": _CSV}},
)
async def import_bank_statement(
    caller: Treasurer,
    parsed: Annotated[tuple[list[ParsedLine], list[Complaint]], Depends(_parsed)],
    session: Writing,
    book_id: UUID,
    account_id: UUID,
) -> ImportOut:
    """Keep the lines of a CSV file that are not there yet, and tell what became of each; again changes nothing.

    UTF-8 or GBK, up to 2 MiB and 5 000 lines; columns by their Chinese or English headers in any order. Counterparties
    are kept masked only.
    """
    book = await get_book(session, book_id)
    report = await service.import_lines(session, caller, book, account_id, parsed)
    counts = {kind: sum(item.result == kind for item in report) for kind in ("ok", "duplicate", "refused")}
    return ImportOut(
        added=counts["ok"],
        duplicates=counts["duplicate"],
        refused=counts["refused"],
        balance_breaks_at=first_broken_balance(parsed[0], {item.place for item in parsed[1]}),
        lines=report,
    )


@router.post("/v1/books/{book_id}/bank-matches", summary="Match what can only be one 自动核对")
async def match_all(caller: Treasurer, session: Writing, book_id: UUID, wanted: BulkMatchIn) -> BulkMatchOut:
    """Match every line that has exactly one posting of its amount and days, which fits no other line."""
    book = await get_book(session, book_id)
    matched, left = await service.match_all(session, caller, book, wanted.account_id)
    return BulkMatchOut(matched=matched, unmatched=left)


@router.get("/v1/books/{book_id}/bank-lines", summary="Lines of the bank 银行流水")
async def list_bank_lines(
    caller: Reader,
    session: Reading,
    paging: Paging,
    book_id: UUID,
    account_id: UUID | None = None,
    state: Literal["unmatched", "matched", "ignored"] | None = None,
) -> Page[BankLineOut]:
    """Return what the bank says, in the order of import."""
    may_read_book(caller, await get_book(session, book_id))
    after = paging.after[0] if paging.after else None
    rows = await repository.lines_of(
        session, book_id, account_id=account_id, state=state, after=after, limit=paging.size + 1
    )
    shown = await lines_out(session, rows)
    return paging.page(rows, key=lambda row: (row.id,), view=lambda row: shown[row.id])


@router.get("/v1/bank-lines/{line_id}", summary="Read a line of the bank 流水详情")
async def read_bank_line(caller: Reader, session: Reading, response: Response, line_id: UUID) -> BankLineOut:
    """Return one line with what it tells of."""
    line = await _line(session, caller, line_id)
    set_etag(response, line.version)
    return await line_out(session, line)


async def _line(session: Reading, caller: Principal, line_id: UUID) -> BankLine:
    line = await repository.find_line(session, line_id)
    if line is None:
        raise NotFound
    may_read_book(caller, await get_book(session, line.book_id))
    return line


@router.get("/v1/bank-lines/{line_id}/proposals", summary="What a line may tell of 核对建议")
async def propose_matches(caller: Reader, session: Reading, line_id: UUID) -> list[ProposalOut]:
    """Return postings that may be what a line tells of, the best first, with reasons."""
    line = await _line(session, caller, line_id)
    return [proposal_out(item) for item in await service.proposals(session, line)]


async def _begin(session: WriteSession, caller: Principal, line_id: UUID, expected: int) -> BankLine:
    line, _ = await service.begin(session, caller, line_id)
    if expected != line.version:
        check_version(expected, line.version, await line_out(session, line))
    return line


async def _told(session: WriteSession, line: BankLine, response: Response) -> BankLineOut:
    set_etag(response, line.version)
    return await line_out(session, line)


@router.post("/v1/bank-lines/{line_id}/match", summary="Match a line 核对")
async def match_line(
    caller: Treasurer, session: Writing, response: Response, expected: ExpectedVersion, line_id: UUID, wanted: MatchIn
) -> BankLineOut:
    """Say which postings a line tells of; they sum to it, and no other line tells of them."""
    line = await _begin(session, caller, line_id, expected)
    await service.match(session, caller, line, wanted.postings)
    return await _told(session, line, response)


@router.post("/v1/bank-lines/{line_id}/unmatch", summary="Take a match back 撤销核对")
async def unmatch_line(
    caller: Treasurer, session: Writing, response: Response, expected: ExpectedVersion, line_id: UUID, wanted: ReasonIn
) -> BankLineOut:
    """Take a match, or an ignoring, back."""
    line = await _begin(session, caller, line_id, expected)
    await service.unmatch(session, caller, line, wanted.reason)
    return await _told(session, line, response)


@router.post("/v1/bank-lines/{line_id}/ignore", summary="Leave a line without a posting 忽略流水")
async def ignore_line(
    caller: Treasurer, session: Writing, response: Response, expected: ExpectedVersion, line_id: UUID, wanted: ReasonIn
) -> BankLineOut:
    """Leave a line without a posting, for a reason that stays with it."""
    line = await _begin(session, caller, line_id, expected)
    await service.ignore(session, caller, line, wanted.reason)
    return await _told(session, line, response)


@router.post(
    "/v1/bank-lines/{line_id}/book",
    dependencies=[Depends(money_moves)],
    summary="Book interest or a fee 利息与手续费入账",
)
async def book_line(
    caller: Treasurer, session: Writing, response: Response, expected: ExpectedVersion, line_id: UUID, wanted: BookAsIn
) -> BankLineOut:
    """Book what only the bank knew, in the book of a fund, and match the line with it."""
    line = await _begin(session, caller, line_id, expected)
    await service.book_line(session, caller, line, wanted.kind)
    return await _told(session, line, response)


@router.get("/v1/books/{book_id}/reconciliation", summary="The bank beside the book 银行存款余额调节表")
async def reconcile(
    caller: Reader,
    session: Reading,
    book_id: UUID,
    account_id: UUID,
    on: Annotated[date | None, Query(description="Up to this day; today if left out 截止日")] = None,
) -> ReconciliationOut:
    """Put the bank's balance beside the book's, with what is unmatched on both sides."""
    book = await get_book(session, book_id)
    may_read_book(caller, book)
    await service.require_bank_account(session, book, account_id)
    return await service.reconcile(session, account_id, on or today())


@router.get("/v1/books/{book_id}/clearing", summary="Clearing accounts by age 往来清算账龄")
async def clearing(caller: Reader, session: Reading, book_id: UUID) -> list[ClearingOut]:
    """Return the clearing accounts that are not zero, with the age of what is left."""
    may_read_book(caller, await get_book(session, book_id))
    return await service.ageing(session, book_id)
