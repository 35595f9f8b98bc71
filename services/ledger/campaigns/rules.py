"""States of a campaign, who may move it, and what can be wrong."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.auth import Principal, Role
from shared.problems import Conflict, Forbidden, Invalid
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "STEPS",
    "AlreadyAnswered",
    "AlreadyApproved",
    "AlreadyReceived",
    "BadGoal",
    "CampaignAction",
    "CampaignFacts",
    "CampaignState",
    "ChangeOpen",
    "DeadlinePassed",
    "GiverCap",
    "GoalMissed",
    "NotAGiver",
    "OpenerApproves",
    "OverFunded",
]


class CampaignState(StrEnum):
    """Where a campaign is."""

    PROPOSED = "proposed"
    OPEN = "open"
    SETTLED = "settled"
    REFUNDED = "refunded"


class CampaignAction(StrEnum):
    """What can be done with a campaign."""

    APPROVE = "approve"
    GIVE = "give"
    SETTLE = "settle"
    CANCEL = "cancel"
    CHANGE = "change"


class BadGoal(Invalid):
    """The goal, the minimum, the day or the fund's share do not fit each other or the charter."""

    code = "bad_goal"
    title = Text(zh="目标、下限、期限或配比不合规则", en="Goal, minimum, day or share do not fit each other")


class DeadlinePassed(Conflict):
    """The day has passed."""

    code = "deadline_passed"
    title = Text(zh="众筹已截止", en="The campaign's day has passed")


class GoalMissed(Conflict):
    """Not enough has been given."""

    code = "goal_missed"
    title = Text(zh="尚未达到最低目标", en="The minimum is not reached")


class OverFunded(Conflict):
    """No more than the goal, promises included."""

    code = "over_funded"
    title = Text(zh="超出众筹目标", en="More than the goal")


class GiverCap(Invalid):
    """A giver gives no more than the cap."""

    code = "giver_cap"
    title = Text(zh="超过每户（每位捐赠人）上限", en="More than one giver may give")


class ChangeOpen(Conflict):
    """Givers are being asked about a change."""

    code = "change_open"
    title = Text(zh="变更正在征求捐赠人同意", en="The givers are being asked about a change")


class NotAGiver(Invalid):
    """Only who has given is asked."""

    code = "not_a_giver"
    title = Text(zh="该捐赠人没有到账捐款", en="Only who has given is asked")


class AlreadyAnswered(Conflict):
    """One answer each."""

    code = "already_answered"
    title = Text(zh="该捐赠人已答复", en="This giver has answered")


class AlreadyApproved(Conflict):
    """One approval each."""

    code = "already_approved"
    title = Text(zh="您已批准", en="You have approved it already")


class AlreadyReceived(Conflict):
    """The pledge was paid, or went back."""

    code = "already_received"
    title = Text(zh="该笔捐款已到账", en="The gift has arrived already")


class OpenerApproves(Forbidden):
    """Who has opened a campaign does not approve its share."""

    code = "not_independent"
    title = Text(zh="发起人不得批准配比", en="Who has opened the campaign does not approve the fund's share")


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """What the rules know of a campaign."""

    state: CampaignState
    area_path: str


def _treasurer(campaign: CampaignFacts, caller: Principal) -> Denial | None:
    if caller.has(Role.TREASURER, at=campaign.area_path):
        return None
    return Denial(
        "treasurers_keep_campaigns", Text(zh="需由基金管账人操作", en="Only the fund's treasurer may do this")
    )


def _approver(campaign: CampaignFacts, caller: Principal) -> Denial | None:
    if caller.has(Role.APPROVER, at=campaign.area_path):
        return None
    return Denial("approvers_approve_shares", Text(zh="需由基金评审成员批准", en="Only the fund's approvers may"))


_PROPOSED: Final = frozenset({CampaignState.PROPOSED})
_OPEN: Final = frozenset({CampaignState.OPEN})
STEPS: Final[dict[CampaignAction, Step[CampaignFacts]]] = {
    CampaignAction.APPROVE: Step(_PROPOSED, CampaignState.OPEN, _approver),
    CampaignAction.GIVE: Step(_OPEN, None, _treasurer),
    CampaignAction.SETTLE: Step(_OPEN, CampaignState.SETTLED, _treasurer),
    CampaignAction.CANCEL: Step(_PROPOSED | _OPEN, CampaignState.REFUNDED, _treasurer),
    CampaignAction.CHANGE: Step(_OPEN, None, _treasurer),
}
