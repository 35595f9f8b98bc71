"""HTTP of invoices."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.ledger.grants.repository import find_grant
from services.ledger.grants.service import lock_grant
from services.ledger.invoices import repository, service
from services.ledger.invoices.schemas import InvoiceIn, InvoiceOut
from shared.auth import Principal, Role, authenticated, requires
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import (
    ExpectedVersion,
    Reading,
    Writing,
    check_version,
    money_moves,
    service_router,
    set_etag,
)

__all__ = ["router"]

router = service_router(tags=["invoices 发票"])


@router.post("/v1/grants/{grant_id}/invoices", status_code=201, summary="Hand in an invoice 提交发票")
async def hand_in_invoice(
    caller: Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY, Role.UNIT_STAFF, Role.TREASURER))],
    session: Writing,
    response: Response,
    grant_id: UUID,
    wanted: InvoiceIn,
) -> InvoiceOut:
    """Hand in a supplier's bill under an approved grant."""
    grant = await lock_grant(session, grant_id)
    invoice, is_new = await service.hand_in_invoice(session, caller, grant, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/grants/{grant_id}/invoices"
    set_etag(response, invoice.version)
    return await service.invoice_out(session, invoice)


@router.get("/v1/grants/{grant_id}/invoices", summary="Invoices of a grant 发票列表")
async def list_invoices(
    _: Annotated[Principal, Depends(authenticated)], session: Reading, paging: Paging, grant_id: UUID
) -> Page[InvoiceOut]:
    """Return a grant's invoices and what was paid."""
    if await find_grant(session, grant_id) is None:
        raise NotFound
    after = paging.after[0] if paging.after else None
    rows = await repository.invoices_of(session, grant_id, after=after, limit=paging.size + 1)
    shown = {row.id: await service.invoice_out(session, row) for row in rows}
    return paging.page(rows, key=lambda row: (row.id,), view=lambda row: shown[row.id])


@router.post(
    "/v1/invoices/{invoice_id}/approve", dependencies=[Depends(money_moves)], summary="Approve an invoice 审核发票"
)
async def approve_invoice(
    caller: Annotated[Principal, Depends(requires(Role.APPROVER))],
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    invoice_id: UUID,
) -> InvoiceOut:
    """Approve a bill, by somebody who has not asked for the money."""
    invoice, grant = await service.begin(session, invoice_id)
    check_version(expected, invoice.version, await service.invoice_out(session, invoice))
    await service.approve_invoice(session, caller, invoice, grant)
    await session.flush()
    set_etag(response, invoice.version)
    return await service.invoice_out(session, invoice)


@router.post("/v1/invoices/{invoice_id}/pay", dependencies=[Depends(money_moves)], summary="Pay an invoice 付款")
async def pay_invoice(
    caller: Annotated[Principal, Depends(requires(Role.PAYER))],
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    invoice_id: UUID,
) -> InvoiceOut:
    """Pay an approved bill from the fund's bank, by somebody who neither asked for the money nor approved it."""
    invoice, grant = await service.begin(session, invoice_id)
    check_version(expected, invoice.version, await service.invoice_out(session, invoice))
    await service.pay_invoice(session, caller, invoice, grant)
    set_etag(response, invoice.version)
    return await service.invoice_out(session, invoice)
