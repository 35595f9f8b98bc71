"""Walks over cases in the order of a list: each from its first case on until a page is full.

A caller sees cases for several reasons, and each reason has an index in the order of the list. So what a caller sees
is a few short walks, laid together; it is never all that is visible, sorted. Below a small area the walk is one for
each of its places; below a large one, what is newest of all soon fills a page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, Subquery, false, func, select, true, union_all

from services.intake.cases.models import Case
from services.intake.cases.repository import VisiblePart, parts_visible_to
from services.intake.cases.schemas import CaseSummary
from services.intake.models import reference
from shared.auth import Principal, Role
from shared.db import Session

__all__ = ["LINE", "Walks", "first_below", "walks_of"]

# District, subdistrict, community: from there on, an area has tens of places, not thousands.
_SMALL_FROM_DEPTH: Final = 3
# How many cases are read in search of words before these count as rare: of all places, and of each of a few.
_READ_OF_ALL: Final = 2_000
_READ_OF_A_PLACE: Final = 1_000
_END_OF_TIME: Final = datetime(9999, 1, 1, tzinfo=UTC)
_BACK_OF_ALL: Final = """
SELECT filed_at AS since FROM intake.cases WHERE tenant_id = $1 AND filed_at <= $2
ORDER BY filed_at DESC OFFSET $3 LIMIT 1"""
_BACK_OF_PLACES: Final = """
SELECT max(back.filed_at) AS since FROM intake.areas a, LATERAL (
    SELECT filed_at FROM intake.cases c WHERE c.tenant_id = $1 AND c.area_id = a.id AND c.filed_at <= $2
    ORDER BY filed_at DESC OFFSET $3 LIMIT 1) back
WHERE a.tenant_id = $1 AND a.path <@ $4::text[]::ltree[]"""
# What a line of a list shows, and not the long words of the case.
LINE: Final = [getattr(Case, name) for name in CaseSummary.model_fields]


@dataclass(frozen=True, slots=True)
class Walks:
    """All ways on which one caller meets cases, at or below a path if there is one."""

    tenant: str
    parts: Sequence[VisiblePart]
    under: str | None
    is_wide: bool
    """Whether they may pass a great part of what is stored."""

    async def first(
        self, session: Session, filters: Sequence[ColumnElement[bool]], order: Sequence[Any], limit: int
    ) -> Sequence[Row[Any]]:
        """Return the first lines of those cases that pass the filters, the greatest in the order first."""
        if not self.parts:
            return []
        first = self._laid_together(filters, order, limit).limit(limit).subquery("page")
        statement = select(*LINE).join(first, first.c.id == Case.id).where(Case.tenant_id == self.tenant)
        return (await session.execute(statement.order_by(*(column.desc() for column in order)))).all()

    async def time_back(self, session: Session, until: datetime | None) -> datetime | None:
        """Return since when only some hundred or some thousand cases were met; None when they are not more in all.

        It is read from indexes alone, whatever the caller sees of it.

        Args:
            session: of the tenant.
            until: from where to look back; from now by default.
        """
        end = until if until is not None else _END_OF_TIME
        if self.is_wide:
            row = await session.fetch_row(_BACK_OF_ALL, self.tenant, end, _READ_OF_ALL)
        else:
            paths = [path for path in self._paths() if path is not None]
            row = await session.fetch_row(_BACK_OF_PLACES, self.tenant, end, _READ_OF_A_PLACE, paths)
        since: datetime | None = row["since"] if row is not None else None
        return since

    def _paths(self) -> list[str | None]:
        return [_lower(part.path, self.under) for part in self.parts]

    def _laid_together(
        self, filters: Sequence[ColumnElement[bool]], order: Sequence[Any], limit: int
    ) -> Select[tuple[Any, ...]]:
        below = [Case.area_path.within(self.under)] if self.under is not None else []
        walks = [
            first_below(self.tenant, path, filters, order, limit, [*below, part.condition])
            for part, path in zip(self.parts, self._paths(), strict=True)
        ]
        found: Subquery = union_all(*walks).subquery("found")
        return select(found).distinct().order_by(*(found.c[column.key].desc() for column in order))


def walks_of(tenant: str, caller: Principal, *, under: str | None, mine: bool) -> Walks:
    """Return the ways on which a caller meets cases: all that it sees, or only what it raised."""
    if mine:
        return Walks(tenant, [VisiblePart(Case.requester_id == caller.subject_id)], under, is_wide=False)
    parts = parts_visible_to(caller)
    whole = [f"{part.path}." for part in parts if part.is_whole]
    # Places inside of others are met there.
    apart = [part for part in parts if part.path is None or not any(part.path.startswith(path) for path in whole)]
    paths = [_lower(part.path, under) for part in apart]
    is_wide = bool(caller.units(Role.UNIT_STAFF)) or any(path is not None and not _is_small(path) for path in paths)
    return Walks(tenant, apart, under, is_wide)


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
    if path is None or not _is_small(path):
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


def _is_small(path: str) -> bool:
    """Tell whether an area has only tens of places."""
    return path.count(".") + 1 >= _SMALL_FROM_DEPTH
