"""Receiving: whether a message is what its sender has signed. Whatever is wrong with it is one of four refusals."""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared.problems import Problem
from shared.texts import Text
from shared.webhooks.keys import Verifier
from shared.webhooks.signing import ID_PATTERN, TOLERANCE, signed_content

__all__ = [
    "HeaderMalformed",
    "HeaderMissing",
    "SignatureRefused",
    "SignedMessage",
    "TimestampRefused",
    "WebhookRefused",
    "read_signed_message",
]

_ID: Final = "webhook-id"
_TIMESTAMP: Final = "webhook-timestamp"
_SIGNATURE: Final = "webhook-signature"
_HEADERS: Final = (_ID, _TIMESTAMP, _SIGNATURE)
# Whole seconds since 1970, as the specification has it, up to the year 5138.
_SECONDS: Final = re.compile(r"[1-9][0-9]{0,10}")
_ENTRY: Final = re.compile(r"([a-z0-9]{1,16}),([A-Za-z0-9+/]{1,684}={0,2})")
_KNOWN_VERSIONS: Final = frozenset({"v1", "v1a"})
_SIGNATURES_MAX: Final = 16
_SIGNATURE_HEADER_MAX: Final = 4096


class WebhookRefused(Problem):
    """A message that is not taken."""

    code = "webhook_refused"
    status = 401
    title = Text(zh="无法确认该消息的来源", en="Who sent this message cannot be told")

    def __init__(self, detail: Text | None = None, **extra: Any) -> None:  # noqa: ANN401 - members of a JSON document
        headers = {"WWW-Authenticate": "Webhook"} if self.status == 401 else {}  # noqa: PLR2004 - RFC 9110 §15.5.2
        super().__init__(detail, headers=headers, **extra)


class HeaderMissing(WebhookRefused):
    """One of the three headers is not there."""

    code = "webhook_header_missing"
    title = Text(zh="缺少 Webhook 请求头", en="A webhook header is missing")


class HeaderMalformed(WebhookRefused):
    """One of the three headers cannot be read."""

    code = "webhook_header_malformed"
    status = 400
    title = Text(zh="Webhook 请求头格式不正确", en="A webhook header is malformed")


class TimestampRefused(WebhookRefused):
    """The message is older or newer than clocks differ: it may have been recorded and sent again."""

    code = "webhook_timestamp_refused"
    title = Text(zh="webhook-timestamp 与当前时间相差超过 5 分钟", en="webhook-timestamp is more than 5 minutes off")


class SignatureRefused(WebhookRefused):
    """No signature is of this id, timestamp and body by a key that is valid."""

    code = "webhook_signature_refused"
    title = Text(zh="签名不正确", en="No signature fits")


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """The headers of a message, read and not yet believed.

    Args:
        message_id: the sender's name for the message, the same however often it comes.
        timestamp: when it was sent, in seconds since 1970.
        signatures: scheme and bytes, of the schemes that are known here.
    """

    message_id: str
    timestamp: int
    signatures: tuple[tuple[str, bytes], ...]

    def fitting(self, body: bytes, verifiers: Sequence[Verifier]) -> list[Verifier]:
        """Return the keys that have made one of the signatures, whenever that was.

        Every key is tried on every signature of its scheme, so that the time tells nothing about which one fitted.
        """
        content = signed_content(self.message_id, self.timestamp, body)
        fitting: list[Verifier] = []
        for verifier in verifiers:
            tried = [verifier.accepts(content, raw) for version, raw in self.signatures if version == verifier.version]
            if any(tried):
                fitting.append(verifier)
        return fitting

    def check_time(self, now: datetime) -> None:
        """Raise TimestampRefused when it was sent more than five minutes before or after now."""
        if abs(now.timestamp() - self.timestamp) > TOLERANCE.total_seconds():
            raise TimestampRefused

    def verify(self, body: bytes, verifiers: Sequence[Verifier], now: datetime) -> list[Verifier]:
        """Believe the message or refuse it; returns the keys that have signed it.

        Args:
            body: as it came, byte for byte.
            verifiers: all keys that are valid now; with none, nothing fits.
            now: the present, aware.

        Raises:
            SignatureRefused: no key has made any of the signatures.
            TimestampRefused: it is authentic, and was sent more than five minutes before or after now.
        """
        fitting = self.fitting(body, verifiers)
        if not fitting:
            raise SignatureRefused
        self.check_time(now)
        return fitting


def read_signed_message(headers: Iterable[tuple[str, str]]) -> SignedMessage:
    """Read the headers of a message.

    Args:
        headers: all headers of the request as name and value; names in any case, others are passed over.

    Raises:
        HeaderMissing: one of the three is not there.
        HeaderMalformed: one is there twice or cannot be read.
    """
    found: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        if lower not in _HEADERS:
            continue
        if lower in found:
            raise HeaderMalformed(Text(zh=f"{lower} 出现多次", en=f"{lower} comes twice"))
        found[lower] = value
    for name in _HEADERS:
        if not found.get(name):
            raise HeaderMissing(Text(zh=f"缺少 {name}", en=f"{name} is missing"))
    if not ID_PATTERN.fullmatch(found[_ID]):
        raise HeaderMalformed(
            Text(
                zh=f"{_ID} 为 1 至 128 个可见 ASCII 字符，不含句点",
                en=f"{_ID} is 1 to 128 visible ASCII characters without a full stop",
            )
        )
    if not _SECONDS.fullmatch(found[_TIMESTAMP]):
        raise HeaderMalformed(
            Text(zh=f"{_TIMESTAMP} 为 1970 年以来的整秒数", en=f"{_TIMESTAMP} is whole seconds since 1970")
        )
    return SignedMessage(found[_ID], int(found[_TIMESTAMP]), _signatures(found[_SIGNATURE]))


def _signatures(text: str) -> tuple[tuple[str, bytes], ...]:
    """Read `v1,base64 v1a,base64 …`; unknown schemes are passed over, as later versions may add some."""
    entries = text.split(" ") if len(text) <= _SIGNATURE_HEADER_MAX else []
    if not 0 < len(entries) <= _SIGNATURES_MAX:
        raise HeaderMalformed(
            Text(zh=f"{_SIGNATURE} 过长", en=f"{_SIGNATURE} has at most {_SIGNATURES_MAX} signatures")
        )
    signatures: list[tuple[str, bytes]] = []
    for entry in entries:
        matched = _ENTRY.fullmatch(entry)
        if matched is None:
            raise _not_a_signature()
        if matched[1] in _KNOWN_VERSIONS:
            signatures.append((matched[1], _decoded(matched[2])))
    return tuple(signatures)


def _decoded(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise _not_a_signature() from error
    # Base64 leaves bits over in its last letter; a signature that can be written in two ways is two signatures.
    if base64.b64encode(raw).decode() != text:
        raise _not_a_signature()
    return raw


def _not_a_signature() -> HeaderMalformed:
    return HeaderMalformed(
        Text(
            zh=f"{_SIGNATURE} 为以空格分隔的 v1,base64",
            en=f"{_SIGNATURE} is a list of v1,base64 divided by single spaces",
        )
    )
