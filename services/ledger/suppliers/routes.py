"""HTTP of suppliers."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.ledger.suppliers import repository, service
from services.ledger.suppliers.schemas import RelationIn, SupplierIn, SupplierOut
from shared.auth import Principal, Role, authenticated, requires
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["suppliers 供应商"])

Caller = Annotated[Principal, Depends(authenticated)]


@router.post("/v1/suppliers", status_code=201, summary="Register a supplier 登记供应商")
async def register_supplier(
    caller: Annotated[Principal, Depends(requires(Role.TREASURER))],
    session: Writing,
    response: Response,
    wanted: SupplierIn,
) -> SupplierOut:
    """Register who can be paid, and whether it is a related party."""
    supplier, is_new = await service.register_supplier(session, caller, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/suppliers/{supplier.id}"
    set_etag(response, supplier.version)
    return SupplierOut.model_validate(supplier)


@router.get("/v1/suppliers", summary="Suppliers 供应商列表")
async def list_suppliers(_: Caller, session: Reading, paging: Paging) -> Page[SupplierOut]:
    """Return the tenant's suppliers, the newest first."""
    after = paging.after[0] if paging.after else None
    rows = await repository.list_suppliers(session, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.id,), view=SupplierOut.model_validate)


@router.get("/v1/suppliers/{supplier_id}", summary="Read a supplier 供应商详情")
async def read_supplier(_: Caller, session: Reading, response: Response, supplier_id: UUID) -> SupplierOut:
    """Return one supplier."""
    supplier = await repository.find_supplier(session, supplier_id)
    if supplier is None:
        raise NotFound
    set_etag(response, supplier.version)
    return SupplierOut.model_validate(supplier)


@router.post("/v1/suppliers/{supplier_id}/relation", summary="Declare a related party 声明关联方")
async def change_relation(
    caller: Annotated[Principal, Depends(requires(Role.TREASURER, Role.AUDITOR))],
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    supplier_id: UUID,
    wanted: RelationIn,
) -> SupplierOut:
    """Note to whom a supplier is related; contracts with a related one take an approval of their own."""
    supplier = await repository.lock_supplier(session, supplier_id)
    if supplier is None:
        raise NotFound
    check_version(expected, supplier.version, SupplierOut.model_validate(supplier))
    await service.change_relation(session, caller, supplier, wanted.relation)
    set_etag(response, supplier.version)
    return SupplierOut.model_validate(supplier)
