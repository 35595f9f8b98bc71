"""Use cases that decide on proposals: one offer, or one for each part of a need, all of them or none.

Who decides speaks for the need. An offer is held until its giver agrees as well (both sides, as with anything scarce);
when a giver says no or lets the time pass, the need goes back to the demand list whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.matching.holds.models import Hold
from services.matching.holds.repository import find_hold
from services.matching.holds.rules import HoldState, HoldWhat, Side
from services.matching.holds.service import (
    HoldRequest,
    confirm_hold,
    lock_for_change,
    release_hold,
    take_hold,
    void_hold,
)
from services.matching.matches import repository
from services.matching.matches.models import Match
from services.matching.matches.rules import (
    STEPS,
    MatchAction,
    MatchState,
    NeedNotOpen,
    PartsMissing,
    RoomMissing,
    UnknownMatch,
    check_parts,
)
from services.matching.matches.schemas import AcceptIn, BundleIn, PartIn
from services.matching.matches.service import facts_of, parts_of, propose_matches
from services.matching.needs.models import Need
from services.matching.needs.repository import lock_need
from services.matching.needs.rules import NeedState
from services.matching.offers.models import Offer
from services.matching.offers.repository import find_offer, offers_by_id
from services.matching.offers.rules import OfferKind
from services.matching.partners.models import Partner
from services.matching.partners.repository import find_partner
from services.matching.projects.changing import detach_need, end_project, is_of_match_alone
from services.matching.projects.models import Project
from services.matching.projects.repository import find_project, lock_project
from services.matching.projects.rules import ProjectState
from services.matching.projects.service import NewProject, attach_to_project, open_project
from services.matching.resources.repository import resources_of
from shared.auth import Principal, Role
from shared.contracts.matching import MatchAccepted, MatchRefused, NoticeWanted
from shared.contracts.matching_partners import HoldAsked
from shared.db import WriteSession
from shared.messaging import publish
from shared.problems import NotFound
from shared.steps import check_step

__all__ = ["accept_bundle", "accept_match", "begin_decision", "note_committed", "note_ended", "refuse_match"]


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A proposal that is accepted, with when its offer is wanted."""

    match: Match
    offer: Offer
    partner: Partner
    when: PartIn | AcceptIn


@dataclass(frozen=True, slots=True)
class _To:
    """Whom a notice is for."""

    people: tuple[UUID, ...] = ()
    units: tuple[UUID, ...] = ()
    staff_of: tuple[str, ...] = ()


async def begin_decision(session: WriteSession, match_id: UUID) -> tuple[Match, Need]:
    """Lock a proposal and its need, the need first, as every decision does."""
    seen = await repository.find_match(session, match_id)
    need = await lock_need(session, seen.need_id) if seen is not None else None
    match = await repository.lock_match(session, match_id) if need is not None else None
    if match is None or need is None:
        raise NotFound
    return match, need


async def accept_match(session: WriteSession, caller: Principal, match: Match, need: Need, wanted: AcceptIn) -> Project:
    """Hold the offer for the need, inside of a project, or refuse because somebody was faster.

    Raises:
        PartsMissing: the need wants several kinds of offers at once, so they are accepted together.
    """
    check_step(STEPS, MatchAction.ACCEPT, facts_of(match, need), caller)
    if need.state != NeedState.OPEN:
        raise NeedNotOpen(state=need.state)
    parts = await parts_of(session, need)
    if parts:
        raise PartsMissing(parts=list(parts))
    return await _accept(session, caller, need, [await _chosen(session, match, wanted)], wanted)


async def accept_bundle(session: WriteSession, caller: Principal, need: Need, wanted: BundleIn) -> Project:
    """Hold an offer for each part of a need, all of them or none; the need is locked.

    Raises:
        NotFound: one of the proposals is not there, or is another need's.
        PartsMissing, PartTwice: not exactly one offer for each part.
    """
    chosen = []
    for place, part in sorted(enumerate(wanted.parts), key=lambda item: item[1].match_id):
        match = await repository.lock_match(session, part.match_id)
        if match is None or match.need_id != need.id:
            raise UnknownMatch(pointer=f"/parts/{place}/match_id")
        check_step(STEPS, MatchAction.ACCEPT, facts_of(match, need), caller)
        chosen.append(await _chosen(session, match, part))
    if need.state != NeedState.OPEN:
        raise NeedNotOpen(state=need.state)
    check_parts(await parts_of(session, need), [one.offer.kind for one in chosen])
    return await _accept(session, caller, need, chosen, wanted)


async def _chosen(session: WriteSession, match: Match, when: PartIn | AcceptIn) -> _Chosen:
    offer = await find_offer(session, match.offer_id)
    partner = await find_partner(session, offer.partner_id) if offer is not None else None
    if offer is None or partner is None:
        raise NotFound
    return _Chosen(match, offer, partner, when)


async def _accept(
    session: WriteSession, caller: Principal, need: Need, chosen: Sequence[_Chosen], wanted: AcceptIn | BundleIn
) -> Project:
    # Offers are locked in one order, whoever accepts what.
    for one in sorted(chosen, key=lambda item: item.offer.id):
        await _hold(session, caller, need, one)
    project = await _project_for(session, caller, need, chosen, wanted)
    for one in chosen:
        await attach_to_project(
            session, caller, project, need_id=need.id, offer_id=one.offer.id, quantity=need.quantity
        )
        one.match.state, one.match.project_id = MatchState.ACCEPTED.value, project.id
        one.match.reason = None
        one.match.version += 1
    need.state = NeedState.MATCHED.value
    need.version += 1
    await session.flush()
    for one in chosen:
        told = MatchAccepted(
            match_id=one.match.id,
            need_id=need.id,
            offer_id=one.offer.id,
            partner_id=one.partner.id,
            project_id=project.id,
            quantity=need.quantity,
        )
        await publish(session, f"match/{one.match.id}", told)
        await _ask_giver(session, project, one)
    return project


async def _hold(session: WriteSession, caller: Principal, need: Need, one: _Chosen) -> None:
    """Hold what the need takes; who decides on a match speaks for the need, and for a giver only if it is its own."""
    when = one.when
    if when.resource_id is None and one.offer.kind == OfferKind.VENUE:
        rooms = await resources_of(session, one.offer.id)
        if any(room.active for room in rooms):
            raise RoomMissing(offer_id=str(one.offer.id))
    wanted = HoldRequest(
        quantity=need.quantity,
        resource_id=when.resource_id,
        starts_at=when.starts_at,
        ends_at=when.ends_at,
        day=when.day,
        expires_at=when.confirm_by,
        for_kind="match",
        for_id=one.match.id,
        taker_id=caller.subject_id,
    )
    taken, _ = await take_hold(session, one.offer.id, wanted, actor=caller.actor)
    hold, offer, partner = await lock_for_change(session, taken.id)
    sides = [Side.TAKER]
    if offer.self_confirming or partner.unit_id in caller.units(Role.UNIT_STAFF, Role.PARTNER):
        sides.append(Side.GIVER)
    await confirm_hold(session, hold, offer, partner, *sides, actor=caller.actor)
    one.match.hold_id = hold.id


async def _ask_giver(session: WriteSession, project: Project, one: _Chosen) -> None:
    hold = await find_hold(session, one.match.hold_id) if one.match.hold_id is not None else None
    if hold is None or hold.state != HoldState.HELD:
        return
    asked = HoldAsked(
        hold_id=hold.id,
        offer_id=one.offer.id,
        partner_id=one.partner.id,
        what=HoldWhat(hold.what).value,
        quantity=hold.quantity,
        starts_at=hold.starts_at,
        ends_at=hold.ends_at,
        for_kind=hold.for_kind,
        for_id=hold.for_id,
        confirm_by=hold.expires_at,
    )
    await publish(session, f"hold/{hold.id}", asked)
    await _notice(
        session, one.match, project, "match_asked", one.offer.title, _To(units=(one.partner.unit_id,)), hold.expires_at
    )


async def _notice(
    session: WriteSession,
    match: Match,
    project: Project,
    kind: str,
    title: str,
    to: _To,
    due_at: datetime | None = None,
) -> None:
    """Let the intake tell somebody; it keeps the inboxes and knows who is reached how."""
    told = NoticeWanted(
        kind=kind,
        number=project.number,
        title=title,
        people=list(to.people),
        units=list(to.units),
        staff_of=list(to.staff_of),
        due_at=due_at,
    )
    await publish(session, f"match/{match.id}", told)


async def _project_for(
    session: WriteSession, caller: Principal, need: Need, chosen: Sequence[_Chosen], wanted: AcceptIn | BundleIn
) -> Project:
    new = NewProject(
        id=None,
        title=wanted.title or need.summary,
        area_id=need.area_id,
        case_id=need.case_id,
        need_ids=(need.id,),
        lead_unit_id=wanted.lead_unit_id or chosen[0].partner.unit_id,
        helping_unit_ids=(),
        milestones=tuple((item.title, item.due_on) for item in wanted.milestones),
        of_match=True,
    )
    return await open_project(session, caller, new, join_project_id=wanted.project_id)


async def refuse_match(session: WriteSession, caller: Principal, match: Match, need: Need, reason: str) -> None:
    """Note that the pair does not suit, and why."""
    check_step(STEPS, MatchAction.REFUSE, facts_of(match, need), caller)
    match.state, match.reason = MatchState.REFUSED.value, reason
    match.version += 1
    await session.flush()
    told = MatchRefused(
        match_id=match.id, need_id=need.id, offer_id=match.offer_id, partner_id=await _partner_of(session, match)
    )
    await publish(session, f"match/{match.id}", told)


async def note_committed(session: WriteSession, hold_id: UUID) -> None:
    """Tell whoever has decided on a match that its giver has agreed."""
    match = await repository.match_of_hold(session, hold_id)
    hold = await find_hold(session, hold_id)
    project = await find_project(session, match.project_id) if match is not None and match.project_id else None
    if match is None or hold is None or project is None or hold.taker_id is None:
        return
    offer = await find_offer(session, match.offer_id)
    if offer is not None and not offer.self_confirming:
        await _notice(session, match, project, "match_agreed", offer.title, _To(people=(hold.taker_id,)))


async def note_ended(session: WriteSession, hold_id: UUID, state: str) -> None:
    """Put a need back on the demand list whose offer cannot be had after all, with whatever else was held for it.

    Nothing happens when the match is no longer what the hold was for: its project was cancelled, or is done.
    """
    seen = await repository.match_of_hold(session, hold_id)
    if seen is None:
        return
    need = await lock_need(session, seen.need_id)
    match = await repository.lock_match(session, seen.id)
    if need is None or match is None or match.hold_id != hold_id or match.state != MatchState.ACCEPTED:
        return
    project = await lock_project(session, match.project_id) if match.project_id is not None else None
    if project is None or project.state != ProjectState.RUNNING:
        return
    offer = await find_offer(session, match.offer_id)
    title = offer.title if offer is not None else need.summary
    reason = f"hold_{state}"
    if await is_of_match_alone(session, project, need.id):
        await end_project(session, project, actor="system", reason=reason)
    else:
        await _take_out(session, project, need, reason)
    await propose_matches(session, need)
    hold = await find_hold(session, hold_id)
    said = hold.reason if hold is not None else None
    await repository.note_reason(session, need.id, match.offer_id, said or reason)
    await _notice(session, match, project, "match_lapsed", title, _To(staff_of=(need.area_path,)))


async def _take_out(session: WriteSession, project: Project, need: Need, reason: str) -> None:
    """Let a project go on without a need, and give back what was held for the need's other parts."""
    together = await repository.accepted_matches(session, need.id, project.id)
    offers = await offers_by_id(session, [one.offer_id for one in together])
    held: list[Hold] = []
    for one in together:
        hold = await find_hold(session, one.hold_id) if one.hold_id is not None else None
        if hold is not None:
            held.append(hold)
        one.state, one.project_id, one.hold_id = MatchState.PROPOSED.value, None, None
        one.reason = reason
        one.version += 1
    for seen in sorted(held, key=lambda item: item.offer_id):
        hold, offer, _ = await lock_for_change(session, seen.id)
        # What is on its way arrives; it is still noted on its hold.
        if hold.state == HoldState.COMMITTED and not hold.moving:
            await release_hold(session, hold, offer, actor="system", reason=reason)
        elif hold.state == HoldState.HELD:
            await void_hold(session, hold, offer, actor="system", reason=reason)
    await detach_need(session, project, need, sorted(offers), reason=reason)


async def _partner_of(session: WriteSession, match: Match) -> UUID:
    offer = await find_offer(session, match.offer_id)
    if offer is None:
        raise NotFound
    return offer.partner_id
