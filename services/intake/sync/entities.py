"""What a phone holds: one entry for each kind of row, in the order in which they are told.

A kind whose table has a `changed_xid` (see `intake.models.TouchedRow`) is one entry of ENTITIES and needs no more. What
others refer to comes first. Adding, removing or reshaping a kind changes SHAPE, and every phone starts again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, false, or_, true
from sqlalchemy.orm import InstrumentedAttribute

from services.intake.cases.models import Case
from services.intake.cases.viewing import view_cases
from services.intake.cases.views import case_out
from services.intake.categories.models import Category
from services.intake.categories.schemas import CategoryOut
from services.intake.models import reference
from services.intake.sync import repository
from services.intake.sync.repository import CaseChanges, TableChanges
from services.intake.sync.schemas import AreaItem, UnitItem
from shared.auth import Principal
from shared.db import Session

__all__ = ["ENTITIES", "SHAPE", "Entity", "Shown", "show_case"]

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
    changes: TableChanges | CaseChanges
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


def show_case(view: Any) -> Shown:  # noqa: ANN401
    """Show a case as its detail does; of the next actions only what is allowed, since why not is told on the spot."""
    body = case_out(view)
    body.next_actions = [action for action in body.next_actions if action.allowed]
    return Shown(version=view.case.version, body=body.model_dump(mode="json"))


_area, _unit = reference.area, reference.unit
_CATEGORIES = TableChanges(Category, Category.code, lambda _: true())
# Where an area or a unit lies is no secret, so that one has left the caller's places may be told to everybody.
_AREAS = TableChanges(_area, _area.id, lambda caller: _below(_area.path, caller), lambda _: true())
_UNITS = TableChanges(_unit, _unit.id, lambda caller: _below(_unit.area_path, caller), lambda _: true())

ENTITIES: Final[tuple[Entity, ...]] = (
    Entity("area", _AREAS, partial(_show_rows, _area, _area.id, AreaItem)),
    Entity("unit", _UNITS, partial(_show_rows, _unit, _unit.id, UnitItem)),
    Entity("category", _CATEGORIES, partial(_show_rows, Category, Category.code, CategoryOut)),
    Entity("case", CaseChanges(), _show_cases),
)
# Phones that were told less start again: what is new to them has not changed since.
SHAPE: Final = "/".join(("1", *(entity.name for entity in ENTITIES)))
