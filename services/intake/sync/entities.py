"""What a phone holds: one entry for each kind of row, in the order in which they are told.

A kind whose table has a `changed_xid` (see `intake.models.TouchedRow`) is one entry of ENTITIES and needs no more; of
what has a row for each version the newest is told. What others refer to comes first. Adding, removing or reshaping a
kind changes SHAPE, and every phone starts again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, and_, false, or_, true
from sqlalchemy.orm import InstrumentedAttribute

from services.intake.cases.models import Case
from services.intake.cases.viewing import view_cases
from services.intake.cases.views import case_out
from services.intake.categories.models import Category
from services.intake.categories.schemas import CategoryOut
from services.intake.forms.models import CategoryForm
from services.intake.forms.repository import newest_forms
from services.intake.forms.schemas import FormOut
from services.intake.handling.models import HandlingVersion
from services.intake.handling.service import current_handling
from services.intake.hazards.models import Hazard
from services.intake.hazards.repository import visible_hazards
from services.intake.hazards.rules import OPEN
from services.intake.hazards.views import hazards_out
from services.intake.inspections.models import Checklist, Inspection
from services.intake.inspections.repository import newest_checklists, visible_inspections
from services.intake.inspections.schemas import ChecklistOut
from services.intake.inspections.views import inspections_held
from services.intake.models import reference
from services.intake.sync import repository
from services.intake.sync.repository import CaseChanges, RulesChanges, TableChanges, VersionChanges
from services.intake.sync.schemas import AreaItem, RulesItem, UnitItem
from services.intake.visit_plans.models import VisitPlan
from services.intake.visit_plans.repository import visible_plans
from services.intake.visit_plans.rules import PlanState
from services.intake.visit_plans.views import plans_held
from services.intake.visits.models import Visit
from services.intake.visits.repository import visible_visits
from services.intake.visits.rules import VisitState
from services.intake.visits.views import visits_out
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import Session

__all__ = ["ENTITIES", "SHAPE", "Entity", "Shown", "show_case", "show_row"]

Keys = Sequence[UUID | str]


@dataclass(frozen=True, slots=True)
class Shown:
    """A row as phones get it."""

    version: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of row.

    Attributes:
        name: what phones call it.
        changes: which rows are to be told.
        show: how they look to a caller.
    """

    name: str
    changes: TableChanges | VersionChanges | RulesChanges | CaseChanges
    show: Callable[[Session, Principal, Keys], Awaitable[Mapping[UUID | str, Shown]]]


def _below(path: Any, caller: Principal) -> ColumnElement[bool]:  # noqa: ANN401 - a column of paths
    """Return the condition that a path lies at or below one of the caller's places, whatever the role there."""
    return or_(false(), *(path.within(place) for place in dict.fromkeys(grant.path for grant in caller.grants)))


async def _show_rows(
    model: Any,  # noqa: ANN401 - a mapped class
    key: InstrumentedAttribute[Any],
    view: type[BaseModel],
    session: Session,
    caller: Principal,
    wanted: Keys,
) -> Mapping[UUID | str, Shown]:
    """Show rows that look the same to everybody; without a version of their own they have that of their change."""
    del caller
    rows = await repository.rows_by_key(session, model, key, wanted)
    return {
        getattr(row, key.key): Shown(
            version=row.version if hasattr(row, "version") else row.changed_xid,
            body=view.model_validate(row).model_dump(mode="json"),
        )
        for row in rows
    }


async def _show_cases(session: Session, caller: Principal, wanted: Keys) -> Mapping[UUID | str, Shown]:
    rows = await repository.rows_by_key(session, Case, Case.id, wanted)
    return {view.case.id: show_case(view) for view in await view_cases(session, caller, rows)}


async def _show_views(
    model: Any,  # noqa: ANN401 - a mapped class
    view: Callable[[Session, Principal, Sequence[Any]], Awaitable[Sequence[BaseModel]]],
    session: Session,
    caller: Principal,
    wanted: Keys,
) -> Mapping[UUID | str, Shown]:
    """Show rows that look as their details do; of the next actions only what is allowed."""
    rows = await repository.rows_by_key(session, model, model.id, wanted)
    return {
        row.id: show_row(row.version, shown) for row, shown in zip(rows, await view(session, caller, rows), strict=True)
    }


def show_row(version: int, shown: BaseModel) -> Shown:
    """Show a row; why something is not allowed is told on the spot."""
    body = shown.model_dump(mode="json")
    if "next_actions" in body:
        body["next_actions"] = [action for action in body["next_actions"] if action["allowed"]]
    return Shown(version=version, body=body)


def show_case(view: Any) -> Shown:  # noqa: ANN401
    """Show a case as its detail does; of the next actions only what is allowed, since why not is told on the spot."""
    body = case_out(view)
    body.next_actions = [action for action in body.next_actions if action.allowed]
    return Shown(version=view.case.version, body=body.model_dump(mode="json"))


async def _show_forms(session: Session, caller: Principal, wanted: Keys) -> Mapping[UUID | str, Shown]:
    """Show what categories ask now, as its own endpoint does. What asks nothing is in no table, and not told."""
    del caller
    rows = await newest_forms(session, [str(key) for key in wanted])
    return {
        row.category: Shown(
            row.version,
            FormOut(
                category=row.category,
                version=row.version,
                schema=row.schema,
                ui=row.ui,
                published_by=row.published_by,
                published_at=row.published_at,
            ).model_dump(mode="json", by_alias=True),
        )
        for row in rows
    }


async def _show_checklists(session: Session, caller: Principal, wanted: Keys) -> Mapping[UUID | str, Shown]:
    del caller
    rows = await newest_checklists(session, [str(key) for key in wanted])
    return {row.code: Shown(row.version, ChecklistOut.model_validate(row).model_dump(mode="json")) for row in rows}


async def _show_rules(session: Session, caller: Principal, wanted: Keys) -> Mapping[UUID | str, Shown]:
    del caller
    now = await current_handling(session)
    body = RulesItem.model_validate(now.rules, from_attributes=True).model_dump(mode="json")
    return dict.fromkeys(wanted, Shown(now.version, body))


_area, _unit = reference.area, reference.unit
_CATEGORIES = TableChanges(Category, Category.code, lambda _: true())
_FORMS = VersionChanges(CategoryForm, CategoryForm.category)
# Whoever only lives here inspects nothing.
_CHECKLISTS = VersionChanges(
    Checklist, Checklist.code, lambda caller: any(grant.role is not Role.RESIDENT for grant in caller.grants)
)
_RULES = RulesChanges(HandlingVersion, "handling")
# Where an area or a unit lies is no secret, so that one has left the caller's places may be told to everybody.
_AREAS = TableChanges(_area, _area.id, lambda caller: _below(_area.path, caller), lambda _: true())
_UNITS = TableChanges(_unit, _unit.id, lambda caller: _below(_unit.area_path, caller), lambda _: true())

# What was visited longer ago than this is looked up and not held.
_HELD_FOR: Final = timedelta(days=90)


def _recent_visits(caller: Principal) -> ColumnElement[bool]:
    recent = Visit.visited_at > utc_now() - _HELD_FOR
    return and_(visible_visits(caller), Visit.state == VisitState.RECORDED.value, recent)


def _recent_inspections(caller: Principal) -> ColumnElement[bool]:
    return and_(visible_inspections(caller), ~Inspection.voided, Inspection.inspected_at > utc_now() - _HELD_FOR)


def _open_plans(caller: Principal) -> ColumnElement[bool]:
    return and_(visible_plans(caller), VisitPlan.state == PlanState.OPEN.value)


def _open_hazards(caller: Principal) -> ColumnElement[bool]:
    return and_(visible_hazards(caller), Hazard.state.in_([state.value for state in OPEN]))


_PLANS = TableChanges(VisitPlan, VisitPlan.id, _open_plans, visible_plans)
_VISITS = TableChanges(Visit, Visit.id, _recent_visits, visible_visits)
_INSPECTIONS = TableChanges(Inspection, Inspection.id, _recent_inspections, visible_inspections)
_HAZARDS = TableChanges(Hazard, Hazard.id, _open_hazards, visible_hazards)

ENTITIES: Final[tuple[Entity, ...]] = (
    Entity("area", _AREAS, partial(_show_rows, _area, _area.id, AreaItem)),
    Entity("unit", _UNITS, partial(_show_rows, _unit, _unit.id, UnitItem)),
    Entity("category", _CATEGORIES, partial(_show_rows, Category, Category.code, CategoryOut)),
    Entity("form", _FORMS, _show_forms),
    Entity("checklist", _CHECKLISTS, _show_checklists),
    Entity("rules", _RULES, _show_rules),
    Entity("case", CaseChanges(), _show_cases),
    Entity("visit_plan", _PLANS, partial(_show_views, VisitPlan, plans_held)),
    Entity("visit", _VISITS, partial(_show_views, Visit, visits_out)),
    Entity("inspection", _INSPECTIONS, partial(_show_views, Inspection, inspections_held)),
    Entity("hazard", _HAZARDS, partial(_show_views, Hazard, hazards_out)),
)
# Phones that were told less start again: what is new to them has not changed since.
SHAPE: Final = "/".join(("1", *(entity.name for entity in ENTITIES)))
