"""Use cases of contacts."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import orjson

from services.intake.cases.models import Case
from services.intake.cases.repository import find_case
from services.intake.contacts import repository
from services.intake.contacts.models import CaseContact, ContactDisclosure
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import NotFound
from shared.vault import Place, Vault

__all__ = ["CONTACT_FIELDS", "keep_contact", "list_disclosures", "made_up_person", "read_contact"]

CONTACT_FIELDS: Final = ("first_name", "last_name", "phone", "email", "account_id", "device_id")
_COLUMN: Final = "case_contacts.sealed"


def keep_contact(session: WriteSession, vault: Vault, case_id: UUID, words: Mapping[str, str]) -> None:
    """Seal what was said of how to reach somebody; nothing is kept when nothing was said."""
    said = {name: words[name] for name in CONTACT_FIELDS if words.get(name)}
    if not said:
        return
    sealed = vault.seal(orjson.dumps(said).decode(), Place(session.tenant, _COLUMN, case_id))
    session.add(CaseContact(tenant_id=session.tenant, case_id=case_id, sealed=sealed, kept_at=utc_now()))


def made_up_person(vault: Vault, tenant: str, source: str, words: Mapping[str, str]) -> UUID | None:
    """Make up the person behind a contact: the same for the same words of one source, and nothing can be read from it.

    Returns:
        Its id; None when nothing was said by which somebody could be known again.
    """
    for name in ("account_id", "device_id", "email", "phone"):
        said = words.get(name)
        if said is not None:
            # In the form of a name-based UUID (RFC 9562 §5.8); the name is hashed with a key.
            digest = vault.index(tenant, f"{source}/{name}", said)
            return UUID(bytes=digest[:16], version=5)
    return None


async def read_contact(
    session: WriteSession, caller: Principal, vault: Vault, case_id: UUID, purpose: str
) -> dict[str, str]:
    """Open a contact for an officer of the area; that it was opened, and why, is written in the same transaction."""
    case = await _seen(session, caller, case_id)
    caller.must(Role.OFFICER, Role.SECRETARY, at=case.area_path, rule="officers_read_contacts")
    contact = await repository.find_contact(session, case_id)
    if contact is None:
        raise NotFound
    disclosure = ContactDisclosure(
        tenant_id=session.tenant,
        id=new_id(),
        case_id=case_id,
        purpose=purpose,
        actor=caller.actor,
        disclosed_at=utc_now(),
    )
    session.add(disclosure)
    await session.flush()
    words: dict[str, str] = orjson.loads(vault.unseal(contact.sealed, Place(session.tenant, _COLUMN, case_id)))
    return words


async def list_disclosures(
    session: Session, caller: Principal, case_id: UUID, *, after: UUID | None, limit: int
) -> Sequence[ContactDisclosure]:
    """Return who has read a contact, for those who look after the officers."""
    case = await _seen(session, caller, case_id)
    caller.must(Role.AUDITOR, Role.ADMINISTRATOR, Role.SECRETARY, at=case.area_path, rule="auditors_read_disclosures")
    return await repository.disclosures_of(session, case_id, after=after, limit=limit)


async def _seen(session: Session, caller: Principal, case_id: UUID) -> Case:
    case = await find_case(session, caller, case_id)
    if case is None:
        raise NotFound
    return case
