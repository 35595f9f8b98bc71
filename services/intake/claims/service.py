"""Use cases of claims. Whatever else moves the case ends the claim: see `cases.moving`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.intake.cases.locking import lock_case_if_free
from services.intake.cases.models import Case
from services.intake.cases.moving import Move, move, subject_of
from services.intake.cases.problems import DueInThePast
from services.intake.cases.service import active_unit, let_go
from services.intake.cases.terms import Action, State
from services.intake.claims import repository
from services.intake.claims.models import Claim, ClaimHelper, ClaimOffer
from services.intake.claims.rules import AlreadyOffered, ClaimState, OfferState, UnknownOffer
from services.intake.claims.schemas import ChooseIn, ClaimIn, HelperIn, OfferIn
from services.intake.handling.service import handling_of
from services.intake.supervision.service import order_by_system
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.contracts.intake import CaseClaimed
from shared.db import WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import Forbidden
from shared.texts import Text

__all__ = ["choose_offer", "claim_case", "make_offer", "return_lapsed", "tell_of_overdue", "withdraw_offer"]

_LAPSED = Text(
    zh="认领后逾期未推进，诉求已收回。请书面说明原因及整改措施。",
    en="The claim has lapsed without progress and the case was taken back. Say in writing why, and what will change.",
)


async def _own_unit(session: WriteSession, caller: Principal, unit_id: UUID, due_at: datetime) -> tuple[UUID, str]:
    if unit_id not in caller.units(Role.UNIT_STAFF):
        raise Forbidden(rule="claims_for_own_unit")
    if due_at <= utc_now():
        raise DueInThePast(pointer="/due_at")
    return await active_unit(session, unit_id)


async def claim_case(session: WriteSession, caller: Principal, case: Case, wanted: ClaimIn) -> None:
    """Take a case for one of the caller's units, until a due time; the lease is shorter, and progress renews it."""
    if case.unit_id not in (None, wanted.unit_id):
        raise Forbidden(rule="assigned_to_another_unit")
    unit_id, name = await _own_unit(session, caller, wanted.unit_id, wanted.due_at)
    case.claimed_by = caller.subject_id
    claim = _claim(case, unit_id, caller.actor, wanted.due_at)
    await _take(session, case, claim, name, Move(Action.CLAIM, caller.actor, State.CLAIMED, note=wanted.note))


def _claim(case: Case, unit_id: UUID, actor: str, due_at: datetime) -> Claim:
    return Claim(
        tenant_id=case.tenant_id,
        id=new_id(),
        case_id=case.id,
        unit_id=unit_id,
        taken_by=actor,
        due_at=due_at,
        renewals=0,
        state=ClaimState.ACTIVE.value,
    )


async def _take(session: WriteSession, case: Case, claim: Claim, name: str, wanted: Move) -> None:
    """Let a unit hold a case."""
    handling = await handling_of(session)
    case.unit_id, case.due_at = claim.unit_id, claim.due_at
    wanted.data.update(unit_id=str(claim.unit_id), unit=name, due_at=claim.due_at.isoformat())
    claim.started_at = await move(session, case, wanted)
    claim.lease_until = handling.calendar.add(claim.started_at, timedelta(minutes=handling.rules.lease_minutes))
    session.add(claim)
    told = CaseClaimed(case_id=case.id, unit_id=claim.unit_id, due_at=claim.due_at)
    await publish(session, subject_of(case), told)


async def make_offer(session: WriteSession, caller: Principal, case: Case, wanted: OfferIn) -> ClaimOffer:
    """Say what a unit would do.

    Raises:
        AlreadyOffered: the unit has an open offer; it can withdraw it first.
    """
    unit_id, name = await _own_unit(session, caller, wanted.unit_id, wanted.due_at)
    if await repository.open_offers(session, case.id, {unit_id}):
        raise AlreadyOffered
    offer = ClaimOffer(
        tenant_id=session.tenant,
        id=new_id(),
        case_id=case.id,
        unit_id=unit_id,
        unit_name=name,
        due_at=wanted.due_at,
        cost_fen=wanted.cost_fen,
        note=wanted.note,
        state=OfferState.OPEN.value,
        made_by=caller.actor,
    )
    data = {"offer_id": str(offer.id), "unit_id": str(unit_id), "unit": name, "due_at": wanted.due_at.isoformat()}
    if wanted.cost_fen is not None:
        data["cost_fen"] = str(wanted.cost_fen)
    offer.made_at = await move(session, case, Move(Action.OFFER, caller.actor, note=wanted.note, data=data))
    session.add(offer)
    return offer


async def withdraw_offer(session: WriteSession, caller: Principal, case: Case, offer_id: UUID) -> ClaimOffer:
    """Take an open offer of one of the caller's units back."""
    offer = await _open_offer(session, case, offer_id)
    if offer.unit_id not in caller.units(Role.UNIT_STAFF):
        raise Forbidden(rule="claims_for_own_unit")
    offer.state = OfferState.WITHDRAWN.value
    data = {"offer_id": str(offer.id), "unit_id": str(offer.unit_id), "unit": offer.unit_name}
    await move(session, case, Move("withdraw_offer", caller.actor, data=data))
    return offer


async def _open_offer(session: WriteSession, case: Case, offer_id: UUID) -> ClaimOffer:
    for offer in await repository.open_offers(session, case.id):
        if offer.id == offer_id:
            return offer
    raise UnknownOffer(pointer="/offer_id")


async def choose_offer(session: WriteSession, caller: Principal, case: Case, wanted: ChooseIn) -> None:
    """Choose one offer at the joint meeting; other units may help the one that leads."""
    offer = await _open_offer(session, case, wanted.offer_id)
    claim = _claim(case, offer.unit_id, caller.actor, offer.due_at)
    claim.offer_id, claim.cost_fen = offer.id, offer.cost_fen
    case.claimed_by = None
    others = await repository.open_offers(session, case.id)
    helping = {helper.unit_id for helper in wanted.helpers}
    for other in others:
        other.state = (OfferState.HELPS if other.unit_id in helping else OfferState.PASSED_OVER).value
    offer.state = OfferState.CHOSEN.value
    passed_over = sorted(str(other.unit_id) for other in others if other.unit_id not in helping | {offer.unit_id})
    data: dict[str, Any] = {"offer_id": str(offer.id), "helpers": [str(unit) for unit in sorted(helping)]}
    data |= {"passed_over": passed_over} if passed_over else {}
    await _take(session, case, claim, offer.unit_name, _chosen(caller, wanted, data))
    await session.flush()
    await _let_help(session, claim, wanted.helpers)


def _chosen(caller: Principal, wanted: ChooseIn, data: dict[str, Any]) -> Move:
    return Move(Action.CHOOSE, caller.actor, State.CLAIMED, note=wanted.note, data=data)


async def _let_help(session: WriteSession, claim: Claim, helpers: Sequence[HelperIn]) -> None:
    for place, helper in enumerate(helpers):
        unit_id, name = await active_unit(session, helper.unit_id, f"/helpers/{place}/unit_id")
        row = ClaimHelper(
            tenant_id=session.tenant,
            claim_id=claim.id,
            unit_id=unit_id,
            case_id=claim.case_id,
            unit_name=name,
            task=helper.task,
        )
        await session.merge(row)


async def return_lapsed(session: WriteSession, case_id: UUID) -> bool:
    """Take a case back from a unit that let its lease run out, and ask the unit in writing.

    Returns:
        Whether it was done: not when somebody else is at it, or has just renewed it.
    """
    case = await lock_case_if_free(session, case_id)
    claim = await repository.active_claim(session, case_id) if case is not None else None
    if case is None or claim is None or claim.lease_left_s is not None or claim.lease_until > utc_now():
        return False
    unit_id = claim.unit_id
    let_go(case)
    data = {"claim_id": str(claim.id), "left_unit": str(unit_id), "lease_until": claim.lease_until.isoformat()}
    await move(session, case, Move("lapse", "system", State.TRIAGED, data=data))
    await order_by_system(session, case, unit_id=unit_id, cause="claim_lapsed", demand=_LAPSED)
    return True


async def tell_of_overdue(session: WriteSession, case_id: UUID) -> bool:
    """Write down, once, that a unit did not keep the time that it had promised; the lease goes on as it may.

    Returns:
        Whether it was done: not when somebody else is at the case, or it stands still.
    """
    case = await lock_case_if_free(session, case_id)
    claim = await repository.active_claim(session, case_id) if case is not None else None
    if case is None or claim is None or claim.overdue_at is not None or claim.lease_left_s is not None:
        return False
    if claim.due_at > utc_now():
        return False
    data = {"claim_id": str(claim.id), "unit_id": str(claim.unit_id), "due_at": claim.due_at.isoformat()}
    claim.overdue_at = await move(session, case, Move("promise_missed", "system", data=data))
    return True
