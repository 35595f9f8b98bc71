"""Signing what a partner's system sends, by the Standard Webhooks: HMAC-SHA256 over id, time and body."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

from seeds.client import Answer, Caller

__all__ = ["Sender", "sign"]


def sign(secret: str, message_id: str, timestamp_s: int, body: bytes) -> str:
    """Return the signature of a message.

    Args:
        secret: `whsec_` and the base64 of the key.
        message_id: names the message, the same when it is sent again.
        timestamp_s: seconds since 1970.
        body: the very bytes that are sent.
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{message_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


@dataclass(frozen=True, slots=True)
class Sender:
    """A partner's system: its address, its secret, and a connection that carries no token."""

    http: Caller
    path: str
    secret: str

    async def push(self, message_id: str, body: bytes, at: datetime) -> Answer:
        """Send a signed message."""
        headers = {**self._signed(message_id, body, at), "Content-Type": "application/json"}
        return await self.http.signed("POST", self.path, body, headers)

    async def report(self, delivery_id: str, at: datetime) -> Answer:
        """Ask what became of a message, signing its own id over an empty body."""
        return await self.http.signed("GET", f"{self.path}/{delivery_id}", b"", self._signed(delivery_id, b"", at))

    def _signed(self, message_id: str, body: bytes, at: datetime) -> dict[str, str]:
        timestamp_s = int(at.timestamp())
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": sign(self.secret, message_id, timestamp_s, body),
        }
