"""The caller as a value: a tenant, an identity, and roles held at areas that reach everything below."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal
from uuid import UUID

from shared.problems import Forbidden
from shared.texts import Text

__all__ = ["ANONYMOUS", "Grant", "Principal", "Role"]


class Role(StrEnum):
    """What somebody may be, at an area."""

    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"
    SECRETARY = "secretary"
    OFFICER = "officer"
    GRID_WORKER = "grid_worker"
    UNIT_STAFF = "unit_staff"
    CONVENOR = "convenor"
    RESIDENT = "resident"
    TREASURER = "treasurer"
    REVIEWER = "reviewer"
    APPROVER = "approver"
    PAYER = "payer"
    AUDITOR = "auditor"
    PARTNER = "partner"


@dataclass(frozen=True, slots=True)
class Grant:
    """One role held at one area (by its path), for a unit when the role acts for one."""

    role: Role
    path: str
    unit_id: UUID | None = None
    area_id: UUID | None = None

    def reaches(self, path: str) -> bool:
        """Tell whether the area of the path is the grant's own or lies below it."""
        return path == self.path or path.startswith(self.path + ".")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling. An anonymous principal has no tenant, no subject and no grants."""

    tenant: str
    subject_id: UUID | None
    kind: Literal["person", "client", "anonymous", "system"]
    grants: tuple[Grant, ...] = ()
    session_id: UUID | None = None

    @property
    def actor(self) -> str:
        """The caller as history and events name it: `person/<id>`, `client/<id>`, `anonymous`."""
        return f"{self.kind}/{self.subject_id}" if self.subject_id else self.kind

    def has(self, *roles: Role, at: str | None = None) -> bool:
        """Tell whether the caller holds one of the roles: anywhere, or at an area that reaches `at`."""
        return any(grant.role in roles and (at is None or grant.reaches(at)) for grant in self.grants)

    def paths(self, *roles: Role) -> tuple[str, ...]:
        """Return the areas at which the caller holds one of the roles."""
        return tuple(dict.fromkeys(grant.path for grant in self.grants if grant.role in roles))

    def units(self, *roles: Role) -> frozenset[UUID]:
        """Return the units that the caller acts for by one of the roles (by any role, if none is named)."""
        return frozenset(g.unit_id for g in self.grants if g.unit_id is not None and (not roles or g.role in roles))

    def must(self, *roles: Role, at: str | None = None, rule: str) -> None:
        """Raise Forbidden, naming the rule, unless the caller holds one of the roles there."""
        if self.has(*roles, at=at):
            return
        names = ", ".join(role.value for role in roles)
        raise Forbidden(
            Text(zh=f"需要在该区域拥有以下角色之一：{names}", en=f"This takes one of these roles at the area: {names}"),
            rule=rule,
        )


ANONYMOUS = Principal(tenant="", subject_id=None, kind="anonymous")
