"""Leaves, heads and signatures: what is hashed, what is signed, and what a signature must look like.

A head is a checkpoint as C2SP tlog-checkpoint has it, signed as C2SP signed-note has it: three lines (origin, size,
root) and one with the time, an empty line, and one line per signature. Others sign it by tlog-cosignature. Whoever has
tools for transparency logs can read it.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.ledger.canonical import Field, canonical_bytes
from shared.auth import SigningKey
from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = [
    "KEY_NAME",
    "BadCosignature",
    "Head",
    "Line",
    "NotSealedYet",
    "SizeUnknown",
    "WitnessTaken",
    "check_cosignature",
    "head_text",
    "leaf_fields",
    "origin_of",
    "public_bytes",
    "sign_note",
    "signature_is_good",
]

KEY_NAME: Final = "linli"
_ED25519: Final = 1
_COSIGNATURE: Final = 4
_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One posting as everybody may see it: all that is hashed, and no more. Who did it is there as a hash."""

    transaction_id: UUID
    leg: int
    kind: str
    debit_account: UUID
    credit_account: UUID
    unit: str
    amount: int
    debit_sequence: int
    debit_after: int
    credit_sequence: int
    credit_after: int
    description: str
    effective_on: date
    actor: str
    created_at: datetime
    hold_id: UUID | None
    original_id: UUID | None
    document_sha256: bytes | None

    @property
    def actor_sha256(self) -> str:
        """Who did it, for whoever knows them: the hash over the transaction and the actor."""
        return hashlib.sha256(canonical_bytes([self.transaction_id, self.actor])).hexdigest()

    @property
    def written_at(self) -> str:
        """The moment in UTC with microseconds, as it is hashed and shown."""
        return self.created_at.astimezone(UTC).isoformat(timespec="microseconds")


def leaf_fields(tenant: str, book_id: UUID, line: Line) -> list[Field]:
    """Return the fields of a leaf in their order."""
    return [
        "linli/posting/1",
        tenant,
        book_id,
        line.transaction_id,
        line.leg,
        line.kind,
        line.debit_account,
        line.credit_account,
        line.unit,
        line.amount,
        line.debit_sequence,
        line.debit_after,
        line.credit_sequence,
        line.credit_after,
        line.description,
        line.effective_on.isoformat(),
        line.actor_sha256,
        line.written_at,
        line.hold_id,
        line.original_id,
        line.document_sha256,
    ]


def origin_of(tenant: str, book_id: UUID) -> str:
    """Return the name of a book's log."""
    return f"linli/{tenant}/{book_id}"


@dataclass(frozen=True, slots=True)
class Head:
    """The state of a log: how many leaves, and the root over them."""

    origin: str
    tree_size: int
    root: bytes
    sealed_at: datetime


def head_text(head: Head) -> str:
    """Return what is signed: the checkpoint's lines, each ended."""
    root = base64.b64encode(head.root).decode()
    moment = head.sealed_at.astimezone(UTC).isoformat(timespec="seconds")
    return f"{head.origin}\n{head.tree_size}\n{root}\ntime {moment}\n"


def public_bytes(key: SigningKey) -> bytes:
    """Return the 32 bytes of the public half."""
    return key.private.public_key().public_bytes_raw()


def _key_id(name: str, kind: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:_ID_BYTES]


def sign_note(text: str, key: SigningKey) -> str:
    """Return the note: the text, an empty line, and our signature."""
    signed = _key_id(KEY_NAME, _ED25519, public_bytes(key)) + key.private.sign(text.encode())
    return f"{text}\n\u2014 {KEY_NAME} {base64.b64encode(signed).decode()}\n"


def signature_is_good(note: str, publics: Sequence[bytes]) -> bool:
    """Tell whether a note carries a good signature by one of our public keys."""
    text, _, signatures = note.partition("\n\n")
    for public in publics:
        wanted = _key_id(KEY_NAME, _ED25519, public)
        for line in signatures.splitlines():
            name, signed = _read_signature(line)
            if name == KEY_NAME and signed[:_ID_BYTES] == wanted and _verifies(public, signed[_ID_BYTES:], text + "\n"):
                return True
    return False


def check_cosignature(head: Head, *, name: str, public: bytes, line: str) -> datetime:
    """Check a witness's signature line; returns the time at which it says it has seen the head.

    Raises:
        BadCosignature: it is malformed, of another key, or not over this head.
    """
    said, signed = _read_signature(line)
    if said != name or signed[:_ID_BYTES] != _key_id(name, _COSIGNATURE, public):
        raise BadCosignature(pointer="/signature")
    moment_s = int.from_bytes(signed[_ID_BYTES : _ID_BYTES + _TIME_BYTES], "big")
    content = f"cosignature/v1\ntime {moment_s}\n{head_text(head)}"
    if not _verifies(public, signed[_ID_BYTES + _TIME_BYTES :], content):
        raise BadCosignature(pointer="/signature")
    try:
        return datetime.fromtimestamp(moment_s, UTC)
    except (OverflowError, OSError, ValueError):
        raise BadCosignature(pointer="/signature") from None


def _verifies(public: bytes, signature: bytes, content: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, content.encode())
    except InvalidSignature:
        return False
    return True


def _read_signature(line: str) -> tuple[str, bytes]:
    parts = line.strip().split(" ")
    if len(parts) != 3 or parts[0] != "\u2014":  # noqa: PLR2004 - dash, name, signature
        return "", b""
    try:
        return parts[1], base64.b64decode(parts[2], validate=True)
    except ValueError:
        return "", b""


class NotSealedYet(Conflict):
    """A posting becomes a leaf a moment after its COMMIT."""

    code = "not_sealed_yet"
    title = Text(zh="该记录尚未存证，请稍后再试", en="Not in the log yet: it is sealed a moment after it was written")


class SizeUnknown(Invalid):
    """The log has not had this size, or not yet."""

    code = "size_unknown"
    title = Text(zh="存证日志没有这个大小", en="The log has no such size")


class BadCosignature(Invalid):
    """The signature is not the witness's over this head."""

    code = "bad_cosignature"
    title = Text(zh="联署签名无效", en="Not a good signature of this witness over this head")


class WitnessTaken(Conflict):
    """Another witness has this name."""

    code = "witness_taken"
    title = Text(zh="已有同名见证方", en="Another witness has this name")
