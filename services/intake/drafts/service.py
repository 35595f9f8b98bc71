"""Use cases of drafts."""

from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.intake.cases.filing_service import Desk, Filed, file_in_session
from services.intake.cases.models import Case
from services.intake.cases.problems import WrongIdVersion
from services.intake.cases.repository import find_case_for_filing
from services.intake.cases.schemas import FileCaseIn
from services.intake.cases.terms import Channel
from services.intake.drafts import repository
from services.intake.drafts.models import Draft
from services.intake.drafts.rules import (
    BODY_MAX_BYTES,
    DRAFTS_MAX,
    DraftFiled,
    DraftIncomplete,
    DraftTooLarge,
    TooManyDrafts,
)
from services.intake.drafts.schemas import DraftIn
from services.intake.forms.rules import pointer_of
from services.intake.plain_json import size_of
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.problems import IdTaken, NotFound, PreconditionRequired, Unauthenticated

__all__ = [
    "add_draft",
    "body_of",
    "change_draft",
    "file_draft",
    "filed_from",
    "find_own",
    "lock_own",
    "owner_of",
    "seen_version",
    "whole_case",
]

_UUID7 = 7


def owner_of(caller: Principal) -> UUID:
    """Return who owns what the caller writes."""
    if caller.subject_id is None:
        raise Unauthenticated
    return caller.subject_id


async def find_own(session: Session, caller: Principal, draft_id: UUID) -> Draft:
    """Return the caller's draft; for all others it does not exist."""
    draft = await repository.find_draft(session, draft_id)
    if draft is None or draft.owner_id != caller.subject_id:
        raise NotFound
    return draft


async def lock_own(session: WriteSession, caller: Principal, draft_id: UUID) -> Draft | None:
    """Lock the caller's draft of an id, if there is one.

    Raises:
        IdTaken: it is somebody else's.
    """
    await repository.wait_for_own(session, owner_of(caller))
    draft = await repository.lock_draft(session, draft_id)
    if draft is not None and draft.owner_id != caller.subject_id:
        raise IdTaken(pointer="/path/draft_id")
    return draft


def seen_version(expected: int | None) -> int:
    """Return the version that a change names; it must name one."""
    if expected is None:
        raise PreconditionRequired
    return expected


def body_of(wanted: DraftIn) -> dict[str, Any]:
    """Return what is kept: what was sent, and nothing that was left out."""
    body = wanted.model_dump(mode="json", exclude_unset=True)
    if size_of(body) > BODY_MAX_BYTES:
        raise DraftTooLarge
    return body


async def add_draft(session: WriteSession, caller: Principal, draft_id: UUID, wanted: DraftIn) -> Draft:
    """Begin a draft; its owner's other drafts are locked against new ones.

    Raises:
        WrongIdVersion: the id cannot become the id of a case.
        DraftFiled: a case of this id exists.
        TooManyDrafts: they have as many as one may have.
    """
    owner_id = owner_of(caller)
    if draft_id.version != _UUID7:
        raise WrongIdVersion(pointer="/path/draft_id")
    if await find_case_for_filing(session, draft_id) is not None:
        raise DraftFiled
    if await repository.count_drafts(session, owner_id) >= DRAFTS_MAX:
        raise TooManyDrafts(most=DRAFTS_MAX)
    now = utc_now()
    draft = Draft(
        tenant_id=session.tenant,
        id=draft_id,
        owner_id=owner_id,
        body=body_of(wanted),
        created_at=now,
        updated_at=now,
        version=1,
    )
    session.add(draft)
    await session.flush()
    return draft


async def change_draft(session: WriteSession, draft: Draft, wanted: DraftIn) -> None:
    """Replace what was written; the same again only keeps the draft from being removed."""
    body = body_of(wanted)
    draft.version += 1 if body != draft.body else 0
    draft.body = body
    draft.updated_at = utc_now()
    await session.flush()


def whole_case(draft: Draft) -> FileCaseIn:
    """Read a draft as a case.

    Raises:
        DraftIncomplete: with a pointer to each thing that is missing or wrong.
    """
    said = {name: value for name, value in draft.body.items() if value is not None}
    try:
        return FileCaseIn.model_validate({**said, "id": str(draft.id)})
    except ValidationError as error:
        wrong = [
            {"pointer": pointer_of(item["loc"]), "code": item["type"], "detail": item["msg"]}
            for item in error.errors(include_url=False)
        ]
        raise DraftIncomplete(errors=wrong) from error


async def file_draft(session: WriteSession, desk: Desk, caller: Principal, draft: Draft) -> tuple[Filed, FileCaseIn]:
    """File a locked draft as the case of its id, and remove it."""
    wanted = whole_case(draft)
    filed = await file_in_session(session, desk, caller, wanted, channel=Channel.APP)
    await repository.remove_draft(session, draft.id)
    return filed, wanted


async def filed_from(session: Session, caller: Principal, draft_id: UUID) -> Case:
    """Return the caller's case that a draft has become.

    Raises:
        NotFound: there was no such draft of theirs.
    """
    case = await find_case_for_filing(session, draft_id)
    if case is None or case.requester_id != caller.subject_id:
        raise NotFound
    return case
