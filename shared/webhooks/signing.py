"""Sending: the three headers of a message."""

import base64
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from shared.webhooks.keys import Signer

__all__ = ["ID_PATTERN", "TOLERANCE", "sign", "signed_content"]

# How far the clocks of the two sides may be apart.
TOLERANCE: Final = timedelta(minutes=5)
# Visible ASCII. Not a full stop: it divides what is signed, and whoever chooses it could move the borders.
ID_PATTERN: Final = re.compile(r"[!-\-/-~]{1,128}")


def signed_content(message_id: str, timestamp: int, body: bytes) -> bytes:
    """Return what is signed.

    Args:
        message_id: in ASCII.
        timestamp: in seconds since 1970.
        body: as it travels, byte for byte.
    """
    return b"%b.%d.%b" % (message_id.encode("ascii"), timestamp, body)


def sign(message_id: str, sent_at: datetime, body: bytes, signers: Sequence[Signer]) -> dict[str, str]:
    """Return the headers of a message.

    Args:
        message_id: the same however often the message is sent; 1 to 128 visible ASCII characters but a full stop.
        sent_at: when this attempt is made, aware.
        body: as it will travel, byte for byte.
        signers: one, or several while keys are being replaced.

    Raises:
        ValueError: the id cannot be one, or nobody signs.
    """
    if not ID_PATTERN.fullmatch(message_id) or not signers:
        message = "a message has an id of 1 to 128 visible ASCII characters without a full stop, and a signer"
        raise ValueError(message)
    timestamp = int(sent_at.timestamp())
    content = signed_content(message_id, timestamp, body)
    signatures = [f"{signer.version},{base64.b64encode(signer.sign(content)).decode()}" for signer in signers]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
