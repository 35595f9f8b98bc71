"""Roles and how long they are held; which of them must act for a unit; refusals that concern people."""

from datetime import datetime
from typing import Final

from shared.auth import Role
from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = [
    "GRANTS_MAX",
    "USERNAME_PATTERN",
    "GrantExists",
    "PhoneTaken",
    "RoleNotGrantable",
    "TooManyGrants",
    "UnitRequired",
    "UsernameTaken",
    "WrongPeriod",
    "acts_for_unit",
    "end_of",
    "is_grantable",
]

USERNAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._@-]{2,63}$"
# All current grants travel in every access token, which must fit into a header.
GRANTS_MAX: Final = 30


class PhoneTaken(Conflict):
    """One number, one person."""

    code = "phone_taken"
    title = Text(zh="该手机号已登记", en="The number is registered to somebody")


class UsernameTaken(Conflict):
    """One username, one person."""

    code = "username_taken"
    title = Text(zh="该用户名已被使用", en="The username is taken")


class RoleNotGrantable(Invalid):
    """The operator's role is minted on the machine and never granted."""

    code = "role_not_grantable"
    title = Text(zh="该角色不能授予", en="This role cannot be granted")


class UnitRequired(Invalid):
    """Some roles are held only for a unit."""

    code = "unit_required"
    title = Text(zh="该角色必须代表某个单位", en="This role is held for a unit")


class WrongPeriod(Invalid):
    """A grant ends after it starts."""

    code = "wrong_period"
    title = Text(zh="结束时间必须晚于开始时间", en="It must end after it starts")


class GrantExists(Conflict):
    """The same role at the same place for the same unit is held already."""

    code = "grant_exists"
    title = Text(zh="此人已拥有该角色", en="They hold this role there already")


class TooManyGrants(Conflict):
    """Nobody holds more roles than fit into a token."""

    code = "too_many_grants"
    title = Text(zh="此人的角色过多", en="They hold too many roles")


def is_grantable(role: Role) -> bool:
    """Tell whether a role can be granted at all."""
    return role is not Role.OPERATOR


def acts_for_unit(role: Role) -> bool:
    """Tell whether a role makes no sense without a unit."""
    return role in {Role.UNIT_STAFF, Role.PARTNER}


def end_of(starts_at: datetime, now: datetime) -> datetime:
    """Return when a grant that is ended now has ended: one that has not started yet never starts."""
    return max(starts_at, now)
