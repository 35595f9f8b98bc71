"""The table of a mediation's steps and the arithmetic of its days; and chance, led through the real thing."""

import random
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.calendar.rules import DEFAULT_HOURS, DayKind, WorkCalendar
from services.intake.mediation.rules import (
    CONFIRMATION_DAYS,
    STEPS,
    Told,
    confirm_until,
    is_fulfilled,
    is_ready,
    to_be_told,
)
from services.intake.mediation.terms import (
    AGREED,
    OPEN,
    TALKS,
    Confirmation,
    MediationFacts,
    TermState,
)
from services.intake.mediation.terms import MediationAction as Action
from services.intake.mediation.terms import MediationState as State
from shared.auth import Grant, Principal, Role
from shared.ids import new_id
from shared.problems import Forbidden, WrongState
from shared.steps import check_step, next_actions
from tests.intake.conftest import Headers, Street, due_in
from tests.intake.mediating import Json, Table

HERE = "d.s.c.g"
ONE, OTHER, MEDIATOR = new_id(), new_id(), new_id()


def somebody(*grants: Grant, person: UUID | None = None) -> Principal:
    return Principal("t", person or new_id(), "person", grants)


callers = st.builds(
    lambda held, person: somebody(*held, person=person),
    st.lists(
        st.builds(Grant, st.sampled_from(list(Role)), st.sampled_from(["d", "d.s", HERE, "d.s.c.g2", "e"])), max_size=2
    ),
    st.sampled_from([None, ONE, OTHER, MEDIATOR]),
)
facts = st.builds(
    MediationFacts,
    state=st.sampled_from(State),
    area_path=st.just(HERE),
    mediator_id=st.sampled_from([None, MEDIATOR]),
    declared=st.booleans(),
    persons=st.sampled_from([frozenset(), frozenset({ONE}), frozenset({ONE, OTHER})]),
    sessions_held=st.integers(0, 3),
    confirmation=st.sampled_from([None, *Confirmation]),
)
# Between them they hold every right that there is at the table.
OFFICER = somebody(Grant(Role.OFFICER, "d"))
EVERYBODY = (OFFICER, somebody(person=ONE), somebody(person=OTHER), somebody(person=MEDIATOR))


def taken(action: Action, it: MediationFacts, caller: Principal) -> str | None:
    """Try a step; returns None when it is taken, else the code of the refusal."""
    try:
        check_step(STEPS, action, it, caller)
    except Forbidden as refusal:
        return str(refusal.extra["rule"])
    except WrongState as refusal:
        return refusal.code
    return None


@given(facts, callers)
def test_what_is_told_beforehand_is_what_happens(it: MediationFacts, caller: Principal) -> None:
    told = {item.action: item for item in next_actions(STEPS, it, caller)}
    assert set(told) == set(Action)
    for action in Action:
        assert told[action].code == taken(action, it, caller)


@given(facts, callers)
def test_everybody_takes_the_steps_that_are_theirs_and_no_other(it: MediationFacts, caller: Principal) -> None:
    """Who may do what, written down a second time and in another way."""
    party = caller.subject_id in it.persons
    mediator = it.mediator_id is not None and caller.subject_id == it.mediator_id
    officer = not party and any(
        grant.role in {Role.OFFICER, Role.SECRETARY} and grant.path in {"d", "d.s", HERE} for grant in caller.grants
    )
    at_table = party or mediator or officer
    may = {
        **dict.fromkeys((Action.ADD_PARTY, Action.PROPOSE_MEDIATOR), officer),
        Action.DECLARE: mediator and not it.declared,
        Action.RECUSE: mediator,
        **dict.fromkeys(
            (Action.CONSENT, Action.SIGN, Action.DECLINE_DRAFT, Action.WITHDRAW, Action.PERFORM, Action.BREACH),
            at_table,
        ),
        Action.JUDGE_MEDIATOR: at_table and it.mediator_id is not None,
        **dict.fromkeys((Action.PLAN_SESSION, Action.CLOSE_SESSION, Action.FAIL), mediator or officer),
        Action.DRAFT: mediator and it.sessions_held > 0,
        Action.APPLY: (mediator or officer) and it.confirmation is None,
        Action.RULING: (mediator or officer) and it.confirmation is Confirmation.APPLIED,
    }
    assert set(may) == set(Action)
    for action in Action:
        assert (taken(action, it, caller) is None) == (may[action] and it.state in STEPS[action].sources), action


@given(facts.filter(lambda it: bool(it.persons)))
def test_a_party_can_end_whatever_is_open_and_nothing_that_has_ended(it: MediationFacts) -> None:
    (party, *_) = it.persons
    can_end = taken(Action.WITHDRAW, it, somebody(person=party)) is None
    assert can_end == (it.state in OPEN)


@given(facts, st.lists(st.tuples(st.sampled_from(Action), st.sampled_from(EVERYBODY)), max_size=30))
def test_wherever_it_wanders_what_has_ended_stays_so(
    it: MediationFacts, wandering: list[tuple[Action, Principal]]
) -> None:
    it = replace(it, state=State.PROPOSED, confirmation=None, persons=frozenset({ONE, OTHER}))
    ended: set[State] = set()
    for action, caller in wandering:
        if taken(action, it, caller) is not None:
            continue
        # The last missing word moves it where a step does not say itself where to.
        onward = {Action.DECLARE: State.UNDER_WAY, Action.SIGN: State.IN_EFFECT, Action.PERFORM: State.FULFILLED}
        it = replace(it, state=STEPS[action].target or onward.get(action, it.state))
        if action is Action.RECUSE:
            it = replace(it, mediator_id=None, declared=False)
        if action is Action.CLOSE_SESSION:
            it = replace(it, sessions_held=it.sessions_held + 1)
        if it.state not in OPEN:
            ended.add(it.state)
    assert len(ended & {State.FAILED, State.WITHDRAWN}) + bool(ended & AGREED) <= 1, "one outcome for good"
    assert not ended or it.state not in OPEN


@given(st.lists(st.tuples(st.sampled_from([None, True, False]), st.sampled_from([None, True, False])), min_size=1))
def test_nothing_begins_while_a_word_is_missing(answers: list[tuple[bool | None, bool | None]]) -> None:
    everybody_agrees = answers.count((True, True)) == len(answers)
    assert is_ready(answers, declared=True) == everybody_agrees
    assert not is_ready(answers, declared=False)


@given(st.lists(st.sampled_from(TermState)))
def test_fulfilled_is_what_has_no_obligation_left(states: list[TermState]) -> None:
    assert is_fulfilled(states) == (set(states) <= {TermState.PERFORMED})


CALENDAR = WorkCalendar(DEFAULT_HOURS, {})


@given(st.dates(date(2024, 1, 1), date(2026, 12, 31)))
def test_the_last_day_for_the_court_is_a_working_day_and_the_first_from_the_thirtieth_on(effective_on: date) -> None:
    def is_workday(day: date) -> bool:
        return CALENDAR.kind_of(day) is DayKind.WORKDAY

    last = confirm_until(effective_on, is_workday)
    thirtieth = effective_on + timedelta(days=CONFIRMATION_DAYS)
    assert is_workday(last)
    between = [thirtieth + timedelta(days=number) for number in range((last - thirtieth).days)]
    assert last >= thirtieth
    assert not any(is_workday(day) for day in between)


@pytest.mark.parametrize(
    ("effective_on", "last"),
    [
        # The thirtieth day after 1 September 2025 falls on 1 October: the holiday lasts until the 8th.
        (date(2025, 9, 1), date(2025, 10, 9)),
        # A Sunday that is worked, to make up for a holiday, is a last day like any other.
        (date(2025, 8, 29), date(2025, 9, 28)),
        (date(2025, 6, 2), date(2025, 7, 2)),
    ],
)
def test_the_days_of_the_court_follow_holidays_and_make_up_days(effective_on: date, last: date) -> None:
    assert confirm_until(effective_on, lambda day: CALENDAR.kind_of(day) is DayKind.WORKDAY) == last


def test_without_any_working_day_there_is_no_last_one() -> None:
    with pytest.raises(ValueError, match="no working day"):
        confirm_until(date(2026, 1, 1), lambda _: False)


@given(st.dates(date(2026, 1, 1), date(2026, 3, 1)), st.lists(st.integers(0, 30), max_size=40))
def test_each_reminder_is_due_once_whenever_the_sweep_comes_by(due_on: date, gaps: list[int]) -> None:
    told, heard, day = Told.NOTHING, [], due_on - timedelta(days=40)
    for gap in gaps:
        day += timedelta(days=gap)
        reached = to_be_told(due_on, day, told)
        if reached is not None:
            told = reached
            heard.append((reached, day))
    assert [kind for kind, _ in heard] in ([], [Told.SOON], [Told.OVERDUE], [Told.SOON, Told.OVERDUE])
    assert all(day > due_on for kind, day in heard if kind is Told.OVERDUE)
    assert all(due_on - timedelta(days=3) <= day <= due_on for kind, day in heard if kind is Told.SOON)
    if day > due_on and gaps:
        assert told is Told.OVERDUE


def _paths(it: Json, table: Table, chance: random.Random) -> dict[str, tuple[str, Json]]:
    """Return for every action a request that fits what is there."""
    sessions = [one["id"] for one in it["sessions"] if one["state"] == "planned"]
    terms = [one["id"] for one in (it["agreement"] or {"terms": []})["terms"] if one["state"] != "performed"]
    session, term = (chance.choice(found) if found else str(new_id()) for found in (sessions, terms))
    text = table.text(it, *chance.choice([(), (3,), (3, 9)]))
    return {
        "add_party": ("parties", {"role": "third", "person_id": str(new_id())}),
        "propose_mediator": ("mediator", {"mediator_id": str(table.mediator_id)}),
        "declare": ("declare", {"no_relation": True}),
        "recuse": ("recuse", {"reason": "亲属"}),
        "consent": ("consent", {"agrees": True}),
        "judge_mediator": ("accept-mediator", {"accepts": chance.random() < 0.97}),
        "plan_session": ("sessions", {"planned_for": due_in(2), "place": "x"}),
        "close_session": (f"sessions/{session}/close", {"state": chance.choice(["held", "cancelled"]), "note": "x"}),
        "draft": ("agreement", text),
        "sign": ("sign", {"revision": max(1, it["revision"])}),
        "decline_draft": ("decline-draft", {"revision": max(1, it["revision"]), "reason": "x"}),
        "fail": ("fail", {"advice": "x"}),
        "withdraw": ("withdraw", {}),
        "perform": (f"terms/{term}/perform", {}),
        "breach": (f"terms/{term}/breach", {"note": "x"}),
        "apply": ("confirmation", {"court": "x", "applied_on": due_in(0)[:10]}),
        "ruling": ("confirmation/ruling", {"confirmed": True, "number": "1", "ruled_on": due_in(0)[:10]}),
    }


# What a rule of its own may still say to a step that the table allows: no such party, session or obligation, not due…
REFUSED = {404, 409, 422}


def _check(told: Json, answer: httpx.Response) -> None:
    """Compare what was told beforehand with what happened."""
    if told["allowed"]:
        assert answer.status_code in {200, 201, 403} | REFUSED, answer.text
        if answer.status_code == 403:
            assert answer.json()["rule"] == "not_ones_own_performance"
    elif told["code"] == "wrong_state":
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state"), answer.text
    else:
        assert answer.status_code == 403, answer.text
        assert answer.json()["rule"] in {told["code"], "role_required"}


def _holds(it: Json) -> None:
    """State what is true of every mediation at every moment."""
    state, parties = State(it["state"]), it["parties"]
    agreed = all(party["consents"] and party["accepts_mediator"] for party in parties)
    if state in TALKS:
        assert agreed
        assert it["declared"]
    assert (it["outcome"] is None) == (state in OPEN)
    if state in AGREED:
        assert {one["party_id"] for one in it["agreement"]["signatures"]} == {party["id"] for party in parties}
        owed = [term["state"] for term in it["agreement"]["terms"]]
        assert (state is State.FULFILLED) == (set(owed) <= {"performed"})


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_wherever_chance_leads_what_was_told_comes_true(street: Street, seed: int) -> None:
    table, chance = Table(street), random.Random(seed)
    people: list[Headers] = [street.owner, table.other, table.mediator, table.officer]
    reached: set[str] = set()
    it = await table.proposed()
    for _ in range(120):
        by = chance.choice(people)
        seen = await street.get(f"/v1/mediations/{it['id']}", by=by)
        if seen.status_code == 404:
            assert by is people[2], "only who has stepped back as the mediator"
            continue
        it = seen.json()
        _holds(it)
        reached.add(it["state"])
        paths = _paths(it, table, chance)
        # What ends it, or begins it anew, comes up less often than what leads on.
        rare = {"fail", "withdraw", "recuse", "add_party", "propose_mediator", "decline_draft"}
        allowed = [told["action"] for told in it["next_actions"] if told["allowed"] and told["action"] not in rare]
        action = chance.choice(allowed if allowed and chance.random() < 0.8 else list(paths))
        if action in rare and chance.random() < 0.95:
            continue
        told = next(one for one in it["next_actions"] if one["action"] == action)
        path, body = paths[action]
        _check(told, await table.act(it, path, body, by=by))
    final = await table.read(it)
    _holds(final)
    steps: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await street.get(f"/v1/mediations/{it['id']}/history", by=table.officer, **cursor)).json()
        steps += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert [one["position"] for one in steps] == list(range(1, final["version"] + 1))
    assert steps[-1]["state"] == final["state"]
    print(f"seed {seed}: {len(steps)} steps, reached {sorted(reached)}")
    assert len(reached) >= 2
