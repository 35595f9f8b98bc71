"""Statements on codes, password attempts, sessions and refresh tokens."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.directory.signin.models import OneTimeCode, PasswordAttempts, RefreshToken, SignInSession
from services.directory.signin.rules import RefreshFacts
from shared.db import Session, WriteSession

__all__ = [
    "count_password_attempt",
    "find_newest_code",
    "find_password_attempts",
    "find_refresh_token",
    "find_session",
    "forget_password_attempts",
    "insert_code",
    "insert_refresh_token",
    "insert_session",
    "list_code_times",
    "list_sessions",
    "lock_identity",
    "revoke_session",
    "revoke_sessions_of",
    "touch_session",
    "use_refresh_token",
]

_SESSIONS_SHOWN_MAX: Final = 100
_KEPT: Final = timedelta(days=1)
# Old rows are cleared by whoever adds one, a few at a time, so that nothing has to walk through all tenants.
_CLEARED_AT_ONCE: Final = 20

_LOCK_IDENTITY: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


async def lock_identity(session: WriteSession, index: bytes) -> None:
    """Let only one transaction at a time ask for a code, try a code or try a password of a phone or username."""
    await session.execute(_LOCK_IDENTITY, {"name": f"directory/identity/{session.tenant}/{index.hex()}"})


async def list_code_times(session: Session, phone_index: bytes, since: datetime) -> list[datetime]:
    """Return when a phone was sent codes."""
    statement = select(OneTimeCode.created_at).where(
        OneTimeCode.tenant_id == session.tenant,
        OneTimeCode.phone_index == phone_index,
        OneTimeCode.created_at > since,
    )
    return list(await session.scalars(statement))


async def insert_code(session: WriteSession, values: dict[str, Any], now: datetime) -> None:
    """Keep a new code, and forget some that are older than a day."""
    await session.execute(insert(OneTimeCode).values(tenant_id=session.tenant, **values))
    old = (
        select(OneTimeCode.id)
        .where(OneTimeCode.tenant_id == session.tenant, OneTimeCode.created_at < now - _KEPT)
        .limit(_CLEARED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    await session.execute(
        delete(OneTimeCode)
        .where(OneTimeCode.tenant_id == session.tenant, OneTimeCode.id.in_(old))
        .execution_options(synchronize_session=False)
    )


async def find_newest_code(session: WriteSession, phone_index: bytes) -> OneTimeCode | None:
    """Return the only code of a phone that counts."""
    statement = (
        select(OneTimeCode)
        .where(OneTimeCode.tenant_id == session.tenant, OneTimeCode.phone_index == phone_index)
        .order_by(OneTimeCode.created_at.desc(), OneTimeCode.id.desc())
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


async def find_password_attempts(session: WriteSession, username_index: bytes) -> tuple[int, datetime | None]:
    """Return the failures in a row of a username and when the last was."""
    statement = select(PasswordAttempts.failures, PasswordAttempts.last_at).where(
        PasswordAttempts.tenant_id == session.tenant, PasswordAttempts.username_index == username_index
    )
    row = (await session.execute(statement)).one_or_none()
    return (row.failures, row.last_at) if row else (0, None)


async def count_password_attempt(session: WriteSession, username_index: bytes, now: datetime) -> None:
    """Count an attempt as failed until it is known to be good."""
    await session.execute(
        upsert(PasswordAttempts)
        .values(tenant_id=session.tenant, username_index=username_index, failures=1, last_at=now)
        .on_conflict_do_update(
            index_elements=["tenant_id", "username_index"],
            set_={"failures": PasswordAttempts.failures + 1, "last_at": now},
        )
    )


async def forget_password_attempts(session: WriteSession, username_index: bytes, now: datetime) -> None:
    """Start counting anew for a username, and forget some others of long ago."""
    ours = PasswordAttempts.tenant_id == session.tenant
    old = (
        select(PasswordAttempts.username_index)
        .where(ours, PasswordAttempts.last_at < now - _KEPT)
        .limit(_CLEARED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    await session.execute(delete(PasswordAttempts).where(ours, PasswordAttempts.username_index == username_index))
    await session.execute(
        delete(PasswordAttempts)
        .where(ours, PasswordAttempts.username_index.in_(old))
        .execution_options(synchronize_session=False)
    )


async def insert_session(session: WriteSession, values: dict[str, Any]) -> None:
    """Begin a session."""
    await session.execute(insert(SignInSession).values(tenant_id=session.tenant, **values))


async def find_session(session: Session, person_id: UUID, session_id: UUID) -> SignInSession | None:
    """Return one session of a person."""
    statement = select(SignInSession).where(
        SignInSession.tenant_id == session.tenant,
        SignInSession.id == session_id,
        SignInSession.person_id == person_id,
    )
    return (await session.scalars(statement.execution_options(populate_existing=True))).one_or_none()


async def list_sessions(session: Session, person_id: UUID, now: datetime) -> Sequence[SignInSession]:
    """Return the live sessions of a person, the newest first."""
    statement = (
        select(SignInSession)
        .where(
            SignInSession.tenant_id == session.tenant,
            SignInSession.person_id == person_id,
            SignInSession.revoked_at.is_(None),
            SignInSession.expires_at > now,
        )
        .order_by(SignInSession.created_at.desc(), SignInSession.id.desc())
        .limit(_SESSIONS_SHOWN_MAX)
    )
    return (await session.scalars(statement)).all()


async def touch_session(session: WriteSession, session_id: UUID, now: datetime) -> None:
    """Note that a session was used."""
    await session.execute(
        update(SignInSession)
        .where(SignInSession.tenant_id == session.tenant, SignInSession.id == session_id)
        .values(last_used_at=now)
        .execution_options(synchronize_session=False)
    )


async def revoke_session(session: WriteSession, session_id: UUID, *, because: str, now: datetime) -> None:
    """End one session; the first reason stays."""
    await session.execute(
        update(SignInSession)
        .where(
            SignInSession.tenant_id == session.tenant,
            SignInSession.id == session_id,
            SignInSession.revoked_at.is_(None),
        )
        .values(revoked_at=now, revoked_because=because)
        .execution_options(synchronize_session=False)
    )


async def revoke_sessions_of(session: WriteSession, person_id: UUID, *, because: str, now: datetime) -> None:
    """End all sessions of a person."""
    await session.execute(
        update(SignInSession)
        .where(
            SignInSession.tenant_id == session.tenant,
            SignInSession.person_id == person_id,
            SignInSession.revoked_at.is_(None),
        )
        .values(revoked_at=now, revoked_because=because)
        .execution_options(synchronize_session=False)
    )


async def insert_refresh_token(session: WriteSession, values: dict[str, Any], now: datetime) -> None:
    """Keep the hash of a new token, and forget those of its session that have expired."""
    await session.execute(
        delete(RefreshToken)
        .where(
            RefreshToken.tenant_id == session.tenant,
            RefreshToken.session_id == values["session_id"],
            RefreshToken.expires_at < now,
        )
        .execution_options(synchronize_session=False)
    )
    await session.execute(insert(RefreshToken).values(tenant_id=session.tenant, **values))


async def find_refresh_token(session: WriteSession, token_hash: bytes) -> RefreshFacts | None:
    """Return a token with its session, both locked: of two that present it, the second sees that it was used."""
    statement = (
        select(
            RefreshToken.id,
            RefreshToken.session_id,
            RefreshToken.used_at,
            RefreshToken.expires_at,
            SignInSession.person_id,
            SignInSession.expires_at.label("session_expires_at"),
            SignInSession.revoked_at,
        )
        .join(
            SignInSession,
            (SignInSession.tenant_id == RefreshToken.tenant_id) & (SignInSession.id == RefreshToken.session_id),
        )
        .where(
            RefreshToken.tenant_id == session.tenant,
            SignInSession.tenant_id == session.tenant,
            RefreshToken.token_hash == token_hash,
        )
        .with_for_update()
    )
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        return None
    return RefreshFacts(
        token_id=row.id,
        session_id=row.session_id,
        person_id=row.person_id,
        used=row.used_at is not None,
        expires_at=row.expires_at,
        session_expires_at=row.session_expires_at,
        session_revoked=row.revoked_at is not None,
    )


async def use_refresh_token(session: WriteSession, token_id: UUID, now: datetime) -> None:
    """Mark a token as used."""
    await session.execute(
        update(RefreshToken)
        .where(RefreshToken.tenant_id == session.tenant, RefreshToken.id == token_id)
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
