"""The tree of areas: which kind may stand below which, and how a path is made."""

from enum import StrEnum
from typing import Final

from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = [
    "CODE_PATTERN",
    "AreaClosed",
    "AreaKind",
    "AreaStillOpenBelow",
    "CodeTaken",
    "RootExists",
    "UnknownArea",
    "WrongClosingDay",
    "WrongLevel",
    "WrongSuccessor",
    "child_path",
    "may_stand_below",
]

CODE_PATTERN: Final = r"^[a-z0-9_]{1,32}$"


class AreaKind(StrEnum):
    """Levels of the tree, from the top; a tree may leave levels out and may not turn them round."""

    DISTRICT = "district"
    SUBDISTRICT = "subdistrict"
    ZONE = "zone"
    COMMUNITY = "community"
    GRID = "grid"
    COMPOUND = "compound"
    BUILDING = "building"


_ORDER: Final = {kind: level for level, kind in enumerate(AreaKind)}


class UnknownArea(Invalid):
    """A body names an area that does not exist."""

    code = "unknown_area"
    title = Text(zh="没有这个区域", en="No such area")


class WrongLevel(Invalid):
    """A kind stands below one that it must stand above."""

    code = "wrong_level"
    title = Text(zh="区域层级顺序不正确", en="An area of this kind cannot stand here in the tree")


class RootExists(Conflict):
    """A tenant has one tree."""

    code = "root_exists"
    title = Text(zh="本区县已有顶级区域", en="The tenant already has its topmost area")


class CodeTaken(Conflict):
    """Two areas below the same parent have the same code."""

    code = "code_taken"
    title = Text(zh="同级区域中已有此代码", en="Another area below the same parent has this code")


class AreaClosed(Conflict):
    """Nothing new happens in a closed area."""

    code = "area_closed"
    title = Text(zh="该区域已关闭", en="The area is closed")


class AreaStillOpenBelow(Conflict):
    """An area is closed from the bottom up, so that no open area hangs below a closed one."""

    code = "area_open_below"
    title = Text(zh="请先关闭下级区域", en="Close the areas below it first")


class WrongClosingDay(Invalid):
    """An area cannot end before it began."""

    code = "wrong_closing_day"
    title = Text(zh="关闭日期早于启用日期", en="It cannot close before it opened")


class WrongSuccessor(Invalid):
    """An area is succeeded by another one that is open."""

    code = "wrong_successor"
    title = Text(zh="继任区域必须是另一个未关闭的区域", en="The successor must be another area that is open")


def may_stand_below(parent: AreaKind | None, kind: AreaKind) -> bool:
    """Tell whether an area of a kind may be made below a parent, or at the top when there is none."""
    return parent is None or _ORDER[parent] < _ORDER[kind]


def child_path(parent_path: str | None, code: str) -> str:
    """Return the ltree path of an area below a parent."""
    return code if parent_path is None else f"{parent_path}.{code}"
