"""Trying a draft on past cases before it is published.

The database counts cases that no rule can tell apart (same place, category, level and unit), so the rules are asked
once for each such group: a hundred thousand cases are a few hundred groups.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row

from services.intake.cases.models import Case
from services.intake.cases.problems import UnknownArea
from services.intake.cases.terms import Level
from services.intake.models import reference
from services.intake.routing import repository, service
from services.intake.routing.problems import NoDraft
from services.intake.routing.rules import Facts, RoutingIndex, SetState, compile_rules, route
from services.intake.routing.schemas import DryRunIn
from shared.auth import Principal, Role
from shared.db import Session
from shared.problems import Invalid
from shared.reference import find_area
from shared.texts import Text

__all__ = ["CASES_MAX", "CHANGED_TOLD", "BadWindow", "DryRun", "dry_run"]

CASES_MAX: Final = 100_000
CHANGED_TOLD: Final = 100


class BadWindow(Invalid):
    """The time ends before it begins."""

    code = "bad_window"
    title = Text(zh="结束时间必须晚于开始时间", en="The end must lie after the beginning")


@dataclass(frozen=True, slots=True)
class DryRun:
    """What the draft would have done.

    Attributes:
        units: of each unit, or of none, how many cases it handled, what is published gives it, and the draft.
        changed: cases that a unit handled and the draft gives to another, with the draft's unit, the newest first.
    """

    cases: int
    is_complete: bool
    handled: int
    would_change: int
    units: dict[UUID | None, tuple[int, int, int]]
    changed: list[tuple[Case, UUID | None]]


async def dry_run(session: Session, caller: Principal, wanted: DryRunIn) -> DryRun:
    """Try the draft on the newest past cases of a time, below the caller's areas or one of them."""
    if wanted.until <= wanted.since:
        raise BadWindow(pointer="/until")
    paths = await _paths(session, caller, wanted.under)
    drafted = await _index(session, SetState.DRAFT)
    if drafted is None:
        raise NoDraft
    groups = await repository.groups_of_cases(
        session, since=wanted.since, until=wanted.until, paths=paths, limit=CASES_MAX, samples=CHANGED_TOLD
    )
    parents = await repository.parents(session)
    published = await _index(session, SetState.PUBLISHED) or compile_rules([])
    handled, before, after = Counter[UUID | None](), Counter[UUID | None](), Counter[UUID | None]()
    moved: list[tuple[Row[Any], UUID | None]] = []
    for group in groups:
        facts = Facts(group.area_path, group.category, parents.get(group.category), _level(group.level))
        unit = _unit(drafted, facts)
        handled[group.unit_id] += group.cases
        before[_unit(published, facts)] += group.cases
        after[unit] += group.cases
        if group.unit_id is not None and unit != group.unit_id:
            moved.append((group, unit))
    total = handled.total()
    return DryRun(
        cases=total,
        is_complete=total < CASES_MAX,
        handled=total - handled[None],
        would_change=sum(group.cases for group, _ in moved),
        units={unit: (handled[unit], before[unit], after[unit]) for unit in {*handled, *before, *after}},
        changed=await _newest(session, moved),
    )


async def _paths(session: Session, caller: Principal, under: UUID | None) -> Sequence[str]:
    if under is None:
        return caller.paths(Role.ADMINISTRATOR)
    area = await find_area(session, reference, under)
    if area is None:
        raise UnknownArea(pointer="/under")
    caller.must(Role.ADMINISTRATOR, at=area.path, rule="administrators_route_their_areas")
    return (area.path,)


async def _index(session: Session, state: SetState) -> RoutingIndex | None:
    head = await repository.find_in_state(session, state)
    return compile_rules(await service.rules_in(session, head.number)) if head else None


def _level(value: str | None) -> Level | None:
    return Level(value) if value else None


def _unit(index: RoutingIndex, facts: Facts) -> UUID | None:
    decision = route(index, facts)
    return decision.unit_id if decision else None


async def _newest(session: Session, moved: list[tuple[Row[Any], UUID | None]]) -> list[tuple[Case, UUID | None]]:
    """Return the newest of the cases that would go elsewhere."""
    latest = sorted(moved, key=lambda item: item[0].latest, reverse=True)[:CHANGED_TOLD]
    units = {case_id: unit for group, unit in latest for case_id in group.newest}
    rows = await repository.cases_by_id(session, set(units), limit=CHANGED_TOLD)
    return [(case, units[case.id]) for case in rows]
