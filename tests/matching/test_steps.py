"""The tables of steps: what is told beforehand is what happens, for every state and every caller."""

from enum import StrEnum
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.matching.agreements.rules import SERVICE_STEPS, AgreementFacts, AgreementState, ServiceState
from services.matching.agreements.rules import STEPS as AGREEMENT_STEPS
from services.matching.holds.rules import STEPS as HOLD_STEPS
from services.matching.holds.rules import TRANSFER_STEPS, HoldFacts, HoldState, TransferState
from services.matching.matches.rules import STEPS as MATCH_STEPS
from services.matching.matches.rules import MatchFacts, MatchState
from services.matching.needs.rules import STEPS as NEED_STEPS
from services.matching.needs.rules import NeedFacts, NeedState
from services.matching.partners.rules import STEPS as PARTNER_STEPS
from services.matching.partners.rules import PartnerFacts, PartnerState
from services.matching.projects.rules import STEPS as PROJECT_STEPS
from services.matching.projects.rules import ProjectFacts, ProjectState, overspent_fen
from services.matching.record.rules import STEPS as ENTRY_STEPS
from services.matching.record.rules import EntryFacts, EntryState
from shared.auth import Grant, Principal, Role
from shared.ids import new_id
from shared.problems import Forbidden, Problem, WrongState
from shared.steps import check_step, next_actions

UNITS = [new_id(), new_id()]
PATHS = st.sampled_from(["d", "d.z", "d.z.c1", "d.z1", "d.y"])
GRANTS = st.builds(Grant, st.sampled_from(Role), PATHS, st.none() | st.sampled_from(UNITS))
CALLERS = st.builds(lambda grants: Principal("t", new_id(), "person", tuple(grants)), st.lists(GRANTS, max_size=3))


def _holds(states: type[StrEnum]) -> st.SearchStrategy[Any]:
    taker = st.none() | st.sampled_from(UNITS)
    return st.builds(HoldFacts, st.sampled_from(states), PATHS, st.sampled_from(UNITS), taker, taker)


def _agreements(states: type[StrEnum]) -> st.SearchStrategy[Any]:
    return st.builds(AgreementFacts, st.sampled_from(states), PATHS, st.sampled_from(UNITS), st.sampled_from(UNITS))


THINGS: st.SearchStrategy[tuple[Any, Any]] = st.one_of(
    st.tuples(st.just(MATCH_STEPS), st.builds(MatchFacts, st.sampled_from(MatchState), PATHS)),
    st.tuples(st.just(NEED_STEPS), st.builds(NeedFacts, st.sampled_from(NeedState), PATHS)),
    st.tuples(
        st.just(PARTNER_STEPS),
        st.builds(PartnerFacts, st.sampled_from(PartnerState), PATHS, st.sampled_from(UNITS)),
    ),
    st.tuples(
        st.just(PROJECT_STEPS),
        st.builds(ProjectFacts, st.sampled_from(ProjectState), PATHS, st.none() | st.sampled_from(UNITS)),
    ),
    st.tuples(st.just(HOLD_STEPS), _holds(HoldState)),
    st.tuples(st.just(TRANSFER_STEPS), _holds(TransferState)),
    st.tuples(st.just(AGREEMENT_STEPS), _agreements(AgreementState)),
    st.tuples(st.just(SERVICE_STEPS), _agreements(ServiceState)),
    st.tuples(st.just(ENTRY_STEPS), st.builds(EntryFacts, st.sampled_from(EntryState), st.sampled_from(UNITS), PATHS)),
)


def _outcome(table: Any, action: StrEnum, facts: Any, caller: Principal) -> type[Problem] | None:
    try:
        check_step(table, action, facts, caller)
    except Problem as problem:
        return type(problem)
    return None


@given(THINGS, CALLERS)
def test_what_is_told_beforehand_is_what_happens(thing: tuple[Any, Any], caller: Principal) -> None:
    table, facts = thing
    told = {item.action: item for item in next_actions(table, facts, caller)}
    for action in table:
        outcome = _outcome(table, action, facts, caller)
        item = told[str(action)]
        assert item.allowed == (outcome is None)
        assert (item.code == "wrong_state") == (outcome is WrongState)
        assert outcome in {None, Forbidden, WrongState}


@given(THINGS)
def test_nothing_can_be_done_at_the_end_or_by_nobody(thing: tuple[Any, Any]) -> None:
    table, facts = thing
    assert not any(item.allowed for item in next_actions(table, facts, Principal("t", new_id(), "person")))
    everywhere = Principal("t", new_id(), "person", tuple(Grant(role, "d", UNITS[0]) for role in Role))
    ends: set[StrEnum] = {
        MatchState.ACCEPTED,
        MatchState.REFUSED,
        NeedState.MET,
        ProjectState.COMPLETED,
        ProjectState.CANCELLED,
        HoldState.VOIDED,
        HoldState.EXPIRED,
        HoldState.RELEASED,
        TransferState.RECEIVED,
        TransferState.RETURNED,
        AgreementState.TERMINATED,
        ServiceState.CONFIRMED,
        ServiceState.REFUSED,
        EntryState.UPHELD,
        EntryState.STRUCK,
    }
    # States of different things may have the same word.
    if any(facts.state is end for end in ends):
        assert not any(item.allowed for item in next_actions(table, facts, everywhere))


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**12))
def test_overspending_is_what_exceeds_the_means_and_never_negative(granted: int, own: int, paid: int) -> None:
    over = overspent_fen(granted_fen=granted, own_fen=own, paid_fen=paid)
    assert over >= 0
    assert (over > 0) == (paid > granted + own)
    assert over == 0 or granted + own + over == paid
