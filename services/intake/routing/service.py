"""Use cases of routing: rule sets are drafted, tried, published and retired; a case is routed by what is published."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.intake.cases.models import Case
from services.intake.cases.problems import UnknownArea, UnknownCategory
from services.intake.cases.terms import Level
from services.intake.models import reference
from services.intake.routing import repository
from services.intake.routing.checking import Fault, Named, faults, look_up
from services.intake.routing.models import RoutingRule, RoutingSet, RoutingTest
from services.intake.routing.problems import BadRules, NoDraft, NothingPublished, RulesCollide, TestsFail
from services.intake.routing.rules import (
    Decision,
    Difference,
    Facts,
    RoutingIndex,
    Rule,
    SetState,
    Verdict,
    collisions,
    compile_rules,
    difference,
    explain,
    route,
)
from services.intake.routing.schemas import ExplainIn, RuleSetIn
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.reference import find_area, find_unit
from shared.texts import Text

__all__ = [
    "Explanation",
    "RuleSet",
    "Tried",
    "begin_draft",
    "compare_draft",
    "explain_case",
    "explain_facts",
    "load_set",
    "lock_draft",
    "make_draft",
    "proposed_unit",
    "publish_draft",
    "remove_draft",
    "rules_in",
    "save_draft",
]

_FAILURES_TOLD: Final = 100
# Tenants whose compiled rules one process keeps.
_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class Tried:
    """A test and the unit that the rules give it."""

    test: RoutingTest
    found: UUID | None

    @property
    def passes(self) -> bool:
        """Tell whether it comes out as expected."""
        return self.found == self.test.unit_id


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A set with its content, its tests tried, and what it names that is not in use any more."""

    head: RoutingSet
    rules: list[Rule]
    tried: list[Tried]
    gone: list[Fault]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why facts lead to a unit, or to none."""

    head: RoutingSet
    facts: Facts
    verdicts: list[Verdict]

    @property
    def winner(self) -> Rule | None:
        """Return the rule that wins."""
        return next((verdict.rule for verdict in self.verdicts if verdict.wins), None)


def _rule(row: RoutingRule) -> Rule:
    level = Level(row.level) if row.level else None
    return Rule(row.position, row.area_id, row.area_path, row.category, level, row.unit_id, row.note, row.auto)


async def rules_in(session: Session, number: int) -> list[Rule]:
    """Return the rules of a set."""
    return [_rule(row) for row in await repository.rules_of(session, number)]


async def load_set(session: Session, head: RoutingSet) -> RuleSet:
    """Read a set with everything in it."""
    rows, tests = await repository.rules_of(session, head.number), await repository.tests_of(session, head.number)
    named = await look_up(session, rows, tests)
    rules = [_rule(row) for row in rows]
    tried = _try(rules, tests, await repository.parents(session))
    return RuleSet(head, rules, tried, faults(named, "rules", rows) + faults(named, "tests", tests))


def _try(rules: list[Rule], tests: Sequence[RoutingTest], parents: dict[str, str | None]) -> list[Tried]:
    index = compile_rules(rules)
    tried = []
    for test in tests:
        level = Level(test.level) if test.level else None
        decision = route(index, Facts(test.area_path, test.category, parents.get(test.category), level))
        tried.append(Tried(test, decision.unit_id if decision else None))
    return tried


async def begin_draft(session: WriteSession, caller: Principal) -> tuple[RoutingSet, bool]:
    """Make a draft of what is published, or an empty one; one that is there already stays. Tells whether it is new."""
    published = await repository.find_in_state(session, SetState.PUBLISHED)
    based_on = published.number if published else None
    draft = await repository.add_draft(session, based_on=based_on, actor=caller.actor, now=utc_now())
    if draft is None:
        return await lock_draft(session), False
    if published is not None:
        await make_draft(session, draft, published)
    return draft, True


async def make_draft(session: WriteSession, draft: RoutingSet, source: RoutingSet) -> None:
    """Copy rules and tests of a set into an empty draft."""
    copied: list[list[dict[str, object]]] = []
    rows = (await repository.rules_of(session, source.number), await repository.tests_of(session, source.number))
    for some in rows:
        names = [column.key for column in some[0].__table__.columns][2:] if some else []
        copied.append([{name: getattr(row, name) for name in names} for row in some])
    await repository.replace_content(session, draft.number, *copied)


async def lock_draft(session: WriteSession) -> RoutingSet:
    """Return the draft and keep others from changing it meanwhile."""
    draft = await repository.lock_in_state(session, SetState.DRAFT)
    if draft is None:
        raise NoDraft
    return draft


def _refuse(found: list[Fault]) -> None:
    if found:
        errors = [{"pointer": item.pointer, "code": item.code, "detail": item.detail} for item in found]
        raise BadRules(errors=errors[:_FAILURES_TOLD])


def _read(wanted: RuleSetIn, named: Named) -> list[Rule]:
    return [
        Rule(n, line.area_id, named.path(line.area_id), line.category, line.level, line.unit_id, line.note, line.auto)
        for n, line in enumerate(wanted.rules)
    ]


async def save_draft(session: WriteSession, caller: Principal, draft: RoutingSet, wanted: RuleSetIn) -> None:
    """Put rules and tests in place of the draft's own; only rules below the caller's areas may differ."""
    named = await look_up(session, wanted.rules, wanted.tests)
    _refuse(faults(named, "rules", wanted.rules) + faults(named, "tests", wanted.tests))
    rules = _read(wanted, named)
    _refuse_collisions(rules)
    _check_reach(caller, difference(await rules_in(session, draft.number), rules))
    tests = [
        {"position": n, "area_path": named.path(line.area_id), **line.model_dump()}
        for n, line in enumerate(wanted.tests)
    ]
    lines = [
        {"area_path": rule.area_path, "position": rule.position, **line.model_dump()}
        for rule, line in zip(rules, wanted.rules, strict=True)
    ]
    await repository.replace_content(session, draft.number, lines, tests)
    draft.version += 1
    draft.changed_by, draft.changed_at = caller.actor, utc_now()
    await session.flush()


def _refuse_collisions(rules: list[Rule]) -> None:
    errors = []
    for one, other in collisions(rules):
        told = Text(
            zh=f"第 {one.position} 条与第 {other.position} 条的区域、分类和级别相同",
            en=f"Rules {one.position} and {other.position} have the same area, category and level",
        )
        errors += [
            {"pointer": f"/rules/{rule.position}", "code": RulesCollide.code, "detail": told} for rule in (one, other)
        ]
    if errors:
        raise RulesCollide(errors=errors[:_FAILURES_TOLD])


def _check_reach(caller: Principal, changes: Difference) -> None:
    """Refuse a change of rules for areas that the caller does not administer."""
    for path in sorted(changes.areas):
        caller.must(Role.ADMINISTRATOR, at=path, rule="administrators_route_their_areas")


async def compare_draft(session: Session) -> tuple[RoutingSet, RoutingSet | None, Difference]:
    """Compare the draft with what is published."""
    draft = await repository.find_in_state(session, SetState.DRAFT)
    if draft is None:
        raise NoDraft
    published = await repository.find_in_state(session, SetState.PUBLISHED)
    before = await rules_in(session, published.number) if published else []
    return draft, published, difference(before, await rules_in(session, draft.number))


async def publish_draft(session: WriteSession, caller: Principal, draft: RoutingSet) -> RoutingSet:
    """Put the draft into force and retire what was; refused while a test fails or a rule names what is not in use."""
    _, published, changes = await compare_draft(session)
    _check_reach(caller, changes)
    loaded = await load_set(session, draft)
    _refuse(loaded.gone)
    _refuse_failing(loaded.tried)
    now = utc_now()
    if published is not None:
        retired = await repository.lock_in_state(session, SetState.PUBLISHED)
        if retired is not None:
            retired.state, retired.retired_at = SetState.RETIRED.value, now
            retired.version += 1
            # One set is published at a time: the old one goes first.
            await session.flush()
    draft.state, draft.published_by, draft.published_at = SetState.PUBLISHED.value, caller.actor, now
    draft.version += 1
    await session.flush()
    return draft


def _refuse_failing(tried: list[Tried]) -> None:
    errors = []
    for item in tried:
        if item.passes:
            continue
        wanted, found = item.test.unit_id, item.found
        told = Text(
            zh=f"用例“{item.test.name}”：应派给 {wanted or '无'}，实际为 {found or '无'}",
            en=f"Test “{item.test.name}”: expected {wanted or 'none'}, got {found or 'none'}",
        )
        errors.append({"pointer": f"/tests/{item.test.position}", "code": TestsFail.code, "detail": told})
    if errors:
        raise TestsFail(errors=errors[:_FAILURES_TOLD], failing=len(errors))


async def remove_draft(session: WriteSession, caller: Principal, draft: RoutingSet) -> None:
    """Throw the draft away; who threw away rules of areas that they do not administer would undo others' work."""
    _, _, changes = await compare_draft(session)
    _check_reach(caller, changes)
    await repository.remove_set(session, draft.number)


async def explain_facts(session: Session, wanted: ExplainIn) -> Explanation:
    """Explain how a set routes given facts."""
    area = await find_area(session, reference, wanted.area_id)
    if area is None:
        raise UnknownArea(pointer="/area_id")
    parents = await repository.parents(session)
    if wanted.category not in parents:
        raise UnknownCategory(pointer="/category")
    facts = Facts(area.path, wanted.category, parents[wanted.category], wanted.level)
    return await _explain(session, SetState(wanted.against), facts, parents)


async def explain_case(session: Session, case: Case) -> Explanation:
    """Explain how what is published routes a case as it stands."""
    parents = await repository.parents(session)
    level = Level(case.level) if case.level else None
    facts = Facts(case.area_path, case.category, parents.get(case.category), level)
    return await _explain(session, SetState.PUBLISHED, facts, parents)


async def _explain(session: Session, state: SetState, facts: Facts, parents: dict[str, str | None]) -> Explanation:
    head = await repository.find_in_state(session, state)
    if head is None:
        raise NoDraft if state is SetState.DRAFT else NothingPublished
    return Explanation(head, facts, explain(await rules_in(session, head.number), facts, parents))


# What a number names never changes, so a compiled set is good for as long as its number is the published one.
_compiled: OrderedDict[str, tuple[int, RoutingIndex]] = OrderedDict()


async def _published_index(session: Session, number: int) -> RoutingIndex:
    kept = _compiled.get(session.tenant)
    if kept is None or kept[0] != number:
        kept = (number, compile_rules(await rules_in(session, number)))
        _compiled[session.tenant] = kept
    _compiled.move_to_end(session.tenant)
    while len(_compiled) > _KEPT:
        _compiled.popitem(last=False)
    return kept[1]


async def proposed_unit(session: Session, area_path: str, category: str, level: Level | None) -> Decision | None:
    """Return what the published rules say of a case: the unit, whether to ask, and a working note.

    One small statement fetches the category's parent and the number of the published set, and the compiled rules are
    kept by that number; so a set that another process publishes is seen at once, and nothing has to be told around.
    A unit that is not active any more gets nothing: then there is no decision, and `gone` of the published set says so.
    """
    parent, number = await repository.parent_and_published(session, category)
    if number is None:
        return None
    index = await _published_index(session, number)
    decision = route(index, Facts(area_path, category, parent, level))
    if decision is None:
        return None
    unit = await find_unit(session, reference, decision.unit_id)
    return decision if unit is not None and unit.active else None
