"""HTTP of property books. Who is signed in reads sums; who was charged what is for those who keep or audit the book."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Header, Path, Query, Request, Response

from services.ledger.property import planning, repository, service, spending
from services.ledger.property.report import report_of
from services.ledger.property.rules import READERS, SpendingState
from services.ledger.property.schemas import (
    BudgetIn,
    BudgetOut,
    ChargeOut,
    ChargesIn,
    LinesOut,
    PropertyBookIn,
    PropertyBookOut,
    ReasonIn,
    ReceiptOut,
    ReceiptsIn,
    ReportOut,
    SpendingIn,
    SpendingOut,
)
from services.ledger.property.views import book_out, charge_out, lines_out, spending_out
from shared.auth import Principal, Role, authenticated, requires
from shared.clock import today
from shared.pagination import Page, Paging
from shared.problems import PreconditionFailed, PreconditionRequired
from shared.web import (
    ExpectedVersion,
    Reading,
    Writing,
    check_version,
    if_match,
    money_moves,
    service_router,
    set_etag,
)

__all__ = ["router"]

router = service_router(tags=["property books 物业一本账"])

Caller = Annotated[Principal, Depends(authenticated)]
Reader = Annotated[Principal, Depends(requires(*READERS))]
Treasurer = Annotated[Principal, Depends(requires(Role.TREASURER))]
Approver = Annotated[Principal, Depends(requires(Role.APPROVER))]
Payer = Annotated[Principal, Depends(requires(Role.PAYER))]
Year = Annotated[int, Path(ge=2000, le=2200, description="Calendar year 年度")]


async def _seen_version(
    request: Request,
    if_match_header: Annotated[
        str | None, Header(alias="If-Match", description="The version that this plan replaces; none for the first.")
    ] = None,
) -> int | None:
    """Return the version in If-Match, if there is one."""
    return await if_match(request, if_match_header) if if_match_header is not None else None


@router.post(
    "/v1/property-books",
    status_code=201,
    dependencies=[Depends(money_moves)],
    summary="Open a property book 设立物业账本",
)
async def open_property_book(
    caller: Treasurer, session: Writing, response: Response, wanted: PropertyBookIn
) -> PropertyBookOut:
    """Open the book of a compound; its accounts are opened with it, and what was in the bank is brought in."""
    book, is_new = await service.open_property_book(session, caller, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/property-books/{book.id}"
    set_etag(response, book.version)
    return await book_out(session, book)


@router.get("/v1/property-books", summary="List property books 物业账本列表")
async def list_property_books(_: Caller, session: Reading, paging: Paging) -> Page[PropertyBookOut]:
    """Return the tenant's property books, the newest first."""
    rows = await repository.list_books(session, after=paging.after, limit=paging.size + 1)
    shown = {row.id: await book_out(session, row) for row in rows}
    return paging.page(rows, key=lambda row: (row.opened_at, row.id), view=lambda row: shown[row.id])


@router.get("/v1/property-books/{property_book_id}", summary="Read a property book 物业账本详情")
async def read_property_book(
    _: Caller, session: Reading, response: Response, property_book_id: UUID
) -> PropertyBookOut:
    """Return one property book."""
    book = await service.get_property_book(session, property_book_id)
    set_etag(response, book.version)
    return await book_out(session, book)


@router.post(
    "/v1/property-books/{property_book_id}/charges",
    dependencies=[Depends(money_moves)],
    summary="Charge payers 批量计费",
)
async def charge(caller: Treasurer, session: Writing, property_book_id: UUID, wanted: ChargesIn) -> LinesOut:
    """Take up to 500 charges, each for itself; the answer tells each line's fate."""
    book = await service.get_property_book(session, property_book_id)
    results = await service.charge(session, caller, book, wanted)
    return lines_out([line.id for line in wanted.charges], results)


@router.get("/v1/property-books/{property_book_id}/charges", summary="Charges, and what is open 应收明细")
async def list_charges(
    caller: Reader,
    session: Reading,
    paging: Paging,
    property_book_id: UUID,
    state: Literal["open", "overdue", "settled"] | None = None,
    payer_id: UUID | None = None,
) -> Page[ChargeOut]:
    """Return the charges of a book as they stand today, the newest first."""
    book = await service.get_property_book(session, property_book_id)
    service.may_read_payers(caller, book)
    day = today()
    rows = await repository.charges_of(
        session, book, state=state, payer_id=payer_id, today=day, after=paging.after, limit=paging.size + 1
    )
    return paging.page(
        rows, key=lambda row: (row.charge.recorded_at, row.charge.id), view=lambda row: charge_out(row, day)
    )


@router.post(
    "/v1/property-books/{property_book_id}/receipts",
    dependencies=[Depends(money_moves)],
    summary="Note what has come in 批量收款",
)
async def receive(caller: Treasurer, session: Writing, property_book_id: UUID, wanted: ReceiptsIn) -> LinesOut:
    """Take up to 500 receipts, each for itself and never more than was charged; the answer tells each line's fate."""
    book = await service.get_property_book(session, property_book_id)
    results = await service.receive(session, caller, book, wanted)
    return lines_out([line.id for line in wanted.receipts], results)


@router.get("/v1/property-books/{property_book_id}/receipts", summary="Receipts 收款明细")
async def list_receipts(
    caller: Reader, session: Reading, paging: Paging, property_book_id: UUID, charge_id: UUID | None = None
) -> Page[ReceiptOut]:
    """Return the receipts of a book or of one charge, the newest first."""
    book = await service.get_property_book(session, property_book_id)
    service.may_read_payers(caller, book)
    rows = await repository.receipts_of(session, book, charge_id=charge_id, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.recorded_at, row.id), view=ReceiptOut.model_validate)


@router.post("/v1/property-books/{property_book_id}/spending", status_code=201, summary="Request spending 申请支出")
async def request_spending(
    caller: Treasurer, session: Writing, response: Response, property_book_id: UUID, wanted: SpendingIn
) -> SpendingOut:
    """Ask for a bill to be paid; somebody else approves it and a third person pays."""
    book = await service.get_property_book(session, property_book_id)
    row, is_new = await spending.request(session, caller, book, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/property-spending/{row.id}"
    set_etag(response, row.version)
    return spending_out(row, book, caller)


@router.get("/v1/property-books/{property_book_id}/spending", summary="Spending 支出明细")
async def list_spending(
    caller: Caller, session: Reading, paging: Paging, property_book_id: UUID, state: SpendingState | None = None
) -> Page[SpendingOut]:
    """Return what a compound's money is spent on, the newest first."""
    book = await service.get_property_book(session, property_book_id)
    rows = await repository.spending_of(session, book.id, state=state, after=paging.after, limit=paging.size + 1)
    return paging.page(
        rows, key=lambda row: (row.requested_at, row.id), view=lambda row: spending_out(row, book, caller)
    )


@router.get("/v1/property-spending/{spending_id}", summary="Read a spending 支出详情")
async def read_spending(caller: Caller, session: Reading, response: Response, spending_id: UUID) -> SpendingOut:
    """Return one spending: who has requested, approved and paid it."""
    row = await spending.get_spending(session, spending_id)
    set_etag(response, row.version)
    return spending_out(row, await service.get_property_book(session, row.property_book_id), caller)


@router.post("/v1/property-spending/{spending_id}/approve", summary="Approve spending 审批支出")
async def approve_spending(
    caller: Approver, session: Writing, response: Response, expected: ExpectedVersion, spending_id: UUID
) -> SpendingOut:
    """Approve a spending, by somebody who has not requested it."""
    row, book = await spending.begin(session, spending_id)
    check_version(expected, row.version, spending_out(row, book, caller))
    await spending.approve(session, caller, row, book)
    set_etag(response, row.version)
    return spending_out(row, book, caller)


@router.post("/v1/property-spending/{spending_id}/refuse", summary="Refuse spending 退回支出")
async def refuse_spending(
    caller: Approver,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    spending_id: UUID,
    wanted: ReasonIn,
) -> SpendingOut:
    """Refuse a spending that is not paid yet, with a reason; its document may be handed in again."""
    row, book = await spending.begin(session, spending_id)
    check_version(expected, row.version, spending_out(row, book, caller))
    await spending.refuse(session, caller, row, book, wanted.reason)
    set_etag(response, row.version)
    return spending_out(row, book, caller)


@router.post("/v1/property-spending/{spending_id}/pay", dependencies=[Depends(money_moves)], summary="Pay 支付支出")
async def pay_spending(
    caller: Payer, session: Writing, response: Response, expected: ExpectedVersion, spending_id: UUID
) -> SpendingOut:
    """Pay an approved spending from the bank, by somebody who has neither requested nor approved it."""
    row, book = await spending.begin(session, spending_id)
    check_version(expected, row.version, spending_out(row, book, caller))
    await spending.pay(session, caller, row, book)
    set_etag(response, row.version)
    return spending_out(row, book, caller)


@router.put(
    "/v1/property-books/{property_book_id}/budgets/{year}",
    status_code=201,
    responses={200: {"model": BudgetOut, "description": "Planned so before 此前已如此编制"}},
    summary="Plan a year 编制预算",
)
async def plan_budget(
    caller: Treasurer,
    session: Writing,
    response: Response,
    property_book_id: UUID,
    year: Year,
    wanted: BudgetIn,
    expected: Annotated[int | None, Depends(_seen_version)],
) -> BudgetOut:
    """Plan a year; another plan is a new version and names the one that it replaces."""
    book = await service.get_property_book(session, property_book_id)
    current = await planning.begin_plan(session, caller, book, year)
    if current is None and expected is not None:
        raise PreconditionFailed(current=None)
    if current is not None and expected is not None:
        check_version(expected, current.version, current)
    if current is not None and planning.says_the_same(current, wanted):
        response.status_code = 200
        set_etag(response, current.version)
        return current
    if current is not None and expected is None:
        raise PreconditionRequired
    version = current.version + 1 if current is not None else 1
    set_etag(response, version)
    return await planning.plan(session, caller, book, year, wanted, version)


@router.get("/v1/property-books/{property_book_id}/budgets/{year}", summary="Plan of a year 年度预算")
async def read_budget(
    _: Caller,
    session: Reading,
    response: Response,
    property_book_id: UUID,
    year: Year,
    version: Annotated[int | None, Query(ge=1, le=1_000_000, description="An older version 历史版本")] = None,
) -> BudgetOut:
    """Return the plan of a year, the newest version unless told."""
    book = await service.get_property_book(session, property_book_id)
    budget = await planning.get_budget(session, book, year, version=version)
    set_etag(response, budget.version)
    return await planning.budget_out(session, budget)


@router.get("/v1/property-books/{property_book_id}/report", summary="Report of an interval 物业收支报告")
async def read_report(
    _: Caller,
    session: Reading,
    property_book_id: UUID,
    first: Annotated[
        date | None, Query(alias="from", description="First day; 1 January of the last one's year if left out 起始日")
    ] = None,
    last: Annotated[
        date | None, Query(alias="to", description="Last day, included; today if left out 截止日（含）")
    ] = None,
) -> ReportOut:
    """Return what a compound was charged, what came in, what it was spent on, and how that compares with the plan."""
    book = await service.get_property_book(session, property_book_id)
    last = last or today()
    return await report_of(session, book, first or last.replace(month=1, day=1), last)
