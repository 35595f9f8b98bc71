"""Standard Webhooks on the wire, both ways: https://www.standardwebhooks.com (specification 1.0).

A message carries `webhook-id`, `webhook-timestamp` and `webhook-signature`. What is signed is `id.timestamp.body`, by
HMAC-SHA256 (`v1`, secret `whsec_…`) or Ed25519 (`v1a`, private key `whsk_…`, public key `whpk_…`). While a key is
being replaced a message may be signed with both, and either side may hold both.
"""

from shared.webhooks.keys import (
    BadKey,
    PrivateKey,
    PublicKey,
    SharedSecret,
    Signer,
    Verifier,
    new_private_key,
    new_secret,
    read_signer,
    read_verifier,
)
from shared.webhooks.signing import TOLERANCE, sign
from shared.webhooks.verifying import (
    HeaderMalformed,
    HeaderMissing,
    SignatureRefused,
    SignedMessage,
    TimestampRefused,
    WebhookRefused,
    read_signed_message,
)

__all__ = [
    "TOLERANCE",
    "BadKey",
    "HeaderMalformed",
    "HeaderMissing",
    "PrivateKey",
    "PublicKey",
    "SharedSecret",
    "SignatureRefused",
    "SignedMessage",
    "Signer",
    "TimestampRefused",
    "Verifier",
    "WebhookRefused",
    "new_private_key",
    "new_secret",
    "read_signed_message",
    "read_signer",
    "read_verifier",
    "sign",
]
