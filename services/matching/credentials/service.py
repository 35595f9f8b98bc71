"""Use cases of credentials."""

from datetime import date, timedelta
from typing import Final
from uuid import UUID

from services.matching.credentials import repository
from services.matching.credentials.models import Credential, CredentialView
from services.matching.credentials.rules import (
    TOLD_AT_DAYS,
    AlreadyWithdrawn,
    CredentialKnown,
    EndsBeforeItBegins,
    due_notice,
)
from services.matching.credentials.schemas import CredentialIn
from services.matching.locking import take_turn
from services.matching.partners.models import Partner
from services.matching.partners.service import get_partner, must_speak_for
from shared.auth import Principal
from shared.clock import utc_now
from shared.contracts.matching import CredentialExpiring
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import IdTaken, NotFound
from shared.vault import Place, Vault

__all__ = [
    "add_credential",
    "get_credential",
    "lock_credential",
    "number_of",
    "tell_expiring",
    "view_number",
    "withdraw",
]

_COLUMN: Final = "credentials.number"
_INDEX: Final = "credential_number"


def number_of(credential: Credential, vault: Vault) -> str:
    """Return a credential's number in the clear."""
    return vault.unseal(credential.number_sealed, Place(credential.tenant_id, _COLUMN, credential.id))


async def get_credential(session: Session, caller: Principal, partner_id: UUID, credential_id: UUID) -> Credential:
    """Return a partner's credential to itself or to its officers, or NotFound."""
    must_speak_for(caller, await get_partner(session, partner_id))
    credential = await repository.find_credential(session, credential_id)
    if credential is None or credential.partner_id != partner_id:
        raise NotFound
    return credential


async def add_credential(
    session: WriteSession, caller: Principal, partner: Partner, wanted: CredentialIn, vault: Vault
) -> tuple[Credential, bool]:
    """Register a licence; returns it and whether it is new."""
    must_speak_for(caller, partner)
    if wanted.valid_from is not None and wanted.valid_until is not None and wanted.valid_until < wanted.valid_from:
        raise EndsBeforeItBegins(pointer="/valid_until")
    index = vault.index(session.tenant, _INDEX, wanted.number)
    # Two of the same number, or the same one twice, take turns.
    await take_turn(session, "credentials_of", partner.id)
    earlier = await repository.find_credential(session, wanted.id) if wanted.id else None
    plain = wanted.model_dump(exclude={"id", "number"})
    if earlier is not None:
        same = earlier.partner_id == partner.id and earlier.number_index == index
        if not same or any(getattr(earlier, name) != value for name, value in plain.items()):
            raise IdTaken(pointer="/id")
        return earlier, False
    if await repository.live_with_number(session, partner.id, index) is not None:
        raise CredentialKnown(pointer="/number")
    credential_id = wanted.id or new_id()
    credential = Credential(
        tenant_id=session.tenant,
        id=credential_id,
        partner_id=partner.id,
        number_sealed=vault.seal(wanted.number, Place(session.tenant, _COLUMN, credential_id)),
        number_index=index,
        told_days=None,
        added_at=utc_now(),
        withdrawn_at=None,
        version=1,
        **plain,
    )
    session.add(credential)
    await session.flush()
    return credential, True


async def view_number(session: WriteSession, caller: Principal, credential: Credential, purpose: str) -> None:
    """Write down who sees a number in the clear, and what for."""
    row = CredentialView(
        tenant_id=session.tenant,
        id=new_id(),
        credential_id=credential.id,
        actor=caller.actor,
        purpose=purpose,
        at=utc_now(),
    )
    session.add(row)
    await session.flush()


async def lock_credential(
    session: WriteSession, caller: Principal, partner_id: UUID, credential_id: UUID
) -> Credential:
    """Return a partner's credential for a change, or NotFound."""
    await get_credential(session, caller, partner_id, credential_id)
    credential = await repository.lock_credential(session, credential_id)
    if credential is None:
        raise NotFound
    return credential


async def withdraw(session: WriteSession, credential: Credential) -> None:
    """Take a credential off: it stays readable and is told no more."""
    if credential.withdrawn_at is not None:
        raise AlreadyWithdrawn
    credential.withdrawn_at = utc_now()
    credential.version += 1
    await session.flush()


async def tell_expiring(session: WriteSession, today: date) -> int:
    """Tell the partners whose credentials run out soon; returns how many notices there were."""
    count = 0
    for credential, partner in await repository.expiring(session, today + timedelta(days=max(TOLD_AT_DAYS))):
        if credential.valid_until is None:
            continue
        days = due_notice(credential.valid_until, credential.told_days, today)
        if days is None:
            continue
        credential.told_days = days
        told = CredentialExpiring(
            credential_id=credential.id,
            partner_id=partner.id,
            unit_id=partner.unit_id,
            valid_until=credential.valid_until,
            has_expired=credential.valid_until < today,
        )
        await publish(session, f"partner/{partner.id}", told)
        count += 1
    await session.flush()
    return count
