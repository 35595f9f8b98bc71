"""Walks over cases in the order of a list: each from its first case on until a page is full.

A caller sees cases for several reasons, and each reason has an index in the order of the list. So what a caller sees
is a few short walks, laid together; it is never all that is visible, sorted. Below a small area the walk is one for
each of its places; below a large one, what is newest of all soon fills a page.

Statements are kept by their shape, so conditions here have parameters with names, and walks tell the values of theirs.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Subquery, bindparam, false, func, literal_column, select, true, union_all

from services.intake.cases.models import Case
from services.intake.cases.schemas import CaseSummary
from services.intake.cases.visibility import Reason, VisiblePart, parts_visible_to, tenant_given
from services.intake.models import reference
from shared.auth import Principal, Role
from shared.db import Ltree, Session

__all__ = ["LINE", "Walks", "first_below", "is_small", "walks_of"]

# District, subdistrict, community, grid: a community has tens of places, not thousands, and a grid is one.
_SMALL_FROM_DEPTH: Final = 3
_ONE_PLACE_FROM_DEPTH: Final = 4
# How many cases are read in search of words before these count as rare.
_READ_OF_ALL: Final = 2_000
_BACK_FOR_S: Final = 15.0
_TENANTS_MAX: Final = 1_000
# Since when there were so many in a tenant, and until when that is not looked up again.
_back: dict[str, tuple[datetime, float]] = {}
_END_OF_TIME: Final = datetime(9999, 1, 1, tzinfo=UTC)
_BACK_OF_ALL: Final = """
SELECT filed_at AS since FROM intake.cases WHERE tenant_id = $1 AND filed_at <= $2
ORDER BY filed_at DESC OFFSET $3 LIMIT 1"""
# What a line of a list shows, and not the long words of the case.
LINE: Final = [getattr(Case, name) for name in CaseSummary.model_fields]


@dataclass(frozen=True, slots=True)
class _Walk:
    """A way on which a caller meets cases: for a reason, and below a path if all that it meets lies there."""

    part: VisiblePart
    path: str | None


@dataclass(frozen=True, slots=True)
class Walks:
    """All ways on which one caller meets cases, at or below a path if there is one."""

    walks: Sequence[_Walk]
    under: str | None
    is_wide: bool
    """Whether they may pass a great part of what is stored."""

    @property
    def has_many_places(self) -> bool:
        """Whether a walk is one for each of several places, so that none is over before its own page is full."""
        return any(walk.path is not None and _depth(walk.path) < _ONE_PLACE_FROM_DEPTH for walk in self.walks)

    @property
    def shape(self) -> Hashable:
        """What the statement depends on, apart from the values of its parameters."""
        kinds = tuple((walk.part.reason, walk.path is not None and is_small(walk.path)) for walk in self.walks)
        return kinds, self.under is not None

    @property
    def values(self) -> dict[str, Any]:
        """The values of the parameters that are the walks' own."""
        parts = {f"seen_{place}": walk.part.value for place, walk in enumerate(self.walks)}
        paths = {f"path_{place}": walk.path for place, walk in enumerate(self.walks)}
        return {**parts, **paths, "under": self.under}

    def first(
        self, filters: Sequence[ColumnElement[bool]], order: Sequence[Any], limit: int, *, is_bounded: bool = False
    ) -> Select[Any]:
        """Return the statement of the first lines that pass the filters, the greatest in the order first.

        Its parameters are the walks' own, those of the filters, and `tenant`. The limit is written into it: a plan that
        is kept could not know that it is small.

        Args:
            filters: which cases.
            order: the columns of the order.
            limit: how many at the most.
            is_bounded: whether the filters leave little to walk over, so that no other way is to be looked for.
        """
        size: ColumnElement[int] = literal_column(str(limit))
        first = self._laid_together(filters, order, size, is_bounded=is_bounded).limit(size).subquery("page")
        statement = select(*LINE).join(first, first.c.id == Case.id).where(Case.tenant_id == tenant_given())
        return statement.order_by(*(column.desc() for column in order))

    def _laid_together(
        self,
        filters: Sequence[ColumnElement[bool]],
        order: Sequence[Any],
        limit: ColumnElement[int],
        *,
        is_bounded: bool,
    ) -> Select[tuple[Any, ...]]:
        tenant = tenant_given()
        below = [Case.area_path.within(bindparam("under", type_=Ltree))] if self.under is not None else []
        pages = []
        for place, walk in enumerate(self.walks):
            places = [*below, walk.part.condition(f"seen_{place}", tenant)]
            if is_bounded and walk.path is not None:
                places = [func.coalesce(condition, false()) for condition in places]
            path = bindparam(f"path_{place}", type_=Ltree) if walk.path is not None and is_small(walk.path) else None
            pages.append(first_below(tenant, path, filters, order, limit, places))
        found: Subquery = union_all(*pages).subquery("found")
        return select(found).distinct().order_by(*(found.c[column.key].desc() for column in order))


async def time_back(session: Session, until: datetime | None) -> datetime | None:
    """Return since when only some thousand cases were met; None when they are not more in all.

    It is read from an index alone, whatever the caller sees of it. From now on it is the same for some moments: that
    some have been filed meanwhile only makes them more.

    Args:
        session: of the tenant.
        until: from where to look back; from now by default.
    """
    known = _back.get(session.tenant)
    if until is None and known is not None and monotonic() < known[1]:
        return known[0]
    row = await session.fetch_row(_BACK_OF_ALL, session.tenant, until or _END_OF_TIME, _READ_OF_ALL)
    since: datetime | None = row["since"] if row is not None else None
    if until is None and since is not None:
        if len(_back) >= _TENANTS_MAX:
            _back.clear()
        _back[session.tenant] = since, monotonic() + _BACK_FOR_S
    return since


def walks_of(caller: Principal, *, under: str | None, mine: bool) -> Walks:
    """Return the ways on which a caller meets cases: all that it sees, or only what it raised."""
    parts = parts_visible_to(caller)
    if mine:
        return Walks([_Walk(part, None) for part in parts if part.reason is Reason.RAISED], under, is_wide=False)
    whole = [f"{part.path}." for part in parts if part.reason is Reason.BELOW]
    # Places inside of others are met there.
    apart = [part for part in parts if part.path is None or not any(part.path.startswith(path) for path in whole)]
    walks = [_Walk(part, _lower(part.path, under)) for part in apart]
    is_wide = bool(caller.units(Role.UNIT_STAFF))
    is_wide = is_wide or any(walk.path is not None and not is_small(walk.path) for walk in walks)
    return Walks(walks, under, is_wide)


def first_below(
    tenant: Any,  # noqa: ANN401 - a value or a parameter, like the next
    small_path: Any,  # noqa: ANN401
    filters: Sequence[ColumnElement[bool]],
    order: Sequence[Any],
    limit: Any,  # noqa: ANN401
    places: Sequence[ColumnElement[bool]] = (),
) -> Select[Any]:
    """Return the first of some cases, the greatest in the order first.

    Args:
        tenant: whose cases.
        small_path: the area at or below which they lie, if it is a small one.
        filters: which cases.
        order: the columns of the order, which are the columns of the answer.
        limit: how many at the most.
        places: which of those cases by where they lie.
    """
    greatest_first = [column.desc() for column in order]
    cases = select(*order).where(Case.tenant_id == tenant, *filters)
    if small_path is None:
        return select(cases.where(*places).order_by(*greatest_first).limit(limit).subquery())
    area = reference.area
    below = select(area.id).where(area.tenant_id == tenant, area.path.within(small_path)).subquery()
    # In the places below nearly all cases pass, which PostgreSQL cannot know: it would count on few, and sort all.
    nearly_all = [func.coalesce(condition, false()) for condition in places]
    page = cases.where(Case.area_id == below.c.id, *nearly_all).order_by(*greatest_first).limit(limit).lateral()
    return select(page).select_from(below.join(page, true()))


def _lower(one: str | None, other: str | None) -> str | None:
    """Return the lower of two places; if neither lies in the other, either will do, since nothing is in both."""
    if one is None or other is None:
        return one or other
    return max(one, other, key=len)


def _depth(path: str) -> int:
    return path.count(".") + 1


def is_small(path: str) -> bool:
    """Tell whether an area has only tens of places."""
    return _depth(path) >= _SMALL_FROM_DEPTH
