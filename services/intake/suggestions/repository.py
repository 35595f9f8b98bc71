"""SQL of suggestions. However many cases there are, it looks at some hundred: those close by, and the newest around."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, and_, func, select, union

from services.intake.cases.models import Case
from services.intake.cases.walking import first_below, is_small
from services.intake.categories.models import Category
from shared.db import Session

__all__ = ["open_cases_around"]

_NEAR_MAX: Final = 300
_NEWEST: Final = 300
_LOOKED_AT: Final = 60
_LETTERS: Final = 300


async def open_cases_around(
    session: Session, text: str, path: str, box: tuple[float, float, float, float] | None
) -> Sequence[Row[Any]]:
    """Return open cases at or below a path, and in a box (west, south, east, north), the likest by trigrams first.

    Each part is bounded before anything is sorted, so that it reads its index and never the table.
    """
    is_open = (Case.tenant_id == session.tenant, Case.closed_at.is_(None))
    below = [Case.closed_at.is_(None), Case.area_path.within(path)]
    small_path = path if is_small(path) else None
    parts = [first_below(session.tenant, small_path, below, [Case.filed_at, Case.id], _NEWEST).subquery("around")]
    if box is not None:
        place = func.point(Case.longitude, Case.latitude)
        corners = func.box(func.point(box[0], box[1]), func.point(box[2], box[3]))
        inside = and_(Case.latitude.is_not(None), place.op("<@", is_comparison=True)(corners))
        parts.append(select(Case.id, Case.filed_at).where(*is_open, inside).limit(_NEAR_MAX).subquery("near"))
    newest = [select(part.c.id).order_by(part.c.filed_at.desc()).limit(_NEWEST).subquery() for part in parts]
    found = union(*(select(part.c.id) for part in newest)).cte("found")
    words = func.left(Case.title + " " + Case.description, _LETTERS)
    statement = (
        select(
            Case.id,
            Case.number,
            Case.category,
            Category.kind,
            Case.title,
            func.left(Case.description, _LETTERS).label("text"),
            Case.area_id,
            Case.area_path,
            Case.latitude,
            Case.longitude,
            Case.state,
            Case.joiners,
            Case.filed_at,
        )
        .join(found, found.c.id == Case.id)
        .join(Category, and_(Category.tenant_id == Case.tenant_id, Category.code == Case.category))
        .where(Case.tenant_id == session.tenant)
        .order_by(func.similarity(words, text[:_LETTERS]).desc(), Case.filed_at.desc())
        .limit(_LOOKED_AT)
    )
    return (await session.execute(statement)).all()
