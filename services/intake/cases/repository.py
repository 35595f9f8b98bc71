"""SQL of cases. Every statement names its tenant; what a caller may see is part of the statement."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from services.intake.attachments.models import Attachment
from services.intake.cases.models import Case, CaseJoiner, CaseStep
from services.intake.cases.terms import ENDED
from services.intake.cases.visibility import visible_to
from shared.auth import Principal
from shared.db import Session, WriteSession

__all__ = [
    "Resolution",
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
    "remove_joiners",
    "remove_joiners_via",
    "report_attachment_ids",
    "resolutions_of",
    "steps_of",
    "visible_among",
]

_RESOLUTIONS: Final = """
SELECT DISTINCT ON (case_id) case_id, step, note, data, at FROM intake.case_steps
WHERE tenant_id = $1 AND case_id = ANY($2::uuid[]) AND to_state = ANY($3::text[]) AND from_state <> ALL($3::text[])
ORDER BY case_id, position DESC"""
_NAME_OF_ACTIVE_UNIT: Final = "SELECT name FROM intake.units WHERE tenant_id = $1 AND id = $2 AND active"


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
