"""Sessions and the tokens that come from them: begun, refreshed by rotation, ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.directory.people.grants import current_grants
from services.directory.signin import repository
from services.directory.signin.rules import RefreshVerdict, judge_refresh, new_refresh_token, refresh_hash
from services.directory.signin.schemas import SignedIn
from shared.auth import Principal, SigningKey, mint_access
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id

__all__ = ["Issuer", "begin_session", "refresh_session"]


@dataclass(frozen=True, slots=True)
class Issuer:
    """What tokens are made with. The first key signs; all are published."""

    keys: tuple[SigningKey, ...]
    access_ttl_s: int
    refresh_ttl_s: int
    session_ttl_s: int


async def begin_session(
    session: WriteSession, issuer: Issuer, person_id: UUID, *, method: str, user_agent: str
) -> SignedIn:
    """Begin a session of somebody who has proved who they are."""
    now = utc_now()
    session_id = new_id()
    expires_at = now + timedelta(seconds=issuer.session_ttl_s)
    await repository.insert_session(
        session,
        {
            "id": session_id,
            "person_id": person_id,
            "method": method,
            "user_agent": user_agent,
            "created_at": now,
            "last_used_at": now,
            "expires_at": expires_at,
        },
    )
    return await _issue(session, issuer, person_id, session_id, session_expires_at=expires_at, now=now)


async def refresh_session(session: WriteSession, issuer: Issuer, token: str) -> SignedIn | RefreshVerdict:
    """Exchange a refresh token for the next pair, with the roles that are held now.

    Returns:
        The next pair, or why there is none; a family that was revoked stays so when the caller is then refused.
    """
    now = utc_now()
    facts = await repository.find_refresh_token(session, refresh_hash(token))
    verdict = judge_refresh(facts, now)
    if facts is None or verdict is RefreshVerdict.REFUSE:
        return RefreshVerdict.REFUSE
    if verdict is RefreshVerdict.REVOKE_FAMILY:
        await repository.revoke_session(session, facts.session_id, because="refresh_reused", now=now)
        return verdict
    await repository.use_refresh_token(session, facts.token_id, now)
    await repository.touch_session(session, facts.session_id, now)
    return await _issue(
        session, issuer, facts.person_id, facts.session_id, session_expires_at=facts.session_expires_at, now=now
    )


async def _issue(
    session: WriteSession,
    issuer: Issuer,
    person_id: UUID,
    session_id: UUID,
    *,
    session_expires_at: datetime,
    now: datetime,
) -> SignedIn:
    """Make a pair of tokens; no refresh token outlives its session."""
    token = new_refresh_token()
    expires_at = min(now + timedelta(seconds=issuer.refresh_ttl_s), session_expires_at)
    await repository.insert_refresh_token(
        session,
        {
            "id": new_id(),
            "session_id": session_id,
            "token_hash": refresh_hash(token),
            "issued_at": now,
            "expires_at": expires_at,
        },
        now,
    )
    principal = Principal(
        tenant=session.tenant,
        subject_id=person_id,
        kind="person",
        grants=await current_grants(session, person_id),
        session_id=session_id,
    )
    return SignedIn(
        token_type="Bearer",  # noqa: S106 - RFC 6750's name of a kind of token
        access_token=mint_access(principal, issuer.keys[0], issuer.access_ttl_s),
        expires_in_s=issuer.access_ttl_s,
        refresh_token=token,
        refresh_expires_at=expires_at,
        session_id=session_id,
        person_id=person_id,
    )
