"""Lists of cases: what a screen shows first, however much is stored.

What a list is narrowed to is a set of conditions with named parameters, so that a statement is built once for each set
of them and for each sort of caller.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Double,
    Integer,
    Select,
    String,
    Uuid,
    and_,
    any_,
    bindparam,
    false,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)

from services.intake.cases.models import Case
from services.intake.cases.schemas import CaseQuery, CaseSummary, MapPointOut, MapQuery
from services.intake.cases.visibility import parts_visible_to, tenant_given, visible_to
from services.intake.cases.walking import LINE, Walks, time_back, walks_of
from services.intake.clocks.models import ClockInterval
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import KeptStatement, Ltree, Session, UtcTime, keep

__all__ = ["list_cases", "map_cases"]

_POINT: Final = [getattr(Case, name) for name in MapPointOut.model_fields]
_NEWEST: Final[tuple[Any, ...]] = (Case.filed_at, Case.id)
_MOST_JOINED: Final[tuple[Any, ...]] = (Case.joiners, Case.filed_at, Case.id)
# Where the page before has ended.
_LAST: Final = (bindparam("last_filed_at", type_=UtcTime), bindparam("last_id", type_=Uuid))
# Below a community the places are read in search of words: what is newer than this first, and then the rest.
_RECENT: Final = timedelta(days=365)


def _says(operator: str) -> ColumnElement[bool]:
    """Return the condition of having words in the title or the text."""
    pattern = bindparam("pattern", type_=String)
    texts = (Case.title, Case.description)
    return or_(*(text.op(operator, is_comparison=True)(pattern) for text in texts))


def _inside() -> ColumnElement[bool]:
    """Return the condition of lying inside west, south, east, north; an index on the point knows it."""
    west, south, east, north = (bindparam(name, type_=Double) for name in ("west", "south", "east", "north"))
    place = func.point(Case.longitude, Case.latitude)
    box = func.box(func.point(west, south), func.point(east, north))
    return and_(Case.latitude.is_not(None), place.op("<@", is_comparison=True)(box))


def _overdue() -> ColumnElement[bool]:
    """Return the condition that a clock of the case runs past its due time."""
    late = select(ClockInterval.case_id).where(
        ClockInterval.tenant_id == tenant_given(),
        ClockInterval.case_id == Case.id,
        ClockInterval.ended_at.is_(None),
        ClockInterval.due_at < bindparam("now", type_=UtcTime),
        ClockInterval.clock != literal_column("'verdict'"),
    )
    return and_(Case.closed_at.is_(None), Case.state != literal_column("'resolved'"), late.exists())


def _lettered() -> ColumnElement[bool]:
    """Return the condition of having words, found by their letters."""
    letters = func.public.ngrams(Case.title, Case.description)
    wanted = func.public.ngrams_to_find(bindparam("words", type_=String))
    return letters.op("@>", is_comparison=True)(wanted)


_CONDITIONS: Final[Mapping[str, ColumnElement[bool]]] = {
    "open": Case.closed_at.is_(None),
    "closed": Case.closed_at.is_not(None),
    "overdue": _overdue(),
    "state": Case.state == bindparam("state", type_=String),
    "category": Case.category == bindparam("category", type_=String),
    "level": Case.level == bindparam("level", type_=String),
    "unit_id": Case.unit_id == bindparam("unit_id", type_=Uuid),
    "collective": Case.collective == bindparam("collective", type_=Boolean),
    "since": Case.filed_at >= bindparam("since", type_=UtcTime),
    "until": Case.filed_at < bindparam("until", type_=UtcTime),
    "bbox": _inside(),
    "under": Case.area_path.within(bindparam("under", type_=Ltree)),
    # Chinese has no cases, and comparing bytes is many times as quick as folding the letters of every text.
    "like": _says("LIKE"),
    "ilike": _says("ILIKE"),
    "mine": Case.requester_id == bindparam("caller", type_=Uuid),
    "back": Case.filed_at >= bindparam("back", type_=UtcTime),
    "beyond": Case.filed_at < bindparam("back", type_=UtcTime),
    "after_newest": tuple_(*_NEWEST) < tuple_(*_LAST),
    "after_joiners": tuple_(*_MOST_JOINED) < tuple_(bindparam("last_joiners", type_=Integer), *_LAST),
}
_SAYS: Final = frozenset({"like", "ilike"})
_GIVEN: Final = ("state", "category", "level", "unit_id", "collective", "since", "until")

_KEPT_MAX: Final = 2_000
_kept: dict[Hashable, KeptStatement] = {}


@dataclass(frozen=True, slots=True)
class _Search:
    """What is looked for: conditions by name with the values of their parameters, in an order."""

    session: Session
    caller: Principal
    names: frozenset[str]
    values: dict[str, Any]
    limit: int
    order: tuple[Any, ...] = _NEWEST

    def narrowed(self, *names: str, **values: Any) -> "_Search":  # noqa: ANN401 - of whatever type the conditions take
        """Return the same search with more conditions, or with other values."""
        return replace(self, names=self.names | set(names), values=self.values | values)

    async def on(self, walks: Walks) -> list[CaseSummary]:
        """Return the first lines of what is met on walks."""
        if not walks.walks:
            return []
        is_bounded = "back" in self.names
        if is_bounded or not walks.is_wide:
            # Each walk has its index whatever the values are, and planning takes longer than walking.
            await self.session.plan_once()

        def build() -> Select[Any]:
            filters = [_read(name) for name in sorted(self.names)]
            return walks.first(filters, self.order, self.limit, is_bounded=is_bounded)

        statement = _keep(("on walks", walks.shape, self.names, self.order is _NEWEST, self.limit), build)
        rows = await statement.rows(self.session, self.values | walks.values)
        return [CaseSummary.model_validate(dict(row)) for row in rows]

    async def found(self, columns: Sequence[Any], *, mine: bool) -> list[dict[str, Any]]:
        """Return the first visible cases that the index on a box, or else the one on letters, finds."""
        parts = parts_visible_to(self.caller)
        names = self.names | ({"under"} if self.values["under"] is not None else set()) | ({"mine"} if mine else set())
        by_letters = "bbox" not in names
        if by_letters:
            # Nothing is left to choose.
            await self.session.plan_once()

        def build() -> Select[Any]:
            tenant = Case.tenant_id == tenant_given()
            words = [_CONDITIONS[name] for name in names & _SAYS]
            filters = [_CONDITIONS[name] for name in sorted(names - _SAYS)]
            if not mine:
                filters.append(visible_to(self.caller))
            if by_letters:
                saying = select(Case.id).where(tenant, _lettered(), *words).scalar_subquery()
                hidden = [func.coalesce(condition, false()) for condition in filters]
                filters = [Case.id == any_(func.array(saying)), *hidden]
            else:
                filters += words
            greatest_first = (column.desc() for column in self.order)
            cases = select(*columns).where(tenant, *filters).order_by(*greatest_first)
            return cases.limit(literal_column(str(self.limit)))

        reasons = tuple(part.reason for part in parts)
        statement = _keep(("found", columns is LINE, reasons, names, self.order is _NEWEST, self.limit), build)
        seen = {f"seen_{place}": part.value for place, part in enumerate(parts)}
        return [dict(row) for row in await statement.rows(self.session, self.values | seen)]


async def list_cases(
    session: Session,
    caller: Principal,
    wanted: CaseQuery,
    *,
    under: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[CaseSummary]:
    """Return visible cases at or below the path `under`, the newest first, or open ones by how many have joined.

    A line has what a list shows, and not the long words of the case.
    """
    search = _search(session, caller, wanted, under, limit)
    if wanted.sort == "joiners":
        search = replace(search, order=_MOST_JOINED).narrowed("open")
    if after is not None:
        last = dict(zip(("id", "filed_at", "joiners"), reversed(after), strict=False))
        search = search.narrowed(f"after_{wanted.sort}", **{f"last_{name}": value for name, value in last.items()})
    if wanted.bbox is not None:
        return _lines(await search.found(LINE, mine=wanted.mine))
    walks = walks_of(caller, under=under, mine=wanted.mine)
    if wanted.q is None or wanted.sort == "joiners":
        return await search.on(walks)
    # Frequent words soon fill a page by reading, and an index would find and sort them all; with rare ones it is the
    # other way round. PostgreSQL cannot know which are which.
    until: datetime | None = after[0] if after is not None else None
    if walks.is_wide:
        back = await time_back(session, until)
        if back is None:
            return await search.on(walks)
        lines = await search.narrowed("back", back=back).on(walks)
        return lines if len(lines) == limit else _lines(await search.found(LINE, mine=wanted.mine))
    if not walks.has_many_places:
        return await search.on(walks)
    search = search.narrowed(back=(until or utc_now()) - _RECENT)
    lines = await search.narrowed("back").on(walks)
    if len(lines) < limit:
        lines += await search.narrowed("beyond").on(walks)
    return lines[:limit]


async def map_cases(
    session: Session, caller: Principal, wanted: MapQuery, *, under: str | None, limit: int
) -> Sequence[Mapping[str, Any]]:
    """Return the points of visible cases in a box, at or below the path `under`, the newest first."""
    return await _search(session, caller, wanted, under, limit).found(_POINT, mine=wanted.mine)


def _search(
    session: Session, caller: Principal, wanted: CaseQuery | MapQuery, under: str | None, limit: int
) -> _Search:
    """Return what a list or a map is asked for."""
    values = {name: value for name in _GIVEN if (value := getattr(wanted, name)) is not None}
    names = set(values)
    if wanted.open is not None:
        names.add("open" if wanted.open else "closed")
    if wanted.overdue:
        names.add("overdue")
        values["now"] = utc_now()
    if wanted.q is not None:
        names.add("like" if wanted.q.lower() == wanted.q.upper() else "ilike")
        values |= {"pattern": f"%{_literally(wanted.q)}%", "words": wanted.q}
    if wanted.bbox is not None:
        names.add("bbox")
        values |= zip(("west", "south", "east", "north"), map(float, wanted.bbox.split(",")), strict=True)
    values |= {"tenant": session.tenant, "caller": caller.subject_id, "under": under}
    return _Search(session, caller, frozenset(names), values, limit)


def _read(name: str) -> ColumnElement[bool]:
    """Return a condition as a walk reads it: of words PostgreSQL would count on few, and sort all that is there."""
    condition = _CONDITIONS[name]
    return func.coalesce(condition, false()) if name in _SAYS else condition


def _lines(rows: Sequence[dict[str, Any]]) -> list[CaseSummary]:
    return [CaseSummary.model_validate(row) for row in rows]


def _keep(shape: Hashable, build: Callable[[], Select[Any]]) -> KeptStatement:
    """Return the statement of a shape; there are as many as people think of ways to narrow a list."""
    statement = _kept.get(shape)
    if statement is None:
        if len(_kept) >= _KEPT_MAX:
            _kept.clear()
        statement = _kept[shape] = keep(build())
    return statement


def _literally(text: str) -> str:
    """Take a pattern's meaning from its special characters."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
