"""Lists of cases: what a screen shows first, however much is stored."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, any_, false, func, or_, select, tuple_

from services.intake.cases.models import Case
from services.intake.cases.repository import visible_to
from services.intake.cases.schemas import CaseFilter, CaseQuery, MapPointOut, MapQuery
from services.intake.cases.walking import LINE, walks_of
from services.intake.clocks.models import ClockInterval
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session

__all__ = ["list_cases", "map_cases"]

_POINT: Final = [getattr(Case, name) for name in MapPointOut.model_fields]


async def list_cases(
    session: Session,
    caller: Principal,
    wanted: CaseQuery,
    *,
    under: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return visible cases at or below the path `under`, the newest first, or open ones by how many have joined.

    A row has what a line of a list shows, and not the long words of the case.
    """
    order = [Case.filed_at, Case.id]
    filters = [Case.tenant_id == session.tenant, *_filters(session.tenant, wanted)]
    if wanted.sort == "joiners":
        filters.append(Case.closed_at.is_(None))
        order.insert(0, Case.joiners)
    goes_on = [tuple_(*order) < tuple_(*after)] if after is not None else []
    said = [_says(wanted.q)] if wanted.q is not None else []
    if wanted.bbox is not None:
        inside = [_inside(wanted.bbox), *filters, *said, *goes_on, *_seen(caller, wanted, under)]
        return await _lines(session, inside, order, limit)
    walks = walks_of(session.tenant, caller, under=under, mine=wanted.mine)
    if wanted.q is None or wanted.sort == "joiners":
        return await walks.first(session, [*filters, *said, *goes_on], order, limit)
    # Frequent words soon fill a page by reading, and an index would find and sort them all; with rare ones it is the
    # other way round. PostgreSQL cannot know which are which.
    since = await walks.time_back(session, after[0] if after is not None else None)
    if since is not None:
        recent = [*filters, *goes_on, Case.filed_at >= since, *(func.coalesce(words, false()) for words in said)]
        rows = await walks.first(session, recent, order, limit)
        if len(rows) == limit:
            return rows
    if since is None or not walks.is_wide:
        return await walks.first(session, [*filters, *said, *goes_on], order, limit)
    letters = func.public.ngrams(Case.title, Case.description)
    has_letters = letters.op("@>", is_comparison=True)(func.public.ngrams_to_find(wanted.q))
    saying = select(Case.id).where(Case.tenant_id == session.tenant, has_letters, *said).scalar_subquery()
    found = [Case.id == any_(func.array(saying)), *filters, *goes_on, *_seen(caller, wanted, under)]
    return await _lines(session, found, order, limit)


async def map_cases(
    session: Session, caller: Principal, wanted: MapQuery, *, under: str | None, limit: int
) -> Sequence[Mapping[str, Any]]:
    """Return the points of visible cases in a box, at or below the path `under`, the newest first."""
    said = [_says(wanted.q)] if wanted.q is not None else []
    filters = [Case.tenant_id == session.tenant, *_filters(session.tenant, wanted), *said]
    inside = [_inside(wanted.bbox), *filters, *_seen(caller, wanted, under)]
    points = await session.execute(_first_of(_POINT, inside, [Case.filed_at, Case.id], limit))
    return [dict(point) for point in points.mappings()]


def _seen(caller: Principal, wanted: CaseFilter, under: str | None) -> list[ColumnElement[bool]]:
    """Return the conditions of what the caller sees, at or below a path if there is one."""
    below = [Case.area_path.within(under)] if under is not None else []
    return [*below, Case.requester_id == caller.subject_id if wanted.mine else visible_to(caller)]


async def _lines(
    session: Session, filters: Sequence[ColumnElement[bool]], order: Sequence[Any], limit: int
) -> Sequence[Row[Any]]:
    """Return the first lines of what something else than the order finds."""
    rows = await session.execute(_first_of(LINE, filters, order, limit))
    return list(rows.all())


def _first_of(
    columns: Sequence[Any], filters: Sequence[ColumnElement[bool]], order: Sequence[Any], limit: int
) -> Select[tuple[Any, ...]]:
    return select(*columns).where(*filters).order_by(*(column.desc() for column in order)).limit(limit)


def _filters(tenant: str, wanted: CaseFilter) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = []
    if wanted.open is not None:
        filters.append(Case.closed_at.is_(None) if wanted.open else Case.closed_at.is_not(None))
    if wanted.overdue:
        filters.append(_overdue(tenant))
    for column, value in (
        (Case.state, wanted.state),
        (Case.category, wanted.category),
        (Case.level, wanted.level),
        (Case.unit_id, wanted.unit_id),
        (Case.collective, wanted.collective),
    ):
        if value is not None:
            filters.append(column == value)
    if wanted.since is not None:
        filters.append(Case.filed_at >= wanted.since)
    if wanted.until is not None:
        filters.append(Case.filed_at < wanted.until)
    return filters


def _says(words: str) -> ColumnElement[bool]:
    """Return the condition of having these words in the title or the text, in letters of either case.

    Chinese has no cases, and comparing bytes is many times as quick as folding the letters of every text.
    """
    pattern = f"%{_literally(words)}%"
    if words.lower() == words.upper():
        return or_(Case.title.like(pattern), Case.description.like(pattern))
    return or_(Case.title.ilike(pattern), Case.description.ilike(pattern))


def _inside(bbox: str) -> ColumnElement[bool]:
    """Return the condition of lying inside west, south, east, north; an index on the point knows it."""
    west, south, east, north = (float(part) for part in bbox.split(","))
    place = func.point(Case.longitude, Case.latitude)
    box = func.box(func.point(west, south), func.point(east, north))
    return and_(Case.latitude.is_not(None), place.op("<@", is_comparison=True)(box))


def _overdue(tenant: str) -> ColumnElement[bool]:
    """Return the condition that a clock of the case runs past its due time."""
    late = select(ClockInterval.case_id).where(
        ClockInterval.tenant_id == tenant,
        ClockInterval.case_id == Case.id,
        ClockInterval.ended_at.is_(None),
        ClockInterval.due_at < utc_now(),
        ClockInterval.clock != "verdict",
    )
    return and_(Case.closed_at.is_(None), Case.state != "resolved", late.exists())


def _literally(text: str) -> str:
    """Take a pattern's meaning from its special characters."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
