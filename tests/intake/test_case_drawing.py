"""docs/cases.md is what the rules of cases say: `make snapshots` writes it anew, after a change that is meant."""

import os
from pathlib import Path

from services.intake.cases.drawing import CALLERS, clocks_by_state, document, edges, may
from services.intake.cases.rules import STEPS
from services.intake.cases.terms import Action, State
from services.intake.clocks.rules import ClockKind
from shared.auth import Role

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cases.md"


def test_the_page_is_what_the_rules_say() -> None:
    if os.environ.get("LINLI_WRITE_SNAPSHOTS"):
        PAGE.write_text(document(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == document(), "reviewed? then: make snapshots"


def test_every_way_of_the_table_is_drawn_and_no_state_is_left_out() -> None:
    drawn = edges()
    for action, step in STEPS.items():
        for state in step.sources:
            assert (state, action, step.target or state) in drawn
    assert {target for _, _, target in drawn} == set(State)
    for state in State:
        assert any(source is state and target is not state for source, _, target in drawn), state


def test_every_state_has_its_clock_and_a_closed_case_none() -> None:
    found = clocks_by_state()
    assert set(found) == set(State)
    for state, (always, sometimes) in found.items():
        assert bool(always) == (state is not State.CLOSED)
        assert sometimes <= {ClockKind.FIRST_REPLY}
    assert found[State.CLOSED] == (frozenset(), frozenset())


def test_every_role_stands_in_a_column_and_every_step_has_somebody() -> None:
    held = {grant.role for principal, _ in CALLERS.values() for grant in principal.grants}
    assert held == set(Role)
    for action in Action:
        assert any(may(action, caller) for caller in CALLERS), action
