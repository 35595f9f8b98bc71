"""Who may do what in the directory. Pure: a caller, a place, and a rule with a name.

An administrator manages the areas, units and people of the area that the role is held at, and of all below it. The
operator sets a house up and manages all of its tenant; that role comes only from a token minted on the machine itself
and cannot be granted.
"""

from typing import Final

from shared.auth import Principal, Role
from shared.problems import Forbidden
from shared.texts import Text

__all__ = [
    "MANAGERS",
    "READERS",
    "administered_paths",
    "may_administer",
    "must_administer",
    "must_operate",
    "readable_paths",
]

MANAGERS: Final = (Role.OPERATOR, Role.ADMINISTRATOR)
# Who sees people at or below the area of the role; everybody else sees nobody but themselves.
READERS: Final = (Role.OPERATOR, Role.ADMINISTRATOR, Role.SECRETARY, Role.OFFICER, Role.GRID_WORKER)


def may_administer(caller: Principal, path: str) -> bool:
    """Tell whether the caller manages the area of a path."""
    return caller.has(Role.OPERATOR) or caller.has(Role.ADMINISTRATOR, at=path)


def must_administer(caller: Principal, path: str) -> None:
    """Refuse whoever does not manage the area of a path."""
    if not may_administer(caller, path):
        raise Forbidden(
            Text(zh="需要管理该区域的管理员", en="This takes an administrator whose area reaches this one"),
            rule="administer_area",
        )


def must_operate(caller: Principal) -> None:
    """Refuse everybody but the operator."""
    if not caller.has(Role.OPERATOR):
        raise Forbidden(Text(zh="需要运维人员", en="This takes the operator"), rule="operate_tenant")


def readable_paths(caller: Principal) -> tuple[str, ...] | None:
    """Return the areas whose people the caller may see; None means all of them."""
    return None if caller.has(Role.OPERATOR) else caller.paths(*READERS)


def administered_paths(caller: Principal) -> tuple[str, ...] | None:
    """Return the areas that the caller manages; None means all of them."""
    return None if caller.has(Role.OPERATOR) else caller.paths(Role.ADMINISTRATOR)
