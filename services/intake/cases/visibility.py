"""Who sees which cases: the reasons for which somebody does, each as a condition with an index of its own.

`locking` says the same in one statement that is the same for all callers; tests hold the two together.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
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
)

from services.intake.cases.models import Case, CaseJoiner
from services.intake.claims.models import ClaimHelper
from shared.auth import Principal, Role
from shared.db import Ltree

__all__ = ["SEES_BELOW", "Reason", "VisiblePart", "parts_visible_to", "tenant_given", "visible_to"]

SEES_BELOW: Final = (
    Role.GRID_WORKER,
    Role.OFFICER,
    Role.SECRETARY,
    Role.CONVENOR,
    Role.ADMINISTRATOR,
    Role.AUDITOR,
)


class Reason(StrEnum):
    """Why somebody sees a case."""

    BELOW = "below"
    RAISED = "raised"
    JOINED = "joined"
    UNIT = "unit"
    HELPED = "helped"
    WAITS = "waits"


@dataclass(frozen=True, slots=True)
class VisiblePart:
    """One reason for which a caller sees cases.

    Attributes:
        reason: which.
        value: what makes it so: the path, the person, the unit or the units.
    """

    reason: Reason
    value: str | UUID | tuple[UUID, ...]

    @property
    def path(self) -> str | None:
        """The area at or below which they all lie, if that is the reason."""
        return self.value if isinstance(self.value, str) else None

    def condition(self, name: str, tenant: BindParameter[str]) -> ColumnElement[bool]:
        """Return which cases these are; the value is a parameter of this name."""
        match self.reason:
            case Reason.BELOW:
                return _below(name, self.value)
            case Reason.RAISED:
                return Case.requester_id == bindparam(name, self.value, Uuid())
            case Reason.JOINED:
                joined = select(CaseJoiner.case_id).where(
                    CaseJoiner.tenant_id == tenant, CaseJoiner.person_id == bindparam(name, self.value, Uuid())
                )
                # As an array, so that each condition here can use an index of its own.
                return Case.id == any_(func.array(joined.scalar_subquery()))
            case Reason.UNIT:
                return Case.unit_id == bindparam(name, self.value, Uuid())
            case Reason.HELPED:
                units = bindparam(name, self.value, ARRAY(Uuid()))
                helped = select(ClaimHelper.case_id).where(
                    ClaimHelper.tenant_id == tenant, ClaimHelper.unit_id == any_(units)
                )
                return Case.id == any_(func.array(helped.scalar_subquery()))
            case Reason.WAITS:
                # What waits for a unit to claim it is open to the units of its surroundings.
                is_triaged = Case.state == literal_column("'triaged'")
                return and_(_below(name, self.value), is_triaged, Case.unit_id.is_(None), Case.closed_at.is_(None))


def _below(name: str, path: Any) -> ColumnElement[bool]:  # noqa: ANN401 - the value of a part that is a path
    below: ColumnElement[bool] = Case.area_path.within(bindparam(name, path, Ltree()))
    return below


def tenant_given(tenant: str | None = None) -> BindParameter[str]:
    """Return the parameter that names the tenant."""
    return bindparam("tenant", tenant, String())


def parts_visible_to(caller: Principal) -> list[VisiblePart]:
    """Return all reasons for which a caller sees cases; a case may be seen for several."""
    # One part a path: an index on a path knows `<@ path`, and not `<@ paths`.
    parts = [VisiblePart(Reason.BELOW, path) for path in caller.paths(*SEES_BELOW)]
    if caller.subject_id is not None:
        parts += [VisiblePart(Reason.RAISED, caller.subject_id), VisiblePart(Reason.JOINED, caller.subject_id)]
    units = tuple(sorted(caller.units(Role.UNIT_STAFF)))
    if units:
        parts += [VisiblePart(Reason.UNIT, unit) for unit in units]
        parts.append(VisiblePart(Reason.HELPED, units))
        parts += [VisiblePart(Reason.WAITS, path) for path in caller.paths(Role.UNIT_STAFF)]
    return parts


def visible_to(caller: Principal) -> ColumnElement[bool]:
    """Return the condition of what a caller may see: below its areas, its own, joined, or its units'."""
    tenant = tenant_given(caller.tenant)
    parts = enumerate(parts_visible_to(caller))
    return or_(false(), *(part.condition(f"seen_{place}", tenant) for place, part in parts))
