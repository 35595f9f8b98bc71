"""Use cases of handling rules, and what a process knows of them.

Rules and calendar change once a year and are read with every step. A process keeps both and asks only whether a newer
version exists; filing does not even ask, its statement compares the versions itself.
"""

from dataclasses import dataclass
from typing import Final

from services.intake.calendar.rules import WorkCalendar
from services.intake.calendar.service import calendar_of
from services.intake.categories.repository import get_category
from services.intake.handling import repository
from services.intake.handling.models import HandlingVersion
from services.intake.handling.rules import UnknownLimitCategory
from services.intake.handling.schemas import DEFAULT_HANDLING, HandlingIn, HandlingOut
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session, WriteSession

__all__ = [
    "Handling",
    "current_handling",
    "handling_anew",
    "handling_of",
    "known_handling",
    "note_versions",
    "set_handling",
]

_TENANTS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Handling:
    """The rules and the calendar of a tenant, each with its version."""

    rules: HandlingIn
    version: int
    calendar: WorkCalendar


_known: dict[str, Handling] = {}


def known_handling(tenant: str) -> Handling | None:
    """Return what this process last knew of a tenant; it may be old."""
    return _known.get(tenant)


def note_versions(session: Session, version: int, calendar_version: int) -> None:
    """Keep which rules and which calendar are the newest, for the rest of the transaction."""
    session.info["handling_versions"] = version, calendar_version


async def handling_of(session: Session) -> Handling:
    """Return a tenant's rules and calendar as they stood when the transaction first asked."""
    if "handling_versions" not in session.info:
        note_versions(session, *await repository.newest_versions(session))
    version, calendar_version = session.info["handling_versions"]
    known = _known.get(session.tenant)
    if known is not None and (known.version, known.calendar.version) == (version, calendar_version):
        return known
    row = await repository.find_version(session, version)
    rules = DEFAULT_HANDLING if row is None else HandlingIn.model_validate(row.body)
    fresh = Handling(rules, version, await calendar_of(session, calendar_version))
    if len(_known) >= _TENANTS_MAX:
        _known.clear()
    _known[session.tenant] = fresh
    return fresh


async def handling_anew(session: Session) -> Handling:
    """Return a tenant's rules and calendar as they stand now, whatever the transaction has seen before."""
    session.info.pop("handling_versions", None)
    return await handling_of(session)


async def current_handling(session: Session) -> HandlingOut:
    """Show the rules in force."""
    version, _ = await repository.newest_versions(session)
    row = await repository.find_version(session, version)
    if row is None:
        return HandlingOut(version=version, set_by=None, set_at=None, rules=DEFAULT_HANDLING)
    return HandlingOut(
        version=row.version, set_by=row.set_by, set_at=row.set_at, rules=HandlingIn.model_validate(row.body)
    )


async def set_handling(session: WriteSession, caller: Principal, seen: int, wanted: HandlingIn) -> bool:
    """Set the rules from now on; clocks that run keep the limits that they were started with.

    Args:
        session: the transaction.
        caller: an administrator.
        seen: the version that the caller has seen.
        wanted: all rules.

    Returns:
        Whether they were set; not when somebody else has set them meanwhile.

    Raises:
        UnknownLimitCategory: a limit names a category that does not exist.
    """
    for place, limit in enumerate(wanted.limits):
        if limit.category is not None and await get_category(session, limit.category) is None:
            raise UnknownLimitCategory(pointer=f"/limits/{place}/category")
    row = HandlingVersion(
        tenant_id=session.tenant,
        version=seen + 1,
        body=wanted.model_dump(mode="json"),
        set_by=caller.actor,
        set_at=utc_now(),
    )
    newest, _ = await repository.newest_versions(session)
    return newest == seen and await repository.add_version(session, row)
