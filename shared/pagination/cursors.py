"""Opaque cursors: the key of the last row seen, signed, and good only for the list and the filters it came from."""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from shared.problems import BadRequest
from shared.texts import Text

__all__ = ["BadCursor", "decode_cursor", "encode_cursor"]

_MAC_BYTES: Final = 16
_LONGEST: Final = 2048


class BadCursor(BadRequest):
    """The cursor is not one of ours, or belongs to another list."""

    code = "bad_cursor"
    title = Text(zh="翻页游标无效", en="The cursor is not valid for this list")


def _pack(value: object) -> Any:  # noqa: ANN401 - a JSON value
    if isinstance(value, datetime):
        return {"t": value.isoformat()}
    return {"u": str(value)} if isinstance(value, UUID) else value


def _unpack(value: Any) -> Any:  # noqa: ANN401 - a JSON value
    if isinstance(value, dict):
        return datetime.fromisoformat(value["t"]) if "t" in value else UUID(value["u"])
    return value


def _sign(payload: bytes, key: bytes, scope: str) -> bytes:
    return hmac.new(key, scope.encode() + b"\n" + payload, hashlib.sha256).digest()[:_MAC_BYTES]


def encode_cursor(values: tuple[Any, ...], *, key: bytes, scope: str) -> str:
    """Write the sort key of a row (strings, integers, times, UUIDs) as a cursor of the list named by `scope`."""
    payload = orjson.dumps([_pack(value) for value in values])
    return base64.urlsafe_b64encode(_sign(payload, key, scope) + payload).rstrip(b"=").decode()


def decode_cursor(cursor: str, *, key: bytes, scope: str) -> tuple[Any, ...]:
    """Read a cursor back; BadCursor when it was not made for this list with this key."""
    if len(cursor) > _LONGEST:
        raise BadCursor
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (binascii.Error, ValueError) as error:
        raise BadCursor from error
    mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _sign(payload, key, scope)):
        raise BadCursor
    return tuple(_unpack(value) for value in orjson.loads(payload))
