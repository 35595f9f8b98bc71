"""The table of steps and the score, without any server."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.cases.guards import lives_near
from services.intake.cases.rules import IN_HAND, STEPS, clock_ops
from services.intake.cases.terms import Action, CaseFacts, Level, Outcome, State
from services.intake.cases.triage import Criteria, triage
from services.intake.clocks.rules import ClockKind, Verb
from shared.auth import Grant, Principal, Role
from shared.ids import new_id
from shared.problems import Forbidden, WrongState
from shared.steps import check_step, next_actions

HERE = "d.s.c.g"
WORKS, WATER, REQUESTER, SPEAKER = new_id(), new_id(), new_id(), new_id()
PATHS = ("d", "d.s", HERE, "d.s.c.g2", "d.x", "e", "d.s.c.gg")


def somebody(*grants: Grant, person: object = None) -> Principal:
    return Principal("t", person or new_id(), "person", grants)  # type: ignore[arg-type]


grants = st.builds(Grant, st.sampled_from(list(Role)), st.sampled_from(PATHS), st.sampled_from([None, WORKS, WATER]))
callers = st.builds(
    lambda held, person: somebody(*held, person=person),
    st.lists(grants, max_size=3),
    st.sampled_from([None, REQUESTER, SPEAKER]),
)


def consistent(case: CaseFacts) -> CaseFacts:
    """Return the case as it can be: in hand with a level, held by a unit where the state says so, ended or not."""
    if case.state in {State.ASSIGNED, State.CLAIMED}:
        case = replace(case, unit_id=WORKS)
    elif case.state in {State.FILED, State.ACCEPTED, State.TRIAGED, State.REOPENED}:
        case = replace(case, unit_id=None)
    if case.state in IN_HAND | {State.RESOLVED} and case.level is None:
        case = replace(case, level=Level.GRID)
    if case.state is State.CLOSED:
        return replace(case, outcome=case.outcome or Outcome.SATISFIED)
    return replace(case, outcome=None, can_reopen=False)


facts = st.builds(
    CaseFacts,
    state=st.sampled_from(State),
    area_path=st.just(HERE),
    requester_id=st.just(REQUESTER),
    level=st.sampled_from([None, *Level]),
    unit_id=st.sampled_from([None, WORKS]),
    outcome=st.sampled_from([None, *Outcome]),
    is_joined=st.booleans(),
    is_paused=st.booleans(),
    can_reopen=st.booleans(),
    appeals=st.booleans(),
    representatives=st.sampled_from([frozenset(), frozenset({SPEAKER})]),
).map(consistent)


# Between them they hold every right that there is at the place.
EVERYBODY = (
    somebody(Grant(Role.OFFICER, "d")),
    somebody(Grant(Role.UNIT_STAFF, "d", WORKS)),
    somebody(Grant(Role.RESIDENT, HERE)),
    somebody(Grant(Role.RESIDENT, HERE), person=REQUESTER),
)


def taken(action: Action, case: CaseFacts, caller: Principal) -> str | None:
    """Try a step; returns None when it is taken, else the code of the refusal."""
    try:
        check_step(STEPS, action, case, caller)
    except Forbidden as refusal:
        return str(refusal.extra["rule"])
    except WrongState as refusal:
        return refusal.code
    return None


def after(case: CaseFacts, action: Action) -> CaseFacts:
    """Return the case as the step leaves it."""
    state = STEPS[action].target or case.state
    level = case.level if state is not State.ACCEPTED else None
    if action is Action.TRIAGE:
        level = Level.JOINT
    outcome = {Action.DECLINE: Outcome.DECLINED, Action.MERGE: Outcome.MERGED, Action.WITHDRAW: Outcome.WITHDRAWN}
    return consistent(
        replace(
            case,
            state=state,
            level=level,
            unit_id=case.unit_id if state is State.RESOLVED else None,
            outcome=outcome.get(action, Outcome.SATISFIED) if state is State.CLOSED else None,
            can_reopen=action is Action.FEEDBACK,
            is_paused=(case.is_paused or action is Action.PAUSE)
            and action is not Action.RESUME
            and state is case.state,
            appeals=(case.appeals or action is Action.APPEAL) and action is not Action.ANSWER_APPEAL,
        )
    )


@given(facts, callers)
def test_what_is_told_beforehand_is_what_happens(case: CaseFacts, caller: Principal) -> None:
    told = {item.action: item for item in next_actions(STEPS, case, caller)}
    assert set(told) == set(Action)
    for action in Action:
        refusal = taken(action, case, caller)
        assert told[action].allowed == (refusal is None)
        assert told[action].code == refusal
        assert (told[action].detail_zh is None) == (refusal is None)


STAFF = (Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY)
OFFICERS = (Role.OFFICER, Role.SECRETARY, Role.CONVENOR)


def rights(case: CaseFacts, caller: Principal) -> dict[Action, bool]:
    """Say who may do what, written down a second time and in another way."""
    staff, officer = caller.has(*STAFF, at=HERE), caller.has(*OFFICERS, at=HERE)
    units = caller.units(Role.UNIT_STAFF)
    is_requester = caller.subject_id == REQUESTER
    holds = case.unit_id in units
    handles = holds or (case.unit_id is None and case.level is Level.GRID and staff)
    judges = is_requester or caller.subject_id in case.representatives
    return {
        **dict.fromkeys((Action.ACCEPT, Action.DECLINE, Action.TRIAGE, Action.NEEDS, Action.MERGE), staff),
        **dict.fromkeys((Action.CHANGE_LEVEL, Action.CHOOSE, Action.SUPERVISE, Action.CHECK), officer),
        Action.UNMERGE: staff and case.outcome is Outcome.MERGED,
        Action.ANSWER_APPEAL: officer and case.appeals,
        Action.APPEAL: is_requester and not case.appeals and case.outcome in {None, Outcome.DECLINED},
        Action.ASSIGN: officer or (case.level is Level.GRID and staff),
        Action.OFFER: bool(units) and case.unit_id is None,
        Action.CLAIM: bool(units) and (holds or (case.unit_id is None and case.level is not Level.JOINT)),
        **dict.fromkeys((Action.PROGRESS, Action.RESOLVE), handles),
        Action.HAND_ON: holds,
        Action.REPLY: handles or staff,
        Action.COMMENT: is_requester or case.is_joined or handles or staff,
        Action.ANSWERS: is_requester or staff,
        Action.PAUSE: (handles or staff) and not case.is_paused,
        Action.RESUME: (handles or staff) and case.is_paused,
        **dict.fromkeys((Action.REPRESENT, Action.WITHDRAW), is_requester),
        Action.FEEDBACK: judges,
        Action.REOPEN: judges and case.can_reopen,
        **dict.fromkeys((Action.LEAVE, Action.CONFIRM), case.is_joined),
        Action.JOIN: not is_requester and caller.has(Role.RESIDENT) and not case.is_joined,
    }


@given(facts, callers)
def test_everybody_takes_the_steps_that_are_theirs_and_no_other(case: CaseFacts, caller: Principal) -> None:
    may = rights(case, caller)
    for action in Action:
        is_taken = taken(action, case, caller) is None
        assert is_taken == (may[action] and case.state in STEPS[action].sources), action


@given(facts)
def test_no_open_case_is_at_a_dead_end(case: CaseFacts) -> None:
    moving = [action for action in Action if any(taken(action, case, one) is None for one in EVERYBODY)]
    moving = [action for action in moving if STEPS[action].target not in {None, case.state}]
    assert case.state is State.CLOSED or moving


@given(facts, st.lists(st.sampled_from(Action), max_size=12))
def test_from_wherever_a_case_has_wandered_it_can_be_closed(case: CaseFacts, wandering: list[Action]) -> None:
    for action in wandering:
        if any(taken(action, case, one) is None for one in EVERYBODY):
            case = after(case, action)
    road = (Action.ACCEPT, Action.TRIAGE, Action.ASSIGN, Action.CLAIM, Action.RESOLVE, Action.FEEDBACK)
    for action in road:
        if any(taken(action, case, one) is None for one in EVERYBODY):
            case = after(case, action)
    assert case.state is State.CLOSED


@given(st.lists(st.tuples(st.sampled_from(Action), st.booleans()), max_size=20))
def test_whatever_happens_an_open_case_has_a_clock_and_a_closed_one_none(wandering: list[tuple[Action, bool]]) -> None:
    state = State.FILED
    clocks = dict.fromkeys(ClockKind, False)

    def act(action: str, target: State | None) -> None:
        for op in clock_ops(action, target, lambda _: 60):
            if op.verb in {Verb.START, Verb.STOP}:
                clocks[op.kind] = op.verb is Verb.START

    act("file", State.FILED)
    for action, is_solved in wandering:
        step = STEPS[action]
        if state not in step.sources:
            continue
        target = step.target
        if action is Action.FEEDBACK and not is_solved:
            target = State.REOPENED
        act(action, target)
        state = target or state
        expected = {
            State.FILED: ClockKind.ACCEPT,
            State.RESOLVED: ClockKind.VERDICT,
            State.CLOSED: None,
        }.get(state, ClockKind.RESOLVE)
        running = {kind for kind, runs in clocks.items() if runs} - {ClockKind.FIRST_REPLY}
        assert running == ({expected} if expected else set())


def test_a_closed_case_can_only_be_opened_again() -> None:
    closed = CaseFacts(State.CLOSED, HERE, REQUESTER, Level.GRID, None, Outcome.SATISFIED)
    allowed = {item.action for one in EVERYBODY for item in next_actions(STEPS, closed, one) if item.allowed}
    assert allowed == {"check"}
    lately = replace(closed, can_reopen=True)
    allowed = {item.action for one in EVERYBODY for item in next_actions(STEPS, lately, one) if item.allowed}
    assert allowed == {"check", "reopen"}


def judged(**members: Any) -> Criteria:
    """Return the answers about a simple case, but for some."""
    simple = {"owner_is_clear": True, "crosses_boundary": False, "households": 1, "cost_fen": 0, "departments": 1}
    return Criteria(**{**simple, **members})


@pytest.mark.parametrize(
    ("criteria", "level", "codes"),
    [
        (judged(), Level.GRID, ["simple"]),
        (judged(households=10, cost_fen=500_000), Level.GRID, ["simple"]),
        (judged(crosses_boundary=True), Level.COUNCIL, ["crosses_boundary"]),
        (judged(households=11), Level.COUNCIL, ["many_households"]),
        (judged(cost_fen=500_001), Level.COUNCIL, ["costly"]),
        (judged(owner_is_clear=False), Level.COUNCIL, ["owner_unclear"]),
        (judged(cost_fen=5_000_001), Level.JOINT, ["very_costly"]),
        (judged(owner_is_clear=False, crosses_boundary=True), Level.JOINT, ["owner_unclear", "crosses_boundary"]),
        (judged(households=11, departments=2), Level.JOINT, ["many_households", "several_departments"]),
    ],
)
def test_the_score_makes_the_level(criteria: Criteria, level: Level, codes: list[str]) -> None:
    scored, reasons = triage(criteria)
    assert (scored, [reason.code for reason in reasons]) == (level, codes)


criterias = st.builds(
    Criteria,
    owner_is_clear=st.booleans(),
    crosses_boundary=st.booleans(),
    households=st.integers(0, 100),
    cost_fen=st.integers(0, 10_000_000),
    departments=st.integers(0, 5),
)


@given(criterias, criterias)
def test_a_case_that_is_worse_in_everything_is_never_judged_easier(one: Criteria, other: Criteria) -> None:
    worse = Criteria(
        owner_is_clear=one.owner_is_clear and other.owner_is_clear,
        crosses_boundary=one.crosses_boundary or other.crosses_boundary,
        households=max(one.households, other.households),
        cost_fen=max(one.cost_fen, other.cost_fen),
        departments=max(one.departments, other.departments),
    )
    order = list(Level)
    assert order.index(triage(worse)[0]) >= max(order.index(triage(each)[0]) for each in (one, other))


@pytest.mark.parametrize("home", [HERE, "d.s.c.g.b1", "d.s.c", "d.s.c.g2", "d.s.c.g2.b4", "d"])
def test_neighbours_live_at_the_place_or_around_it(home: str) -> None:
    assert lives_near(somebody(Grant(Role.RESIDENT, home)), HERE)
    assert not lives_near(somebody(Grant(Role.OFFICER, home)), HERE)


@pytest.mark.parametrize("home", ["d.s.cc.g", "d.s.x", "d.x", "e"])
def test_whoever_lives_elsewhere_is_no_neighbour(home: str) -> None:
    assert not lives_near(somebody(Grant(Role.RESIDENT, home)), HERE)
