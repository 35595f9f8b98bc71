"""Goods on their way: claimed is not arrived, so what is sent and what is received are two steps with two proofs."""

from collections.abc import Sequence
from uuid import UUID

from services.matching.holds import repository
from services.matching.holds.models import Hold, Transfer
from services.matching.holds.outcomes import note_outcome
from services.matching.holds.rules import (
    TRANSFER_STEPS,
    HoldAction,
    HoldFacts,
    HoldWhat,
    MoreThanClaimed,
    TransferAction,
    TransferState,
)
from services.matching.holds.schemas import DispatchIn, EndTransferIn
from services.matching.holds.service import check_may, lock_for_change, note_step
from services.matching.offers.models import Offer
from services.matching.offers.rules import NotForThisKind, OfferKind
from services.matching.partners.models import Partner
from services.matching.proofs.telling import show_proof
from services.matching.record.rules import Fulfilment
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound
from shared.steps import check_step

__all__ = ["dispatch", "end_transfer", "lock_transfer"]


async def dispatch(
    session: WriteSession, caller: Principal, hold: Hold, offer: Offer, partner: Partner, wanted: DispatchIn
) -> tuple[Transfer, bool]:
    """Send some of what is claimed; returns the transfer and whether it is new. Hold and offer are locked.

    Raises:
        MoreThanClaimed: so much is not left to send.
    """
    earlier = await repository.find_transfer(session, wanted.id) if wanted.id else None
    if earlier is not None:
        same = (hold.id, wanted.quantity, wanted.proof, wanted.attachment_ids)
        if same != (earlier.hold_id, earlier.quantity, earlier.dispatch_proof, earlier.dispatch_attachment_ids):
            raise IdTaken(pointer="/id")
        return earlier, False
    if offer.kind != OfferKind.GOODS or hold.what != HoldWhat.QUANTITY:
        raise NotForThisKind(kind=offer.kind)
    check_may(caller, HoldAction.DISPATCH, hold, offer, partner)
    left = hold.quantity - hold.moving - hold.received
    if wanted.quantity > left:
        raise MoreThanClaimed(left=left)
    transfer = Transfer(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        hold_id=hold.id,
        quantity=wanted.quantity,
        state=TransferState.MOVING.value,
        dispatch_proof=wanted.proof,
        dispatch_attachment_ids=wanted.attachment_ids,
        end_attachment_ids=[],
        dispatched_at=utc_now(),
        version=1,
    )
    session.add(transfer)
    hold.moving += wanted.quantity
    offer.committed -= wanted.quantity
    offer.moving += wanted.quantity
    offer.version += 1
    data = {"transfer_id": str(transfer.id), "quantity": wanted.quantity}
    await note_step(session, hold, "dispatch", caller.actor, data)
    await _show(session, caller, hold, offer, partner, wanted.attachment_ids)
    return transfer, True


async def _show(
    session: WriteSession, caller: Principal, hold: Hold, offer: Offer, partner: Partner, attachment_ids: Sequence[UUID]
) -> None:
    owner, unit_id = ("hold", hold.id), partner.unit_id
    await show_proof(session, caller, owner, attachment_ids, area_path=offer.coverage, unit_id=unit_id)


async def lock_transfer(session: WriteSession, transfer_id: UUID) -> tuple[Transfer, Hold, Offer, Partner]:
    """Lock goods on their way with their hold and offer, or NotFound."""
    seen = await repository.find_transfer(session, transfer_id)
    if seen is None:
        raise NotFound
    hold, offer, partner = await lock_for_change(session, seen.hold_id)
    await session.refresh(seen)
    return seen, hold, offer, partner


async def end_transfer(
    session: WriteSession,
    caller: Principal,
    transfer: Transfer,
    hold: Hold,
    offer: Offer,
    partner: Partner,
    wanted: EndTransferIn,
) -> None:
    """Note that goods have arrived, or that they came back and are still owed."""
    action = TransferAction(wanted.outcome)
    facts = HoldFacts(TransferState(transfer.state), offer.coverage, partner.unit_id, hold.taker_id, hold.taker_unit_id)
    check_step(TRANSFER_STEPS, action, facts, caller)
    hold.moving -= transfer.quantity
    offer.moving -= transfer.quantity
    if action is TransferAction.RECEIVE:
        hold.received += transfer.quantity
        offer.received += transfer.quantity
    else:
        offer.committed += transfer.quantity
    transfer.state = TransferState(TRANSFER_STEPS[action].target).value
    transfer.end_proof, transfer.end_attachment_ids = wanted.proof, wanted.attachment_ids
    transfer.ended_at = utc_now()
    transfer.version += 1
    offer.version += 1
    data = {"transfer_id": str(transfer.id), "quantity": transfer.quantity}
    await note_step(session, hold, action.value, caller.actor, data)
    await _show(session, caller, hold, offer, partner, wanted.attachment_ids)
    if hold.received == hold.quantity:
        await note_outcome(session, hold, partner, Fulfilment.KEPT, actor=caller.actor)
