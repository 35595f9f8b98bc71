"""From rows to representations."""

from services.matching.webhook_secrets.models import WebhookPolicy, WebhookSecret
from services.matching.webhook_secrets.rules import is_valid
from services.matching.webhook_secrets.schemas import NewSecretOut, PolicyOut, SecretOut
from shared.clock import utc_now

__all__ = ["new_secret_out", "policy_out", "secret_out"]

_COMPUTED = frozenset({"valid"})


def secret_out(secret: WebhookSecret) -> SecretOut:
    """Show a key without its secret."""
    columns = {name: getattr(secret, name) for name in SecretOut.model_fields if name not in _COMPUTED}
    return SecretOut.model_validate({**columns, "valid": is_valid(secret, utc_now())})


def new_secret_out(secret: WebhookSecret, text: str | None, public_url: str | None) -> NewSecretOut:
    """Show a new key with its secret and where to send: the whole address where the gateway's is known."""
    address = f"{(public_url or '').rstrip('/')}/v1/webhooks/{secret.tenant_id}/{secret.partner_id}"
    return NewSecretOut(**secret_out(secret).model_dump(), secret=text, webhook_url=address)


def policy_out(policy: WebhookPolicy | None) -> PolicyOut:
    """Show what the district asks."""
    if policy is None:
        return PolicyOut(requires_conformance=False, changed_by=None, changed_at=None, version=0)
    return PolicyOut.model_validate(policy)
