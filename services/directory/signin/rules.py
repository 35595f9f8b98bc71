"""What makes a code, a password attempt or a refresh token good. Pure: facts and a time in, a verdict out."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final
from uuid import UUID

from shared.problems import Unauthenticated
from shared.texts import Text

__all__ = [
    "CODE_DIGITS",
    "CODE_TRIES",
    "CODE_TTL",
    "CODE_WINDOW",
    "CodeFacts",
    "RefreshFacts",
    "RefreshRefused",
    "RefreshReused",
    "RefreshVerdict",
    "WrongCredentials",
    "blocked_for",
    "code_is_usable",
    "judge_refresh",
    "new_code",
    "new_refresh_token",
    "refresh_hash",
    "wait_for_code_s",
]

CODE_DIGITS: Final = 6
CODE_TTL: Final = timedelta(minutes=5)
CODE_TRIES: Final = 5
CODE_WINDOW: Final = timedelta(minutes=10)

# The first failures cost nothing, so that a person may mistype; then each doubles the wait.
_FREE_FAILURES: Final = 10
_FIRST_BLOCK: Final = timedelta(seconds=30)
_LONGEST_BLOCK: Final = timedelta(minutes=15)
_DOUBLINGS_MAX: Final = 16

_REFRESH_BYTES: Final = 32


class WrongCredentials(Unauthenticated):
    """Wrong for whatever reason: which part of it was wrong is never told."""

    code = "wrong_credentials"
    title = Text(zh="登录信息不正确", en="These credentials are not right")


class RefreshRefused(Unauthenticated):
    """The refresh token is unknown, expired or revoked."""

    code = "refresh_refused"
    title = Text(zh="请重新登录", en="Sign in again")


class RefreshReused(Unauthenticated):
    """The refresh token was used before: somebody has a copy, so the whole session has been ended."""

    code = "refresh_reused"
    title = Text(zh="登录凭证被重复使用，会话已终止", en="The token had been used before; the session has been ended")


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """What is known of a one-time code."""

    expires_at: datetime
    attempts: int
    consumed: bool


@dataclass(frozen=True, slots=True)
class RefreshFacts:
    """What is known of a refresh token and of its session."""

    token_id: UUID
    session_id: UUID
    person_id: UUID
    used: bool
    expires_at: datetime
    session_expires_at: datetime
    session_revoked: bool


class RefreshVerdict(Enum):
    """What to do with a refresh token that was presented."""

    ROTATE = auto()
    REFUSE = auto()
    REVOKE_FAMILY = auto()


def new_code() -> str:
    """Draw a one-time code."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def code_is_usable(code: CodeFacts, now: datetime) -> bool:
    """Tell whether a code may still be tried."""
    return not code.consumed and code.attempts < CODE_TRIES and now < code.expires_at


def wait_for_code_s(asked_at: list[datetime], now: datetime, *, per_window: int, per_day: int) -> int:
    """Return how many seconds a phone must wait for its next code; 0 for not at all.

    Of the times in `asked_at`, at most `per_window` may lie in any `CODE_WINDOW` and `per_day` in any day.
    """
    waits = [0.0]
    for limit, span in ((per_window, CODE_WINDOW), (per_day, timedelta(days=1))):
        recent = sorted(moment for moment in asked_at if moment > now - span)
        if len(recent) >= limit:
            waits.append((recent[-limit] + span - now).total_seconds())
    longest = max(waits)
    return int(longest) + 1 if longest > 0 else 0


def blocked_for(failures: int) -> timedelta:
    """Return how long after its last failure a username is blocked."""
    if failures < _FREE_FAILURES:
        return timedelta(0)
    doublings = min(failures - _FREE_FAILURES, _DOUBLINGS_MAX)
    return min(_FIRST_BLOCK * (1 << doublings), _LONGEST_BLOCK)


def new_refresh_token() -> str:
    """Draw a refresh token: 256 random bits, so that its plain hash can be kept."""
    return secrets.token_urlsafe(_REFRESH_BYTES)


def refresh_hash(token: str) -> bytes:
    """Return what is kept of a refresh token."""
    return hashlib.sha256(token.encode()).digest()


def judge_refresh(token: RefreshFacts | None, now: datetime) -> RefreshVerdict:
    """Judge a refresh token (RFC 9700 §4.14.2: rotation, and the end of the family when one comes back).

    Being used before weighs more than being expired: a copy is a copy.
    """
    if token is None or token.session_revoked:
        return RefreshVerdict.REFUSE
    if token.used:
        return RefreshVerdict.REVOKE_FAMILY
    if now >= token.expires_at or now >= token.session_expires_at:
        return RefreshVerdict.REFUSE
    return RefreshVerdict.ROTATE
