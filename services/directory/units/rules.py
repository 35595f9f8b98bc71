"""Kinds of organisations, and refusals that concern them."""

from enum import StrEnum

from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = ["UnitInactive", "UnitKind", "UnknownUnit"]


class UnitKind(StrEnum):
    """What sort of organisation a unit is."""

    COMMITTEE = "committee"
    DEPARTMENT = "department"
    PROPERTY_COMPANY = "property_company"
    ENTERPRISE = "enterprise"
    SCHOOL = "school"
    ASSOCIATION = "association"
    VOLUNTEER_TEAM = "volunteer_team"


class UnknownUnit(Invalid):
    """A body names a unit that does not exist."""

    code = "unknown_unit"
    title = Text(zh="没有这个单位", en="No such unit")


class UnitInactive(Conflict):
    """A unit that has been deactivated takes nothing new."""

    code = "unit_inactive"
    title = Text(zh="该单位已停用", en="The unit is not active")
