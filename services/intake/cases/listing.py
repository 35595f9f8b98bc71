"""Lists of cases: what a screen shows first, however much is stored.

A caller sees cases for several reasons, and each reason has an index in the order of the list. So a list is a few
short walks, each from its newest case on until a page is full, laid together; it is never all that is visible, sorted.
Below a small area the walk is one for each of its places; below a large one, what is newest of all soon fills a page.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, false, func, or_, select, true, tuple_, union_all

from services.intake.cases.models import Case
from services.intake.cases.repository import VisiblePart, parts_visible_to, visible_to
from services.intake.cases.schemas import CaseQuery, CaseSummary
from services.intake.clocks.models import ClockInterval
from services.intake.models import reference
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session

__all__ = ["first_below", "list_cases"]

# District, subdistrict, community: from there on, an area has tens of places, not thousands.
_SMALL_FROM_DEPTH: Final = 3
# What trigrams can find; shorter words are looked for by reading.
_TRIGRAM: Final = 3
_LINE: Final = [getattr(Case, name) for name in CaseSummary.model_fields]


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
    filters = [Case.tenant_id == session.tenant, *_filters(session.tenant, caller, wanted)]
    order = [Case.filed_at, Case.id]
    if wanted.sort == "joiners":
        filters.append(Case.closed_at.is_(None))
        order.insert(0, Case.joiners)
    if after is not None:
        filters.append(tuple_(*order) < tuple_(*after))
    below = [Case.area_path.within(under)] if under is not None else []
    newest_first = [column.desc() for column in order]
    if _is_found_otherwise(wanted):
        statement = select(*_LINE).where(*filters, *below, visible_to(caller)).order_by(*newest_first).limit(limit)
        return (await session.execute(statement)).all()
    walks = [
        first_below(session.tenant, _lower(part.path, under), filters, order, limit, [*below, part.condition])
        for part in _apart(caller, wanted)
    ]
    if not walks:
        return []
    found = union_all(*walks).subquery("found")
    page = select(found).distinct().order_by(*(found.c[column.key].desc() for column in order)).limit(limit)
    first = page.subquery("page")
    statement = select(*_LINE).join(first, first.c.id == Case.id).where(Case.tenant_id == session.tenant)
    return (await session.execute(statement.order_by(*newest_first))).all()


def _apart(caller: Principal, wanted: CaseQuery) -> list[VisiblePart]:
    """Return the reasons for which the caller sees cases, without places inside of others."""
    if wanted.mine:
        return [VisiblePart(true())]
    parts = parts_visible_to(caller)
    whole = [f"{part.path}." for part in parts if part.is_whole]
    return [part for part in parts if part.path is None or not any(part.path.startswith(path) for path in whole)]


def _is_found_otherwise(wanted: CaseQuery) -> bool:
    """Tell whether something else than time finds the cases: words by their trigrams, or a box on the map."""
    return wanted.bbox is not None or (wanted.q is not None and len(wanted.q) >= _TRIGRAM)


def first_below(
    tenant: str,
    path: str | None,
    filters: Sequence[ColumnElement[bool]],
    order: Sequence[Any],
    limit: int,
    places: Sequence[ColumnElement[bool]] = (),
) -> Select[Any]:
    """Return the first of some cases, the greatest in the order first.

    Args:
        tenant: whose cases.
        path: the area at or below which they lie, if the filters say so.
        filters: which cases.
        order: the columns of the order, which are the columns of the answer.
        limit: how many at the most.
        places: which of those cases by where they lie.
    """
    greatest_first = [column.desc() for column in order]
    cases = select(*order).where(Case.tenant_id == tenant, *filters)
    if path is None or path.count(".") + 1 < _SMALL_FROM_DEPTH:
        return select(cases.where(*places).order_by(*greatest_first).limit(limit).subquery())
    area = reference.area
    below = select(area.id).where(area.tenant_id == tenant, area.path.within(path)).subquery()
    # In the places below nearly all cases pass, which PostgreSQL cannot know: it would count on few, and sort all.
    nearly_all = [func.coalesce(condition, false()) for condition in places]
    page = cases.where(Case.area_id == below.c.id, *nearly_all).order_by(*greatest_first).limit(limit).lateral()
    return select(page).select_from(below.join(page, true()))


def _lower(one: str | None, other: str | None) -> str | None:
    """Return the lower of two places; if neither lies in the other, either will do, since nothing is in both."""
    if one is None or other is None:
        return one or other
    return max(one, other, key=len)


def _filters(tenant: str, caller: Principal, wanted: CaseQuery) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = []
    if wanted.open is not None:
        filters.append(Case.closed_at.is_(None) if wanted.open else Case.closed_at.is_not(None))
    if wanted.overdue:
        filters.append(_overdue(tenant))
    if wanted.bbox is not None:
        filters.append(_inside(wanted.bbox))
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
    if wanted.q is not None:
        pattern = f"%{_literally(wanted.q)}%"
        filters.append(or_(Case.title.ilike(pattern), Case.description.ilike(pattern)))
    if wanted.mine:
        filters.append(Case.requester_id == caller.subject_id)
    return filters


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
