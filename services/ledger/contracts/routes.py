"""HTTP of contracts."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.ledger.contracts import repository, service
from services.ledger.contracts.models import Contract
from services.ledger.contracts.schemas import AcceptanceIn, ContractIn, ContractOut
from services.ledger.contracts.views import contract_out
from services.ledger.grants.models import Grant
from services.ledger.grants.repository import find_grant
from services.ledger.grants.service import lock_grant
from shared.auth import Principal, Role, authenticated, requires
from shared.db import WriteSession
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import ExpectedVersion, Reading, Writing, check_version, money_moves, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["contracts 合同"])

Caller = Annotated[Principal, Depends(authenticated)]
Spender = Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY, Role.UNIT_STAFF, Role.TREASURER))]


async def _begin(session: WriteSession, caller: Principal, contract_id: UUID, expected: int) -> tuple[Contract, Grant]:
    contract, grant = await service.begin(session, contract_id)
    check_version(expected, contract.version, await contract_out(session, contract, grant, caller))
    return contract, grant


async def _told(
    session: WriteSession, caller: Principal, contract: Contract, grant: Grant, response: Response
) -> ContractOut:
    set_etag(response, contract.version)
    return await contract_out(session, contract, grant, caller)


@router.post(
    "/v1/grants/{grant_id}/contracts",
    status_code=201,
    dependencies=[Depends(money_moves)],
    summary="Sign a contract 签订合同",
)
async def sign_contract(
    caller: Spender, session: Writing, response: Response, grant_id: UUID, wanted: ContractIn
) -> ContractOut:
    """Sign a contract under an approved grant; its money is held, so that nothing else can spend it."""
    grant = await lock_grant(session, grant_id)
    contract, is_new = await service.sign(session, caller, grant, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/contracts/{contract.id}"
    return await _told(session, caller, contract, grant, response)


@router.get("/v1/grants/{grant_id}/contracts", summary="Contracts of a grant 合同列表")
async def list_contracts(caller: Caller, session: Reading, paging: Paging, grant_id: UUID) -> Page[ContractOut]:
    """Return the contracts of a grant."""
    grant = await find_grant(session, grant_id)
    if grant is None:
        raise NotFound
    after = paging.after[0] if paging.after else None
    rows = await repository.contracts_of(session, grant_id, after=after, limit=paging.size + 1)
    shown = {row.id: await contract_out(session, row, grant, caller) for row in rows}
    return paging.page(rows, key=lambda row: (row.id,), view=lambda row: shown[row.id])


@router.get("/v1/contracts/{contract_id}", summary="Read a contract 合同详情")
async def read_contract(caller: Caller, session: Reading, response: Response, contract_id: UUID) -> ContractOut:
    """Return a contract with what it holds and what was invoiced."""
    contract = await repository.find_contract(session, contract_id)
    grant = await find_grant(session, contract.grant_id) if contract is not None else None
    if contract is None or grant is None:
        raise NotFound
    set_etag(response, contract.version)
    return await contract_out(session, contract, grant, caller)


@router.post(
    "/v1/contracts/{contract_id}/approve",
    dependencies=[Depends(money_moves)],
    summary="Approve a contract with a related party 批准关联方合同",
)
async def approve_contract(
    caller: Annotated[Principal, Depends(requires(Role.APPROVER))],
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    contract_id: UUID,
) -> ContractOut:
    """Approve a contract with a related party, by an approver who has neither applied nor signed."""
    contract, grant = await _begin(session, caller, contract_id, expected)
    await service.approve(session, caller, contract, grant)
    return await _told(session, caller, contract, grant, response)


@router.post("/v1/contracts/{contract_id}/accept", summary="Accept the result 验收")
async def accept_contract(
    caller: Annotated[Principal, Depends(requires(Role.APPROVER, Role.OFFICER, Role.SECRETARY, Role.CONVENOR))],
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    contract_id: UUID,
    wanted: AcceptanceIn,
) -> ContractOut:
    """Accept what was delivered, with proof; nothing is paid before."""
    contract, grant = await _begin(session, caller, contract_id, expected)
    await service.accept(session, caller, contract, grant, wanted)
    return await _told(session, caller, contract, grant, response)


@router.post(
    "/v1/contracts/{contract_id}/close", dependencies=[Depends(money_moves)], summary="Close a contract 了结合同"
)
async def close_contract(
    caller: Annotated[Principal, Depends(requires(Role.TREASURER))],
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    contract_id: UUID,
) -> ContractOut:
    """End a contract; what it still holds goes back to the grant."""
    contract, grant = await _begin(session, caller, contract_id, expected)
    await service.close(session, caller, contract, grant)
    return await _told(session, caller, contract, grant, response)
