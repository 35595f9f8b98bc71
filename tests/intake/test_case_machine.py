"""A case under everybody's hands: whoever may try whatever, in any order, the rules hold after each step.

First against the rules alone, then over HTTP on the real service. LINLI_HYPOTHESIS=long tries many more, and other ones
every time.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

import httpx
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from services.intake.cases.drawing import edges
from services.intake.cases.rules import IN_HAND, STEPS, clock_ops
from services.intake.cases.terms import Action, CaseFacts, Level, Outcome, State
from services.intake.clocks.rules import AROUND_THE_CLOCK, Clock, ClockKind, Verb
from shared.auth import Principal, Role
from tests.intake.conftest import GRID, NORTH, Headers, Street
from tests.intake.test_clock_lives import ROUTES, Life
from tests.intake.test_rules import EVERYBODY, HERE, REQUESTER, SPEAKER, WORKS, callers, rights, taken
from tests.sizes import IS_LONG

_WAYS: Final = edges()
_FIRST: Final = datetime(2026, 1, 5, 1, tzinfo=UTC)
# The steps that the house takes by itself once a case is there, and what has to be so.
_HOUSE: Final = ("lapse", "silence", "objected", "confirmed")
_ROAD: Final = (Action.ACCEPT, Action.TRIAGE, Action.ASSIGN, Action.CLAIM, Action.RESOLVE, Action.FEEDBACK)
_ENDS: Final = {Action.DECLINE: Outcome.DECLINED, Action.MERGE: Outcome.MERGED, Action.WITHDRAW: Outcome.WITHDRAWN}
_choices: Final = st.integers(0, 9_999)


class CaseMachine(RuleBasedStateMachine):
    """One case by the rules alone, with its clocks."""

    seen: ClassVar[Counter[str]]

    @initialize()
    def file(self) -> None:
        self.case = CaseFacts(State.FILED, HERE, REQUESTER)
        self.clocks: dict[ClockKind, Clock] = {}
        self.now = _FIRST
        self._time("file", State.FILED)

    @rule(action=st.sampled_from(Action), caller=callers, choice=_choices, level=st.sampled_from(Level))
    def somebody_tries(self, action: Action, caller: Principal, choice: int, level: Level) -> None:
        """Let anybody try anything: it is taken when it is theirs and its time has come, and refused otherwise."""
        is_joined = self.case.is_joined
        self.case = replace(self.case, is_joined=bool(choice % 2))
        before, refusal = self.case, taken(action, self.case, caller)
        is_theirs = rights(self.case, caller)[action]
        assert (refusal is None) == (is_theirs and self.case.state in STEPS[action].sources), refusal
        if refusal is None:
            self.seen[action.value] += 1
            targets = sorted(target for source, name, target in _WAYS if (source, name) == (before.state, action))
            self._move(action, targets[choice % len(targets)], level)
        else:
            self.seen["refused: forbidden" if not is_theirs else "refused: not now"] += 1
            assert self.case == before
        self.case = replace(self.case, is_joined=is_joined)

    @rule(action=st.sampled_from(Action), choice=_choices, level=st.sampled_from(Level))
    def somebody_goes_on(self, action: Action, choice: int, level: Level) -> None:
        """Let somebody take a step that is theirs, so that the case gets somewhere; rarely one that ends it."""
        is_joined = self.case.is_joined
        self.case = replace(self.case, is_joined=bool(choice % 2))
        able = [one for one in self._able() if one not in _ENDS or choice // 2 % 6 == 0]
        moving = [one for one in able if STEPS[one].target not in {None, self.case.state}]
        able = moving if moving and choice // 12 % 2 else able
        if able:
            chosen = action if action in able else able[choice // 24 % len(able)]
            self.seen[chosen.value] += 1
            targets = sorted(target for source, name, target in _WAYS if (source, name) == (self.case.state, chosen))
            self._move(chosen, targets[choice // 24 % len(targets)], level)
        self.case = replace(self.case, is_joined=is_joined)

    @rule(choice=_choices)
    def the_house_acts(self, choice: int) -> None:
        """Let time do what it does: leases lapse, silence closes, neighbours decide."""
        ways = [(name, target) for source, name, target in _WAYS if source is self.case.state and name in _HOUSE]
        if ways:
            step, target = sorted(ways)[choice % len(ways)]
            self.seen[step] += 1
            self._move(step, target, self.case.level or Level.GRID)

    def _move(self, step: str, target: State, level: Level) -> None:
        before = self.case
        stays = target is before.state and (step not in set(Action) or STEPS[Action(step)].target is not target)
        self._time(step, None if stays else target)
        case = replace(
            before,
            is_paused=(before.is_paused and stays and step != Action.RESUME) or step == Action.PAUSE,
            appeals=(before.appeals or step == Action.APPEAL) and step != Action.ANSWER_APPEAL,
        )
        if not stays:
            holds = target in {State.ASSIGNED, State.CLAIMED} or (target is State.RESOLVED and before.unit_id)
            judged = target in IN_HAND | {State.RESOLVED}
            outcome = _ENDS.get(Action(step), Outcome.SATISFIED) if step in set(Action) else Outcome.NO_ANSWER
            case = replace(
                case,
                state=target,
                unit_id=(before.unit_id or WORKS) if holds else None,
                level=level if judged and (before.level is None or step == Action.TRIAGE) else before.level,
                outcome=outcome if target is State.CLOSED else None,
                can_reopen=target is State.CLOSED and step not in _ENDS,
                representatives=before.representatives or frozenset({SPEAKER}),
            )
        self.case = case

    def _time(self, step: str, target: State | None) -> None:
        self.now += timedelta(minutes=1)
        for op in clock_ops(step, target, lambda _: 60, "weather"):
            known = self.clocks.get(op.kind)
            if op.verb is Verb.START and (known is None or not known.is_open):
                known = self.clocks[op.kind] = Clock(AROUND_THE_CLOCK)
            if known is not None:
                known.apply(op, self.now)

    @invariant()
    def every_state_has_its_clock(self) -> None:
        if not hasattr(self, "case"):
            return
        running = {kind for kind, clock in self.clocks.items() if clock.is_open}
        expected = {State.FILED: ClockKind.ACCEPT, State.RESOLVED: ClockKind.VERDICT, State.CLOSED: None}
        clock = expected.get(self.case.state, ClockKind.RESOLVE)
        assert running - {ClockKind.FIRST_REPLY} == ({clock} if clock else set()), self.case
        assert self.case.state is not State.CLOSED or not running
        # Time stands still only where it is said that it does.
        standing = {kind for kind in running if not self.clocks[kind].is_running}
        assert standing == ({ClockKind.RESOLVE} if self.case.is_paused else set())

    @invariant()
    def every_state_has_an_exit(self) -> None:
        if not hasattr(self, "case"):
            return
        assert [action for action in self._able() if STEPS[action].target not in {None, self.case.state}], self.case

    def _able(self) -> list[Action]:
        """Return what somebody may do now; between them EVERYBODY hold every right that there is."""
        return [
            action
            for action, step in STEPS.items()
            if self.case.state in step.sources and any(step.guard(self.case, one) is None for one in EVERYBODY)
        ]

    def teardown(self) -> None:
        """Check that from wherever it has got, the ordinary road leads to the end."""
        if not hasattr(self, "case"):
            return
        for action in _ROAD:
            if any(taken(action, self.case, one) is None for one in EVERYBODY):
                target = STEPS[action].target
                assert isinstance(target, State)
                self._move(action, target, Level.COUNCIL)
                self.every_state_has_its_clock()
        assert self.case.state is State.CLOSED


def test_whoever_tries_whatever_the_rules_hold() -> None:
    CaseMachine.seen = Counter()
    profile = settings(
        max_examples=2_000 if IS_LONG else 100,
        stateful_step_count=60,
        derandomize=not IS_LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_machine(CaseMachine, settings=profile)
    told = ", ".join(f"{name} {count}" for name, count in CaseMachine.seen.most_common())
    print(f"\ncase machine: {CaseMachine.seen.total()} tries: {told}")
    never = {*(action.value for action in Action), *_HOUSE} - set(CaseMachine.seen)
    assert len(never) <= (0 if IS_LONG else 3), never


_PATHS: Final = ("county", NORTH, GRID, "county.south")
_BODY_OF: Final = {
    "supervise": ("supervision-orders", {"demand": "x"}),
    "needs": ("needs", {"category": "goods", "summary": "x"}),
}


class HttpMachine(RuleBasedStateMachine):
    """One case on the real service, under the hands of every role at every place."""

    street: ClassVar[Street]
    loop: ClassVar[asyncio.AbstractEventLoop]
    seen: ClassVar[Counter[str]]

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=30)

    @initialize(seed=st.randoms(use_true_random=False))
    def file(self, seed: Any) -> None:
        self.life = Life(self.street, seed)
        self.case: dict[str, Any] = self.wait(self.street.filed(category="parking"))

    @rule(
        role=st.sampled_from(Role),
        path=st.sampled_from(_PATHS),
        is_works=st.booleans(),
        is_owner=st.sampled_from((False, False, True)),
        action=st.sampled_from(Action),
    )
    def somebody_tries(self, role: Role, path: str, is_works: bool, is_owner: bool, action: Action) -> None:  # noqa: FBT001
        unit = self.street.works if is_works else self.street.water
        grant = (role, path, unit) if role is Role.UNIT_STAFF else (role, path)
        by = self.street.owner if is_owner else self.street.caller("intake", grant)
        self.wait(self._try(by, action))

    @rule(seed=st.integers(0, 2**16))
    @precondition(lambda self: hasattr(self, "life"))
    def somebody_goes_on(self, seed: int) -> None:
        """Let somebody do what they may, so that the case gets somewhere."""
        self.life.chance.seed(seed)
        self.seen["went on"] += self.wait(self.life.take_a_step(self.case)) in {200, 201}

    async def _try(self, by: Headers, action: Action) -> None:
        seen = await self.street.get(f"/v1/cases/{self.case['id']}", by=by)
        before = await self.street.read(self.case)
        route = ROUTES.get(action.value, action.value)
        path, body = _BODY_OF.get(action.value, (route, self.life.body(route)))
        if action in {Action.MERGE, Action.CHOOSE, Action.OFFER, Action.REPRESENT, Action.CHECK, Action.ANSWERS}:
            # These name other things, which have their own tests: here it is who may, and what a refusal leaves.
            await self._told(seen, action)
            return
        answer = await self.street.act(before, path, body, by=by)
        after = await self.street.read(self.case)
        if answer.status_code in {200, 201}:
            self.seen[f"{action.value}"] += 1
            assert seen.status_code != 200 or _allowed(seen, action), (action, answer.text)
            return
        self.seen[f"refused {answer.status_code}"] += 1
        assert answer.status_code in {403, 404, 409, 422}, (action, answer.text)
        assert (after["version"], after["state"]) == (before["version"], before["state"]), "a refusal changes nothing"
        if seen.status_code == 200 and answer.status_code == 409:
            assert not _allowed(seen, action) or answer.json()["code"] != "wrong_state"

    async def _told(self, seen: httpx.Response, action: Action) -> None:
        if seen.status_code == 200 and _allowed(seen, action):
            assert State(seen.json()["state"]) in STEPS[action].sources

    @invariant()
    def its_history_is_whole_and_its_clocks_add_up(self) -> None:
        if not hasattr(self, "case"):
            return
        case, clocks = self.wait(self._looked_at())
        running = {clock["clock"] for clock in case["clocks"] if clock["state"] != "stopped"}
        expected = {"filed": "accept", "resolved": "verdict", "closed": None}.get(case["state"], "resolve")
        assert running - {"first_reply"} == ({expected} if expected else set()), case["state"]
        assert clocks["recounted"] == "equal"

    async def _looked_at(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return await self.street.read(self.case), await self.street.clocks(self.case)

    def teardown(self) -> None:
        if not hasattr(self, "case"):
            return
        steps = self.wait(self.street.history(self.case))
        assert [step["position"] for step in steps] == list(range(1, len(steps) + 1))
        ways = {
            (State(step["from_state"]) if step["from_state"] else None, step["step"], State(step["to_state"]))
            for step in steps
        }
        # What is drawn in docs/cases.md is all that there is.
        moving = {way for way in ways if way[0] is not way[2]}
        assert moving <= _WAYS, moving - _WAYS


def _allowed(seen: httpx.Response, action: Action) -> bool:
    return any(item["action"] == action.value and item["allowed"] for item in seen.json()["next_actions"])


async def test_over_http_every_role_tries_and_the_same_rules_hold(street: Street) -> None:
    await street.handle(pauses_max=20)
    HttpMachine.street, HttpMachine.loop, HttpMachine.seen = street, asyncio.get_running_loop(), Counter()
    profile = settings(
        max_examples=60 if IS_LONG else 3,
        stateful_step_count=40 if IS_LONG else 25,
        derandomize=not IS_LONG,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_machine, HttpMachine, settings=profile)
    told = ", ".join(f"{name} {count}" for name, count in HttpMachine.seen.most_common())
    print(f"\ncase machine over HTTP: {HttpMachine.seen.total()} tries: {told}")
    assert HttpMachine.seen["went on"] > 0
    assert HttpMachine.seen["refused 403"] > 0
