"""From rows to campaigns as they are shown."""

from services.ledger.campaigns import repository
from services.ledger.campaigns.models import Campaign, CampaignChange
from services.ledger.campaigns.rules import STEPS
from services.ledger.campaigns.schemas import CampaignOut, ChangeOut
from services.ledger.campaigns.service import facts_of
from shared.auth import Principal
from shared.db import Session
from shared.steps import next_actions

__all__ = ["campaign_out", "change_out"]

_COMPUTED = {"raised_fen", "pledged_fen", "missing_fen", "givers", "open_change_id", "next_actions"}


async def campaign_out(session: Session, campaign: Campaign, caller: Principal) -> CampaignOut:
    """Show a campaign whole."""
    columns = {name: getattr(campaign, name) for name in CampaignOut.model_fields.keys() - _COMPUTED}
    raised_fen, pledged_fen, givers = await repository.sums_of(session, campaign.id)
    change = await repository.open_change(session, campaign.id)
    actions = next_actions(STEPS, facts_of(campaign), caller)
    return CampaignOut.model_validate(
        {
            **columns,
            "raised_fen": raised_fen,
            "pledged_fen": pledged_fen,
            "missing_fen": max(0, campaign.goal_fen - raised_fen),
            "givers": givers,
            "open_change_id": change.id if change is not None else None,
            "next_actions": actions,
        }
    )


async def change_out(session: Session, change: CampaignChange) -> ChangeOut:
    """Show a change and how far the asking has come."""
    answers = await repository.answers_to(session, change.id)
    waiting = await repository.givers_of(session, change.campaign_id) - answers.keys() if not change.outcome else set()
    columns = {name: getattr(change, name) for name in ChangeOut.model_fields.keys() - {"answered", "asked"}}
    return ChangeOut.model_validate({**columns, "answered": len(answers), "asked": len(answers) + len(waiting)})
