"""Ed25519 keys as they stand in the environment: 32 bytes, base64url without padding."""

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

__all__ = ["SigningKey", "public_key_of", "read_public_key", "read_signing_key"]

_KEY_BYTES = 32


def _decode(text: str) -> bytes:
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(raw) != _KEY_BYTES:
        message = "an Ed25519 key is 32 bytes in base64url"
        raise ValueError(message)
    return raw


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _raw(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


@dataclass(frozen=True)
class SigningKey:
    """A private key with its name: the RFC 7638 thumbprint of its JWK."""

    private: Ed25519PrivateKey

    @cached_property
    def jwk(self) -> dict[str, str]:
        """The public half as a JWK (RFC 8037), ready for a JWKS."""
        members = {"crv": "Ed25519", "kty": "OKP", "x": _encode(_raw(self.private.public_key()))}
        canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
        return {**members, "alg": "EdDSA", "use": "sig", "kid": _encode(hashlib.sha256(canonical).digest())}

    @property
    def kid(self) -> str:
        """The key's id in token headers."""
        return self.jwk["kid"]


def read_signing_key(seed: str) -> SigningKey:
    """Read a private key from its seed; ValueError when it is not 32 bytes of base64url."""
    return SigningKey(Ed25519PrivateKey.from_private_bytes(_decode(seed)))


def read_public_key(text: str) -> Ed25519PublicKey:
    """Read a public key; ValueError when it is not 32 bytes of base64url."""
    return Ed25519PublicKey.from_public_bytes(_decode(text))


def public_key_of(seed: str) -> str:
    """Return the public half of a seed, in the form that `read_public_key` reads."""
    return _encode(_raw(read_signing_key(seed).private.public_key()))
