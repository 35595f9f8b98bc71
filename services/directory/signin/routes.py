"""HTTP of signing in. Nobody is known yet, so these routes open the transaction of the tenant in the body themselves.

Every refusal of a sign-in is the same 401, and it is raised after the commit: a counted attempt stays counted.
"""

from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import BackgroundTasks, Depends, Header, Request, Response

from services.directory.people.routes import PasswordsOfApp
from services.directory.settings import DirectorySettings
from services.directory.signin import issuing, service
from services.directory.signin.issuing import Issuer
from services.directory.signin.rules import CODE_TTL, RefreshRefused, RefreshReused, RefreshVerdict, WrongCredentials
from services.directory.signin.schemas import (
    CodeRequest,
    CodeSent,
    CodeSignIn,
    JsonWebKey,
    KeySet,
    Me,
    PasswordSignIn,
    Refresh,
    SessionView,
    SignedIn,
)
from services.directory.signin.senders import CodeSender
from shared.auth import Principal, authenticated, public
from shared.db import Database
from shared.problems import TooManyRequests
from shared.vault import VaultOfApp
from shared.web import Reading, Writing, database_of, service_router

__all__ = ["router"]

router = service_router(tags=["sign-in"])

_USER_AGENT_MAX: Final = 200
_KEYS_MAX_AGE_S: Final = 300

Anybody = Annotated[Principal, Depends(public)]
SignedInCaller = Annotated[Principal, Depends(authenticated)]


@dataclass(frozen=True, slots=True)
class Desk:
    """What signing in needs of the app."""

    db: Database
    issuer: Issuer
    sender: CodeSender
    settings: DirectorySettings


async def _desk(request: Request) -> Desk:
    state = request.app.state
    return Desk(database_of(request), state.issuer, state.code_sender, state.settings)


async def _agent(user_agent: Annotated[str, Header()] = "") -> str:
    """Name the caller's device, for the list of sessions."""
    return "".join(sign for sign in user_agent if sign.isprintable())[:_USER_AGENT_MAX]


DeskOfApp = Annotated[Desk, Depends(_desk)]
Agent = Annotated[str, Depends(_agent)]


@router.post("/v1/sign-in/codes", status_code=202)
async def ask_for_code(
    wanted: CodeRequest, desk: DeskOfApp, vault: VaultOfApp, background: BackgroundTasks, _caller: Anybody
) -> CodeSent:
    """Send a one-time code; the answer is the same for every phone 获取验证码."""
    async with desk.db.write(wanted.tenant) as session:
        issued = await service.issue_code(session, wanted.phone, vault, desk.settings)
    if issued.wait_s:
        raise TooManyRequests(retry_after_s=issued.wait_s)
    expires_in_s = int(CODE_TTL.total_seconds())
    if issued.code is not None:
        background.add_task(
            desk.sender.send, tenant=wanted.tenant, phone=wanted.phone, code=issued.code, expires_in_s=expires_in_s
        )
    return CodeSent(expires_in_s=expires_in_s)


@router.post("/v1/sign-in/code")
async def sign_in_by_code(
    wanted: CodeSignIn, desk: DeskOfApp, vault: VaultOfApp, agent: Agent, response: Response, _caller: Anybody
) -> SignedIn:
    """Sign in with a one-time code; a new phone registers a resident 验证码登录."""
    async with desk.db.write(wanted.tenant) as session:
        signed_in = await service.sign_in_by_code(session, wanted, vault, desk.issuer, agent)
    return _answer(signed_in, response)


@router.post("/v1/sign-in/password")
async def sign_in_by_password(
    wanted: PasswordSignIn,
    desk: DeskOfApp,
    vault: VaultOfApp,
    passwords: PasswordsOfApp,
    agent: Agent,
    response: Response,
    _caller: Anybody,
) -> SignedIn:
    """Sign in with a password 密码登录."""
    async with desk.db.write(wanted.tenant) as session:
        attempt = await service.begin_password_attempt(session, wanted.username, vault)
    if attempt.wait_s:
        raise TooManyRequests(retry_after_s=attempt.wait_s)
    # Outside of any transaction, because it takes long on purpose.
    if not await passwords.verify(attempt.password_hash, wanted.password):
        raise WrongCredentials
    async with desk.db.write(wanted.tenant) as session:
        signed_in = await service.finish_password_attempt(session, attempt, desk.issuer, agent)
    return _answer(signed_in, response)


@router.post("/v1/tokens/refresh")
async def refresh(wanted: Refresh, desk: DeskOfApp, response: Response, _caller: Anybody) -> SignedIn:
    """Exchange a refresh token for the next pair; each works once 刷新令牌."""
    async with desk.db.write(wanted.tenant) as session:
        outcome = await issuing.refresh_session(session, desk.issuer, wanted.refresh_token)
    if outcome is RefreshVerdict.REVOKE_FAMILY:
        raise RefreshReused
    if isinstance(outcome, RefreshVerdict):
        raise RefreshRefused
    return _answer(outcome, response)


@router.post("/v1/sign-out", status_code=204)
async def sign_out(session: Writing, caller: SignedInCaller) -> None:
    """End the session of the caller's token 退出登录."""
    await service.end_session(session, caller)


@router.get("/v1/me")
async def get_me(session: Reading, vault: VaultOfApp, caller: SignedInCaller) -> Me:
    """Tell who is calling 当前用户."""
    return await service.me(session, caller, vault)


@router.get("/v1/me/sessions")
async def list_sessions(session: Reading, caller: SignedInCaller) -> list[SessionView]:
    """List the caller's live sessions, a hundred at most 登录会话."""
    return await service.list_sessions(session, caller)


@router.post("/v1/me/sessions/{session_id}/revoke")
async def revoke_session(session_id: UUID, session: Writing, caller: SignedInCaller) -> SessionView:
    """End one of the caller's sessions; needs no version, since an end is never out of date 终止会话."""
    return await service.revoke_own_session(session, caller, session_id)


@router.get("/.well-known/jwks.json")
async def get_keys(desk: DeskOfApp, response: Response, _caller: Anybody) -> KeySet:
    """Publish the keys that verify access tokens 公钥."""
    response.headers["Cache-Control"] = f"public, max-age={_KEYS_MAX_AGE_S}"
    return KeySet(keys=[JsonWebKey(**key.jwk) for key in desk.issuer.keys])


def _answer(signed_in: SignedIn | None, response: Response) -> SignedIn:
    """Answer with tokens that nobody on the way may keep, or refuse without a reason."""
    if signed_in is None:
        raise WrongCredentials
    response.headers["Cache-Control"] = "no-store"
    return signed_in
