"""The table of steps as a page for people: a diagram, who may do what, and which clocks run where.

Everything is asked of the rules themselves: guards are tried with callers, clocks are let run. So docs/cases.md, which
is what this prints, says what the code does. `python -m services.intake.cases.drawing` prints it.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import Final
from uuid import UUID

from services.intake.cases.rules import CLOSING, OPEN, STEPS, clock_ops
from services.intake.cases.telling import JUDGED, RULES, TOLD_ELSEWHERE, Rule
from services.intake.cases.terms import Action, CaseFacts, Level, Outcome, State
from services.intake.clocks.rules import ClockKind, ClockOp, Verb
from shared.auth import Grant, Principal, Role

__all__ = ["CALLERS", "Edge", "clocks_by_state", "document", "edges", "may"]

# From where (None: it did not exist), by which step, to where.
Edge = tuple[State | None, str, State]

_HERE: Final = "district.here"
_REQUESTER, _SPEAKER, _OTHER, _HOLDER, _BYSTANDER = (UUID(int=number) for number in range(1, 6))
# What the table of steps leaves to the use cases: another target than the usual one, and what nobody of flesh does.
_OTHER_TARGETS: Final[dict[Action, frozenset[State]]] = {
    # Rejected, or answered when the case has ended meanwhile, an appeal moves nothing.
    Action.ANSWER_APPEAL: frozenset(State),
    Action.FEEDBACK: frozenset({State.REOPENED, State.RESOLVED}),
    Action.HAND_ON: frozenset({State.ASSIGNED}),
    Action.UNMERGE: frozenset({State.FILED, State.TRIAGED, State.REOPENED}),
}
_BY_THE_HOUSE: Final[tuple[tuple[str, State, tuple[State, ...]], ...]] = (
    ("lapse", State.CLAIMED, (State.TRIAGED,)),
    ("forced_joint", State.TRIAGED, (State.TRIAGED,)),
    ("silence", State.RESOLVED, (State.CLOSED,)),
    ("confirmed", State.RESOLVED, (State.CLOSED,)),
    ("objected", State.RESOLVED, (State.REOPENED,)),
    ("import", State.FILED, (State.FILED, State.ACCEPTED, State.TRIAGED, State.ASSIGNED)),
    ("import_close", State.FILED, (State.CLOSED,)),
)


def _holding(role: Role, unit: UUID | None = None) -> Principal:
    return Principal("t", _OTHER, "person", (Grant(role, _HERE, unit),))


# Whoever may stand before a case, each with one quality and no other.
CALLERS: Final[dict[str, tuple[Principal, bool]]] = {
    "requester 诉求人": (Principal("t", _REQUESTER, "person"), False),
    "representative 代表": (Principal("t", _SPEAKER, "person"), False),
    "joiner 联名居民": (Principal("t", _OTHER, "person"), True),
    "resident 居民": (_holding(Role.RESIDENT), False),
    "grid worker 网格员": (_holding(Role.GRID_WORKER), False),
    "officer 工作人员": (_holding(Role.OFFICER), False),
    "secretary 书记": (_holding(Role.SECRETARY), False),
    "convenor 召集人": (_holding(Role.CONVENOR), False),
    "unit that has it 承办单位": (_holding(Role.UNIT_STAFF, _HOLDER), False),
    "other unit 其他单位": (_holding(Role.UNIT_STAFF, _BYSTANDER), False),
    **{
        f"{role.value}": (_holding(role), False)
        for role in Role
        if role not in {Role.RESIDENT, Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY, Role.CONVENOR, Role.UNIT_STAFF}
    },
}


def _cases(state: State, *, is_joined: bool) -> Iterator[CaseFacts]:
    """Return a case in a state, in all the ways that make a difference to a guard."""
    outcomes = (Outcome.SATISFIED, Outcome.DECLINED, Outcome.MERGED) if state is State.CLOSED else (None,)
    flags = (False, True)
    ways = product((None, *Level), (None, _HOLDER), outcomes, flags, flags, flags)
    for level, unit, outcome, is_paused, can_reopen, appeals in ways:
        yield CaseFacts(
            state,
            _HERE,
            _REQUESTER,
            level=level,
            unit_id=unit,
            outcome=outcome,
            is_joined=is_joined,
            is_paused=is_paused,
            can_reopen=can_reopen,
            appeals=appeals,
            representatives=frozenset({_SPEAKER}),
        )


def may(action: Action, caller: str) -> bool:
    """Tell whether one of CALLERS may ever take a step, in whatever condition the case is."""
    principal, is_joined = CALLERS[caller]
    step = STEPS[action]
    return any(
        step.guard(case, principal) is None
        for state in sorted(step.sources)
        for case in _cases(state, is_joined=is_joined)
    )


def edges() -> set[Edge]:
    """Return every way from state to state, by anybody's step or by the house's own; what stays is a way to itself."""
    found: set[Edge] = {(None, "file", State.FILED)}
    for action, step in STEPS.items():
        for state in step.sources:
            found.add((state, action.value, step.target or state))
            found |= {
                (state, action.value, target)
                for target in _OTHER_TARGETS.get(action, ())
                if action is not Action.ANSWER_APPEAL or target is state
            }
    for name, source, targets in _BY_THE_HOUSE:
        found |= {(source, name, target) for target in targets}
    return found


def clocks_by_state() -> dict[State, tuple[frozenset[ClockKind], frozenset[ClockKind]]]:
    """Return for each state which clocks always run or stand still there, and which do so sometimes.

    Found by walking every way from the filing on, with the clocks as each step leaves them.
    """
    ways = [edge for edge in edges() if edge[0] is not None and edge[1] != "import"]
    begun = (State.FILED, _after(frozenset(), "file", State.FILED))
    seen, waiting = {begun}, [begun]
    while waiting:
        state, running = waiting.pop()
        for source, step, target in ways:
            if source is not state:
                continue
            # A way to itself is no move for the clocks, unless the step names the state anew.
            reached = (target, _after(running, step, target if _moves(step, state, target) else None))
            if reached not in seen:
                seen.add(reached)
                waiting.append(reached)
    by_state: dict[State, list[frozenset[ClockKind]]] = defaultdict(list)
    for state, running in seen:
        by_state[state].append(running)
    return {
        state: (frozenset.intersection(*found), frozenset.union(*found) - frozenset.intersection(*found))
        for state, found in by_state.items()
    }


def _moves(step: str, state: State, target: State) -> bool:
    return target is not state or (step in set(Action) and STEPS[Action(step)].target is state)


def _after(running: frozenset[ClockKind], step: str, target: State | None) -> frozenset[ClockKind]:
    ops: tuple[ClockOp, ...] = clock_ops(step, target, lambda _: 1)
    started = {op.kind for op in ops if op.verb is Verb.START}
    stopped = {op.kind for op in ops if op.verb is Verb.STOP}
    return (running - stopped) | started


_HEAD: Final = """# Cases: states, steps, clocks

What can be done with a case, by whom, and which clock runs meanwhile. This page is printed from the rules
(`services/intake/cases/rules.py`) by `make snapshots`; a test compares it, so do not edit it by hand.

What a caller may do with a case right now, and why not the rest, every case tells in `next_actions`.
"""


_COLUMNS: Final = (
    "Each column is somebody with this one quality and no other, at the area of the case; ● is a step that they may"
    " take in some condition of the case, which the table above tells."
)


_HEARERS: Final = (
    "Whoever takes a step knows of it and is not told. Units that are chosen as helpers or passed over are told of"
    " that, and requester and officers that a case has become a collective one."
)


def document() -> str:
    """Return the page, the same at every call."""
    parts = [_HEAD, "## States\n", _diagram(), "## Clocks\n", _clock_table(), "## Steps\n", _step_table()]
    parts += ["## Who may\n", _matrix(), "## What the house does by itself\n", _house_table()]
    parts += ["## Who hears\n", _told_table()]
    return "\n".join(parts)


def _diagram() -> str:
    clocks = clocks_by_state()
    lines = ["```mermaid", "stateDiagram-v2"]
    for state in State:
        names = ", ".join(kind.value for kind in ClockKind if kind in clocks[state][0])
        lines.append(f'    state "{state.value} ({names or "no clock"})" as {state.value}')
    arrows: dict[tuple[State | None, State], list[str]] = defaultdict(list)
    for source, step, target in sorted(edges(), key=_order):
        if source is not target:
            arrows[source, target].append(step)
    for (source, target), steps in arrows.items():
        lines.append(f"    {source.value if source else '[*]'} --> {target.value} : {' / '.join(steps)}")
    return "\n".join([*lines, "```", ""])


def _order(edge: Edge) -> tuple[int, int, str]:
    states = list(State)
    source, step, target = edge
    return (states.index(source) if source else -1, states.index(target), step)


def _clock_table() -> str:
    lines = ["| state | runs or stands still | sometimes |", "|---|---|---|"]
    for state, (always, sometimes) in sorted(clocks_by_state().items(), key=lambda item: list(State).index(item[0])):
        names = [", ".join(kind.value for kind in ClockKind if kind in found) or "-" for found in (always, sometimes)]
        lines.append(f"| {state.value} | {names[0]} | {names[1]} |")
    ends = ", ".join(op.kind.value for op in CLOSING)
    return "\n".join([*lines, "", f"Closing ends them all: {ends}.", ""])


def _step_table() -> str:
    lines = ["| step | from | to | who, and when |", "|---|---|---|---|"]
    for action, step in STEPS.items():
        targets = [step.target.value if step.target else "stays"]
        targets += [state.value for state in State if state in _OTHER_TARGETS.get(action, ())]
        if action is Action.ANSWER_APPEAL:
            targets = [step.target.value, "stays"]
        who = " ".join((step.guard.__doc__ or "").split())
        lines.append(f"| {action.value} | {_names(step.sources)} | {', '.join(targets)} | {who} |")
    return "\n".join([*lines, ""])


def _names(states: frozenset[State]) -> str:
    if states == frozenset(State):
        return "any"
    if states == OPEN:
        return "any open"
    return ", ".join(state.value for state in State if state in states)


def _matrix() -> str:
    able = {caller: {action for action in Action if may(action, caller)} for caller in CALLERS}
    shown = [caller for caller in CALLERS if able[caller]]
    lines = [
        _COLUMNS,
        "",
        f"| step | {' | '.join(shown)} |",
        f"|---|{'---|' * len(shown)}",
    ]
    for action in Action:
        marks = " | ".join("●" if action in able[caller] else "" for caller in shown)
        lines.append(f"| {action.value} | {marks} |")
    idle = ", ".join(caller for caller in CALLERS if not able[caller])
    return "\n".join([*lines, "", f"These take no step by their role alone: {idle}.", ""])


def _house_table() -> str:
    lines = ["| step | from | to |", "|---|---|---|"]
    for name, source, targets in _BY_THE_HOUSE:
        lines.append(f"| {name} | {source.value} | {', '.join(target.value for target in targets)} |")
    return "\n".join([*lines, ""])


def _told_table() -> str:
    lines = [_HEARERS, "", "| step | who hears |", "|---|---|"]
    told = {step: _audience(rule) for step, rule in RULES.items()}
    told |= {f"{Action.FEEDBACK.value}, and then {state}": _audience(rule) for state, rule in JUDGED.items()}
    lines += [f"| {step} | {who} |" for step, who in told.items()]
    lines += [f"| {step} | nobody here: {why} |" for step, why in TOLD_ELSEWHERE.items() if step != Action.FEEDBACK]
    return "\n".join([*lines, ""])


def _audience(rule: Rule) -> str:
    words = {
        "requester and joiners": rule.concerned,
        "requester": rule.requester,
        "unit": rule.unit,
        "unit that had it": rule.left_unit,
        "helping units": rule.helpers,
    }
    roles = [role.value.replace("_", " ") for role in rule.roles]
    return ", ".join([*(name for name, hears in words.items() if hears), *roles])


if __name__ == "__main__":
    sys.stdout.write(document())
