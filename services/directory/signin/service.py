"""Proving who one is, by a code that was sent to a phone or by a password.

A function that returns nothing has refused, and what it wrote (an attempt, a consumed code) must be committed all the
same: the caller raises only after the transaction.
"""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.directory.areas.repository import find_root
from services.directory.areas.service import open_area_to_use
from services.directory.people import repository as people
from services.directory.people.models import Person
from services.directory.people.service import phone_columns, phone_index, view
from services.directory.settings import DirectorySettings
from services.directory.signin import repository
from services.directory.signin.issuing import Issuer, begin_session
from services.directory.signin.models import SignInSession
from services.directory.signin.rules import (
    CODE_TTL,
    CodeFacts,
    blocked_for,
    code_is_usable,
    new_code,
    wait_for_code_s,
)
from services.directory.signin.schemas import CodeSignIn, HeldRole, Me, SessionView, SignedIn
from services.directory.tenants.repository import find_tenant
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import NotFound
from shared.vault import Vault

__all__ = [
    "IssuedCode",
    "PasswordAttempt",
    "begin_password_attempt",
    "end_session",
    "finish_password_attempt",
    "issue_code",
    "list_sessions",
    "me",
    "revoke_own_session",
    "sign_in_by_code",
]

_SELF_REGISTERED = "self"


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A code to send, or the seconds to wait for one."""

    code: str | None
    wait_s: int


@dataclass(frozen=True, slots=True)
class PasswordAttempt:
    """A password to check: against whose hash, or how long to wait before."""

    username_index: bytes
    person_id: UUID | None
    password_hash: str | None
    wait_s: int


async def issue_code(session: WriteSession, phone: str, vault: Vault, settings: DirectorySettings) -> IssuedCode:
    """Make a code for a phone, whether it is known or not; none in a tenant that does not exist."""
    if await find_tenant(session) is None:
        return IssuedCode(None, 0)
    index = phone_index(vault, session.tenant, phone)
    await repository.lock_identity(session, index)
    now = utc_now()
    asked_at = await repository.list_code_times(session, index, now - timedelta(days=1))
    wait_s = wait_for_code_s(asked_at, now, per_window=settings.window_limit, per_day=settings.day_limit)
    if wait_s:
        return IssuedCode(None, wait_s)
    code, code_id = new_code(), new_id()
    values = {
        "id": code_id,
        "phone_index": index,
        "code_hash": _code_hash(vault, session.tenant, code_id, code),
        "attempts": 0,
        "created_at": now,
        "expires_at": now + CODE_TTL,
    }
    await repository.insert_code(session, values, now)
    return IssuedCode(code, 0)


async def sign_in_by_code(
    session: WriteSession, wanted: CodeSignIn, vault: Vault, issuer: Issuer, user_agent: str
) -> SignedIn | None:
    """Sign in whoever holds the phone; somebody new becomes a resident."""
    if await find_tenant(session) is None:
        return None
    index = phone_index(vault, session.tenant, wanted.phone)
    await repository.lock_identity(session, index)
    now = utc_now()
    code = await repository.find_newest_code(session, index)
    if code is None or not code_is_usable(
        CodeFacts(code.expires_at, code.attempts, consumed=code.consumed_at is not None), now
    ):
        return None
    code.attempts += 1
    if not hmac.compare_digest(code.code_hash, _code_hash(vault, session.tenant, code.id, wanted.code)):
        return None
    person = await people.find_person_by_phone(session, index) or await _register_resident(session, wanted, vault)
    if person is None:
        return None
    code.consumed_at = now
    return await begin_session(session, issuer, person.id, method="code", user_agent=user_agent)


async def begin_password_attempt(session: WriteSession, username: str, vault: Vault) -> PasswordAttempt:
    """Count an attempt and find the hash to check against; nobody's hash for a username that nobody has."""
    index = vault.index(session.tenant, "username", username)
    if await find_tenant(session) is None:
        return PasswordAttempt(index, None, None, 0)
    await repository.lock_identity(session, index)
    now = utc_now()
    failures, last_at = await repository.find_password_attempts(session, index)
    if last_at is not None:
        wait = last_at + blocked_for(failures) - now
        if wait > timedelta(0):
            return PasswordAttempt(index, None, None, int(wait.total_seconds()) + 1)
    await repository.count_password_attempt(session, index, now)
    person = await people.find_person_by_username(session, username)
    if person is None:
        return PasswordAttempt(index, None, None, 0)
    return PasswordAttempt(index, person.id, person.password_hash, 0)


async def finish_password_attempt(
    session: WriteSession, attempt: PasswordAttempt, issuer: Issuer, user_agent: str
) -> SignedIn | None:
    """Sign in whoever knew the password, unless it was changed while it was being checked."""
    person = await people.find_person(session, attempt.person_id, lock=True) if attempt.person_id else None
    if person is None or person.password_hash != attempt.password_hash:
        return None
    await repository.forget_password_attempts(session, attempt.username_index, utc_now())
    return await begin_session(session, issuer, person.id, method="password", user_agent=user_agent)


async def end_session(session: WriteSession, caller: Principal) -> None:
    """Sign the caller out; a token without a session (of a client) has none to end."""
    if caller.session_id is not None:
        await repository.revoke_session(session, caller.session_id, because="signed_out", now=utc_now())


async def me(session: Session, caller: Principal, vault: Vault) -> Me:
    """Tell the caller who they are."""
    person = await people.find_person(session, caller.subject_id) if caller.subject_id else None
    return Me(
        tenant=caller.tenant,
        kind=caller.kind,
        person=view(person, vault) if person else None,
        grants=[
            HeldRole(role=grant.role, area_path=grant.path, area_id=grant.area_id, unit_id=grant.unit_id)
            for grant in caller.grants
        ],
        session_id=caller.session_id,
    )


async def list_sessions(session: Session, caller: Principal) -> list[SessionView]:
    """Return the caller's live sessions."""
    if caller.subject_id is None:
        return []
    rows = await repository.list_sessions(session, caller.subject_id, utc_now())
    return [_session_view(row, caller) for row in rows]


async def revoke_own_session(session: WriteSession, caller: Principal, session_id: UUID) -> SessionView:
    """End one of the caller's sessions; ending it again changes nothing."""
    if caller.subject_id is None or await repository.find_session(session, caller.subject_id, session_id) is None:
        raise NotFound
    await repository.revoke_session(session, session_id, because="revoked", now=utc_now())
    row = await repository.find_session(session, caller.subject_id, session_id)
    if row is None:
        raise NotFound
    return _session_view(row, caller)


async def _register_resident(session: WriteSession, wanted: CodeSignIn, vault: Vault) -> Person | None:
    """Register the holder of a new phone as a resident; none in a tenant without any area."""
    root = await find_root(session)
    if root is None:
        return None
    area = await open_area_to_use(session, wanted.area_id or root.id)
    person_id, now = new_id(), utc_now()
    placed = {"area_id": area.id, "area_path": area.path, "version": 1, "created_at": now, "digest": b""}
    values: dict[str, Any] = {
        **placed,
        "id": person_id,
        "display_name": wanted.display_name or f"居民 {wanted.phone[-4:]}",
        **phone_columns(vault, session.tenant, person_id, wanted.phone),
    }
    if await people.insert_person(session, values):
        grant = {"id": new_id(), "person_id": person_id, "role": Role.RESIDENT, "starts_at": now}
        await people.insert_grant(session, {**placed, **grant, "granted_by": _SELF_REGISTERED})
        return await people.find_person(session, person_id)
    # An administrator registered the same number a moment ago.
    return await people.find_person_by_phone(session, phone_index(vault, session.tenant, wanted.phone))


def _code_hash(vault: Vault, tenant: str, code_id: UUID, code: str) -> bytes:
    """Hash a code under the key: six digits have too few values for a hash without one."""
    return vault.index(tenant, f"code/{code_id}", code)


def _session_view(row: SignInSession, caller: Principal) -> SessionView:
    return SessionView(
        id=row.id,
        method=row.method,
        user_agent=row.user_agent,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        current=row.id == caller.session_id,
    )
