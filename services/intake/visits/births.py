"""How what was heard on a visit becomes a case: filed by whoever was there, for whom it concerns, each told of the
other.
"""

from uuid import UUID

from services.intake.attachments.service import attach
from services.intake.cases.filing_service import file_in_session
from services.intake.cases.locking import lock_case
from services.intake.cases.moving import Move, move
from services.intake.cases.schemas import FileCaseIn
from services.intake.contacts.service import keep_contact
from services.intake.forms.service import form_of, known_form
from services.intake.handling.service import handling_of
from services.intake.visit_plans.rules import VisitKind
from services.intake.visits.models import Visit
from services.intake.visits.rules import channel_of, title_of
from services.intake.visits.schemas import HeardIn
from services.intake.visits.work import FieldWork
from shared.ids import new_id
from shared.problems import NotFound, Problem

__all__ = ["file_heard"]


async def file_heard(work: FieldWork, visit: Visit, line: HeardIn, place: int) -> UUID:
    """File a case of a line that was heard, and write into its history where it comes from.

    Raises:
        IdTaken, UnknownCategory, UnknownAttachment and the other problems of filing, pointing at the line.
    """
    try:
        return await _file(work, visit, line)
    except Problem as problem:
        problem.pointer = f"/heard/{place}{problem.pointer or ''}"
        raise


async def _file(work: FieldWork, visit: Visit, line: HeardIn) -> UUID:
    session, caller = work.session, work.caller
    # The desk then knows what it asks for, and needs no second connection.
    await handling_of(session)
    if known_form(session.tenant, line.category) is None:
        await form_of(session, line.category)
    case_id = line.case_id or new_id()
    wanted = FileCaseIn.model_validate(
        {
            "id": case_id,
            "category": line.category,
            "title": line.title or title_of(line.text),
            "description": line.text,
            "area_id": visit.area_id,
            "location": _location(visit),
            "place_text": line.place_text,
            "answers": line.answers,
        }
    )
    await file_in_session(
        session,
        work.desk,
        caller,
        wanted,
        channel=channel_of(VisitKind(visit.kind)),
        asks=False,
        requester_id=line.requester_id,
    )
    # The pictures are the visitor's, whoever the case is for.
    await attach(session, caller, line.attachment_ids, case_id=case_id, purpose="report")
    if line.contact is not None:
        said = {"first_name": line.contact.name or "", "phone": line.contact.phone or ""}
        keep_contact(session, work.vault, case_id, said)
    await _link(work, visit, case_id)
    return case_id


def _location(visit: Visit) -> dict[str, float] | None:
    if visit.latitude is None or visit.longitude is None:
        return None
    return {"latitude": visit.latitude, "longitude": visit.longitude}


async def _link(work: FieldWork, visit: Visit, case_id: UUID) -> None:
    case = await lock_case(work.session, None, case_id)
    if case is None:
        raise NotFound
    data = {"visit_id": str(visit.id), "visit_kind": visit.kind}
    await move(work.session, case, Move("born_of_visit", work.caller.actor, data=data), tells=False)
    await work.session.flush()
