"""Use cases of changing a goal or a day: every giver consents or leaves with the gift, before anything changes."""

from uuid import UUID

from services.ledger.campaigns import repository
from services.ledger.campaigns.models import Campaign, CampaignAnswer, CampaignChange
from services.ledger.campaigns.rules import (
    STEPS,
    AlreadyAnswered,
    BadGoal,
    CampaignAction,
    DeadlinePassed,
    NotAGiver,
)
from services.ledger.campaigns.schemas import AnswerIn, ChangeIn
from services.ledger.campaigns.service import facts_of, fund_of, require_no_change
from services.ledger.campaigns.settling import refund_all
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import Forbidden, IdTaken, NotFound, Unauthenticated
from shared.steps import check_step
from shared.texts import Text

__all__ = ["answer_change", "ask_change"]


async def ask_change(
    session: WriteSession, caller: Principal, campaign: Campaign, wanted: ChangeIn
) -> tuple[CampaignChange, bool]:
    """Ask the givers about another goal or day; without givers it takes effect at once."""
    check_step(STEPS, CampaignAction.CHANGE, facts_of(campaign), caller)
    earlier = await repository.find_change(session, wanted.id) if wanted.id else None
    if earlier is not None:
        kept = (earlier.campaign_id, earlier.goal_fen, earlier.deadline, earlier.reason)
        if kept != (campaign.id, wanted.goal_fen, wanted.deadline, wanted.reason):
            raise IdTaken(pointer="/id")
        return earlier, False
    if campaign.deadline <= utc_now():
        raise DeadlinePassed
    await require_no_change(session, campaign)
    raised_fen, pledged_fen, _ = await repository.sums_of(session, campaign.id)
    floor_fen = max(campaign.unlock_fen or 1, raised_fen + pledged_fen if campaign.excess == "refuse" else 1)
    if wanted.goal_fen is not None and wanted.goal_fen < floor_fen:
        raise BadGoal(pointer="/goal_fen", at_least_fen=floor_fen)
    if wanted.deadline is not None and wanted.deadline <= utc_now():
        raise BadGoal(pointer="/deadline")
    change = CampaignChange(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        campaign_id=campaign.id,
        goal_fen=wanted.goal_fen,
        deadline=wanted.deadline,
        reason=wanted.reason,
        asked_at=utc_now(),
    )
    session.add(change)
    campaign.version += 1
    await session.flush()
    await _decide(session, campaign, change)
    return change, True


async def answer_change(
    session: WriteSession, caller: Principal, campaign: Campaign, change_id: UUID, wanted: AnswerIn
) -> CampaignChange:
    """Hear one giver; who leaves gets the gift back at once, and with the last answer the change takes effect."""
    change = await repository.open_change(session, campaign.id)
    if change is None or change.id != change_id:
        raise NotFound
    person = _check_speaker(caller, campaign, wanted.giver_id)
    if wanted.giver_id in await repository.answers_to(session, change.id):
        raise AlreadyAnswered
    if wanted.giver_id not in await repository.givers_of(session, campaign.id):
        raise NotAGiver(pointer="/giver_id")
    session.add(
        CampaignAnswer(
            tenant_id=session.tenant,
            change_id=change.id,
            giver_id=wanted.giver_id,
            answer=wanted.answer,
            answered_by=person,
            answered_at=utc_now(),
        )
    )
    if wanted.answer == "leave":
        await refund_all(session, caller.actor, await fund_of(session, campaign), campaign, giver_id=wanted.giver_id)
    campaign.version += 1
    await session.flush()
    await _decide(session, campaign, change)
    return change


def _check_speaker(caller: Principal, campaign: Campaign, giver_id: UUID) -> UUID:
    """Return who answers: the giver, somebody of the giving unit, or the treasurer who was told."""
    if caller.subject_id is None:
        raise Unauthenticated
    is_own = caller.subject_id == giver_id or giver_id in caller.units()
    if not is_own and not caller.has(Role.TREASURER, at=campaign.area_path):
        raise Forbidden(
            Text(zh="只能由捐赠人或管账人答复", en="Only the giver or the treasurer answers"), rule="givers_answer"
        )
    return caller.subject_id


async def _decide(session: WriteSession, campaign: Campaign, change: CampaignChange) -> None:
    """Let the change take effect when everybody who has money in it has answered."""
    if await repository.givers_of(session, campaign.id) - (await repository.answers_to(session, change.id)).keys():
        return
    if change.goal_fen is not None:
        is_whole = campaign.min_fen == campaign.goal_fen
        campaign.goal_fen = change.goal_fen
        campaign.min_fen = change.goal_fen if is_whole else min(campaign.min_fen, change.goal_fen)
    if change.deadline is not None:
        campaign.deadline = change.deadline
    change.outcome, change.decided_at = "accepted", utc_now()
    await session.flush()
