"""Use cases of writing a case down for somebody else."""

from uuid import UUID

from services.intake.attachments.service import attach
from services.intake.cases import repository as cases
from services.intake.cases.filing_service import Desk, file_in_session, same_filing
from services.intake.cases.models import Case
from services.intake.cases.problems import UnknownArea
from services.intake.cases.terms import Channel
from services.intake.contacts.service import keep_contact, made_up_person
from services.intake.models import reference
from services.intake.on_behalf.rules import RECORDERS
from services.intake.on_behalf.schemas import OnBehalfIn
from shared.auth import Principal
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import IdTaken
from shared.reference import find_area
from shared.vault import Vault

__all__ = ["file_on_behalf"]


async def file_on_behalf(
    session: WriteSession, desk: Desk, vault: Vault, caller: Principal, wanted: OnBehalfIn
) -> tuple[Case, bool]:
    """Write a case down for whoever raised it; the history names who wrote it, and the case who raised it.

    Required questions of the category may be answered later: not everything can be asked at a door.

    Returns:
        The case and whether it is new: the same id with the same words is the same case.

    Raises:
        UnknownArea, UnknownCategory: as when filing for oneself.
        Forbidden: the caller does not write down what comes by this channel, there.
        IdTaken: the id names another case.
    """
    area = await find_area(session, reference, wanted.area_id)
    if area is None or area.closed_on is not None:
        raise UnknownArea(pointer="/area_id")
    caller.must(*RECORDERS[wanted.channel], at=area.path, rule="who_records_this_channel")
    requester_id = _requester(session.tenant, vault, wanted)
    earlier = await cases.find_case_for_filing(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if not await _is_same(session, earlier, requester_id, wanted):
            raise IdTaken(pointer="/id")
        return earlier, False
    # The pictures are the caller's and not the requester's.
    bare = wanted.model_copy(update={"attachment_ids": []})
    channel = Channel(wanted.channel)
    filed = await file_in_session(session, desk, caller, bare, channel=channel, requester_id=requester_id)
    await attach(session, caller, wanted.attachment_ids, case_id=filed.case_id, purpose="report")
    if wanted.contact is not None:
        keep_contact(session, vault, filed.case_id, _words(wanted))
    await session.flush()
    return await cases.find_any_case(session, filed.case_id), True


def _words(wanted: OnBehalfIn) -> dict[str, str]:
    return wanted.contact.model_dump(exclude_none=True) if wanted.contact is not None else {}


def _requester(tenant: str, vault: Vault, wanted: OnBehalfIn) -> UUID:
    """Return whose case it is; who did not say so is somebody new each time, or each time the id is sent again."""
    if wanted.person_id is not None:
        return wanted.person_id
    words = _words(wanted)
    if wanted.id is not None and not (words.get("email") or words.get("phone")):
        return made_up_person(vault, tenant, "on_behalf", {"account_id": str(wanted.id)}) or new_id()
    return made_up_person(vault, tenant, "on_behalf", words) or new_id()


async def _is_same(session: WriteSession, earlier: Case, requester_id: UUID, wanted: OnBehalfIn) -> bool:
    pictures = await cases.report_attachment_ids(session, earlier.id)
    return (
        earlier.requester_id == requester_id
        and earlier.channel == wanted.channel
        and same_filing(earlier, wanted)
        and pictures == set(wanted.attachment_ids)
    )
