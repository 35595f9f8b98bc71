"""SQL of coverage: every figure is one grouped count, by the area right below the one that is asked for."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, distinct, func, select
from sqlalchemy.sql.selectable import Subquery

from services.intake.hazards.models import Hazard
from services.intake.hazards.rules import OPEN, HazardState
from services.intake.inspections.models import Inspection
from services.intake.models import reference
from services.intake.visit_plans.models import VisitPlan, VisitRound, VisitTarget
from services.intake.visit_plans.rules import PlanState, VisitKind
from services.intake.visits.models import Visit, VisitErrand, VisitHeard
from services.intake.visits.rules import Disposition, VisitState
from shared.db import Session

__all__ = ["Window", "areas_right_below", "figures", "households_of"]


@dataclass(frozen=True, slots=True)
class Window:
    """What is counted.

    Attributes:
        path: of the area.
        first_on: the first day, in China; None for all that came before.
        last_on: the last day; None for all that comes.
        since: when the first day begins.
        before: when the day after the last one begins.
        kind: of visits; None for all.
        now: what is overdue is so at this moment.
    """

    path: str
    first_on: date | None
    last_on: date | None
    since: datetime | None
    before: datetime | None
    kind: VisitKind | None
    now: datetime

    def part(self, column: Any) -> ColumnElement[str]:  # noqa: ANN401 - a column of paths
        """Return which part of the area a path lies in; its own path for what lies in none."""
        return func.ltree2text(func.subpath(column, 0, self.path.count(".") + 2))


Figures = dict[str, dict[str, int]]


async def areas_right_below(session: Session, path: str) -> list[tuple[Any, str, str]]:
    """Return id, path and name of an area and of those right below it."""
    area = reference.area
    deep = func.nlevel(area.path) <= path.count(".") + 2
    statement = select(area.id, area.path, area.name).where(
        area.tenant_id == session.tenant, area.path.within(path), deep
    )
    return [(row[0], row[1], row[2]) for row in await session.execute(statement.order_by(area.path))]


async def figures(session: Session, window: Window) -> Figures:
    """Return the figures of an area by part, and by name; what is nowhere is left out."""
    found: Figures = {}
    for statement in (
        _planned(session.tenant, window),
        _visits(session.tenant, window),
        _heard(session.tenant, window),
        _errands(session.tenant, window),
        _inspections(session.tenant, window),
        _hazards(session.tenant, window),
    ):
        for row in (await session.execute(statement)).mappings():
            values = {name: int(value or 0) for name, value in row.items() if name != "part"}
            found.setdefault(row["part"], {}).update(values)
    return found


async def households_of(session: Session, window: Window) -> int:
    """Count the different households and units of the whole area: one that was met in two parts is one here."""
    statement = select(func.count(distinct(Visit.household_key))).where(*_made(session.tenant, window), Visit.reached)
    return await session.scalar(statement) or 0


def _planned(tenant: str, window: Window) -> Any:  # noqa: ANN401 - a select of mixed columns
    """Count the households of rounds that begin in the window, and those of them that were reached."""
    rounds = _rounds(tenant, window)
    of_round = and_(VisitTarget.tenant_id == tenant, VisitTarget.plan_id == rounds.c.plan_id)
    reached = and_(
        Visit.tenant_id == tenant,
        Visit.plan_id == VisitTarget.plan_id,
        Visit.target == VisitTarget.position,
        Visit.round == rounds.c.position,
        Visit.state == VisitState.RECORDED.value,
        Visit.reached,
        Visit.on_plan,
    )
    covered = func.least(func.count(distinct(Visit.household_key)), VisitTarget.households)
    each = (
        select(window.part(VisitTarget.area_path).label("part"), VisitTarget.households.label("planned"))
        .add_columns(covered.label("covered"))
        .select_from(rounds)
        .join(VisitTarget, of_round)
        .outerjoin(Visit, reached)
        .where(VisitTarget.area_path.within(window.path))
        .group_by(
            VisitTarget.plan_id,
            VisitTarget.position,
            VisitTarget.area_path,
            VisitTarget.households,
            rounds.c.position,
        )
        .subquery()
    )
    return select(
        each.c.part, func.sum(each.c.planned).label("planned"), func.sum(each.c.covered).label("covered")
    ).group_by(each.c.part)


def _rounds(tenant: str, window: Window) -> Subquery:
    of_plan = and_(VisitPlan.tenant_id == VisitRound.tenant_id, VisitPlan.id == VisitRound.plan_id)
    statement = (
        select(VisitRound.plan_id, VisitRound.position)
        .join(VisitPlan, of_plan)
        .where(VisitRound.tenant_id == tenant, VisitPlan.state != PlanState.CANCELLED.value)
    )
    if window.kind is not None:
        statement = statement.where(VisitPlan.kind == window.kind.value)
    if window.first_on is not None:
        statement = statement.where(VisitRound.first_on >= window.first_on)
    if window.last_on is not None:
        statement = statement.where(VisitRound.first_on <= window.last_on)
    return statement.subquery()


def _made(tenant: str, window: Window) -> list[ColumnElement[bool]]:
    """Return the conditions of visits that count in the window."""
    conditions = [
        Visit.tenant_id == tenant,
        Visit.area_path.within(window.path),
        Visit.state == VisitState.RECORDED.value,
    ]
    if window.kind is not None:
        conditions.append(Visit.kind == window.kind.value)
    if window.since is not None:
        conditions.append(Visit.visited_at >= window.since)
    if window.before is not None:
        conditions.append(Visit.visited_at < window.before)
    return conditions


def _visits(tenant: str, window: Window) -> Any:  # noqa: ANN401 - a select of mixed columns
    return (
        select(
            window.part(Visit.area_path).label("part"),
            func.count().label("visits"),
            func.count().filter(Visit.reached).label("reached"),
            func.count(distinct(Visit.household_key)).filter(Visit.reached).label("households"),
        )
        .where(*_made(tenant, window))
        .group_by("part")
    )


def _heard(tenant: str, window: Window) -> Any:  # noqa: ANN401 - a select of mixed columns
    of_visit = and_(VisitHeard.tenant_id == Visit.tenant_id, VisitHeard.visit_id == Visit.id)
    return (
        select(
            window.part(Visit.area_path).label("part"),
            func.count().label("heard"),
            *(
                func.count().filter(VisitHeard.disposition == disposition.value).label(name)
                for name, disposition in (
                    ("cases", Disposition.CASE),
                    ("noted", Disposition.NOTED),
                    ("answered", Disposition.ANSWERED),
                )
            ),
        )
        .select_from(Visit)
        .join(VisitHeard, of_visit)
        .where(*_made(tenant, window))
        .group_by("part")
    )


def _errands(tenant: str, window: Window) -> Any:  # noqa: ANN401 - a select of mixed columns
    of_visit = and_(VisitErrand.tenant_id == Visit.tenant_id, VisitErrand.visit_id == Visit.id)
    return (
        select(window.part(Visit.area_path).label("part"), func.count().label("errands"))
        .select_from(Visit)
        .join(VisitErrand, of_visit)
        .where(*_made(tenant, window), VisitErrand.done)
        .group_by("part")
    )


def _inspections(tenant: str, window: Window) -> Any:  # noqa: ANN401 - a select of mixed columns
    of_visit = and_(Inspection.tenant_id == Visit.tenant_id, Inspection.visit_id == Visit.id)
    return (
        select(window.part(Visit.area_path).label("part"), func.count().label("inspections"))
        .select_from(Visit)
        .join(Inspection, of_visit)
        .where(*_made(tenant, window), ~Inspection.voided)
        .group_by("part")
    )


def _hazards(tenant: str, window: Window) -> Any:  # noqa: ANN401 - a select of mixed columns
    """Count hazards by when they were found; those of voided visits are hazards all the same until withdrawn."""
    of_visit = and_(Visit.tenant_id == Hazard.tenant_id, Visit.id == Hazard.visit_id)
    conditions = [
        Hazard.tenant_id == tenant,
        Hazard.area_path.within(window.path),
        Hazard.state != HazardState.WITHDRAWN.value,
    ]
    if window.kind is not None:
        conditions.append(Visit.kind == window.kind.value)
    if window.since is not None:
        conditions.append(Hazard.found_at >= window.since)
    if window.before is not None:
        conditions.append(Hazard.found_at < window.before)
    late = and_(Hazard.state == HazardState.NOTICED.value, Hazard.due_at <= window.now)
    return (
        select(
            window.part(Hazard.area_path).label("part"),
            func.count().label("hazards"),
            func.count().filter(Hazard.state.in_([state.value for state in OPEN])).label("hazards_open"),
            func.count().filter(late).label("hazards_overdue"),
        )
        .select_from(Hazard)
        .join(Visit, of_visit)
        .where(*conditions)
        .group_by("part")
    )
