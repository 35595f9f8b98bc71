"""What a partner's keys are for, how many may be valid at a time, and what must be true before the first live one."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = [
    "OVERLAP_HOURS",
    "OVERLAP_HOURS_MAX",
    "VALID_MAX",
    "ConformanceRequired",
    "Mode",
    "NotAPublicKey",
    "PartnerNotVetted",
    "SecretRevoked",
    "TooManySecrets",
    "is_valid",
    "overlap_ends",
]

# The old key and the new one.
VALID_MAX: Final = 2
OVERLAP_HOURS: Final = 24
OVERLAP_HOURS_MAX: Final = 14 * 24


class Mode(StrEnum):
    """What a message signed with a key does."""

    # It changes the resource list.
    LIVE = "live"
    # It is understood and reported on, and changes nothing.
    SANDBOX = "sandbox"


class TooManySecrets(Conflict):
    """Two keys are valid already."""

    code = "too_many_webhook_secrets"
    title = Text(zh="已有两个有效密钥，请先吊销其中一个", en="Two keys are valid already: revoke one first")


class SecretRevoked(Conflict):
    """A key is revoked once."""

    code = "webhook_secret_revoked"
    title = Text(zh="该密钥已吊销", en="The key is revoked already")


class PartnerNotVetted(Conflict):
    """Only the offers of a vetted partner count."""

    code = "partner_not_vetted"
    title = Text(zh="合伙人尚未通过审核", en="The partner is not vetted")


class ConformanceRequired(Conflict):
    """The district wants the conformance run passed before anything is live."""

    code = "conformance_required"
    title = Text(zh="须先通过 Webhook 联调检验", en="The conformance run must be passed first")


class NotAPublicKey(Invalid):
    """It does not read as an Ed25519 public key."""

    code = "not_a_public_key"
    title = Text(zh="不是有效的 whpk_ 公钥", en="Not a public key of the form whpk_…")


class Ending(Protocol):
    """What is known of a key's end."""

    @property
    def expires_at(self) -> datetime | None:
        """When its successor has taken over."""

    @property
    def revoked_at(self) -> datetime | None:
        """When somebody ended it."""


def is_valid(key: Ending, now: datetime) -> bool:
    """Tell whether messages may be signed with a key now."""
    return key.revoked_at is None and (key.expires_at is None or now < key.expires_at)


def overlap_ends(valid: Sequence[Ending], now: datetime, hours: int) -> datetime:
    """Return until when the keys before a new one stay valid.

    Raises:
        TooManySecrets: one of them has been replaced already and its time is not over.
    """
    if len(valid) >= VALID_MAX:
        raise TooManySecrets
    return now + timedelta(hours=hours)
