"""Sealing fields: AES-256-GCM with key versions, bound to the row they belong to, and an HMAC as blind index.

A sealed field is two bytes of key version, 12 bytes of nonce and the ciphertext with its tag. Tenant, column and row id
are authenticated with it, so that a sealed value copied into another row does not open.
"""

import base64
import binascii
import hashlib
import hmac
import os
import struct
from dataclasses import dataclass
from typing import Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["Place", "UnreadableField", "Vault"]

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_VERSION: Final = struct.Struct(">H")


class UnreadableField(Exception):
    """A sealed field does not open: its key version is gone, or it was moved or changed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed field lives: tenant, `table.column`, and the row's id."""

    tenant: str
    column: str
    row_id: object

    def bound(self, version: int) -> bytes:
        """Return what is authenticated together with the field."""
        return f"{version}/{self.tenant}/{self.column}/{self.row_id}".encode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        message = "a key is not base64url"
        raise ValueError(message) from error


class Vault:
    """Seals, opens and indexes personal fields of all tenants.

    Args:
        field_keys: `1:base64url,2:base64url`; 32 bytes each. The highest version seals.
        blind_index_key: base64url of at least 32 bytes.
    """

    def __init__(self, field_keys: str, blind_index_key: str) -> None:
        self._ciphers: dict[int, AESGCM] = {}
        for part in field_keys.split(","):
            version, _, key = part.strip().partition(":")
            raw = _decode(key)
            if not version.isdigit() or not 0 < int(version) < 1 << 16 or len(raw) != _KEY_BYTES:
                message = "field keys are `version:base64url`, 32 bytes each, separated by commas"
                raise ValueError(message)
            self._ciphers[int(version)] = AESGCM(raw)
        self._newest = max(self._ciphers)
        self._index_key = _decode(blind_index_key.strip())
        if len(self._index_key) < _KEY_BYTES:
            message = "the blind index key has at least 32 bytes"
            raise ValueError(message)

    def seal(self, plain: str, place: Place) -> bytes:
        """Encrypt a field with the newest key."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, plain.encode(), place.bound(self._newest))
        return _VERSION.pack(self._newest) + nonce + sealed

    def unseal(self, sealed: bytes, place: Place) -> str:
        """Decrypt a field with the key that sealed it; UnreadableField when that cannot be."""
        if len(sealed) < _VERSION.size + _NONCE_BYTES:
            raise UnreadableField
        (version,) = _VERSION.unpack_from(sealed)
        cipher = self._ciphers.get(version)
        if cipher is None:
            raise UnreadableField
        start = _VERSION.size + _NONCE_BYTES
        try:
            return cipher.decrypt(sealed[_VERSION.size : start], sealed[start:], place.bound(version)).decode()
        except InvalidTag as error:
            raise UnreadableField from error

    def index(self, tenant: str, kind: str, value: str) -> bytes:
        """Return the blind index of a value: the same value is found again, and without the key nothing is learnt."""
        return hmac.new(self._index_key, f"{kind}/{tenant}/{value}".encode(), hashlib.sha256).digest()

    def digest(self, tenant: str, content: object) -> bytes:
        """Return a keyed digest of JSON content, to tell a request that is sent again from another one."""
        canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        return hmac.new(self._index_key, b"content/" + tenant.encode() + b"/" + canonical, hashlib.sha256).digest()
