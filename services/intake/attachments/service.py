"""Use cases of attachments."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NoReturn
from uuid import UUID

from services.intake.attachments import repository
from services.intake.attachments.models import Attachment, AttachmentUse, HeldAttachment
from services.intake.attachments.rules import (
    AttachmentHeld,
    AttachmentRefused,
    Picture,
    ScanState,
    UnknownAttachment,
    again_in,
)
from services.intake.attachments.scanners import Scanner, ScannerAway, StructureScanner
from services.intake.cases.viewing import can_see_case
from services.intake.cases.visibility import SEES_BELOW
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.contracts.matching import ProofShown
from shared.db import Database, Session, WriteSession
from shared.ids import new_id
from shared.problems import NotFound, Problem, Unauthenticated

__all__ = [
    "Scanned",
    "attach",
    "attach_elsewhere",
    "check_shown",
    "judge_held",
    "keep_attachment",
    "scanned",
    "visible_attachment",
]

_PROOF: Final = "proof"
_AT_ONCE: Final = 50
_structure = StructureScanner()


@dataclass(frozen=True, slots=True)
class Scanned:
    """What may be kept, and whether it was judged to the end."""

    file: Picture
    state: ScanState


async def scanned(content: bytes, second: Scanner | None) -> Scanned:
    """Judge what was sent, at once: its structure here, and then by the scanner of the house, if it has one.

    Raises:
        AttachmentRefused, and the other problems of the rules: it may not be kept.
    """
    file = await _structure.scan(content)
    if second is None:
        return Scanned(file, ScanState.CLEAN)
    try:
        return Scanned(await second.scan(file.content), ScanState.CLEAN)
    except ScannerAway:
        return Scanned(file, ScanState.HELD)


async def keep_attachment(session: WriteSession, caller: Principal, found: Scanned) -> Attachment:
    """Keep a file that belongs to nothing yet; a held one is judged again soon."""
    if caller.subject_id is None:
        raise Unauthenticated
    media_type, bare = found.file
    now = utc_now()
    is_held = found.state is ScanState.HELD
    attachment = Attachment(
        tenant_id=session.tenant,
        id=new_id(),
        media_type=media_type,
        sha256=hashlib.sha256(bare).digest(),
        size_bytes=len(bare),
        content=bare,
        uploaded_by=caller.subject_id,
        uploaded_at=now,
        case_id=None,
        purpose=None,
        state=found.state.value,
        reason=None,
        scanned_at=None if is_held else now,
    )
    session.add(attachment)
    await session.flush()
    if is_held:
        held = HeldAttachment(tenant_id=session.tenant, attachment_id=attachment.id, tries=0, next_at=now)
        session.add(held)
        await session.flush()
    return attachment


async def visible_attachment(session: Session, caller: Principal, attachment_id: UUID) -> tuple[Attachment, bool]:
    """Return an attachment of the caller's, or of what they may see, and whether it is their own.

    Raises:
        NotFound: for the caller it does not exist.
    """
    attachment = await repository.find_attachment(session, attachment_id)
    if attachment is None:
        raise NotFound
    is_own = attachment.uploaded_by == caller.subject_id
    if is_own:
        return attachment, True
    of_case = attachment.case_id is not None and await can_see_case(session, caller, attachment.case_id)
    if not of_case and not _may_see(await repository.use_of(session, attachment_id), caller):
        raise NotFound
    return attachment, False


def _may_see(use: AttachmentUse | None, caller: Principal) -> bool:
    """Tell whether somebody works at the area of what an attachment belongs to, or for the unit that it is about."""
    if use is None:
        return False
    return caller.has(*SEES_BELOW, at=use.area_path) or use.unit_id in caller.units(Role.UNIT_STAFF)


async def attach(
    session: WriteSession, caller: Principal, attachment_ids: Sequence[UUID], *, case_id: UUID, purpose: str
) -> None:
    """Give the caller's attachments to a case, all or none. What proves something has been found clean.

    Raises:
        AttachmentHeld: a proof is still being judged.
        UnknownAttachment: one is not theirs, belongs to a case already, or was refused.
    """
    if not attachment_ids:
        return
    if caller.subject_id is None:
        raise Unauthenticated
    bound = await repository.bind_to_case(
        session, attachment_ids, case_id=case_id, uploader=caller.subject_id, purpose=purpose, states=_states(purpose)
    )
    if bound != len(set(attachment_ids)):
        await _refuse(session, attachment_ids, caller.subject_id, purpose)


async def attach_elsewhere(
    session: WriteSession, caller: Principal, attachment_ids: Sequence[UUID], use: AttachmentUse
) -> None:
    """Give the caller's attachments to something that is no case, all or none, by the same rules as `attach`."""
    if not attachment_ids:
        return
    if caller.subject_id is None:
        raise Unauthenticated
    added = await repository.add_uses(
        session, attachment_ids, use, uploader=caller.subject_id, states=_states(use.purpose)
    )
    if added != len(set(attachment_ids)):
        await _refuse(session, attachment_ids, caller.subject_id, use.purpose)


async def check_shown(session: WriteSession, shown: ProofShown) -> list[UUID]:
    """Look at what another service was shown as proof: the shower's own are given to what they prove.

    Returns those that are no proof: unknown, refused, or somebody else's. What is held back still is judged soon.
    """
    if shown.shown_by is None:
        return shown.attachment_ids
    own = await repository.own_attachments(session, shown.attachment_ids, shown.shown_by)
    use = AttachmentUse(
        owner_kind=shown.owner_kind,
        owner_id=shown.owner_id,
        purpose=_PROOF,
        area_path=shown.area_path,
        unit_id=shown.unit_id,
    )
    states = [ScanState.CLEAN, ScanState.HELD]
    await repository.add_uses(session, sorted(own), use, uploader=shown.shown_by, states=states)
    return [one for one in dict.fromkeys(shown.attachment_ids) if one not in own]


def _states(purpose: str) -> list[ScanState]:
    return [ScanState.CLEAN] if purpose == _PROOF else [ScanState.CLEAN, ScanState.HELD]


async def _refuse(session: WriteSession, attachment_ids: Sequence[UUID], uploader: UUID, purpose: str) -> NoReturn:
    if purpose == _PROOF and await repository.has_held(session, attachment_ids, uploader):
        raise AttachmentHeld(pointer="/attachment_ids")
    raise UnknownAttachment(pointer="/attachment_ids")


async def judge_held(database: Database, tenant: str, second: Scanner | None) -> None:
    """Ask about what nobody has judged yet. The scanner is asked outside of a transaction.

    A house that has no scanner any more keeps what has passed the look at its structure, as all uploads since then.
    """
    async with database.read(tenant) as session:
        due = await repository.due_held(session, utc_now(), _AT_ONCE)
    for held in due:
        async with database.read(tenant) as session:
            attachment = await repository.get_attachment(session, held.attachment_id)
        reason: str | None = None
        try:
            if second is not None and attachment is not None:
                await second.scan(attachment.content)
        except AttachmentRefused as refused:
            reason = str(refused.extra["reason"])
        except Problem as problem:
            reason = problem.code
        except ScannerAway:
            # Away for one, away for all: they are asked about in the next round.
            async with database.write(tenant) as session:
                await repository.put_off(session, held.attachment_id, utc_now() + again_in(held.tries))
            return
        async with database.write(tenant) as session:
            await repository.decide(session, held.attachment_id, utc_now(), reason)
