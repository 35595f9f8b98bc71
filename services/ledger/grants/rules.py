"""States of a grant, who may move it, and what can be wrong."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.auth import Principal, Role
from shared.problems import Conflict, Forbidden, Invalid
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "STEPS",
    "AboveCap",
    "AlreadyReviewed",
    "AlreadyVoted",
    "CategoryNotAllowed",
    "ConflictDeclared",
    "ContractsOpen",
    "GrantAction",
    "GrantFacts",
    "GrantState",
    "HouseholdCap",
    "InvoicesOpen",
    "MatchLocked",
    "OverFunded",
    "OwnNotLess",
    "ReviewMissing",
    "Tally",
]


class GrantState(StrEnum):
    """Where a grant is."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"


class GrantAction(StrEnum):
    """What can be done with a grant."""

    REVIEW = "review"
    APPROVE = "approve"
    REFUSE = "refuse"
    RECUSE = "recuse"
    WITHDRAW = "withdraw"
    CONTRIBUTE = "contribute"
    INVOICE = "invoice"
    CLOSE = "close"


class AboveCap(Invalid):
    """More than the charter gives to one project."""

    code = "above_cap"
    title = Text(zh="超过章程的资助上限", en="More than the charter's cap")


class CategoryNotAllowed(Invalid):
    """The charter names what the fund may pay for."""

    code = "category_not_allowed"
    title = Text(zh="章程不允许该类支出", en="The charter does not pay for this")


class OwnNotLess(Invalid):
    """The fund has to be asked for something."""

    code = "nothing_asked"
    title = Text(zh="没有申请基金份额", en="Nothing is asked of the fund")


class ConflictDeclared(Forbidden):
    """Who has declared a conflict of interest does not vote."""

    code = "conflict_declared"
    title = Text(zh="已声明利益冲突，不能表决", en="A declared conflict of interest blocks the vote")


class AlreadyVoted(Conflict):
    """One person, one vote."""

    code = "already_voted"
    title = Text(zh="您已表决", en="You have voted already")


class MatchLocked(Conflict):
    """The own money is not raised yet."""

    code = "match_locked"
    title = Text(zh="自筹资金未达要求，配比尚未解锁", en="The own money has not unlocked the fund's share yet")


class OverFunded(Conflict):
    """No more own money than is needed."""

    code = "over_funded"
    title = Text(zh="超出自筹目标", en="More than the own part that is needed")


class HouseholdCap(Invalid):
    """The charter caps what one household gives."""

    code = "household_cap"
    title = Text(zh="超过每户上限", en="More than one household may give")


class InvoicesOpen(Conflict):
    """A grant is closed when its invoices are paid."""

    code = "invoices_open"
    title = Text(zh="尚有未付发票", en="Some invoices are not paid")


class ContractsOpen(Conflict):
    """A contract still holds money of the grant."""

    code = "contracts_open"
    title = Text(zh="尚有未了结的合同", en="A contract still holds money of the grant")


class AlreadyReviewed(Conflict):
    """One reviewer, one review."""

    code = "already_reviewed"
    title = Text(zh="您已评审", en="You have reviewed it already")


class ReviewMissing(Conflict):
    """The charter asks for a review before the vote."""

    code = "review_missing"
    title = Text(zh="章程要求先行评审", en="The charter asks for a review before the vote")


@dataclass(frozen=True, slots=True)
class Tally:
    """The votes for and against, and what it takes: `needed` of `voters` if that is said, and a quorum."""

    approvals: int
    refusals: int
    needed: int
    voters: int | None
    quorum: int

    @property
    def is_approved(self) -> bool:
        """Whether enough have approved and enough have voted."""
        return self.approvals >= self.needed and self.approvals + self.refusals >= self.quorum

    @property
    def is_refused(self) -> bool:
        """Whether the approvals cannot be reached any more: without a number of voters one refusal is enough."""
        return self.refusals > (0 if self.voters is None else self.voters - self.needed)


@dataclass(frozen=True, slots=True)
class GrantFacts:
    """What the rules know of a grant."""

    state: GrantState
    area_path: str
    applicant_id: UUID


def _approver(grant: GrantFacts, caller: Principal) -> Denial | None:
    if not caller.has(Role.APPROVER, at=grant.area_path):
        return Denial("approvers_decide", Text(zh="需由基金评审成员表决", en="Only the fund's approvers decide"))
    if caller.subject_id == grant.applicant_id:
        return Denial(
            "applicant_is_not_approver", Text(zh="申请人不能审批自己的申请", en="Nobody approves an own application")
        )
    return None


def _reviewer(grant: GrantFacts, caller: Principal) -> Denial | None:
    if not caller.has(Role.REVIEWER, at=grant.area_path):
        return Denial("reviewers_review", Text(zh="需由基金评审员评审", en="Only the fund's reviewers review"))
    if caller.subject_id == grant.applicant_id:
        return Denial(
            "applicant_is_not_reviewer", Text(zh="申请人不能评审自己的申请", en="Nobody reviews an own application")
        )
    return None


def _applicant(grant: GrantFacts, caller: Principal) -> Denial | None:
    if caller.subject_id == grant.applicant_id:
        return None
    return Denial("applicant_withdraws", Text(zh="只有申请人可以撤回", en="Only the applicant withdraws"))


def _treasurer(grant: GrantFacts, caller: Principal) -> Denial | None:
    if caller.has(Role.TREASURER, at=grant.area_path):
        return None
    return Denial(
        "treasurers_keep_the_money", Text(zh="需由基金管账人操作", en="Only the fund's treasurer may do this")
    )


def _spender(grant: GrantFacts, caller: Principal) -> Denial | None:
    if caller.subject_id == grant.applicant_id or caller.has(Role.TREASURER, at=grant.area_path):
        return None
    return Denial("applicant_or_treasurer", Text(zh="需由申请人或管账人操作", en="Only the applicant or the treasurer"))


_SUBMITTED: Final = frozenset({GrantState.SUBMITTED})
_APPROVED: Final = frozenset({GrantState.APPROVED})
STEPS: Final[dict[GrantAction, Step[GrantFacts]]] = {
    GrantAction.REVIEW: Step(_SUBMITTED, None, _reviewer),
    GrantAction.APPROVE: Step(_SUBMITTED, GrantState.APPROVED, _approver),
    GrantAction.REFUSE: Step(_SUBMITTED, GrantState.REFUSED, _approver),
    GrantAction.RECUSE: Step(_SUBMITTED, None, _approver),
    GrantAction.WITHDRAW: Step(_SUBMITTED, GrantState.WITHDRAWN, _applicant),
    GrantAction.CONTRIBUTE: Step(_SUBMITTED, None, _treasurer),
    GrantAction.INVOICE: Step(_APPROVED, None, _spender),
    GrantAction.CLOSE: Step(_APPROVED, GrantState.CLOSED, _treasurer),
}
