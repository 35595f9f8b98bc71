"""From rows to the representation of a grant."""

from services.ledger.books.views import available_fen
from services.ledger.funds import repository as funds
from services.ledger.funds.rules import is_match_unlocked
from services.ledger.funds.service import charter_of
from services.ledger.grants import repository
from services.ledger.grants.models import Grant
from services.ledger.grants.rules import STEPS
from services.ledger.grants.schemas import GrantOut, GrantSummary, ReviewOut, SourceOut, VoteOut
from services.ledger.grants.service import facts_of, fund_of
from shared.auth import Principal
from shared.db import Session
from shared.steps import next_actions

__all__ = ["grant_out"]


async def grant_out(session: Session, grant: Grant, caller: Principal) -> GrantOut:
    """Show a grant whole."""
    fund = await fund_of(session, grant)
    raised_fen = await funds.raised_for_grant(session, grant.id)
    unlocked = is_match_unlocked(charter_of(fund), share_fen=grant.asked_fen, raised_fen=raised_fen)
    return GrantOut.model_validate(
        {
            **GrantSummary.model_validate(grant).model_dump(),
            "votes": [VoteOut.model_validate(item) for item in await repository.votes_of(session, grant.id)],
            "reviews": [ReviewOut.model_validate(item) for item in await repository.reviews_of(session, grant.id)],
            "sources": [SourceOut.model_validate(item) for item in await repository.sources_of(session, grant.id)],
            "raised_fen": raised_fen,
            "match_unlocked": unlocked and raised_fen >= grant.own_fen,
            "available_fen": available_fen(await funds.balance_of(session, grant.account_id)),
            "next_actions": next_actions(STEPS, facts_of(grant), caller),
        }
    )
