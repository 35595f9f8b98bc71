"""Use cases of invoices."""

from uuid import UUID

from services.ledger.books.rules import AccountClass, Leg, NewAccount, TransactionKind, TransactionRequest
from services.ledger.books.service import post_all
from services.ledger.contracts import repository as contracts
from services.ledger.contracts.models import Contract
from services.ledger.contracts.rules import ContractState, MoreThanContract, NotAccepted, NotBinding
from services.ledger.contracts.service import settlement
from services.ledger.funds.models import Fund
from services.ledger.funds.service import ensure_account
from services.ledger.grants import repository as grants
from services.ledger.grants.models import Grant
from services.ledger.grants.money import draw, settle_holds
from services.ledger.grants.rules import STEPS, GrantAction
from services.ledger.grants.service import facts_of, fund_of
from services.ledger.invoices import repository
from services.ledger.invoices.models import Invoice, Payment
from services.ledger.invoices.rules import (
    DocumentKnown,
    InvoiceState,
    MoreThanGranted,
    NotIndependent,
    UnknownContract,
)
from services.ledger.invoices.schemas import InvoiceIn, InvoiceOut
from shared.auth import Principal, Role
from shared.clock import today, utc_now
from shared.contracts.ledger import PaymentMade
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import IdTaken, NotFound, Unauthenticated
from shared.steps import check_step

__all__ = ["approve_invoice", "begin", "hand_in_invoice", "invoice_out", "pay_invoice"]


async def hand_in_invoice(
    session: WriteSession, caller: Principal, grant: Grant, wanted: InvoiceIn
) -> tuple[Invoice, bool]:
    """Hand in a supplier's bill under a grant; returns it and whether it is new."""
    check_step(STEPS, GrantAction.INVOICE, facts_of(grant), caller)
    if caller.subject_id is None:
        raise Unauthenticated
    digest = bytes.fromhex(wanted.document_sha256)
    earlier = await repository.find_invoice(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if (earlier.grant_id, earlier.document_sha256, earlier.amount_fen) != (grant.id, digest, wanted.amount_fen):
            raise IdTaken(pointer="/id")
        return earlier, False
    if await repository.find_by_document(session, digest) is not None:
        raise DocumentKnown(pointer="/document_sha256")
    billed = await repository.billed_fen(session, grant.id)
    if billed + wanted.amount_fen > grant.total_fen:
        raise MoreThanGranted(billed_fen=billed, total_fen=grant.total_fen)
    contract = await _contract_for(session, grant, wanted)
    invoice = Invoice(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        grant_id=grant.id,
        supplier=wanted.supplier,
        number=wanted.number,
        document_sha256=digest,
        amount_fen=wanted.amount_fen,
        state="received",
        received_by=caller.subject_id,
        received_at=utc_now(),
        version=1,
        contract_id=contract.id if contract else None,
        supplier_id=contract.supplier_id if contract else None,
    )
    session.add(invoice)
    await session.flush()
    return invoice, True


async def _contract_for(session: WriteSession, grant: Grant, wanted: InvoiceIn) -> Contract | None:
    """Return the contract that a bill is under, if it is under one and within it."""
    if wanted.contract_id is None:
        return None
    contract = await contracts.lock_contract(session, wanted.contract_id)
    if contract is None or contract.grant_id != grant.id:
        raise UnknownContract(pointer="/contract_id")
    if contract.state not in {ContractState.BINDING, ContractState.ACCEPTED}:
        raise NotBinding(state=contract.state)
    invoiced_fen = await contracts.invoiced_fen(session, contract.id)
    if invoiced_fen + wanted.amount_fen > contract.amount_fen:
        raise MoreThanContract(invoiced_fen=invoiced_fen, amount_fen=contract.amount_fen)
    return contract


async def begin(session: WriteSession, invoice_id: UUID) -> tuple[Invoice, Grant]:
    """Lock an invoice and its grant for a step."""
    invoice = await repository.lock_invoice(session, invoice_id)
    grant = await grants.lock_grant(session, invoice.grant_id) if invoice is not None else None
    if invoice is None or grant is None:
        raise NotFound
    return invoice, grant


async def approve_invoice(session: WriteSession, caller: Principal, invoice: Invoice, grant: Grant) -> None:
    """Approve a bill, by somebody who has not asked for the money: from now on it is spent, and owed."""
    caller.must(Role.APPROVER, at=grant.area_path, rule="approvers_approve_invoices")
    if caller.subject_id in {grant.applicant_id, invoice.received_by}:
        raise NotIndependent(rule="applicant_is_not_approver")
    if invoice.state != "received":
        raise InvoiceState(state=invoice.state)
    fund = await fund_of(session, grant)
    invoice.accrual_id = new_id()
    request = _posting(
        fund,
        invoice,
        Leg(await _expense(session, fund, grant), await _payable(session, fund), invoice.amount_fen),
        id=invoice.accrual_id,
    )
    await post_all(session, caller.actor, request)
    invoice.state, invoice.approved_by = "approved", caller.subject_id
    invoice.version += 1


async def _expense(session: WriteSession, fund: Fund, grant: Grant) -> UUID:
    """Return the account of what is spent on the grant's category."""
    account = NewAccount(
        new_id(), fund.book_id, f"expense:{grant.category}", f"支出 Spent on: {grant.category}", AccountClass.EXPENSE
    )
    return await ensure_account(session, fund, account)


async def _payable(session: WriteSession, fund: Fund) -> UUID:
    """Return the account of what is owed to suppliers."""
    account = NewAccount(
        new_id(),
        fund.book_id,
        "payable",
        "应付供应商 Owed to suppliers",
        AccountClass.LIABILITY,
        floor_fen=0,
        purpose="*",
    )
    return await ensure_account(session, fund, account)


def _posting(fund: Fund, invoice: Invoice, *legs: Leg, id: UUID) -> TransactionRequest:  # noqa: A002 - it is one
    return TransactionRequest(
        id=id,
        book_id=fund.book_id,
        kind=TransactionKind.POST,
        legs=legs,
        description=f"invoice {invoice.id}",
        effective_on=today(),
        document_sha256=invoice.document_sha256,
    )


async def _check_payer(session: WriteSession, caller: Principal, invoice: Invoice, grant: Grant) -> UUID:
    """Return who pays: somebody who neither asked for the money nor approved it."""
    caller.must(Role.PAYER, at=grant.area_path, rule="payers_pay")
    if caller.subject_id is None:
        raise Unauthenticated
    voters = {vote.person_id for vote in await grants.votes_of(session, grant.id) if vote.vote == "approve"}
    if caller.subject_id in voters | {grant.applicant_id, invoice.approved_by}:
        raise NotIndependent(rule="payer_is_independent")
    if invoice.state != "approved":
        raise InvoiceState(state=invoice.state)
    return caller.subject_id


async def pay_invoice(session: WriteSession, caller: Principal, invoice: Invoice, grant: Grant) -> Payment:
    """Pay an approved bill from the bank; one under a contract when the result has been accepted."""
    payer_id = await _check_payer(session, caller, invoice, grant)
    contract = await contracts.lock_contract(session, invoice.contract_id) if invoice.contract_id else None
    if contract is not None and contract.state != ContractState.ACCEPTED:
        raise NotAccepted(state=contract.state)
    fund = await fund_of(session, grant)
    await settle_holds(session, caller, grant, fund)
    payment_id, transaction_id, now = new_id(), new_id(), utc_now()
    owed = fund.expense_account if invoice.accrual_id is None else await _payable(session, fund)
    requests = [_posting(fund, invoice, Leg(owed, fund.bank_account, invoice.amount_fen), id=transaction_id)]
    if contract is not None:
        requests += await settlement(session, fund, contract, invoice.amount_fen, f"invoice {invoice.id}")
    else:
        drawn = await draw(session, grant, invoice.amount_fen)
        released = (Leg(account, fund.released_account, part) for account, part in drawn)
        requests.append(_posting(fund, invoice, *released, id=new_id()))
    await post_all(session, caller.actor, *requests)
    payment = Payment(
        tenant_id=session.tenant,
        id=payment_id,
        invoice_id=invoice.id,
        payer_id=payer_id,
        amount_fen=invoice.amount_fen,
        transaction_id=transaction_id,
        paid_at=now,
    )
    session.add(payment)
    invoice.state = "paid"
    invoice.version += 1
    await session.flush()
    told = PaymentMade(
        payment_id=payment.id,
        invoice_id=invoice.id,
        grant_id=grant.id,
        project_id=grant.project_id,
        amount_fen=payment.amount_fen,
        paid_at=now,
    )
    await publish(session, f"grant/{grant.id}", told)
    return payment


async def invoice_out(session: Session, invoice: Invoice) -> InvoiceOut:
    """Show an invoice with its payment."""
    payment = await repository.payment_of(session, invoice.id)
    hidden = {"document_sha256", "payment_id", "paid_at"}
    columns = {name: getattr(invoice, name) for name in InvoiceOut.model_fields if name not in hidden}
    return InvoiceOut.model_validate(
        {
            **columns,
            "document_sha256": invoice.document_sha256.hex(),
            "payment_id": payment.id if payment else None,
            "paid_at": payment.paid_at if payment else None,
        }
    )
