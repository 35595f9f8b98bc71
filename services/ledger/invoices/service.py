"""Use cases of invoices."""

from uuid import UUID

from services.ledger.books.rules import Leg, TransactionKind, TransactionRequest
from services.ledger.books.service import post_all
from services.ledger.grants import repository as grants
from services.ledger.grants.models import Grant
from services.ledger.grants.rules import STEPS, GrantAction
from services.ledger.grants.service import facts_of, fund_of, settle_hold
from services.ledger.invoices import repository
from services.ledger.invoices.models import Invoice, Payment
from services.ledger.invoices.rules import DocumentKnown, InvoiceState, MoreThanGranted, NotIndependent
from services.ledger.invoices.schemas import InvoiceIn, InvoiceOut
from shared.auth import Principal, Role
from shared.clock import utc_now
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
    )
    session.add(invoice)
    await session.flush()
    return invoice, True


async def begin(session: WriteSession, invoice_id: UUID) -> tuple[Invoice, Grant]:
    """Lock an invoice and its grant for a step."""
    invoice = await repository.lock_invoice(session, invoice_id)
    grant = await grants.lock_grant(session, invoice.grant_id) if invoice is not None else None
    if invoice is None or grant is None:
        raise NotFound
    return invoice, grant


def approve_invoice(caller: Principal, invoice: Invoice, grant: Grant) -> None:
    """Approve a bill, by somebody who has not asked for the money."""
    caller.must(Role.APPROVER, at=grant.area_path, rule="approvers_approve_invoices")
    if caller.subject_id in {grant.applicant_id, invoice.received_by}:
        raise NotIndependent(rule="applicant_is_not_approver")
    if invoice.state != "received":
        raise InvoiceState(state=invoice.state)
    invoice.state, invoice.approved_by = "approved", caller.subject_id
    invoice.version += 1


async def pay_invoice(session: WriteSession, caller: Principal, invoice: Invoice, grant: Grant) -> Payment:
    """Pay an approved bill from the bank, by somebody who neither asked for the money nor approved it."""
    caller.must(Role.PAYER, at=grant.area_path, rule="payers_pay")
    if caller.subject_id is None:
        raise Unauthenticated
    voters = {vote.person_id for vote in await grants.votes_of(session, grant.id) if vote.vote == "approve"}
    if caller.subject_id in voters | {grant.applicant_id, invoice.approved_by}:
        raise NotIndependent(rule="payer_is_independent")
    if invoice.state != "approved":
        raise InvoiceState(state=invoice.state)
    fund = await fund_of(session, grant)
    await settle_hold(session, caller, grant, fund)
    now = utc_now()
    payment = Payment(
        tenant_id=session.tenant,
        id=new_id(),
        invoice_id=invoice.id,
        payer_id=caller.subject_id,
        amount_fen=invoice.amount_fen,
        transaction_id=new_id(),
        paid_at=now,
    )
    request = TransactionRequest(
        id=payment.transaction_id,
        book_id=fund.book_id,
        kind=TransactionKind.POST,
        legs=(
            Leg(fund.expense_account, fund.bank_account, invoice.amount_fen),
            Leg(grant.account_id, fund.released_account, invoice.amount_fen),
        ),
        description=f"invoice {invoice.id}",
        effective_on=now.date(),
    )
    await post_all(session, caller.actor, request)
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
