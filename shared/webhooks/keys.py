"""Keys of Standard Webhooks and how they are written: a prefix that tells the kind, then base64."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import ClassVar, Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = [
    "BadKey",
    "PrivateKey",
    "PublicKey",
    "SharedSecret",
    "Signer",
    "Verifier",
    "new_private_key",
    "new_secret",
    "read_signer",
    "read_verifier",
]

_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - a prefix and no secret
_PRIVATE_PREFIX: Final = "whsk_"
_PUBLIC_PREFIX: Final = "whpk_"
# What the specification allows: 192 to 512 bits.
_SECRET_MIN_BYTES: Final = 24
_SECRET_MAX_BYTES: Final = 64
_NEW_SECRET_BYTES: Final = 32
_ED25519_KEY_BYTES: Final = 32
_ED25519_SIGNATURE_BYTES: Final = 64


class BadKey(ValueError):
    """A text is no key of the kinds that are known here."""


class Signer(Protocol):
    """What can sign: a shared secret or a private key."""

    @property
    def version(self) -> str:
        """The name of its scheme in the header: `v1` or `v1a`."""

    def sign(self, content: bytes) -> bytes:
        """Return the signature of the content."""


class Verifier(Protocol):
    """What can verify: a shared secret or a public key."""

    @property
    def version(self) -> str:
        """The name of its scheme in the header: `v1` or `v1a`."""

    def accepts(self, content: bytes, signature: bytes) -> bool:
        """Tell whether the signature is of this content; takes the same time whichever byte differs."""


def _written(prefix: str, raw: bytes) -> str:
    return prefix + base64.b64encode(raw).decode()


def _read(prefix: str, text: str) -> bytes:
    encoded = text.removeprefix(prefix)
    if encoded == text:
        message = f"a key of this kind begins with {prefix}"
        raise BadKey(message)
    try:
        # Padding is often lost when a key is copied, and adds nothing.
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError as error:
        message = "a key is its prefix and base64"
        raise BadKey(message) from error


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """A secret that both sides know: HMAC-SHA256."""

    version: ClassVar[str] = "v1"
    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a secret that could be guessed."""
        if not _SECRET_MIN_BYTES <= len(self.raw) <= _SECRET_MAX_BYTES:
            message = f"a secret has {_SECRET_MIN_BYTES} to {_SECRET_MAX_BYTES} bytes"
            raise BadKey(message)

    @property
    def text(self) -> str:
        """The secret as people copy it: `whsec_…`."""
        return _written(_SECRET_PREFIX, self.raw)

    def sign(self, content: bytes) -> bytes:
        """Return the 32 bytes of the content's HMAC."""
        return hmac.digest(self.raw, content, hashlib.sha256)

    def accepts(self, content: bytes, signature: bytes) -> bool:
        """Tell whether the signature is of this content, in constant time."""
        return hmac.compare_digest(self.sign(content), signature)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What anybody may have to verify with: Ed25519."""

    version: ClassVar[str] = "v1a"
    raw: bytes

    def __post_init__(self) -> None:
        """Refuse what is no key."""
        if len(self.raw) != _ED25519_KEY_BYTES:
            message = f"a public key has {_ED25519_KEY_BYTES} bytes"
            raise BadKey(message)

    @property
    def text(self) -> str:
        """The key as people copy it: `whpk_…`."""
        return _written(_PUBLIC_PREFIX, self.raw)

    def accepts(self, content: bytes, signature: bytes) -> bool:
        """Tell whether the signature is of this content; nothing secret is compared."""
        if len(signature) != _ED25519_SIGNATURE_BYTES:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, content)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """What only the sender has: Ed25519, kept as its seed of 32 bytes."""

    version: ClassVar[str] = "v1a"
    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what is no seed."""
        if len(self.raw) != _ED25519_KEY_BYTES:
            message = f"a private key has {_ED25519_KEY_BYTES} bytes"
            raise BadKey(message)

    @property
    def text(self) -> str:
        """The key as it is kept: `whsk_…`."""
        return _written(_PRIVATE_PREFIX, self.raw)

    @property
    def public(self) -> PublicKey:
        """What receivers verify with."""
        return PublicKey(Ed25519PrivateKey.from_private_bytes(self.raw).public_key().public_bytes_raw())

    def sign(self, content: bytes) -> bytes:
        """Return the 64 bytes of the content's signature."""
        return Ed25519PrivateKey.from_private_bytes(self.raw).sign(content)


def new_secret() -> SharedSecret:
    """Make a secret of 256 random bits."""
    return SharedSecret(secrets.token_bytes(_NEW_SECRET_BYTES))


def new_private_key() -> PrivateKey:
    """Make a key pair."""
    return PrivateKey(secrets.token_bytes(_ED25519_KEY_BYTES))


def read_signer(text: str) -> SharedSecret | PrivateKey:
    """Read `whsec_…` or `whsk_…`.

    The specification's libraries for Ed25519 write the seed followed by the public key; of such a pair the seed is
    taken.

    Raises:
        BadKey: it is neither.
    """
    if not text.startswith(_PRIVATE_PREFIX):
        return SharedSecret(_read(_SECRET_PREFIX, text))
    raw = _read(_PRIVATE_PREFIX, text)
    if len(raw) == 2 * _ED25519_KEY_BYTES:
        pair = PrivateKey(raw[:_ED25519_KEY_BYTES])
        if pair.public.raw != raw[_ED25519_KEY_BYTES:]:
            message = "the two halves of the key do not belong together"
            raise BadKey(message)
        return pair
    return PrivateKey(raw)


def read_verifier(text: str) -> SharedSecret | PublicKey:
    """Read `whsec_…` or `whpk_…`.

    Raises:
        BadKey: it is neither.
    """
    if text.startswith(_PUBLIC_PREFIX):
        return PublicKey(_read(_PUBLIC_PREFIX, text))
    return SharedSecret(_read(_SECRET_PREFIX, text))
