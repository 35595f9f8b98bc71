"""Use cases of holds: the one way to take anything scarce. Each locks the offer first, so that its holds take turns.

Every function may be called again: what is done already is answered as it stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from services.matching.holds import repository
from services.matching.holds.models import Hold, HoldStep
from services.matching.holds.rules import (
    CONFIRMING,
    EXPIRES_AFTER,
    FOR_ORDER,
    STEPS,
    HoldAction,
    HoldExpired,
    HoldFacts,
    HoldState,
    HoldWhat,
    Side,
    StillMoving,
    is_over,
)
from services.matching.holds.taking import check_offer_open, give_back, take_what_is_wanted, what_is_wanted
from services.matching.locking import take_turn
from services.matching.offers.models import Offer
from services.matching.offers.repository import lock_offer
from services.matching.offers.rules import OfferKind
from services.matching.partners.models import Partner
from services.matching.partners.service import get_partner
from shared.auth import Principal
from shared.clock import utc_now
from shared.contracts.matching_partners import HoldCommitted, HoldEnded, MoneyPledged, PledgeReleased
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import IdTaken, NotFound, WrongState
from shared.steps import check_step

__all__ = [
    "HoldRequest",
    "check_may",
    "confirm_hold",
    "expire_due",
    "facts_of",
    "get_hold",
    "lock_for_change",
    "note_step",
    "release_hold",
    "take_hold",
    "void_hold",
]

_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest:
    """What is asked for.

    Attributes:
        quantity: of the stock, of lanes, or of a day's capacity.
        resource_id: the room or group, with the time; without, it is a quantity or a share of a day.
        for_kind: what it is for: `person`, `unit`, `match`, `order`, `agreement`, …
        for_id: which one.
        taker_id: the person who takes it, and may confirm.
        taker_unit_id: the unit that takes it, whose people may confirm.
        expires_at: when it ends by itself; two days from now without.
        id: of the client's own, so that asking twice holds once.
    """

    quantity: int = 1
    resource_id: UUID | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    day: date | None = None
    for_kind: str
    for_id: UUID | None = None
    taker_id: UUID | None = None
    taker_unit_id: UUID | None = None
    expires_at: datetime | None = None
    id: UUID | None = None


def facts_of(hold: Hold, offer: Offer, partner: Partner) -> HoldFacts:
    """Return what the rules know of a hold."""
    return HoldFacts(
        state=HoldState(hold.state),
        coverage=offer.coverage,
        giver_unit_id=partner.unit_id,
        taker_id=hold.taker_id,
        taker_unit_id=hold.taker_unit_id,
        is_for_order=hold.for_kind == FOR_ORDER,
    )


async def get_hold(session: Session, hold_id: UUID) -> Hold:
    """Return a hold, or NotFound."""
    hold = await repository.find_hold(session, hold_id)
    if hold is None:
        raise NotFound
    return hold


async def lock_for_change(session: WriteSession, hold_id: UUID) -> tuple[Hold, Offer, Partner]:
    """Lock a hold and its offer, the offer first, as everybody does."""
    seen = await get_hold(session, hold_id)
    offer = await lock_offer(session, seen.offer_id)
    hold = await repository.lock_hold(session, hold_id)
    if offer is None or hold is None:
        raise NotFound
    return hold, offer, await get_partner(session, offer.partner_id)


def check_may(caller: Principal, action: HoldAction, hold: Hold, offer: Offer, partner: Partner) -> None:
    """Refuse a step that the caller may not take, or that is not possible now."""
    check_step(STEPS, action, facts_of(hold, offer, partner), caller)


async def take_hold(session: WriteSession, offer_id: UUID, wanted: HoldRequest, *, actor: str) -> tuple[Hold, bool]:
    """Hold some of an offer, a time, or a share of a day; returns the hold and whether it is new.

    Raises:
        NotFound: no such offer.
        OfferNotOpen, OfferExhausted, SlotTaken, NotOpenThen, DayFull: it cannot be had.
        Invalid: it is no time or no room of this offer.
        IdTaken: the id names another hold.
    """
    await take_turn(session, "hold", wanted.id)
    earlier = await repository.find_hold(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if not _is_same(earlier, offer_id, wanted):
            raise IdTaken(pointer="/id")
        return earlier, False
    offer = await lock_offer(session, offer_id)
    if offer is None:
        raise NotFound
    partner = await get_partner(session, offer.partner_id)
    now = utc_now()
    check_offer_open(offer, partner, now)
    await _expire(session, offer, now)
    hold = Hold(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        offer_id=offer.id,
        what=what_is_wanted(offer, wanted.resource_id, wanted.day).value,
        quantity=wanted.quantity,
        resource_id=wanted.resource_id,
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
        day=wanted.day,
        state=HoldState.HELD.value,
        for_kind=wanted.for_kind,
        for_id=wanted.for_id,
        taker_id=wanted.taker_id,
        taker_unit_id=wanted.taker_unit_id,
        giver_confirmed_at=None,
        taker_confirmed_at=None,
        expires_at=wanted.expires_at or now + EXPIRES_AFTER,
        moving=0,
        received=0,
        created_at=now,
        version=0,
    )
    await take_what_is_wanted(session, offer, hold, now)
    data = {"offer_id": str(offer.id), "what": hold.what, "quantity": hold.quantity, "for": hold.for_kind}
    await note_step(session, hold, "hold", actor, data)
    return hold, True


def _is_same(earlier: Hold, offer_id: UUID, wanted: HoldRequest) -> bool:
    names = (
        "quantity",
        "resource_id",
        "starts_at",
        "ends_at",
        "day",
        "for_kind",
        "for_id",
        "taker_id",
        "taker_unit_id",
    )
    return earlier.offer_id == offer_id and all(getattr(earlier, name) == getattr(wanted, name) for name in names)


async def note_step(session: WriteSession, hold: Hold, step: str, actor: str, data: Mapping[str, Any]) -> None:
    """Write a step of the history; its position is the version that it makes."""
    hold.version += 1
    row = HoldStep(
        tenant_id=session.tenant,
        hold_id=hold.id,
        position=hold.version,
        step=step,
        actor=actor,
        data=dict(data),
        at=utc_now(),
    )
    session.add(row)
    await session.flush()


async def confirm_hold(
    session: WriteSession, hold: Hold, offer: Offer, partner: Partner, *sides: Side, actor: str
) -> None:
    """Let one side, or both at once, agree; when both have, what was held is committed.

    Args:
        session: the transaction.
        hold: locked, as are its offer and partner (`lock_for_change`).
        offer: of the hold.
        partner: of the offer.
        sides: who agrees.
        actor: who says so.

    Raises:
        HoldExpired: its time is over, even if nobody has noted that yet.
        WrongState: it has resolved otherwise.
    """
    fresh = [side for side in sides if getattr(hold, f"{side.value}_confirmed_at") is None]
    if hold.state == HoldState.COMMITTED and not fresh:
        return
    now = utc_now()
    if hold.state == HoldState.EXPIRED or (hold.state == HoldState.HELD and is_over(hold.expires_at, now)):
        raise HoldExpired(hold_id=str(hold.id))
    if hold.state != HoldState.HELD:
        raise WrongState(state=hold.state)
    for side in fresh:
        setattr(hold, f"{side.value}_confirmed_at", now)
        await note_step(session, hold, CONFIRMING[side].value, actor, {})
    if hold.giver_confirmed_at is not None and hold.taker_confirmed_at is not None:
        await _commit(session, hold, offer, partner, actor, now)


async def _commit(session: WriteSession, hold: Hold, offer: Offer, partner: Partner, actor: str, now: datetime) -> None:
    hold.state, hold.resolved_at = HoldState.COMMITTED.value, now
    if hold.what == HoldWhat.QUANTITY:
        offer.held -= hold.quantity
        offer.committed += hold.quantity
        offer.version += 1
    await note_step(session, hold, "commit", actor, {})
    told = HoldCommitted(
        hold_id=hold.id,
        offer_id=offer.id,
        partner_id=partner.id,
        what=hold.what,
        quantity=hold.quantity,
        starts_at=hold.starts_at,
        ends_at=hold.ends_at,
        for_kind=hold.for_kind,
        for_id=hold.for_id,
    )
    await publish(session, f"hold/{hold.id}", told)
    if offer.amount_fen is not None:
        pledged = MoneyPledged(
            hold_id=hold.id,
            offer_id=offer.id,
            unit_id=partner.unit_id,
            fund_id=offer.fund_id,
            amount_fen=offer.amount_fen,
            due_on=None,
        )
        await publish(session, f"hold/{hold.id}", pledged)


async def void_hold(session: WriteSession, hold: Hold, offer: Offer, *, actor: str, reason: str | None) -> None:
    """Give up what is held and not agreed on yet; hold and offer are locked.

    Raises:
        WrongState: it has resolved otherwise.
    """
    if hold.state in (HoldState.VOIDED, HoldState.EXPIRED):
        return
    if hold.state != HoldState.HELD:
        raise WrongState(state=hold.state)
    await _end(session, hold, offer, HoldState.VOIDED, actor, reason)


async def release_hold(session: WriteSession, hold: Hold, offer: Offer, *, actor: str, reason: str | None) -> None:
    """Give back what was committed and is not used: a booking is called off; hold and offer are locked.

    Raises:
        WrongState: it was never committed.
        StillMoving: of goods, some are on their way.
    """
    if hold.state == HoldState.RELEASED:
        return
    if hold.state != HoldState.COMMITTED:
        raise WrongState(state=hold.state)
    if hold.moving:
        raise StillMoving(moving=hold.moving)
    await _end(session, hold, offer, HoldState.RELEASED, actor, reason)


async def _end(
    session: WriteSession, hold: Hold, offer: Offer, state: HoldState, actor: str, reason: str | None
) -> None:
    now = utc_now()
    await give_back(session, hold, offer)
    hold.state, hold.reason = state.value, reason
    if state is HoldState.RELEASED:
        hold.released_at = now
    else:
        hold.resolved_at = now
    await note_step(session, hold, state.value, actor, {"reason": reason} if reason else {})
    told = HoldEnded(
        hold_id=hold.id,
        offer_id=offer.id,
        partner_id=offer.partner_id,
        state=state.value,
        for_kind=hold.for_kind,
        for_id=hold.for_id,
    )
    await publish(session, f"hold/{hold.id}", told)
    if state is HoldState.RELEASED and offer.kind == OfferKind.MONEY and hold.received < hold.quantity:
        called_off = PledgeReleased(hold_id=hold.id, offer_id=offer.id, fund_id=offer.fund_id)
        await publish(session, f"hold/{hold.id}", called_off)


async def _expire(session: WriteSession, offer: Offer, now: datetime) -> int:
    """End the holds of a locked offer whose time has come."""
    due = await repository.due_holds(session, now, offer_id=offer.id, limit=_AT_ONCE)
    for hold in due:
        await _end(session, hold, offer, HoldState.EXPIRED, "system", None)
    return len(due)


async def expire_due(session: WriteSession, now: datetime) -> int:
    """End the holds of a tenant whose time has come, offer by offer; returns how many there were."""
    due = await repository.due_holds(session, now, limit=_AT_ONCE)
    count = 0
    for offer_id in sorted({hold.offer_id for hold in due}):
        offer = await lock_offer(session, offer_id)
        if offer is not None:
            count += await _expire(session, offer, now)
    return count
