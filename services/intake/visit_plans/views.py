"""From rows to representations: a plan with its progress."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from services.intake.visit_plans import repository
from services.intake.visit_plans.models import VisitPlan, VisitRound
from services.intake.visit_plans.repository import Reached
from services.intake.visit_plans.rules import STEPS, PlanState, percent
from services.intake.visit_plans.schemas import (
    PlanHeld,
    PlanOut,
    PlanRoundProgressOut,
    PlanSummary,
    PlanTargetProgressOut,
)
from services.intake.visit_plans.service import facts_of
from shared.auth import Principal
from shared.clock import today
from shared.db import Session
from shared.steps import next_actions

__all__ = ["plan_out", "plan_summary", "plans_held"]

_COLUMNS = ("id", "kind", "title", "area_id", "area_path", "first_on", "last_on", "every", "checklist_code", "state")


def plan_summary(plan: VisitPlan, planned: Mapping[UUID, tuple[int, int]]) -> PlanSummary:
    """Show a line of a list."""
    households, count = planned[plan.id]
    values = {name: getattr(plan, name) for name in (*_COLUMNS, "version")}
    return PlanSummary(**values, planned=households, rounds=count)


async def plan_out(session: Session, caller: Principal, plan: VisitPlan) -> PlanOut:
    """Show a plan with how far it is."""
    found = await repository.progress_of(session, plan.id)
    day = today()
    rounds = [_round(row, found, day) for row in await repository.rounds_of(session, {plan.id})]
    over = [one for one in rounds if one.last_on < day]
    planned = await repository.planned_by(session, {plan.id})
    return PlanOut(
        **plan_summary(plan, planned).model_dump(),
        person_ids=plan.person_ids,
        unit_ids=plan.unit_ids,
        end_note=plan.end_note,
        created_by=plan.created_by,
        created_at=plan.created_at,
        overdue=plan.state == PlanState.OPEN and bool(over) and over[-1].overdue,
        progress=rounds,
        next_actions=next_actions(STEPS, facts_of(plan), caller),
    )


async def plans_held(session: Session, caller: Principal, plans: Sequence[VisitPlan]) -> list[PlanHeld]:
    """Show many plans as phones hold them, in as many statements as one."""
    del caller
    plan_ids = {plan.id for plan in plans}
    rounds = await repository.rounds_of(session, plan_ids)
    targets = await repository.targets_of(session, plan_ids)
    columns = [name for name in PlanHeld.model_fields if name not in {"rounds", "targets"}]
    return [
        PlanHeld.model_validate(
            {
                **{name: getattr(plan, name) for name in columns},
                "rounds": [row for row in rounds if row.plan_id == plan.id],
                "targets": [row for row in targets if row.plan_id == plan.id],
            }
        )
        for plan in plans
    ]


def _round(row: VisitRound, found: Sequence[Reached], day: date) -> PlanRoundProgressOut:
    targets = [_target(one) for one in found if one.round == row.position]
    planned = sum(one.households for one in targets)
    covered = sum(one.covered for one in targets)
    return PlanRoundProgressOut(
        position=row.position,
        first_on=row.first_on,
        last_on=row.last_on,
        planned=planned,
        covered=covered,
        coverage_percent=percent(covered, planned),
        overdue=row.last_on < day and covered < planned,
        targets=targets,
    )


def _target(one: Reached) -> PlanTargetProgressOut:
    target = one.target
    return PlanTargetProgressOut(
        position=target.position,
        area_id=target.area_id,
        area_path=target.area_path,
        households=target.households,
        listed=target.listed,
        visited=one.visited,
        covered=min(one.visited, target.households),
    )
