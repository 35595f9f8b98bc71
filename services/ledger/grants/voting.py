"""Use cases of deciding: a review, votes with quorum, and what follows from them."""

from uuid import UUID

from services.ledger.funds.service import charter_of
from services.ledger.grants import repository
from services.ledger.grants.models import Grant, GrantReview, GrantVote
from services.ledger.grants.money import give_back_own_money, hold_money
from services.ledger.grants.rules import (
    STEPS,
    AlreadyReviewed,
    AlreadyVoted,
    ConflictDeclared,
    GrantAction,
    GrantState,
    ReviewMissing,
    Tally,
)
from services.ledger.grants.schemas import ReviewIn
from services.ledger.grants.service import facts_of, fund_of
from shared.auth import Principal
from shared.clock import utc_now
from shared.contracts.ledger import GrantDecided
from shared.db import Session, WriteSession
from shared.messaging import publish
from shared.problems import Unauthenticated
from shared.steps import check_step

__all__ = ["review", "tally_of", "vote", "withdraw", "withdraw_with_project"]


def _person(caller: Principal) -> UUID:
    if caller.subject_id is None:
        raise Unauthenticated
    return caller.subject_id


async def review(session: WriteSession, caller: Principal, grant: Grant, wanted: ReviewIn) -> None:
    """Keep what a reviewer found; who declares a conflict of interest has said so, and no more."""
    check_step(STEPS, GrantAction.REVIEW, facts_of(grant), caller)
    person = _person(caller)
    if person in {item.reviewer_id for item in await repository.reviews_of(session, grant.id)}:
        raise AlreadyReviewed
    row = GrantReview(
        tenant_id=session.tenant,
        grant_id=grant.id,
        reviewer_id=person,
        opinion=wanted.opinion,
        note=wanted.note,
        reviewed_at=utc_now(),
    )
    session.add(row)
    grant.version += 1
    await session.flush()


async def tally_of(session: Session, grant: Grant) -> Tally:
    """Count the votes."""
    votes = [item.vote for item in await repository.votes_of(session, grant.id)]
    return Tally(votes.count("approve"), votes.count("refuse"), grant.approvals_needed, grant.voters, grant.quorum)


async def vote(session: WriteSession, caller: Principal, grant: Grant, action: GrantAction, reason: str | None) -> None:
    """Hear one approver. Enough approvals, and the quorum, hold the money; a declared conflict of interest blocks the
    vote; so many refusals that the approvals cannot be reached refuse.
    """
    check_step(STEPS, action, facts_of(grant), caller)
    person = _person(caller)
    said = {item.person_id: item.vote for item in await repository.votes_of(session, grant.id)}.get(person)
    if said == "recuse":
        raise ConflictDeclared(rule="recused_do_not_vote")
    if said is not None:
        raise AlreadyVoted
    await _check_review(session, grant, person, action)
    row = GrantVote(
        tenant_id=session.tenant,
        grant_id=grant.id,
        person_id=person,
        vote=action.value,
        reason=reason,
        voted_at=utc_now(),
    )
    session.add(row)
    grant.version += 1
    # The database counts the votes as well when the grant is approved, so this one has to be there before.
    await session.flush()
    tally = await tally_of(session, grant)
    if tally.is_approved:
        await hold_money(session, caller, grant)
        await _decide(session, grant, GrantState.APPROVED, reason)
    elif tally.is_refused:
        await _decide(session, grant, GrantState.REFUSED, reason)
        await give_back_own_money(session, caller, grant)
    await session.flush()


async def _check_review(session: Session, grant: Grant, person: UUID, action: GrantAction) -> None:
    """Refuse a reviewer's vote, and an approval before the review that the charter asks for."""
    reviews = await repository.reviews_of(session, grant.id)
    if person in {item.reviewer_id for item in reviews}:
        raise ConflictDeclared(rule="reviewers_do_not_vote")
    if action is not GrantAction.APPROVE or any(item.opinion != "conflict" for item in reviews):
        return
    if charter_of(await fund_of(session, grant)).needs_review:
        raise ReviewMissing


async def _decide(session: WriteSession, grant: Grant, state: GrantState, reason: str | None) -> None:
    grant.state, grant.decided_at, grant.reason = state.value, utc_now(), reason
    await session.flush()
    told = GrantDecided(
        grant_id=grant.id,
        project_id=grant.project_id,
        request_id=grant.request_id,
        outcome="approved" if state is GrantState.APPROVED else "refused",
        granted_fen=grant.asked_fen if state is GrantState.APPROVED else 0,
        reason=reason,
    )
    await publish(session, f"grant/{grant.id}", told)


async def withdraw(session: WriteSession, caller: Principal, grant: Grant, reason: str) -> None:
    """Take an application back; the households get theirs back."""
    check_step(STEPS, GrantAction.WITHDRAW, facts_of(grant), caller)
    grant.version += 1
    await _decide(session, grant, GrantState.WITHDRAWN, reason)
    await give_back_own_money(session, caller, grant)


async def withdraw_with_project(session: WriteSession, request_id: UUID) -> None:
    """Take back the application of a project that was cancelled; the households get theirs back.

    What was granted already stays with the treasurer: some of it may be spent, and closing the grant shares the rest.
    """
    known = await repository.grant_of_request(session, request_id)
    grant = await repository.lock_grant(session, known.id) if known is not None else None
    if grant is None or grant.state != GrantState.SUBMITTED:
        return
    grant.version += 1
    await _decide(session, grant, GrantState.WITHDRAWN, "project_cancelled")
    await give_back_own_money(session, Principal(session.tenant, None, "system"), grant)
    await session.flush()
