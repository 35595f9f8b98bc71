"""Use cases of matches."""

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from services.matching.engine.candidates import TOP_PER_NEED
from services.matching.engine.scoring import STATED, Weights, mode_of
from services.matching.engine.standing import SAMPLE
from services.matching.matches import repository
from services.matching.matches.at_hand import needs_at_hand, offers_at_hand
from services.matching.matches.facts import beside_facts, need_facts
from services.matching.matches.judging import Asked, Judgement, Verdict, judge, parts_at_once
from services.matching.matches.models import Match
from services.matching.matches.rules import MatchFacts, MatchState
from services.matching.needs.models import Need
from services.matching.needs.repository import lock_need
from services.matching.needs.rules import TAKEN_BY_OTHERS, NeedState
from services.matching.offers.repository import offers_by_id
from services.matching.slots.embedding import answering, counting, first_pass, tree_of
from services.matching.slots.repository import corrections_of, learned_words
from services.matching.slots.rules import Subject, need_slots
from services.matching.slots.tree import branch_of, leaves_of
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.encoders import Encoder
from shared.ids import new_id

__all__ = [
    "explanation_of",
    "facts_of",
    "judge_need",
    "judgement_of",
    "parts_of",
    "propose_matches",
    "propose_on_arrival",
    "renew_proposals",
    "row_of",
    "weights_for",
    "why_unmet",
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
    session: Session,
    need: Need,
    now: datetime,
    encoders: Sequence[Encoder] | None = None,
    *,
    suitable: int = TOP_PER_NEED,
    passed_over: int = 0,
) -> Judgement:
    """Look at all offers of the need's branch: what suits, the best first, and what was passed over.

    Args:
        session: reads.
        need: what is needed.
        now: when validity and freshness are judged.
        encoders: how to compare texts; those that count for the need when left out.
        suitable: how many of those that suit are told of.
        passed_over: how many of those that do not suit are explained as well.
    """
    live = await counting(session, Subject.NEED, need.id) if encoders is None else encoders
    branch = branch_of(need.category)
    categories = [branch, *leaves_of(branch)]
    beside = await repository.needs_beside(session, categories, need.id, SAMPLE - 1)
    texts = {need.id: need.summary} | {other.id: other.summary for other in beside}
    need_vectors = await needs_at_hand(session, texts, live)
    tree = await tree_of(live)
    corrections = await corrections_of(session, Subject.NEED, [need.id])
    learned = await learned_words(session)
    own = tuple(matrix[:1] for matrix in need_vectors)
    asked = need_facts([need], corrections, own, tree.offers if tree else (), learned)
    hand = await offers_at_hand(session, branch, need.area_path, live, now, learned)
    return await judge(
        Asked(
            needs=[*asked, *map(beside_facts, beside)],
            offers=hand.lines,
            need_vectors=need_vectors,
            background=tree.background() if tree else None,
            weights=await weights_for(session, mode_of(tuple(encoder.name for encoder in live))),
            now=now,
            alike=hand.alike,
            recent=hand.recent,
            suitable=suitable,
            passed_over=passed_over,
        )
    )


async def judgement_of(session: Session, need: Need, *, passed_over: int) -> Judgement:
    """Return by what the kept proposals of a need are told, with some of the offers that are passed over as of now.

    With none of these, no offer is looked at.
    """
    if passed_over:
        return await judge_need(session, need, utc_now(), suitable=0, passed_over=passed_over)
    live = await counting(session, Subject.NEED, need.id)
    weights = await weights_for(session, mode_of(tuple(encoder.name for encoder in live)))
    return Judgement((), (), weights, await parts_of(session, need), beside=0)


def explanation_of(verdict: Verdict, weights: Weights, mode: str) -> dict[str, Any]:
    """Return what is kept with a proposal."""
    return {
        "filters": [item._asdict() for item in verdict.filters],
        "terms": [term._asdict() for term in verdict.terms],
        "weights": weights.name,
        "mode": mode,
    }


def row_of(verdict: Verdict, weights: Weights, mode: str) -> dict[str, Any]:
    """Return what is kept of a new proposal, but for its rank."""
    return {
        "id": new_id(),
        "offer_id": verdict.offer_id,
        "score": verdict.score,
        "explanation": explanation_of(verdict, weights, mode),
    }


async def propose_matches(
    session: WriteSession, need: Need, encoders: Sequence[Encoder] | None = None, *, passed_over: int = 0
) -> Judgement:
    """Compute and keep a need's proposals; returns them with the offers that were passed over, and why."""
    # What is asked in the driver's own form sees only what has been flushed.
    await session.flush()
    now = utc_now()
    live = await counting(session, Subject.NEED, need.id) if encoders is None else encoders
    mode = mode_of(tuple(encoder.name for encoder in live))
    judgement = await judge_need(session, need, now, live, passed_over=passed_over)
    rows = [
        {**row_of(verdict, judgement.weights, mode), "rank": position}
        for position, verdict in enumerate(judgement.suitable, start=1)
    ]
    refused = await repository.keep_proposals(session, need.id, rows, now)
    found = [verdict.offer_id for verdict in judgement.suitable if verdict.offer_id not in refused]
    reason = await why_unmet(session, judgement.parts, found)
    if need.no_match_reason != reason:
        need.no_match_reason = reason
        need.version += 1
    await session.flush()
    return judgement


async def propose_on_arrival(session: WriteSession, need: Need) -> None:
    """Compute the proposals of a need that has just been opened; few needs beside it are to be looked at again."""
    # What has just been written was placed by nobody yet.
    judgement = await propose_matches(session, need, first_pass(answering()))
    if judgement.beside < _FEW:
        need.proposals_due_at = utc_now()
        await session.flush()


async def _few_beside(session: Session, need: Need) -> Sequence[repository.Beside] | None:
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


async def parts_of(session: Session, need: Need) -> tuple[str, ...]:
    """Return the kinds of offers that a need wants at once, in a fixed order; none when one offer meets it."""
    corrected = await corrections_of(session, Subject.NEED, [need.id])
    return parts_at_once(need_slots(need.summary, corrected.get(need.id, {}))[1].parts)


async def why_unmet(session: Session, parts: Sequence[str], found: Sequence[UUID]) -> str | None:
    """Return why nothing suits a need; of one with parts, also when there is something for some of them only."""
    if not found:
        return "no_suitable_resource"
    if not parts:
        return None
    kinds = {offer.kind for offer in (await offers_by_id(session, found)).values()}
    return None if kinds.issuperset(parts) else "part_without_resource"


def facts_of(match: Match, need: Need) -> MatchFacts:
    """Return what the rules know of a proposal."""
    return MatchFacts(MatchState(match.state), need.area_path)
