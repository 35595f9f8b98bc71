"""The tables of steps of orders, demands and recurring orders, walked through at random."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.matching.order_supervision.rules import STEPS as DEMAND_STEPS
from services.matching.order_supervision.rules import DemandAction, DemandFacts, DemandState
from services.matching.orders.rules import (
    ENDED,
    STEPS,
    OrderAction,
    OrderFacts,
    OrderState,
    accept_by,
    due_at,
    warn_at,
)
from shared.auth import Grant, Principal, Role
from shared.ids import new_id
from shared.problems import Forbidden, WrongState
from shared.steps import check_step, next_actions

AREA = "d.z.c1"
REQUESTER, PARTNER_UNIT = new_id(), new_id()
CALLERS = {
    "requester": Principal("t", REQUESTER, "person", (Grant(Role.RESIDENT, AREA),)),
    "stranger": Principal("t", new_id(), "person", (Grant(Role.RESIDENT, AREA),)),
    "partner": Principal("t", new_id(), "person", (Grant(Role.UNIT_STAFF, "d", PARTNER_UNIT),)),
    "other_partner": Principal("t", new_id(), "person", (Grant(Role.PARTNER, "d", new_id()),)),
    "grid_worker": Principal("t", new_id(), "person", (Grant(Role.GRID_WORKER, AREA),)),
    "officer": Principal("t", new_id(), "person", (Grant(Role.OFFICER, "d.z"),)),
    "officer_elsewhere": Principal("t", new_id(), "person", (Grant(Role.OFFICER, "d.y"),)),
}
# Who may do what, whatever the state: the table of the table.
MAY = {
    OrderAction.CONFIRM: {"requester"},
    OrderAction.CANCEL: {"requester"},
    OrderAction.ACCEPT: {"partner"},
    OrderAction.DECLINE: {"partner"},
    OrderAction.DELIVER: {"partner"},
    OrderAction.BREAK_OFF: {"partner", "officer"},
    OrderAction.RATE: {"requester"},
    OrderAction.SUPERVISE: {"officer"},
}
HELPERS = {OrderAction.CONFIRM, OrderAction.CANCEL, OrderAction.RATE}
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 366 * 86_400).map(lambda seconds: BEGIN + timedelta(seconds=seconds))


class OrderLife(RuleBasedStateMachine):
    """An order that anybody tries anything with; the price and the clocks step in between."""

    def __init__(self) -> None:
        super().__init__()
        self.facts = OrderFacts(OrderState.PRICING, AREA, REQUESTER, PARTNER_UNIT, is_for_other=False, has_begun=False)
        self.seen = [OrderState.PRICING]

    def move(self, state: OrderState) -> None:
        self.facts = replace(self.facts, state=state)
        self.seen.append(state)

    @rule(agreed=st.booleans())
    def the_price_becomes_known(self, *, agreed: bool) -> None:
        if self.facts.state is OrderState.PRICING:
            self.move(OrderState.PLACED if agreed else OrderState.QUOTED)

    @rule()
    def it_begins(self) -> None:
        self.facts = replace(self.facts, has_begun=True)

    @rule(is_for_other=st.booleans())
    def somebody_helps(self, *, is_for_other: bool) -> None:
        self.facts = replace(self.facts, is_for_other=is_for_other)

    @rule(action=st.sampled_from(OrderAction), name=st.sampled_from(sorted(CALLERS)))
    def somebody_tries(self, action: OrderAction, name: str) -> None:
        helpers = {"grid_worker", "officer"} if self.facts.is_for_other and action in HELPERS else set()
        too_late = action is OrderAction.CANCEL and self.facts.state is OrderState.ACCEPTED and self.facts.has_begun
        allowed = name in MAY[action] | helpers and not too_late
        possible = self.facts.state in STEPS[action].sources
        told = {item.action: item for item in next_actions(STEPS, self.facts, CALLERS[name])}[action]
        assert told.allowed == (allowed and possible)
        if allowed and possible:
            check_step(STEPS, action, self.facts, CALLERS[name])
            target = STEPS[action].target
            if target is not None:
                self.move(target)
            return
        with pytest.raises(WrongState if allowed else Forbidden):
            check_step(STEPS, action, self.facts, CALLERS[name])

    @invariant()
    def nothing_comes_after_the_end(self) -> None:
        for before, after in zip(self.seen, self.seen[1:], strict=False):
            assert before not in ENDED | {OrderState.RATED}, (before, after)

    @invariant()
    def the_partner_delivers_only_what_it_has_accepted(self) -> None:
        for state, needed in (
            (OrderState.ACCEPTED, OrderState.PLACED),
            (OrderState.DELIVERED, OrderState.ACCEPTED),
            (OrderState.RATED, OrderState.DELIVERED),
            (OrderState.BROKEN, OrderState.ACCEPTED),
        ):
            if state in self.seen:
                assert needed in self.seen[: self.seen.index(state)]


TestOrderLife = OrderLife.TestCase
TestOrderLife.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def reachable(table: dict[Any, Any], start: set[Any]) -> set[Any]:
    found = set(start)
    while True:
        more = {step.target for step in table.values() if step.target is not None and step.sources & found} - found
        if not more:
            return found
        found |= more


def test_every_state_of_an_order_is_reached_and_only_its_ends_are_left_by_nobody() -> None:
    by_clock_or_price = {OrderState.PRICING, OrderState.QUOTED, OrderState.PLACED, OrderState.LAPSED}
    assert reachable(dict(STEPS), by_clock_or_price) == set(OrderState)
    moved_from = {state for step in STEPS.values() if step.target is not None for state in step.sources}
    assert set(OrderState) - moved_from == ENDED | {OrderState.RATED}


@given(
    state=st.sampled_from(DemandState),
    action=st.sampled_from(DemandAction),
    name=st.sampled_from(["partner", "other_partner", "officer", "officer_elsewhere", "requester"]),
)
def test_the_partner_answers_and_the_officers_judge(state: DemandState, action: DemandAction, name: str) -> None:
    facts = DemandFacts(state, AREA, PARTNER_UNIT)
    may = "partner" if action is DemandAction.ANSWER else "officer"
    told = {item.action: item for item in next_actions(DEMAND_STEPS, facts, CALLERS[name])}[action]
    assert told.allowed == (name == may and state in DEMAND_STEPS[action].sources)


@given(now=MOMENTS, minutes=st.integers(1, 20_160), starts_in=st.none() | st.integers(-600, 60_000))
def test_nobody_may_accept_what_has_begun(now: datetime, minutes: int, starts_in: int | None) -> None:
    starts_at = None if starts_in is None else now + timedelta(minutes=starts_in)
    by = accept_by(now, minutes, starts_at)
    assert now <= by <= now + timedelta(minutes=minutes)
    if starts_at is not None and starts_at > now:
        assert by <= starts_at
    assert now <= warn_at(now, by) <= by


@given(now=MOMENTS, minutes=st.integers(1, 100_000), wanted_in=st.none() | st.integers(-600, 60_000))
def test_an_order_is_due_after_it_is_accepted(now: datetime, minutes: int, wanted_in: int | None) -> None:
    wanted_by = None if wanted_in is None else now + timedelta(minutes=wanted_in)
    assert due_at(now, minutes, ends_at=None, wanted_by=wanted_by) > now
    end = now + timedelta(hours=1)
    assert due_at(now, minutes, ends_at=end, wanted_by=wanted_by) == end
