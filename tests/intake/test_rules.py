"""The table of steps and the score, without any server."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.cases.guards import lives_near
from services.intake.cases.rules import STEPS
from services.intake.cases.terms import Action, CaseFacts, Level, State
from services.intake.cases.triage import Criteria, triage
from shared.auth import Grant, Principal, Role
from shared.ids import new_id
from shared.problems import Forbidden, WrongState
from shared.steps import check_step, next_actions

HERE = "d.s.c.g"
WORKS, WATER, REQUESTER = new_id(), new_id(), new_id()
PATHS = ("d", "d.s", HERE, "d.s.c.g2", "d.x", "e", "d.s.c.gg")


def somebody(*grants: Grant, person: object = None) -> Principal:
    return Principal("t", person or new_id(), "person", grants)  # type: ignore[arg-type]


grants = st.builds(Grant, st.sampled_from(list(Role)), st.sampled_from(PATHS), st.sampled_from([None, WORKS, WATER]))
callers = st.builds(
    lambda held, person: somebody(*held, person=person),
    st.lists(grants, max_size=3),
    st.sampled_from([None, REQUESTER]),
)
facts = st.builds(
    CaseFacts,
    state=st.sampled_from(State),
    area_path=st.just(HERE),
    requester_id=st.just(REQUESTER),
    level=st.sampled_from([None, *Level]),
    unit_id=st.sampled_from([None, WORKS]),
    is_joined=st.booleans(),
).map(lambda case: replace(case, unit_id=WORKS) if case.state in {State.ASSIGNED, State.CLAIMED} else case)
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
    unit = WORKS if action in {Action.CLAIM, Action.ASSIGN} else case.unit_id
    return replace(case, state=STEPS[action].target or case.state, unit_id=unit)


@given(facts, callers)
def test_what_is_told_beforehand_is_what_happens(case: CaseFacts, caller: Principal) -> None:
    told = {item.action: item for item in next_actions(STEPS, case, caller)}
    assert set(told) == set(Action)
    for action in Action:
        refusal = taken(action, case, caller)
        assert told[action].allowed == (refusal is None)
        assert told[action].code == refusal
        assert (told[action].detail is None) == (refusal is None)


@given(facts, callers)
def test_nobody_takes_a_step_that_is_not_theirs(case: CaseFacts, caller: Principal) -> None:
    staff = caller.has(Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY, at=HERE)
    may: dict[Action, Any] = {
        Action.ACCEPT: staff,
        Action.TRIAGE: staff,
        Action.NEEDS: staff,
        Action.ASSIGN: staff or caller.has(Role.CONVENOR, at=HERE),
        Action.CLAIM: bool(caller.units(Role.UNIT_STAFF)) and case.unit_id in {None, *caller.units(Role.UNIT_STAFF)},
        Action.PROGRESS: case.unit_id in caller.units(Role.UNIT_STAFF) or (case.unit_id is None and staff),
        Action.FEEDBACK: caller.subject_id == REQUESTER,
        Action.JOIN: caller.subject_id != REQUESTER and caller.has(Role.RESIDENT) and not case.is_joined,
    }
    may[Action.RESOLVE] = may[Action.PROGRESS]
    for action in Action:
        if taken(action, case, caller) is None:
            assert may[action]
            assert case.state in STEPS[action].sources


@given(facts)
def test_no_open_case_is_at_a_dead_end(case: CaseFacts) -> None:
    moving = [action for action in Action if any(taken(action, case, one) is None for one in EVERYBODY)]
    moving = [action for action in moving if STEPS[action].target not in {None, case.state}]
    assert bool(moving) == (case.state is not State.CLOSED)


@given(facts, st.lists(st.sampled_from(Action), max_size=12))
def test_from_wherever_a_case_has_wandered_it_can_be_closed(case: CaseFacts, wandering: list[Action]) -> None:
    for action in wandering:
        if any(taken(action, case, one) is None for one in EVERYBODY):
            case = after(case, action)
    road = (Action.ACCEPT, Action.TRIAGE, Action.CLAIM, Action.RESOLVE, Action.FEEDBACK)
    for action in road:
        if any(taken(action, case, one) is None for one in EVERYBODY):
            case = after(case, action)
    assert case.state is State.CLOSED


def test_a_closed_case_takes_no_step_at_all() -> None:
    closed = CaseFacts(State.CLOSED, HERE, REQUESTER, Level.GRID, None, is_joined=False)
    assert not [item for one in EVERYBODY for item in next_actions(STEPS, closed, one) if item.allowed]


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
