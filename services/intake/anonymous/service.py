"""Use cases of anonymous cases.

The case, its history, its events and its pictures know a pseudonym that exists for this one case. The person behind it
is sealed with the key of the house; what opens the case to them is a token that they made, of which only the hash is
kept. Idempotency keys and their answers are not kept for these requests either.
"""

import hashlib
import hmac
from typing import Final
from uuid import UUID

from services.intake.anonymous import repository
from services.intake.anonymous.models import SealedRequester, Unsealing
from services.intake.anonymous.rules import NotAnonymous, WeakToken
from services.intake.anonymous.schemas import FileAnonymouslyIn
from services.intake.cases import repository as cases
from services.intake.cases.filing_service import Desk, Filed, file_in_session, same_filing
from services.intake.cases.locking import lock_case
from services.intake.cases.models import Case
from services.intake.cases.moving import Move, move
from services.intake.cases.terms import Channel
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound, Unauthenticated
from shared.vault import Place, Vault

__all__ = ["earlier_filing", "file_anonymously", "pseudonym_of", "unseal"]

_COLUMN: Final = "sealed_requesters.person"
_LETTERS_MIN: Final = 10


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _place(tenant: str, case_id: UUID) -> Place:
    return Place(tenant, _COLUMN, case_id)


async def earlier_filing(session: Session, wanted: FileAnonymouslyIn) -> Case | None:
    """Return what was filed under the client's id, if the token is the same and the words are.

    Raises:
        IdTaken: the id names something else.
    """
    case = await cases.find_case_for_filing(session, wanted.id) if wanted.id else None
    if case is None:
        return None
    sealed = await repository.find_sealed(session, case.id)
    if sealed is None or not hmac.compare_digest(sealed.token_sha256, _hash(wanted.token)):
        raise IdTaken(pointer="/id")
    if not same_filing(case, wanted):
        raise IdTaken(pointer="/id")
    return case


async def file_anonymously(
    session: WriteSession, desk: Desk, vault: Vault, caller: Principal, wanted: FileAnonymouslyIn
) -> tuple[Filed, Principal]:
    """File a case under a pseudonym.

    Returns:
        What was filed, and the pseudonym as a caller.

    Raises:
        WeakToken: the token repeats itself.
        UnknownArea, UnknownCategory: as when filing under one's own name.
    """
    if caller.subject_id is None:
        raise Unauthenticated
    if len(set(wanted.token)) < _LETTERS_MIN:
        raise WeakToken(pointer="/token")
    masked = Principal(caller.tenant, new_id(), "person")
    if masked.subject_id is not None and wanted.attachment_ids:
        await repository.give_pictures_to(session, wanted.attachment_ids, caller.subject_id, masked.subject_id)
    asks = wanted.answers is not None
    filed = await file_in_session(session, desk, masked, wanted, channel=Channel.APP, asks=asks)
    sealed = SealedRequester(
        tenant_id=session.tenant,
        case_id=filed.case_id,
        person=vault.seal(str(caller.subject_id), _place(session.tenant, filed.case_id)),
        token_sha256=_hash(wanted.token),
    )
    session.add(sealed)
    await repository.make_anonymous(session, filed.case_id)
    return filed, masked


async def pseudonym_of(session: Session, case_id: UUID, token: str) -> Principal:
    """Return whoever has the token as the requester of the case; for all others it does not exist.

    Raises:
        NotFound: no such case, or not this token.
    """
    sealed = await repository.find_sealed(session, case_id)
    case = await cases.find_case_for_filing(session, case_id)
    if sealed is None or case is None or not hmac.compare_digest(sealed.token_sha256, _hash(token)):
        raise NotFound
    return Principal(session.tenant, case.requester_id, "person")


async def unseal(session: WriteSession, vault: Vault, caller: Principal, case_id: UUID, purpose: str) -> UUID:
    """Look at who raised a case. That it was done, by whom and why, stands in the case's history and in the audit.

    Raises:
        NotFound: the caller does not see the case.
        NotAnonymous: who raised it is no secret.
    """
    case = await lock_case(session, caller, case_id)
    if case is None:
        raise NotFound
    sealed = await repository.find_sealed(session, case_id)
    if sealed is None:
        raise NotAnonymous
    row = Unsealing(
        tenant_id=session.tenant, id=new_id(), case_id=case_id, actor=caller.actor, purpose=purpose, at=utc_now()
    )
    session.add(row)
    await move(session, case, Move("unseal", caller.actor, note=purpose))
    return UUID(vault.unseal(sealed.person, _place(session.tenant, case_id)))
