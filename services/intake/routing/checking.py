"""What rules and tests name has to be there and in use: looked up at once, and told all at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.intake.categories.models import Category
from services.intake.routing import repository
from services.intake.routing.models import RoutingRule, RoutingTest
from services.intake.routing.schemas import RuleIn, TestIn
from shared.db import Session
from shared.db.kernel_models import AreaCopyColumns, UnitCopyColumns
from shared.texts import Text

__all__ = ["Fault", "Named", "faults", "look_up"]

_AREA = Text(zh="没有这个区域，或它已撤销", en="No such area, or it is closed")
_UNIT = Text(zh="没有这个单位，或它已停用", en="No such unit, or it is not active")
_CATEGORY = Text(zh="没有这个分类，或它已停用", en="No such category, or it is not active")


@dataclass(frozen=True, slots=True)
class Named:
    """What is known of the areas, units and categories that a set names."""

    areas: dict[UUID, AreaCopyColumns]
    units: dict[UUID, UnitCopyColumns]
    categories: dict[str, Category]

    def path(self, area_id: UUID) -> str:
        """Return the path of an area that was found."""
        return self.areas[area_id].path


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a rule or a test names and that is not in use."""

    pointer: str
    code: str
    detail: Text


Line = RuleIn | TestIn | RoutingRule | RoutingTest


async def look_up(session: Session, *lists: Sequence[Line]) -> Named:
    """Look up everything that rules and tests name, in three statements however many there are."""
    lines = [line for some in lists for line in some]
    return Named(
        areas=await repository.areas_of(session, {line.area_id for line in lines}),
        units=await repository.units_of(session, {line.unit_id for line in lines if line.unit_id is not None}),
        categories=await repository.categories_of(
            session, {line.category for line in lines if line.category is not None}
        ),
    )


def faults(named: Named, where: str, lines: Sequence[Line]) -> list[Fault]:
    """Return whatever lines of a list name that is not there, is closed or is inactive.

    Args:
        named: what was looked up.
        where: the list, `rules` or `tests`, for the pointers.
        lines: of the list, in its order.
    """
    found = []
    for place, line in enumerate(lines):
        area = named.areas.get(line.area_id)
        if area is None or area.closed_on is not None:
            found.append(Fault(f"/{where}/{place}/area_id", "unknown_area", _AREA))
        category = named.categories.get(line.category) if line.category is not None else None
        if line.category is not None and (category is None or not category.active):
            found.append(Fault(f"/{where}/{place}/category", "unknown_category", _CATEGORY))
        unit = named.units.get(line.unit_id) if line.unit_id is not None else None
        if line.unit_id is not None and (unit is None or not unit.active):
            found.append(Fault(f"/{where}/{place}/unit_id", "unknown_unit", _UNIT))
    return found
