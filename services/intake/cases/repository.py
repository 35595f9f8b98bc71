"""SQL of cases. Every statement names its tenant; what a caller may see is part of the statement."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, any_, delete, false, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from services.intake.attachments.models import Attachment
from services.intake.cases.models import Case, CaseJoiner, CaseStep
from services.intake.cases.terms import ENDED
from services.intake.claims.models import ClaimHelper
from shared.auth import Principal, Role
from shared.db import Session, WriteSession

__all__ = [
    "SEES_BELOW",
    "Resolution",
    "VisiblePart",
    "add_joiners",
    "attachment_ids_of",
    "count_joiners",
    "find_any_case",
    "find_case",
    "find_case_for_filing",
    "is_joined",
    "joined_among",
    "joiner_ids",
    "name_of_active_unit",
    "parts_visible_to",
    "remove_joiners",
    "remove_joiners_via",
    "report_attachment_ids",
    "resolutions_of",
    "steps_of",
    "visible_among",
    "visible_to",
]

SEES_BELOW = (
    Role.GRID_WORKER,
    Role.OFFICER,
    Role.SECRETARY,
    Role.CONVENOR,
    Role.ADMINISTRATOR,
    Role.AUDITOR,
)


_RESOLUTIONS: Final = """
SELECT DISTINCT ON (case_id) case_id, step, note, data, at FROM intake.case_steps
WHERE tenant_id = $1 AND case_id = ANY($2::uuid[]) AND to_state = ANY($3::text[]) AND from_state <> ALL($3::text[])
ORDER BY case_id, position DESC"""
_NAME_OF_ACTIVE_UNIT: Final = "SELECT name FROM intake.units WHERE tenant_id = $1 AND id = $2 AND active"


def visible_to(caller: Principal) -> ColumnElement[bool]:
    """Return the condition of what a caller may see: below its areas, its own, joined, or its units'."""
    return or_(false(), *(part.condition for part in parts_visible_to(caller)))


@dataclass(frozen=True, slots=True)
class VisiblePart:
    """One reason for which a caller sees cases.

    Attributes:
        condition: which cases; each has an index of its own.
        path: the area at or below which they all lie, if that is the reason.
        is_whole: whether nothing below that area is hidden.
    """

    condition: ColumnElement[bool]
    path: str | None = None
    is_whole: bool = False


def parts_visible_to(caller: Principal) -> list[VisiblePart]:
    """Return all reasons for which a caller sees cases; a case may be seen for several."""
    # One condition a path: an index on a path knows `<@ path`, and not `<@ paths`.
    parts = [VisiblePart(Case.area_path.within(path), path, is_whole=True) for path in caller.paths(*SEES_BELOW)]
    if caller.subject_id is not None:
        parts.append(VisiblePart(Case.requester_id == caller.subject_id))
        # As an array, so that each condition here can use an index of its own.
        joined = select(CaseJoiner.case_id).where(
            CaseJoiner.tenant_id == caller.tenant, CaseJoiner.person_id == caller.subject_id
        )
        parts.append(VisiblePart(Case.id == any_(func.array(joined.scalar_subquery()))))
    units = caller.units(Role.UNIT_STAFF)
    if units:
        parts += [VisiblePart(Case.unit_id == unit) for unit in sorted(units)]
        helped = select(ClaimHelper.case_id).where(
            ClaimHelper.tenant_id == caller.tenant, ClaimHelper.unit_id.in_(units)
        )
        parts.append(VisiblePart(Case.id == any_(func.array(helped.scalar_subquery()))))
        # What waits for a unit to claim it is open to the units of its surroundings.
        waits = and_(Case.state == "triaged", Case.unit_id.is_(None), Case.closed_at.is_(None))
        for path in caller.paths(Role.UNIT_STAFF):
            parts.append(VisiblePart(and_(waits, Case.area_path.within(path)), path))
    return parts


def _one(session: Session, caller: Principal, case_id: UUID) -> Select[tuple[Case]]:
    return select(Case).where(Case.tenant_id == session.tenant, Case.id == case_id, visible_to(caller))


async def find_case(session: Session, caller: Principal, case_id: UUID) -> Case | None:
    """Return a case that the caller may see."""
    case: Case | None = await session.scalar(_one(session, caller, case_id))
    return case


async def visible_among(session: Session, caller: Principal, case_ids: Collection[UUID]) -> set[UUID]:
    """Return which of some cases the caller may see."""
    statement = select(Case.id).where(Case.tenant_id == session.tenant, Case.id.in_(case_ids), visible_to(caller))
    return set((await session.scalars(statement)).all())


async def name_of_active_unit(session: Session, unit_id: UUID) -> str | None:
    """Return what a unit is called; None when there is none, or it is not active any more."""
    row = await session.fetch_row(_NAME_OF_ACTIVE_UNIT, session.tenant, unit_id)
    return row["name"] if row is not None else None


async def find_any_case(session: Session, case_id: UUID) -> Case:
    """Return the case that a row of ours names; it is there, since the row refers to it."""
    statement = select(Case).where(Case.tenant_id == session.tenant, Case.id == case_id)
    return (await session.scalars(statement)).one()


async def find_case_for_filing(session: Session, case_id: UUID) -> Case | None:
    """Return whatever already has an id that a client has made."""
    return await session.scalar(select(Case).where(Case.tenant_id == session.tenant, Case.id == case_id))


async def steps_of(session: Session, case_id: UUID, *, after: int, limit: int) -> Sequence[CaseStep]:
    """Return the history in its order."""
    statement = select(CaseStep).where(
        CaseStep.tenant_id == session.tenant, CaseStep.case_id == case_id, CaseStep.position > after
    )
    return (await session.scalars(statement.order_by(CaseStep.position).limit(limit))).all()


class Resolution(NamedTuple):
    """The step that ended the work on a case, as far as it is shown."""

    step: str
    note: str | None
    data: dict[str, Any]
    at: datetime


async def resolutions_of(session: Session, case_ids: Collection[UUID]) -> dict[UUID, Resolution]:
    """Return of each case the last step that ended the work on it, whatever became of it later."""
    rows = await session.fetch_rows(_RESOLUTIONS, session.tenant, list(case_ids), sorted(ENDED))
    return {row["case_id"]: Resolution(row["step"], row["note"], row["data"], row["at"]) for row in rows}


async def count_joiners(session: Session, case_id: UUID) -> int:
    """Count the neighbours of a case."""
    statement = select(func.count()).select_from(CaseJoiner)
    statement = statement.where(CaseJoiner.tenant_id == session.tenant, CaseJoiner.case_id == case_id)
    return await session.scalar(statement) or 0


async def is_joined(session: Session, case_id: UUID, person_id: UUID | None) -> bool:
    """Tell whether somebody has joined a case."""
    if person_id is None:
        return False
    statement = select(CaseJoiner.person_id).where(
        CaseJoiner.tenant_id == session.tenant, CaseJoiner.case_id == case_id, CaseJoiner.person_id == person_id
    )
    return await session.scalar(statement) is not None


async def joiner_ids(session: Session, case_id: UUID) -> set[UUID]:
    """Return who has joined a case."""
    statement = select(CaseJoiner.person_id).where(
        CaseJoiner.tenant_id == session.tenant, CaseJoiner.case_id == case_id
    )
    return set((await session.scalars(statement)).all())


async def add_joiners(
    session: WriteSession, case_id: UUID, people: Sequence[UUID], now: datetime, *, via: UUID | None
) -> None:
    """Note who joins, by themselves or by a merge; who is there already stays as they came."""
    if not people:
        return
    rows = [
        {
            "tenant_id": session.tenant,
            "case_id": case_id,
            "person_id": person,
            "joined_at": now,
            "via_case_id": via,
        }
        for person in people
    ]
    await session.execute(insert(CaseJoiner).values(rows).on_conflict_do_nothing())


async def remove_joiners(session: WriteSession, case_id: UUID, people: Collection[UUID]) -> None:
    """Let neighbours go."""
    mine = (CaseJoiner.tenant_id == session.tenant, CaseJoiner.case_id == case_id)
    await session.execute(delete(CaseJoiner).where(*mine, CaseJoiner.person_id.in_(people)))


async def remove_joiners_via(session: WriteSession, case_id: UUID, via: UUID) -> set[UUID]:
    """Let go whom a merge has brought, and return them."""
    mine = (CaseJoiner.tenant_id == session.tenant, CaseJoiner.case_id == case_id)
    statement = delete(CaseJoiner).where(*mine, CaseJoiner.via_case_id == via).returning(CaseJoiner.person_id)
    return set((await session.scalars(statement)).all())


async def joined_among(session: Session, case_ids: Collection[UUID], person_id: UUID | None) -> set[UUID]:
    """Return which of the cases somebody has joined."""
    if person_id is None:
        return set()
    statement = select(CaseJoiner.case_id).where(
        CaseJoiner.tenant_id == session.tenant, CaseJoiner.case_id.in_(case_ids), CaseJoiner.person_id == person_id
    )
    return set((await session.scalars(statement)).all())


async def attachment_ids_of(session: Session, case_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """Return the ids of attachments of cases that were not refused; a case without any is left out."""
    statement = select(Attachment.case_id, Attachment.id).where(
        Attachment.tenant_id == session.tenant, Attachment.case_id.in_(case_ids), Attachment.state != "refused"
    )
    found: dict[UUID, list[UUID]] = {}
    for case_id, attachment_id in await session.execute(statement.order_by(Attachment.id)):
        if case_id is not None:
            found.setdefault(case_id, []).append(attachment_id)
    return found


async def report_attachment_ids(session: Session, case_id: UUID) -> set[UUID]:
    """Return the ids of the pictures that a case was filed with."""
    statement = select(Attachment.id).where(
        Attachment.tenant_id == session.tenant, Attachment.case_id == case_id, Attachment.purpose == "report"
    )
    return set((await session.scalars(statement)).all())
