"""SQL of plans: what a caller may see of them, their parts, and how many households of each target were reached."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, distinct, false, func, insert, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert as insert_or_not
from sqlalchemy.orm import InstrumentedAttribute

from services.intake.visit_plans.models import DoorDisclosure, VisitDoor, VisitPlan, VisitRound, VisitTarget
from services.intake.visit_plans.rules import SEES_VISITS, PlanState
from services.intake.visit_plans.schemas import PlanQuery
from services.intake.visits.models import Visit
from services.intake.visits.rules import VisitState
from shared.auth import Principal, Role
from shared.db import Session, WriteSession

__all__ = [
    "Reached",
    "add_disclosure",
    "add_parts",
    "add_plan",
    "disclosures_below",
    "doors_of",
    "find_any_plan",
    "find_plan",
    "is_listed",
    "list_plans",
    "lock_plan",
    "planned_by",
    "progress_of",
    "reached_keys",
    "round_on",
    "rounds_of",
    "share_plan",
    "targets_of",
    "visible_plans",
]


@dataclass(frozen=True, slots=True)
class Reached:
    """One target in one round: how many different households there are, and were reached."""

    round: int
    target: VisitTarget
    visited: int


def visible_plans(caller: Principal) -> ColumnElement[bool]:
    """Return the condition of what a caller may see: below their places, and where they or their unit are named."""
    conditions = [VisitPlan.area_path.within(path) for path in caller.paths(*SEES_VISITS)]
    if caller.subject_id is not None:
        conditions.append(VisitPlan.person_ids.contains([caller.subject_id]))
    units = caller.units(Role.UNIT_STAFF)
    if units:
        conditions.append(VisitPlan.unit_ids.overlap(sorted(units)))
    return or_(false(), *conditions)


def _one(session: Session, plan_id: UUID) -> Select[tuple[VisitPlan]]:
    return select(VisitPlan).where(VisitPlan.tenant_id == session.tenant, VisitPlan.id == plan_id)


async def find_any_plan(session: Session, plan_id: UUID) -> VisitPlan | None:
    """Return whatever has an id."""
    found: VisitPlan | None = await session.scalar(_one(session, plan_id))
    return found


async def find_plan(session: Session, caller: Principal, plan_id: UUID) -> VisitPlan | None:
    """Return a plan that the caller may see."""
    found: VisitPlan | None = await session.scalar(_one(session, plan_id).where(visible_plans(caller)))
    return found


async def lock_plan(session: WriteSession, caller: Principal, plan_id: UUID) -> VisitPlan | None:
    """Return a plan that the caller may see, kept from others and from new visits until the commit."""
    statement = _one(session, plan_id).where(visible_plans(caller)).with_for_update()
    found: VisitPlan | None = await session.scalar(statement)
    return found


async def share_plan(session: WriteSession, plan_id: UUID) -> VisitPlan | None:
    """Return a plan that stays as it is until the commit, whoever else records visits of it."""
    found: VisitPlan | None = await session.scalar(_one(session, plan_id).with_for_update(read=True))
    return found


async def add_plan(session: WriteSession, plan: VisitPlan) -> bool:
    """Add a plan; returns False when its id is taken."""
    values = {column.key: getattr(plan, column.key) for column in VisitPlan.__table__.columns if column.key != _XID}
    statement = insert_or_not(VisitPlan).values(values).on_conflict_do_nothing().returning(VisitPlan.id)
    return await session.scalar(statement) is not None


_XID = "changed_xid"
Rows = Sequence[dict[str, Any]]


async def add_parts(session: WriteSession, plan_id: UUID, rounds: Rows, targets: Rows, doors: Rows) -> None:
    """Add the rounds, the targets and the doors of a new plan."""
    for model, rows in ((VisitRound, rounds), (VisitTarget, targets), (VisitDoor, doors)):
        if rows:
            await session.execute(
                insert(model), [{"tenant_id": session.tenant, "plan_id": plan_id, **row} for row in rows]
            )


async def list_plans(
    session: Session,
    caller: Principal,
    wanted: PlanQuery,
    *,
    under: str | None,
    today: date,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[VisitPlan]:
    """Return visible plans, the newest first."""
    statement = select(VisitPlan).where(VisitPlan.tenant_id == session.tenant, visible_plans(caller))
    if under is not None:
        statement = statement.where(VisitPlan.area_path.within(under))
    if wanted.kind is not None:
        statement = statement.where(VisitPlan.kind == wanted.kind)
    if wanted.state is not None:
        statement = statement.where(VisitPlan.state == wanted.state)
    if wanted.on is not None:
        statement = statement.where(VisitPlan.first_on <= wanted.on, VisitPlan.last_on >= wanted.on)
    if wanted.visitor_id is not None:
        statement = statement.where(VisitPlan.person_ids.contains([wanted.visitor_id]))
    if wanted.overdue is not None:
        late = _overdue(session.tenant, today)
        statement = statement.where(late if wanted.overdue else ~late)
    if after is not None:
        statement = statement.where(VisitPlan.id < after[0])
    return (await session.scalars(statement.order_by(VisitPlan.id.desc()).limit(limit))).all()


def _counts(tenant: str) -> list[ColumnElement[bool] | InstrumentedAttribute[bool]]:
    """Return the conditions of visits that reached a household of a plan."""
    return [Visit.tenant_id == tenant, Visit.state == VisitState.RECORDED.value, Visit.reached, Visit.on_plan]


def _overdue(tenant: str, today: date) -> ColumnElement[bool]:
    """Return the condition that the last round which is over was not covered, target by target, while a plan is open.

    Rounds before the last one are over for good: nobody can make up for them.
    """
    over = (
        select(func.max(VisitRound.position))
        .where(VisitRound.tenant_id == tenant, VisitRound.plan_id == VisitPlan.id, VisitRound.last_on < today)
        .correlate(VisitPlan)
        .scalar_subquery()
    )
    visited = (
        select(func.count(distinct(Visit.household_key)))
        .where(
            *_counts(tenant),
            Visit.plan_id == VisitTarget.plan_id,
            Visit.target == VisitTarget.position,
            Visit.round == over,
        )
        .correlate(VisitTarget, VisitPlan)
        .scalar_subquery()
    )
    missed = (
        select(VisitTarget.position)
        .where(VisitTarget.tenant_id == tenant, VisitTarget.plan_id == VisitPlan.id, visited < VisitTarget.households)
        .correlate(VisitPlan)
        .exists()
    )
    return and_(VisitPlan.state == PlanState.OPEN.value, over.is_not(None), missed)


async def planned_by(session: Session, plan_ids: Collection[UUID]) -> dict[UUID, tuple[int, int]]:
    """Return the households and the number of rounds of plans."""
    planned = (
        select(func.sum(VisitTarget.households))
        .where(VisitTarget.tenant_id == session.tenant, VisitTarget.plan_id == VisitPlan.id)
        .scalar_subquery()
    )
    count = (
        select(func.count())
        .where(VisitRound.tenant_id == session.tenant, VisitRound.plan_id == VisitPlan.id)
        .scalar_subquery()
    )
    statement = select(VisitPlan.id, planned, count).where(
        VisitPlan.tenant_id == session.tenant, VisitPlan.id.in_(plan_ids)
    )
    return {row[0]: (int(row[1] or 0), row[2]) for row in await session.execute(statement)}


async def rounds_of(session: Session, plan_ids: Collection[UUID]) -> Sequence[VisitRound]:
    """Return the rounds of plans in their order."""
    statement = select(VisitRound).where(VisitRound.tenant_id == session.tenant, VisitRound.plan_id.in_(plan_ids))
    return (await session.scalars(statement.order_by(VisitRound.plan_id, VisitRound.position))).all()


async def targets_of(session: Session, plan_ids: Collection[UUID]) -> Sequence[VisitTarget]:
    """Return the targets of plans in their order."""
    statement = select(VisitTarget).where(VisitTarget.tenant_id == session.tenant, VisitTarget.plan_id.in_(plan_ids))
    return (await session.scalars(statement.order_by(VisitTarget.plan_id, VisitTarget.position))).all()


async def progress_of(session: Session, plan_id: UUID) -> list[Reached]:
    """Return how many different households of each target were reached in each round."""
    visited = func.count(distinct(Visit.household_key))
    reached = and_(
        *_counts(session.tenant),
        Visit.plan_id == VisitTarget.plan_id,
        Visit.target == VisitTarget.position,
        Visit.round == VisitRound.position,
    )
    of_plan = and_(VisitRound.tenant_id == VisitTarget.tenant_id, VisitRound.plan_id == VisitTarget.plan_id)
    statement = (
        select(VisitRound.position, VisitTarget, visited)
        .select_from(VisitTarget)
        .join(VisitRound, of_plan)
        .outerjoin(Visit, reached)
        .where(VisitTarget.tenant_id == session.tenant, VisitTarget.plan_id == plan_id)
        .group_by(VisitRound.position, VisitTarget)
        .order_by(VisitRound.position, VisitTarget.position)
    )
    return [Reached(row[0], row[1], row[2]) for row in await session.execute(statement)]


async def round_on(session: Session, plan_id: UUID, day: date) -> int | None:
    """Return the round of a plan that a day lies in."""
    mine = (VisitRound.tenant_id == session.tenant, VisitRound.plan_id == plan_id)
    statement = select(VisitRound.position).where(*mine, VisitRound.first_on <= day, VisitRound.last_on >= day)
    return await session.scalar(statement)


async def is_listed(session: Session, target: VisitTarget, household_key: bytes) -> bool:
    """Tell whether a household is one of a target's list."""
    statement = select(VisitDoor.place).where(
        VisitDoor.tenant_id == session.tenant,
        VisitDoor.plan_id == target.plan_id,
        VisitDoor.target == target.position,
        VisitDoor.household_key == household_key,
    )
    return await session.scalar(statement) is not None


async def doors_of(
    session: Session, plan_id: UUID, *, after: tuple[Any, ...] | None, limit: int
) -> list[tuple[VisitDoor, UUID]]:
    """Return the doors of a plan as they are listed, each with its area."""
    target = and_(
        VisitTarget.tenant_id == VisitDoor.tenant_id,
        VisitTarget.plan_id == VisitDoor.plan_id,
        VisitTarget.position == VisitDoor.target,
    )
    statement = (
        select(VisitDoor, VisitTarget.area_id)
        .join(VisitTarget, target)
        .where(VisitDoor.tenant_id == session.tenant, VisitDoor.plan_id == plan_id)
    )
    if after is not None:
        statement = statement.where(tuple_(VisitDoor.target, VisitDoor.place) > tuple_(*after))
    rows = await session.execute(statement.order_by(VisitDoor.target, VisitDoor.place).limit(limit))
    return [(row[0], row[1]) for row in rows]


async def reached_keys(session: Session, plan_id: UUID, number: int, keys: Collection[bytes]) -> set[tuple[int, bytes]]:
    """Return which households of which targets were reached in a round."""
    statement = select(Visit.target, Visit.household_key).where(
        *_counts(session.tenant), Visit.plan_id == plan_id, Visit.round == number, Visit.household_key.in_(keys)
    )
    rows = await session.execute(statement.distinct())
    return {(target, key) for target, key in rows if target is not None and key is not None}


async def add_disclosure(session: WriteSession, row: DoorDisclosure) -> None:
    """Write down that doors were shown in the clear."""
    session.add(row)
    await session.flush()


async def disclosures_below(
    session: Session, paths: Collection[str], *, after: UUID | None, limit: int
) -> Sequence[DoorDisclosure]:
    """Return who has read doors at or below some paths, the newest first."""
    below = or_(false(), *(DoorDisclosure.area_path.within(path) for path in paths))
    statement = select(DoorDisclosure).where(DoorDisclosure.tenant_id == session.tenant, below)
    if after is not None:
        statement = statement.where(DoorDisclosure.id < after)
    return (await session.scalars(statement.order_by(DoorDisclosure.id.desc()).limit(limit))).all()
