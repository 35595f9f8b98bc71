"""Use cases of grants."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.ledger.books import repository as books
from services.ledger.books.rules import AccountClass, Leg, NewAccount, TransactionKind, TransactionRequest
from services.ledger.books.service import post_all
from services.ledger.books.views import balance_fen
from services.ledger.funds import repository as funds
from services.ledger.funds.models import Contribution, Fund
from services.ledger.funds.rules import UnknownFund, approvals_needed, is_match_unlocked
from services.ledger.funds.service import charter_of, receive_money
from services.ledger.grants import repository
from services.ledger.grants.models import Grant, GrantVote
from services.ledger.grants.rules import (
    STEPS,
    AboveCap,
    AlreadyVoted,
    CategoryNotAllowed,
    ConflictDeclared,
    GrantAction,
    GrantFacts,
    GrantState,
    HouseholdCap,
    MatchLocked,
    OverFunded,
    OwnNotLess,
)
from services.ledger.grants.schemas import OwnMoneyIn
from shared.auth import Principal
from shared.clock import utc_now
from shared.contracts.ledger import GrantDecided
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.money import split_largest_remainder
from shared.problems import IdTaken, NotFound, Unauthenticated
from shared.steps import check_step

__all__ = [
    "Application",
    "apply_for_grant",
    "close_grant",
    "facts_of",
    "fund_of",
    "give_own_money",
    "lock_grant",
    "settle_hold",
    "tell_decision",
    "vote",
    "withdraw",
]


@dataclass(frozen=True, slots=True)
class Application:
    """What is asked of a fund."""

    id: UUID | None
    fund_id: UUID
    project_id: UUID | None
    request_id: UUID | None
    applicant_id: UUID
    category: str
    purpose: str
    total_fen: int
    own_fen: int


def facts_of(grant: Grant) -> GrantFacts:
    """Return what the rules know of a grant."""
    return GrantFacts(GrantState(grant.state), grant.area_path, grant.applicant_id)


async def fund_of(session: Session, grant: Grant) -> Fund:
    """Return the fund of a grant."""
    fund = await funds.find_fund(session, grant.fund_id)
    if fund is None:
        raise NotFound
    return fund


async def lock_grant(session: WriteSession, grant_id: UUID) -> Grant:
    """Return a grant for a change, or NotFound."""
    grant = await repository.lock_grant(session, grant_id)
    if grant is None:
        raise NotFound
    return grant


async def apply_for_grant(session: WriteSession, wanted: Application) -> tuple[Grant, bool]:
    """Check an application against the charter and put it before the approvers; returns it and whether it is new."""
    fund = await funds.find_fund(session, wanted.fund_id)
    if fund is None:
        raise UnknownFund(pointer="/fund_id")
    earlier = await repository.find_grant(session, wanted.id) if wanted.id else None
    if earlier is not None:
        asked = (wanted.fund_id, wanted.applicant_id, wanted.category, wanted.purpose, wanted.total_fen, wanted.own_fen)
        kept = (earlier.fund_id, earlier.applicant_id, earlier.category, earlier.purpose, earlier.total_fen)
        if asked != (*kept, earlier.own_fen):
            raise IdTaken(pointer="/id")
        return earlier, False
    charter, asked_fen = charter_of(fund), wanted.total_fen - wanted.own_fen
    if asked_fen <= 0:
        raise OwnNotLess(pointer="/own_fen")
    if wanted.category not in charter.categories:
        raise CategoryNotAllowed(pointer="/category")
    if charter.cap_fen is not None and asked_fen > charter.cap_fen:
        raise AboveCap(pointer="/total_fen", cap_fen=charter.cap_fen)
    if not is_match_unlocked(charter, share_fen=asked_fen, raised_fen=wanted.own_fen):
        raise MatchLocked(share_fen=asked_fen, own_fen=wanted.own_fen)
    grant = await _submit(session, fund, wanted, asked_fen, approvals_needed(charter.tiers, asked_fen))
    return grant, True


async def _submit(session: WriteSession, fund: Fund, wanted: Application, asked_fen: int, approvals: int) -> Grant:
    """Write the application, with an account of its own in the fund's book that never falls below zero."""
    grant_id, account_id = wanted.id or new_id(), new_id()
    account = NewAccount(
        account_id, fund.book_id, f"grant:{grant_id}", wanted.purpose, AccountClass.NET_ASSETS, floor_fen=0
    )
    await books.open_account(session, account)
    grant = Grant(
        tenant_id=session.tenant,
        id=grant_id,
        fund_id=fund.id,
        area_path=fund.area_path,
        project_id=wanted.project_id,
        request_id=wanted.request_id,
        applicant_id=wanted.applicant_id,
        category=wanted.category,
        purpose=wanted.purpose,
        total_fen=wanted.total_fen,
        own_fen=wanted.own_fen,
        asked_fen=asked_fen,
        approvals_needed=approvals,
        state=GrantState.SUBMITTED.value,
        account_id=account_id,
        submitted_at=utc_now(),
        version=1,
    )
    session.add(grant)
    await session.flush()
    return grant


async def vote(session: WriteSession, caller: Principal, grant: Grant, action: GrantAction, reason: str | None) -> None:
    """Hear one approver. Enough approvals hold the money; one refusal refuses; a conflict of interest blocks the
    vote.
    """
    check_step(STEPS, action, facts_of(grant), caller)
    if caller.subject_id is None:
        raise Unauthenticated
    votes = {item.person_id: item.vote for item in await repository.votes_of(session, grant.id)}
    said = votes.get(caller.subject_id)
    if said == "recuse":
        raise ConflictDeclared(rule="recused_do_not_vote")
    if said is not None:
        raise AlreadyVoted
    row = GrantVote(
        tenant_id=session.tenant,
        grant_id=grant.id,
        person_id=caller.subject_id,
        vote=action.value,
        reason=reason,
        voted_at=utc_now(),
    )
    session.add(row)
    grant.version += 1
    approvals = sum(item == "approve" for item in votes.values()) + (action is GrantAction.APPROVE)
    if action is GrantAction.APPROVE and approvals >= grant.approvals_needed:
        await _hold_money(session, caller, grant)
        await _decide(session, grant, GrantState.APPROVED, reason)
    elif action is GrantAction.REFUSE:
        await _decide(session, grant, GrantState.REFUSED, reason)
        await _give_back_own_money(session, caller, grant)
    await session.flush()


async def _hold_money(session: WriteSession, caller: Principal, grant: Grant) -> None:
    """Reserve the fund's share, if the own money that has really arrived unlocks it."""
    fund = await fund_of(session, grant)
    raised_fen = await funds.raised_for_grant(session, grant.id)
    unlocked = is_match_unlocked(charter_of(fund), share_fen=grant.asked_fen, raised_fen=raised_fen)
    if raised_fen < grant.own_fen or not unlocked:
        raise MatchLocked(raised_fen=raised_fen, own_fen=grant.own_fen, share_fen=grant.asked_fen)
    grant.hold_id = new_id()
    request = TransactionRequest(
        id=grant.hold_id,
        book_id=fund.book_id,
        kind=TransactionKind.HOLD,
        legs=(Leg(fund.fund_account, grant.account_id, grant.asked_fen),),
        description=f"grant {grant.id}",
        effective_on=utc_now().date(),
    )
    await post_all(session, caller.actor, request)


async def _decide(session: WriteSession, grant: Grant, state: GrantState, reason: str | None) -> None:
    grant.state, grant.decided_at, grant.reason = state.value, utc_now(), reason
    await session.flush()
    granted_fen = grant.asked_fen if state is GrantState.APPROVED else 0
    outcome = "approved" if state is GrantState.APPROVED else "refused"
    await tell_decision(session, grant, outcome, granted_fen, reason)


async def tell_decision(
    session: WriteSession, grant: Grant, outcome: str, granted_fen: int, reason: str | None
) -> None:
    """Tell the project what the fund has said."""
    told = GrantDecided(
        grant_id=grant.id,
        project_id=grant.project_id,
        request_id=grant.request_id,
        outcome=outcome,
        granted_fen=granted_fen,
        reason=reason,
    )
    await publish(session, f"grant/{grant.id}", told)


async def withdraw(session: WriteSession, caller: Principal, grant: Grant, reason: str) -> None:
    """Take an application back; the households get theirs back."""
    check_step(STEPS, GrantAction.WITHDRAW, facts_of(grant), caller)
    grant.version += 1
    await _decide(session, grant, GrantState.WITHDRAWN, reason)
    await _give_back_own_money(session, caller, grant)


async def give_own_money(
    session: WriteSession, caller: Principal, grant: Grant, wanted: OwnMoneyIn
) -> tuple[Contribution, bool]:
    """Note what a household has paid in, up to its cap and to what is needed."""
    check_step(STEPS, GrantAction.CONTRIBUTE, facts_of(grant), caller)
    earlier = await funds.find_contribution(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if (earlier.grant_id, earlier.giver_id, earlier.amount_fen) != (
            grant.id,
            wanted.household_id,
            wanted.amount_fen,
        ):
            raise IdTaken(pointer="/id")
        return earlier, False
    fund = await fund_of(session, grant)
    cap_fen = charter_of(fund).household_cap_fen
    given_fen = await funds.raised_by_household(session, grant.id, wanted.household_id)
    if cap_fen is not None and given_fen + wanted.amount_fen > cap_fen:
        raise HouseholdCap(pointer="/amount_fen", household_cap_fen=cap_fen, given_fen=given_fen)
    raised_fen = await funds.raised_for_grant(session, grant.id)
    if raised_fen + wanted.amount_fen > grant.own_fen:
        raise OverFunded(own_fen=grant.own_fen, raised_fen=raised_fen)
    contribution = Contribution(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        fund_id=fund.id,
        grant_id=grant.id,
        giver_kind="household",
        giver_id=wanted.household_id,
        amount_fen=wanted.amount_fen,
        pledged_at=utc_now(),
        version=1,
    )
    session.add(contribution)
    await session.flush()
    await receive_money(session, caller, fund, contribution, into=grant.account_id)
    grant.version += 1
    return contribution, True


async def _give_back_own_money(session: WriteSession, caller: Principal, grant: Grant) -> None:
    """Refund every household to the fen."""
    given = await funds.received_for_grant(session, grant.id)
    await _refund(session, caller, grant, [item.amount_fen for item in given])


async def _refund(session: WriteSession, caller: Principal, grant: Grant, amounts_fen: list[int]) -> None:
    """Pay back from the grant's account, one amount per household contribution in the order of their ids."""
    legs = [amount for amount in amounts_fen if amount > 0]
    if not legs:
        return
    fund = await fund_of(session, grant)
    request = TransactionRequest(
        id=new_id(),
        book_id=fund.book_id,
        kind=TransactionKind.POST,
        legs=tuple(Leg(grant.account_id, fund.bank_account, amount) for amount in legs),
        description=f"refund of own money of grant {grant.id}",
        effective_on=utc_now().date(),
    )
    await post_all(session, caller.actor, request)


async def close_grant(session: WriteSession, caller: Principal, grant: Grant) -> dict[str, Any]:
    """Share what is left between fund and households as they have given, by largest remainder, and end the grant."""
    check_step(STEPS, GrantAction.CLOSE, facts_of(grant), caller)
    fund = await fund_of(session, grant)
    await settle_hold(session, caller, grant, fund)
    left_fen = balance_fen(await funds.balance_of(session, grant.account_id))
    given = await funds.received_for_grant(session, grant.id)
    raised_fen = sum(item.amount_fen for item in given)
    to_fund, to_households = split_largest_remainder(left_fen, [grant.asked_fen, raised_fen])
    if to_fund:
        request = TransactionRequest(
            id=new_id(),
            book_id=fund.book_id,
            kind=TransactionKind.POST,
            legs=(Leg(grant.account_id, fund.fund_account, to_fund),),
            description=f"left over of grant {grant.id}",
            effective_on=utc_now().date(),
        )
        await post_all(session, caller.actor, request)
    if to_households:
        await _refund(
            session, caller, grant, split_largest_remainder(to_households, [item.amount_fen for item in given])
        )
    grant.state = GrantState.CLOSED.value
    grant.version += 1
    await session.flush()
    return {"left_fen": left_fen, "to_fund_fen": to_fund, "to_households_fen": to_households}


async def settle_hold(session: WriteSession, caller: Principal, grant: Grant, fund: Fund) -> None:
    """Turn what is reserved into the grant's own money, if that has not happened yet."""
    hold = await books.find_hold(session, grant.hold_id) if grant.hold_id else None
    if hold is None or hold.state != "open":
        return
    request = TransactionRequest(
        id=new_id(),
        book_id=fund.book_id,
        kind=TransactionKind.SETTLE,
        legs=(Leg(hold.debit_account, hold.credit_account, hold.amount - hold.settled - hold.released),),
        description=f"grant {grant.id}",
        effective_on=utc_now().date(),
        hold_id=hold.id,
        is_final=True,
    )
    await post_all(session, caller.actor, request)
