"""Use cases of matches."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from services.matching.engine.scoring import STATED, Weights, mode_of
from services.matching.engine.standing import SAMPLE
from services.matching.holds.rules import Side
from services.matching.holds.service import HoldRequest, confirm_hold, lock_for_change, take_hold
from services.matching.matches import repository
from services.matching.matches.at_hand import offers_at_hand
from services.matching.matches.facts import need_facts
from services.matching.matches.judging import Asked, Judgement, Verdict, judge
from services.matching.matches.models import Match
from services.matching.matches.rules import STEPS, MatchAction, MatchFacts, MatchState, NeedNotOpen
from services.matching.matches.schemas import AcceptIn
from services.matching.needs.models import Need
from services.matching.needs.repository import lock_need
from services.matching.needs.rules import TAKEN_BY_OTHERS, NeedState
from services.matching.offers.repository import find_offer
from services.matching.partners.repository import find_partner
from services.matching.projects.models import Project
from services.matching.projects.service import NewProject, attach_to_project, open_project
from services.matching.slots.embedding import counting, placed, tree_of
from services.matching.slots.repository import corrections_of
from services.matching.slots.rules import Subject
from services.matching.slots.tree import branch_of, leaves_of
from shared.auth import Principal
from shared.clock import utc_now
from shared.contracts.matching import MatchAccepted, MatchRefused
from shared.db import Session, WriteSession
from shared.encoders import Encoder
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import NotFound
from shared.steps import check_step

__all__ = [
    "accept_match",
    "begin_decision",
    "explanation_of",
    "facts_of",
    "judge_need",
    "propose_matches",
    "propose_on_arrival",
    "refuse_match",
    "renew_proposals",
    "weights_for",
    "with_neighbours",
]

# Offers are compared by how they stand among all needs of the branch. As long as these are few, each one that arrives
# moves how the others stand; among more, one does not.
_FEW: Final = 16


async def weights_for(session: Session, mode: str) -> Weights:
    """Return the weights that count: the newest learned ones, else the stated ones."""
    kept = await repository.latest_weights(session, mode)
    if kept is None:
        return STATED[mode]
    return Weights(f"learned/{kept.number}", MappingProxyType(kept.points), kept.threshold)


async def judge_need(
    session: Session, need: Need, now: datetime, encoders: Sequence[Encoder] | None = None, *, passed_over: int = 0
) -> Judgement:
    """Look at all offers of the need's branch: what suits, the best first, and what was passed over.

    Args:
        session: reads.
        need: what is needed.
        now: when validity and freshness are judged.
        encoders: how to compare texts; those that count for the need when left out.
        passed_over: how many of those that do not suit are explained as well.
    """
    live = await counting(session, Subject.NEED, need.id) if encoders is None else encoders
    branch = branch_of(need.category)
    categories = [branch, *leaves_of(branch)]
    needs = [need, *await repository.needs_beside(session, categories, need.id, SAMPLE - 1)]
    need_vectors = await placed(session, Subject.NEED, {row.id: row.summary for row in needs}, live)
    tree = await tree_of(live)
    need_corrections = await corrections_of(session, Subject.NEED, [row.id for row in needs])
    return await judge(
        Asked(
            needs=need_facts(needs, need_corrections, need_vectors, tree.offers if tree else ()),
            offers=await offers_at_hand(session, branch, need.area_path, live, now),
            need_vectors=need_vectors,
            background=tree.background() if tree else None,
            weights=await weights_for(session, mode_of(tuple(encoder.name for encoder in live))),
            now=now,
            passed_over=passed_over,
        )
    )


def explanation_of(verdict: Verdict, weights: Weights, mode: str) -> dict[str, Any]:
    """Return what is kept with a proposal."""
    return {
        "filters": [asdict(item) for item in verdict.filters],
        "terms": [asdict(term) for term in verdict.terms],
        "weights": weights.name,
        "mode": mode,
    }


async def propose_matches(
    session: WriteSession, need: Need, encoders: Sequence[Encoder] | None = None, *, passed_over: int = 0
) -> Judgement:
    """Compute and keep a need's proposals; returns them with the offers that were passed over, and why."""
    now = utc_now()
    live = await counting(session, Subject.NEED, need.id) if encoders is None else encoders
    mode = mode_of(tuple(encoder.name for encoder in live))
    judgement = await judge_need(session, need, now, live, passed_over=passed_over)
    rows = [
        {
            "id": new_id(),
            "offer_id": verdict.offer_id,
            "score": verdict.score,
            "rank": position,
            "explanation": explanation_of(verdict, judgement.weights, mode),
        }
        for position, verdict in enumerate(judgement.suitable, start=1)
    ]
    await repository.keep_proposals(session, need.id, rows, now)
    refused = await repository.refused_offers(session, need.id)
    found = any(verdict.offer_id not in refused for verdict in judgement.suitable)
    reason = None if found else "no_suitable_resource"
    if need.no_match_reason != reason:
        need.no_match_reason = reason
        need.version += 1
    await session.flush()
    return judgement


async def propose_on_arrival(session: WriteSession, need: Need) -> None:
    """Compute the proposals of a need that has just been opened; few needs beside it are to be looked at again."""
    await propose_matches(session, need)
    if await _few_beside(session, need) is not None:
        need.proposals_due_at = utc_now()
        await session.flush()


async def _few_beside(session: Session, need: Need) -> Sequence[Need] | None:
    branch = branch_of(need.category)
    beside = await repository.needs_beside(session, [branch, *leaves_of(branch)], need.id, _FEW)
    return beside if len(beside) < _FEW else None


async def with_neighbours(session: Session, due: Sequence[Need]) -> Sequence[UUID]:
    """Return needs whose proposals are due, and before them those that stand otherwise because of them.

    A need stays due until its neighbours have been looked at, however the work is interrupted.
    """
    own = {need.id for need in due}
    beside: dict[UUID, None] = {}
    for need in due:
        for other in await _few_beside(session, need) or ():
            if other.id not in own:
                beside[other.id] = None
    return [*beside, *(need.id for need in due)]


async def renew_proposals(session: WriteSession, need_id: UUID, encoders: Sequence[Encoder]) -> bool:
    """Compute the proposals of an open need anew, unless a plan that somebody applied has set them.

    Returns whether it did.
    """
    need = await lock_need(session, need_id)
    if need is None or need.state != NeedState.OPEN:
        return False
    need.proposals_due_at = None
    is_planned = need.no_match_reason == TAKEN_BY_OTHERS or await repository.is_planned(session, need.id)
    if is_planned:
        await session.flush()
        return False
    await propose_matches(session, need, encoders)
    return True


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
    told = MatchAccepted(
        match_id=match.id,
        need_id=need.id,
        offer_id=match.offer_id,
        partner_id=await _partner_of(session, match),
        project_id=project.id,
        quantity=need.quantity,
    )
    await publish(session, f"match/{match.id}", told)
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
    told = MatchRefused(
        match_id=match.id, need_id=need.id, offer_id=match.offer_id, partner_id=await _partner_of(session, match)
    )
    await publish(session, f"match/{match.id}", told)


async def _partner_of(session: WriteSession, match: Match) -> UUID:
    offer = await find_offer(session, match.offer_id)
    if offer is None:
        raise NotFound
    return offer.partner_id
