"""Use cases of contracts."""

from uuid import UUID

from services.ledger.books.models import Hold
from services.ledger.books.rules import Leg, TransactionKind, TransactionRequest
from services.ledger.books.service import post_all
from services.ledger.contracts import repository
from services.ledger.contracts.models import Contract, ContractHold
from services.ledger.contracts.rules import (
    STEPS,
    ContractAction,
    ContractFacts,
    ContractState,
    DocumentKnown,
    InvoicesOpen,
    MoreThanGrant,
)
from services.ledger.contracts.schemas import AcceptanceIn, ContractIn
from services.ledger.funds.models import Fund
from services.ledger.grants import repository as grants
from services.ledger.grants.models import Grant
from services.ledger.grants.money import draw, settle_holds
from services.ledger.grants.rules import STEPS as GRANT_STEPS
from services.ledger.grants.rules import GrantAction
from services.ledger.grants.service import facts_of as grant_facts
from services.ledger.grants.service import fund_of
from services.ledger.suppliers.repository import find_supplier
from services.ledger.suppliers.rules import UnknownSupplier
from shared.auth import Principal
from shared.clock import today, utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.money import split_largest_remainder
from shared.problems import IdTaken, NotFound, Unauthenticated
from shared.steps import check_step

__all__ = ["accept", "approve", "begin", "close", "facts_of", "settlement", "sign"]


def facts_of(contract: Contract, grant: Grant) -> ContractFacts:
    """Return what the rules know of a contract."""
    return ContractFacts(ContractState(contract.state), grant.area_path, grant.applicant_id, contract.signed_by)


async def begin(session: WriteSession, contract_id: UUID) -> tuple[Contract, Grant]:
    """Lock a contract and its grant for a step, the grant first as everybody does."""
    found = await repository.find_contract(session, contract_id)
    grant = await grants.lock_grant(session, found.grant_id) if found is not None else None
    contract = await repository.lock_contract(session, contract_id)
    if contract is None or grant is None:
        raise NotFound
    await session.refresh(contract)
    return contract, grant


async def sign(session: WriteSession, caller: Principal, grant: Grant, wanted: ContractIn) -> tuple[Contract, bool]:
    """Sign a contract under an approved grant; returns it and whether it is new.

    Its money is held at once, unless the supplier is a related party: then it waits for an approver.
    """
    check_step(GRANT_STEPS, GrantAction.INVOICE, grant_facts(grant), caller)
    if caller.subject_id is None:
        raise Unauthenticated
    digest = bytes.fromhex(wanted.document_sha256)
    earlier = await repository.find_contract(session, wanted.id) if wanted.id else None
    if earlier is not None:
        kept = (earlier.grant_id, earlier.supplier_id, earlier.document_sha256, earlier.amount_fen)
        if kept != (grant.id, wanted.supplier_id, digest, wanted.amount_fen):
            raise IdTaken(pointer="/id")
        return earlier, False
    supplier = await find_supplier(session, wanted.supplier_id)
    if supplier is None:
        raise UnknownSupplier(pointer="/supplier_id")
    if await repository.find_by_document(session, digest) is not None:
        raise DocumentKnown(pointer="/document_sha256")
    contracted_fen = await repository.contracted_fen(session, grant.id)
    if contracted_fen + wanted.amount_fen > grant.total_fen:
        raise MoreThanGrant(contracted_fen=contracted_fen, total_fen=grant.total_fen)
    contract = Contract(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        grant_id=grant.id,
        supplier_id=supplier.id,
        title=wanted.title,
        amount_fen=wanted.amount_fen,
        document_sha256=digest,
        state=ContractState.PROPOSED.value,
        signed_by=caller.subject_id,
        signed_at=utc_now(),
        version=1,
    )
    session.add(contract)
    await session.flush()
    if not supplier.is_related:
        await _bind(session, caller, contract, grant)
    return contract, True


async def _bind(session: WriteSession, caller: Principal, contract: Contract, grant: Grant) -> None:
    """Hold the contract's money on the accounts of the grant."""
    fund = await fund_of(session, grant)
    await settle_holds(session, caller, grant, fund)
    requests = [
        TransactionRequest(
            id=new_id(),
            book_id=fund.book_id,
            kind=TransactionKind.HOLD,
            legs=(Leg(account, fund.released_account, part),),
            description=f"contract {contract.id}",
            effective_on=today(),
            document_sha256=contract.document_sha256,
        )
        for account, part in await draw(session, grant, contract.amount_fen)
    ]
    await post_all(session, caller.actor, *requests)
    session.add_all(
        ContractHold(tenant_id=session.tenant, contract_id=contract.id, position=position, hold_id=request.id)
        for position, request in enumerate(requests)
    )
    contract.state = ContractState.BINDING.value
    await session.flush()


async def approve(session: WriteSession, caller: Principal, contract: Contract, grant: Grant) -> None:
    """Approve a contract with a related party; it binds from now on."""
    check_step(STEPS, ContractAction.APPROVE, facts_of(contract, grant), caller)
    contract.approved_by = caller.subject_id
    contract.version += 1
    await _bind(session, caller, contract, grant)


async def accept(
    session: WriteSession, caller: Principal, contract: Contract, grant: Grant, wanted: AcceptanceIn
) -> None:
    """Accept what was delivered, with proof, by somebody who has neither applied nor signed."""
    check_step(STEPS, ContractAction.ACCEPT, facts_of(contract, grant), caller)
    contract.state = ContractState.ACCEPTED.value
    contract.accepted_by, contract.accepted_at = caller.subject_id, utc_now()
    contract.acceptance_sha256, contract.acceptance_note = bytes.fromhex(wanted.proof_sha256), wanted.note
    contract.version += 1
    await session.flush()


async def close(session: WriteSession, caller: Principal, contract: Contract, grant: Grant) -> None:
    """End a contract; what it still holds goes back to the grant."""
    check_step(STEPS, ContractAction.CLOSE, facts_of(contract, grant), caller)
    if await repository.unpaid_invoices(session, contract.id):
        raise InvoicesOpen
    fund = await fund_of(session, grant)
    requests = [
        TransactionRequest(
            id=new_id(),
            book_id=fund.book_id,
            kind=TransactionKind.VOID,
            legs=(),
            description=f"rest of contract {contract.id}",
            effective_on=today(),
            hold_id=hold.id,
        )
        for hold in await repository.holds_of(session, contract.id)
        if hold.state == "open"
    ]
    if requests:
        await post_all(session, caller.actor, *requests)
    contract.state = ContractState.CLOSED.value
    contract.version += 1
    await session.flush()


async def settlement(
    session: WriteSession, fund: Fund, contract: Contract, amount_fen: int, description: str
) -> list[TransactionRequest]:
    """Return what spends an amount out of a contract's holds, in proportion to what each still has."""
    holds = [hold for hold in await repository.holds_of(session, contract.id) if hold.state == "open"]
    parts = split_largest_remainder(amount_fen, [_rest(hold) for hold in holds])
    return [
        TransactionRequest(
            id=new_id(),
            book_id=fund.book_id,
            kind=TransactionKind.SETTLE,
            legs=(Leg(hold.debit_account, hold.credit_account, part),),
            description=description,
            effective_on=today(),
            hold_id=hold.id,
        )
        for hold, part in zip(holds, parts, strict=True)
        if part
    ]


def _rest(hold: Hold) -> int:
    return hold.amount - hold.settled - hold.released
