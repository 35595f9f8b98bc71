"""The rules of a case, pure: one table of steps, and what each step does to the clocks."""

from collections.abc import Callable
from typing import Final

from services.intake.cases import guards
from services.intake.cases.terms import Action, CaseFacts, State
from services.intake.clocks.rules import ClockKind, ClockOp, Verb
from shared.steps import Step

__all__ = ["CLOSING", "IN_HAND", "OPEN", "STEPS", "clock_ops"]

OPEN: Final = frozenset(State) - {State.CLOSED}
IN_HAND: Final = frozenset({State.TRIAGED, State.ASSIGNED, State.CLAIMED})
_UNJUDGED: Final = frozenset({State.FILED, State.ACCEPTED})
_UNSOLVED: Final = OPEN - {State.RESOLVED}
_CLOSED: Final = frozenset({State.CLOSED})
_RESOLVED: Final = frozenset({State.RESOLVED})

STEPS: Final[dict[Action, Step[CaseFacts]]] = {
    Action.ACCEPT: Step(frozenset({State.FILED}), State.ACCEPTED, guards.staff_here),
    Action.DECLINE: Step(_UNJUDGED, State.CLOSED, guards.staff_here),
    Action.TRIAGE: Step(frozenset({State.ACCEPTED, State.REOPENED, State.TRIAGED}), State.TRIAGED, guards.staff_here),
    # Up to the meeting, and back down again.
    Action.CHANGE_LEVEL: Step(IN_HAND, State.TRIAGED, guards.officer_here),
    Action.APPEAL: Step(IN_HAND | {State.REOPENED, State.CLOSED}, None, guards.appeals),
    # Upheld, the case is judged anew; rejected, it stays where it is.
    Action.ANSWER_APPEAL: Step(frozenset(State), State.ACCEPTED, guards.answers_appeal),
    # A claim that its unit does not keep can be taken from it.
    Action.ASSIGN: Step(IN_HAND, State.ASSIGNED, guards.assigns),
    Action.OFFER: Step(frozenset({State.TRIAGED}), None, guards.offers),
    Action.CHOOSE: Step(frozenset({State.TRIAGED}), State.CLAIMED, guards.chooses),
    Action.CLAIM: Step(frozenset({State.TRIAGED, State.ASSIGNED}), State.CLAIMED, guards.claims),
    # To another unit, or back to whoever assigns; too often, and a joint meeting is forced.
    Action.HAND_ON: Step(frozenset({State.ASSIGNED, State.CLAIMED}), State.TRIAGED, guards.hands_on),
    Action.PROGRESS: Step(IN_HAND, None, guards.handler),
    Action.REPLY: Step(_UNSOLVED, None, guards.replies),
    Action.COMMENT: Step(OPEN, None, guards.comments),
    # What the category asks and was not yet answered, or not rightly.
    Action.ANSWERS: Step(OPEN, None, guards.fills_in),
    Action.PAUSE: Step(IN_HAND, None, guards.pauses),
    Action.RESUME: Step(IN_HAND, None, guards.resumes),
    Action.RESOLVE: Step(IN_HAND, State.RESOLVED, guards.handler),
    Action.NEEDS: Step(IN_HAND | {State.ACCEPTED, State.REOPENED}, None, guards.staff_here),
    Action.JOIN: Step(OPEN, None, guards.neighbour),
    Action.LEAVE: Step(OPEN, None, guards.concerned_joiner),
    Action.REPRESENT: Step(OPEN, None, guards.requester),
    # The target depends on the answer: closed when solved, reopened when not.
    Action.FEEDBACK: Step(_RESOLVED, State.CLOSED, guards.judges),
    Action.CONFIRM: Step(_RESOLVED, None, guards.concerned_joiner),
    Action.REOPEN: Step(_CLOSED, State.REOPENED, guards.reopens),
    Action.WITHDRAW: Step(OPEN, State.CLOSED, guards.requester),
    Action.MERGE: Step(_UNSOLVED, State.CLOSED, guards.staff_here),
    # Back to the state in which it was merged.
    Action.UNMERGE: Step(_CLOSED, State.ACCEPTED, guards.unmerges),
    Action.SUPERVISE: Step(_UNSOLVED, None, guards.officer_here),
    # A closed case is looked at again; found unsolved, it is opened again.
    Action.CHECK: Step(_CLOSED, State.REOPENED, guards.officer_here),
}

# How a case ends; every clock ends with it.
CLOSING: Final = tuple(ClockOp(kind, Verb.STOP) for kind in ClockKind)

Budget = Callable[[ClockKind], int]


def clock_ops(action: str, target: State | None, budget: Budget, reason: str | None = None) -> tuple[ClockOp, ...]:
    """Return what a step does to the clocks of its case.

    Args:
        action: the step.
        target: the state that it leads to; None when it stays.
        budget: the limit of a clock in seconds, for the case as it is after the step.
        reason: why a clock is paused.
    """
    if target is State.CLOSED:
        return CLOSING
    if target is State.RESOLVED:
        return (
            ClockOp(ClockKind.FIRST_REPLY, Verb.STOP),
            ClockOp(ClockKind.RESOLVE, Verb.STOP),
            ClockOp(ClockKind.VERDICT, Verb.START, budget(ClockKind.VERDICT)),
        )
    if target is State.FILED:
        return tuple(ClockOp(kind, Verb.START, budget(kind)) for kind in (ClockKind.ACCEPT, ClockKind.FIRST_REPLY))
    if target is None:
        staying = {
            Action.REPLY: ClockOp(ClockKind.FIRST_REPLY, Verb.STOP),
            Action.PROGRESS: ClockOp(ClockKind.FIRST_REPLY, Verb.STOP),
            Action.PAUSE: ClockOp(ClockKind.RESOLVE, Verb.PAUSE, reason=reason),
            Action.RESUME: ClockOp(ClockKind.RESOLVE, Verb.RESUME),
        }
        return tuple(op for name, op in staying.items() if name == action)
    # Whatever else moves a case lets its time of solving run: it starts when it does not, and goes by the level.
    return (
        ClockOp(ClockKind.ACCEPT, Verb.STOP),
        ClockOp(ClockKind.VERDICT, Verb.STOP),
        ClockOp(ClockKind.RESOLVE, Verb.START, budget(ClockKind.RESOLVE)),
        ClockOp(ClockKind.RESOLVE, Verb.RESUME),
        ClockOp(ClockKind.RESOLVE, Verb.BUDGET, budget(ClockKind.RESOLVE)),
    )
