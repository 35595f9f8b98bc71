"""The rules of a mediation, pure: who may do what, from where, and the arithmetic of its days."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from enum import IntEnum
from typing import Final

from services.intake.mediation.terms import (
    AGREED,
    OPEN,
    TALKS,
    Confirmation,
    MediationAction,
    MediationFacts,
    MediationState,
    TermState,
)
from shared.auth import Principal, Role
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "CONFIRMATION_DAYS",
    "OFFICERS",
    "REMIND_BEFORE",
    "STEPS",
    "Told",
    "confirm_until",
    "is_fulfilled",
    "is_ready",
    "leads",
    "to_be_told",
]

OFFICERS: Final = (Role.OFFICER, Role.SECRETARY)
# Art. 33: both may ask the court within thirty days of the day on which the agreement took effect.
CONFIRMATION_DAYS: Final = 30
REMIND_BEFORE: Final = timedelta(days=3)
_FREE_DAYS_MAX: Final = 60


def _officer(facts: MediationFacts, caller: Principal) -> Denial | None:
    if caller.subject_id in facts.persons:
        return Denial("no_party_leads", Text(zh="当事人不能主持调解", en="A party does not lead the mediation"))
    if caller.has(*OFFICERS, at=facts.area_path):
        return None
    return Denial(
        "officers_of_the_area", Text(zh="需由该区域的工作人员操作", en="Only an officer of the area may do so")
    )


def _mediator(facts: MediationFacts, caller: Principal) -> Denial | None:
    if facts.mediator_id is not None and caller.subject_id == facts.mediator_id:
        return None
    return Denial("mediator_only", Text(zh="需由调解员操作", en="Only the mediator may do this"))


def leads(facts: MediationFacts, caller: Principal) -> Denial | None:
    """The mediator, or an officer of the area who is no party."""
    return None if _mediator(facts, caller) is None else _officer(facts, caller)


def _declares(facts: MediationFacts, caller: Principal) -> Denial | None:
    denial = _mediator(facts, caller)
    if denial is None and facts.declared:
        return Denial("declared_already", Text(zh="已作声明", en="It has been declared already"))
    return denial


def _speaks(facts: MediationFacts, caller: Principal) -> Denial | None:
    """A party for itself; whoever leads writes down what a party has said elsewhere."""
    return None if caller.subject_id in facts.persons else leads(facts, caller)


def _judges_mediator(facts: MediationFacts, caller: Principal) -> Denial | None:
    denial = _speaks(facts, caller)
    if denial is None and facts.mediator_id is None:
        return Denial("no_mediator", Text(zh="尚未提出调解员", en="No mediator is proposed"))
    return denial


def _drafts(facts: MediationFacts, caller: Principal) -> Denial | None:
    denial = _mediator(facts, caller)
    if denial is None and not facts.sessions_held:
        detail = Text(zh="尚未进行调解，不能形成协议", en="Nothing is agreed before a session was held")
        return Denial("no_session_held", detail)
    return denial


def _applies(facts: MediationFacts, caller: Principal) -> Denial | None:
    denial = leads(facts, caller)
    if denial is None and facts.confirmation is not None:
        return Denial("applied_already", Text(zh="已申请司法确认", en="The court has been asked already"))
    return denial


def _rules(facts: MediationFacts, caller: Principal) -> Denial | None:
    denial = leads(facts, caller)
    if denial is None and facts.confirmation is not Confirmation.APPLIED:
        return Denial("not_applied", Text(zh="没有待裁定的司法确认申请", en="No application waits for the court"))
    return denial


_PROPOSED: Final = frozenset({MediationState.PROPOSED})
_DRAFTED: Final = frozenset({MediationState.DRAFTED})
_OWED: Final = frozenset({MediationState.IN_EFFECT, MediationState.BREACHED})

# Where the target is None the step itself says whether it was the last that was missing.
STEPS: Final[dict[MediationAction, Step[MediationFacts]]] = {
    MediationAction.ADD_PARTY: Step(_PROPOSED, None, _officer),
    MediationAction.PROPOSE_MEDIATOR: Step(OPEN, MediationState.PROPOSED, _officer),
    MediationAction.DECLARE: Step(_PROPOSED, None, _declares),
    MediationAction.RECUSE: Step(OPEN, MediationState.PROPOSED, _mediator),
    MediationAction.CONSENT: Step(_PROPOSED, None, _speaks),
    # A mediator may be challenged at any time, and then has to be replaced.
    MediationAction.JUDGE_MEDIATOR: Step(OPEN, None, _judges_mediator),
    MediationAction.PLAN_SESSION: Step(TALKS, None, leads),
    MediationAction.CLOSE_SESSION: Step(TALKS, None, leads),
    MediationAction.DRAFT: Step(TALKS, MediationState.DRAFTED, _drafts),
    MediationAction.SIGN: Step(_DRAFTED, None, _speaks),
    MediationAction.DECLINE_DRAFT: Step(_DRAFTED, MediationState.UNDER_WAY, _speaks),
    MediationAction.FAIL: Step(OPEN, MediationState.FAILED, leads),
    # Art. 23: whoever takes part may end it, at any time and without a reason.
    MediationAction.WITHDRAW: Step(OPEN, MediationState.WITHDRAWN, _speaks),
    MediationAction.PERFORM: Step(_OWED, None, _speaks),
    MediationAction.BREACH: Step(_OWED, MediationState.BREACHED, _speaks),
    MediationAction.APPLY: Step(AGREED, None, _applies),
    MediationAction.RULING: Step(AGREED, None, _rules),
}


def is_ready(answers: Iterable[tuple[bool | None, bool | None]], *, declared: bool) -> bool:
    """Tell whether the talks may begin.

    Args:
        answers: of each party, whether it wants the mediation and whether it accepts the mediator; None is no answer.
        declared: whether the mediator has said to be related to nobody.
    """
    return declared and all(consents is True and accepts is True for consents, accepts in answers)


def is_fulfilled(terms: Iterable[TermState]) -> bool:
    """Tell whether nothing is owed any more; an agreement without obligations is fulfilled at once."""
    return all(state is TermState.PERFORMED for state in terms)


def confirm_until(effective_on: date, is_workday: Callable[[date], bool]) -> date:
    """Return the last day on which the parties may ask the court to confirm their agreement.

    The day on which it took effect does not count, and a last day that is free moves to the next working day (Civil
    Code, art. 201 and 203).

    Raises:
        ValueError: no working day follows within sixty days.
    """
    last = effective_on + timedelta(days=CONFIRMATION_DAYS)
    for number in range(_FREE_DAYS_MAX):
        day = last + timedelta(days=number)
        if is_workday(day):
            return day
    message = "no working day within sixty days"
    raise ValueError(message)


class Told(IntEnum):
    """How far whoever owes something has been reminded of it."""

    NOTHING = 0
    SOON = 1
    OVERDUE = 2


def to_be_told(due_on: date, today: date, told: int) -> Told | None:
    """Return what is to be told of an obligation by today, if it has not been: that it is due soon, or overdue."""
    reached = Told.OVERDUE if today > due_on else Told.SOON if today >= due_on - REMIND_BEFORE else Told.NOTHING
    return reached if reached > told else None
