"""Use cases of partners' keys."""

from typing import Final
from uuid import UUID

from services.matching.locking import take_turn
from services.matching.partners.models import Partner
from services.matching.partners.rules import PartnerState
from services.matching.partners.service import get_partner, lock_partner, must_speak_for
from services.matching.webhook_secrets import repository
from services.matching.webhook_secrets.models import WebhookPolicy, WebhookSecret
from services.matching.webhook_secrets.rules import (
    ConformanceRequired,
    Mode,
    NotAPublicKey,
    PartnerNotVetted,
    SecretRevoked,
    overlap_ends,
)
from services.matching.webhook_secrets.schemas import PolicyIn, SecretIn
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound
from shared.vault import Place, Vault
from shared.webhooks import BadKey, PublicKey, SharedSecret, new_secret, read_verifier

__all__ = [
    "create_secret",
    "lock_secret",
    "opened",
    "partner_of",
    "put_policy",
    "revoke_secret",
    "seal_secret",
]

_COLUMN: Final = "webhook_secrets.sealed"
_HINT_LENGTH: Final = 4


async def partner_of(session: Session, caller: Principal, partner_id: UUID) -> Partner:
    """Return a partner that the caller speaks for.

    Raises:
        NotFound: there is none.
        Forbidden: the caller may not.
    """
    partner = await get_partner(session, partner_id)
    must_speak_for(caller, partner)
    return partner


def _place(tenant: str, secret_id: UUID) -> Place:
    return Place(tenant, _COLUMN, secret_id)


def seal_secret(vault: Vault, tenant: str, secret_id: UUID, key: SharedSecret | PublicKey) -> bytes:
    """Return a key as it is kept."""
    return vault.seal(key.text, _place(tenant, secret_id))


def opened(vault: Vault, secret: WebhookSecret) -> SharedSecret | PublicKey:
    """Return a key to verify with."""
    return read_verifier(vault.unseal(secret.sealed, _place(secret.tenant_id, secret.id)))


async def create_secret(
    session: WriteSession, caller: Principal, vault: Vault, partner_id: UUID, wanted: SecretIn
) -> tuple[WebhookSecret, str | None, bool]:
    """Make a key, and set an end to the one before it.

    Returns:
        The key, its secret if it has just been made and is one, and whether it is new.
    """
    await partner_of(session, caller, partner_id)
    await take_turn(session, "webhook_secrets", partner_id)
    partner = await lock_partner(session, partner_id)
    earlier = await _made_before(session, vault, partner_id, wanted)
    if earlier is not None:
        return earlier, None, False
    if wanted.mode is Mode.LIVE:
        await _may_go_live(session, partner)
    key = _key_of(wanted)
    now = utc_now()
    valid = await repository.valid_secrets(session, partner_id, now, mode=wanted.mode)
    ends = overlap_ends(valid, now, wanted.overlap_hours)
    for before in valid:
        before.expires_at = ends
        before.version += 1
    secret_id = wanted.id or new_id()
    row = WebhookSecret(
        tenant_id=session.tenant,
        id=secret_id,
        partner_id=partner_id,
        mode=wanted.mode.value,
        scheme=key.version,
        sealed=seal_secret(vault, session.tenant, secret_id, key),
        hint=key.text.rstrip("=")[-_HINT_LENGTH:],
        created_by=caller.actor,
        created_at=now,
        version=1,
    )
    session.add(row)
    await session.flush()
    return row, key.text if isinstance(key, SharedSecret) else None, True


async def _made_before(session: WriteSession, vault: Vault, partner_id: UUID, wanted: SecretIn) -> WebhookSecret | None:
    earlier = await repository.find_secret(session, partner_id, wanted.id) if wanted.id else None
    if earlier is None:
        return None
    scheme = "v1" if wanted.public_key is None else "v1a"
    same_key = wanted.public_key is None or opened(vault, earlier) == _key_of(wanted)
    if (earlier.mode, earlier.scheme, same_key) != (wanted.mode, scheme, True):
        raise IdTaken(pointer="/id")
    return earlier


def _key_of(wanted: SecretIn) -> SharedSecret | PublicKey:
    if wanted.public_key is None:
        return new_secret()
    try:
        return read_verifier(wanted.public_key)
    except BadKey as error:
        raise NotAPublicKey(pointer="/public_key") from error


async def _may_go_live(session: WriteSession, partner: Partner) -> None:
    if partner.state != PartnerState.VETTED:
        raise PartnerNotVetted
    policy = await repository.find_policy(session)
    if policy is not None and policy.requires_conformance and partner.webhooks_passed_at is None:
        raise ConformanceRequired


async def lock_secret(session: WriteSession, caller: Principal, partner_id: UUID, secret_id: UUID) -> WebhookSecret:
    """Return a key for a change, or NotFound."""
    await partner_of(session, caller, partner_id)
    secret = await repository.lock_secret(session, partner_id, secret_id)
    if secret is None:
        raise NotFound
    return secret


async def revoke_secret(session: WriteSession, caller: Principal, secret: WebhookSecret) -> None:
    """End a key at once: what it has signed and is not here yet is refused."""
    if secret.revoked_at is not None:
        raise SecretRevoked
    secret.revoked_at, secret.revoked_by = utc_now(), caller.actor
    secret.version += 1
    await session.flush()


async def put_policy(session: WriteSession, caller: Principal, wanted: PolicyIn) -> WebhookPolicy:
    """Say what the district asks of partners that push."""
    await take_turn(session, "webhook_policy", UUID(int=0))
    policy = await repository.lock_policy(session)
    if policy is None:
        policy = WebhookPolicy(tenant_id=session.tenant, version=0)
        session.add(policy)
    policy.requires_conformance = wanted.requires_conformance
    policy.changed_by, policy.changed_at = caller.actor, utc_now()
    policy.version += 1
    await session.flush()
    return policy
