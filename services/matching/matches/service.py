"""Use cases of matches."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from services.matching.holds.rules import Side
from services.matching.holds.service import HoldRequest, confirm_hold, lock_for_change, take_hold
from services.matching.matches import repository
from services.matching.matches.models import Match
from services.matching.matches.rules import (
    STEPS,
    MatchAction,
    MatchFacts,
    MatchState,
    NeedFacts,
    NeedNotOpen,
    OfferFacts,
    Verdict,
    rank,
)
from services.matching.matches.schemas import AcceptIn
from services.matching.needs.models import Need
from services.matching.needs.repository import lock_need
from services.matching.needs.rules import NeedState
from services.matching.offers.models import Offer
from services.matching.offers.repository import find_offer, offers_with_partners
from services.matching.partners.models import Partner
from services.matching.partners.repository import find_partner
from services.matching.partners.rules import PartnerState
from services.matching.projects.models import Project
from services.matching.projects.service import NewProject, attach_to_project, open_project
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import NotFound
from shared.steps import check_step

__all__ = ["accept_match", "begin_decision", "facts_of", "judge_need", "propose_matches", "refuse_match"]


def _need_facts(need: Need) -> NeedFacts:
    return NeedFacts(need.category, need.summary, need.area_path, need.quantity)


def _offer_facts(offer: Offer, partner: Partner) -> OfferFacts:
    return OfferFacts(
        id=offer.id,
        category=offer.category,
        text=f"{offer.title} {offer.description}",
        coverage=offer.coverage,
        free=offer.free,
        active=offer.active,
        is_vetted=partner.state == PartnerState.VETTED,
        valid_from=offer.valid_from,
        valid_until=offer.valid_until,
        confirmed_at=offer.confirmed_at,
    )


async def judge_need(session: Session, need: Need, now: datetime) -> tuple[list[Verdict], list[Verdict]]:
    """Look at all offers of the need's category: what suits, the best first, and what was passed over."""
    pairs = await offers_with_partners(session, need.category)
    return rank(_need_facts(need), [_offer_facts(offer, partner) for offer, partner in pairs], now)


async def propose_matches(session: WriteSession, need: Need) -> list[Verdict]:
    """Compute and keep a need's proposals; returns the offers that were passed over, with why."""
    now = utc_now()
    suitable, passed_over = await judge_need(session, need, now)
    rows = [
        {
            "id": new_id(),
            "offer_id": verdict.offer_id,
            "score": verdict.score,
            "rank": position,
            "explanation": {
                "filters": [asdict(item) for item in verdict.filters],
                "terms": [asdict(term) for term in verdict.terms],
            },
        }
        for position, verdict in enumerate(suitable, start=1)
    ]
    await repository.keep_proposals(session, need.id, rows, now)
    refused = await repository.refused_offers(session, need.id)
    reason = None if any(verdict.offer_id not in refused for verdict in suitable) else "no_suitable_resource"
    if need.no_match_reason != reason:
        need.no_match_reason = reason
        need.version += 1
    await session.flush()
    return passed_over


def facts_of(match: Match, need: Need) -> MatchFacts:
    """Return what the rules know of a proposal."""
    return MatchFacts(MatchState(match.state), need.area_path)


async def begin_decision(session: WriteSession, match_id: UUID) -> tuple[Match, Need]:
    """Lock a proposal and its need, the need first, as every decision does."""
    seen = await repository.find_match(session, match_id)
    need = await lock_need(session, seen.need_id) if seen is not None else None
    match = await repository.lock_match(session, match_id) if need is not None else None
    if match is None or need is None:
        raise NotFound
    return match, need


async def accept_match(session: WriteSession, caller: Principal, match: Match, need: Need, wanted: AcceptIn) -> Project:
    """Commit the offer to the need, inside of a project, or refuse because somebody was faster."""
    check_step(STEPS, MatchAction.ACCEPT, facts_of(match, need), caller)
    if need.state != NeedState.OPEN:
        raise NeedNotOpen(state=need.state)
    await _commit_offer(session, caller, match, need)
    project = await _project_for(session, caller, match, need, wanted)
    await attach_to_project(session, caller, project, need_id=need.id, offer_id=match.offer_id, quantity=need.quantity)
    need.state = NeedState.MATCHED.value
    need.version += 1
    match.state, match.project_id = MatchState.ACCEPTED.value, project.id
    match.version += 1
    await session.flush()
    return project


async def _commit_offer(session: WriteSession, caller: Principal, match: Match, need: Need) -> None:
    """Hold what the need takes, and commit it: who decides on a match speaks for both sides."""
    wanted = HoldRequest(quantity=need.quantity, for_kind="match", for_id=match.id, taker_id=caller.subject_id)
    hold, _ = await take_hold(session, match.offer_id, wanted, actor=caller.actor)
    await confirm_hold(session, *await lock_for_change(session, hold.id), Side.GIVER, Side.TAKER, actor=caller.actor)


async def _project_for(session: WriteSession, caller: Principal, match: Match, need: Need, wanted: AcceptIn) -> Project:
    lead_unit_id = wanted.lead_unit_id
    if lead_unit_id is None:
        offer = await find_offer(session, match.offer_id)
        partner = await find_partner(session, offer.partner_id) if offer is not None else None
        lead_unit_id = partner.unit_id if partner is not None else None
    new = NewProject(
        id=None,
        title=wanted.title or need.summary,
        area_id=need.area_id,
        case_id=need.case_id,
        need_ids=(need.id,),
        lead_unit_id=lead_unit_id,
        helping_unit_ids=(),
        milestones=tuple((item.title, item.due_on) for item in wanted.milestones),
    )
    return await open_project(session, caller, new, join_project_id=wanted.project_id)


async def refuse_match(session: WriteSession, caller: Principal, match: Match, need: Need, reason: str) -> None:
    """Note that the pair does not suit, and why."""
    check_step(STEPS, MatchAction.REFUSE, facts_of(match, need), caller)
    match.state, match.reason = MatchState.REFUSED.value, reason
    match.version += 1
    await session.flush()
