"""Keys that sign for an endpoint: made here, sealed at rest, opened only to sign."""

from dataclasses import dataclass
from uuid import UUID

from services.matching.endpoints.models import EndpointKey
from shared.clock import utc_now
from shared.ids import new_id
from shared.vault import Place, Vault
from shared.webhooks import Signer, new_private_key, new_secret, read_signer

__all__ = ["NewKey", "new_key", "signers_of"]


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is kept, and its secret, which nobody is shown again."""

    row: EndpointKey
    secret: str


def _places(tenant: str, key_id: UUID) -> tuple[Place, Place]:
    return (Place(tenant, "endpoint_keys.secret", key_id), Place(tenant, "endpoint_keys.private_key", key_id))


def new_key(vault: Vault, tenant: str, endpoint_id: UUID) -> NewKey:
    """Make a secret and a key pair for an endpoint."""
    key_id = new_id()
    secret, private = new_secret(), new_private_key()
    in_secret, in_private = _places(tenant, key_id)
    row = EndpointKey(
        tenant_id=tenant,
        id=key_id,
        endpoint_id=endpoint_id,
        secret=vault.seal(secret.text, in_secret),
        private_key=vault.seal(private.text, in_private),
        public_key=private.public.text,
        created_at=utc_now(),
        expires_at=None,
    )
    return NewKey(row, secret.text)


def signers_of(vault: Vault, key: EndpointKey) -> tuple[Signer, Signer]:
    """Open a key; UnreadableField when the key that sealed it is gone."""
    in_secret, in_private = _places(key.tenant_id, key.id)
    return (
        read_signer(vault.unseal(key.secret, in_secret)),
        read_signer(vault.unseal(key.private_key, in_private)),
    )
