"""SQL of lists of facts: who sees a case from above sees its facts."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, String, Uuid, cast, false, literal, or_, select, tuple_

from services.intake.cases.visibility import SEES_BELOW
from services.intake.facts.models import CaseFact, DayFact, TransitionFact
from services.intake.facts.rules import UNJUDGED, end_of, start_of
from services.intake.facts.schemas import FactQuery
from shared.auth import Principal
from shared.db import Ltree, Session

__all__ = ["list_cases", "list_days", "list_transitions"]

Facts = type[CaseFact] | type[TransitionFact] | type[DayFact]


def _conditions(model: Facts, caller: Principal, wanted: FactQuery, under: str | None) -> list[ColumnElement[bool]]:
    """Return what narrows a list: the tenant, the caller's areas, and what was asked for."""
    # One condition a path: an index on a path knows `<@ path`, and not `<@ paths`.
    seen = [model.area_path.within(path) for path in caller.paths(*SEES_BELOW)]
    found: list[ColumnElement[bool]] = [model.tenant_id == caller.tenant, or_(false(), *seen)]
    if under is not None:
        found.append(model.area_path.within(under))
    if wanted.category is not None:
        found.append(model.category == wanted.category)
    if wanted.level is not None:
        is_null = wanted.level == UNJUDGED and model is not DayFact
        found.append(model.level.is_(None) if is_null else model.level == wanted.level)
    return found


async def list_cases(
    session: Session,
    caller: Principal,
    wanted: FactQuery,
    *,
    under: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[CaseFact]:
    """Return facts of cases by when they were filed, the newest first."""
    conditions = _conditions(CaseFact, caller, wanted, under)
    if wanted.first_on is not None:
        conditions.append(CaseFact.filed_at >= start_of(wanted.first_on))
    if wanted.last_on is not None:
        conditions.append(CaseFact.filed_at < end_of(wanted.last_on))
    order = (CaseFact.filed_at, CaseFact.case_id)
    if after is not None:
        conditions.append(tuple_(*order) < tuple_(*after))
    newest = (column.desc() for column in order)
    return (await session.scalars(select(CaseFact).where(*conditions).order_by(*newest).limit(limit))).all()


async def list_transitions(
    session: Session,
    caller: Principal,
    wanted: FactQuery,
    *,
    under: str | None,
    case_id: UUID | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[TransitionFact]:
    """Return facts of steps, the newest first."""
    conditions = _conditions(TransitionFact, caller, wanted, under)
    if case_id is not None:
        conditions.append(TransitionFact.case_id == case_id)
    if wanted.first_on is not None:
        conditions.append(TransitionFact.at >= start_of(wanted.first_on))
    if wanted.last_on is not None:
        conditions.append(TransitionFact.at < end_of(wanted.last_on))
    order = (TransitionFact.at, TransitionFact.case_id, TransitionFact.position)
    if after is not None:
        conditions.append(tuple_(*order) < tuple_(after[0], literal(after[1], Uuid()), after[2]))
    newest = (column.desc() for column in order)
    return (await session.scalars(select(TransitionFact).where(*conditions).order_by(*newest).limit(limit))).all()


async def list_days(
    session: Session,
    caller: Principal,
    wanted: FactQuery,
    *,
    under: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[DayFact]:
    """Return facts of days, the first one first."""
    conditions = _conditions(DayFact, caller, wanted, under)
    if wanted.first_on is not None:
        conditions.append(DayFact.day >= wanted.first_on)
    if wanted.last_on is not None:
        conditions.append(DayFact.day <= wanted.last_on)
    order = (DayFact.day, DayFact.area_path, DayFact.category, DayFact.level)
    if after is not None:
        day, path, category, level = after
        place = (cast(literal(day, String()), Date()), literal(path, Ltree()), category, level)
        conditions.append(tuple_(*order) > tuple_(*place))
    return (await session.scalars(select(DayFact).where(*conditions).order_by(*order).limit(limit))).all()
