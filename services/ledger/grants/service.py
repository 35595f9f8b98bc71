"""Use cases of grants: applying, and what the other use cases stand on."""

from dataclasses import dataclass
from uuid import UUID

from services.ledger.books import repository as books
from services.ledger.books.rules import AccountClass, NewAccount
from services.ledger.funds import repository as funds
from services.ledger.funds.models import Fund
from services.ledger.funds.rules import Tier, UnknownFund, is_match_unlocked, tier_of
from services.ledger.funds.service import charter_of
from services.ledger.grants import repository
from services.ledger.grants.models import Grant
from services.ledger.grants.rules import (
    AboveCap,
    CategoryNotAllowed,
    GrantFacts,
    GrantState,
    MatchLocked,
    OwnNotLess,
)
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound

__all__ = ["Application", "apply_for_grant", "facts_of", "fund_of", "lock_grant"]


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
    grant = await _submit(session, fund, wanted, asked_fen, tier_of(charter.tiers, asked_fen))
    return grant, True


async def _submit(session: WriteSession, fund: Fund, wanted: Application, asked_fen: int, tier: Tier) -> Grant:
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
        approvals_needed=tier.approvals,
        voters=tier.voters,
        quorum=charter_of(fund).quorum,
        state=GrantState.SUBMITTED.value,
        account_id=account_id,
        submitted_at=utc_now(),
        version=1,
    )
    session.add(grant)
    await session.flush()
    return grant
