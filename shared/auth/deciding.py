"""The auth decision of a route, as a dependency: `public`, `authenticated` or `requires(role, …)`.

Every route carries exactly one of them and a test counts. Where a role must be held is a rule of the subject and is
checked there, by `Principal.must`. Let the decision stand first among a handler's parameters: FastAPI resolves them in
order, and who may not come in should not learn what else is wrong with the request.
"""

from collections.abc import Awaitable, Callable

import structlog
from fastapi import Request
from fastapi.security.utils import get_authorization_scheme_param

from shared.auth.principal import ANONYMOUS, Principal, Role
from shared.auth.tokens import InternalVerifier
from shared.problems import Forbidden, Unauthenticated
from shared.texts import Text

__all__ = ["AUTH_DECISIONS", "authenticated", "principal_of", "public", "requires"]

# The dependency functions that are an auth decision, for the test that every route has exactly one.
AUTH_DECISIONS: set[Callable[..., object]] = set()


async def principal_of(request: Request) -> Principal:
    """Read the caller from the internal token, once per request; anonymous without one."""
    known: Principal | None = getattr(request.state, "principal", None)
    if known is not None:
        return known
    header = request.headers.get("authorization")
    if header is None:
        return ANONYMOUS
    scheme, token = get_authorization_scheme_param(header)
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    verify: InternalVerifier = request.app.state.verify_internal
    principal = verify(token)
    request.state.principal = principal
    structlog.contextvars.bind_contextvars(tenant=principal.tenant, actor=principal.actor)
    return principal


async def public(request: Request) -> Principal:
    """Let anybody in; the principal may be anonymous."""
    return await principal_of(request)


async def authenticated(request: Request) -> Principal:
    """Let in whoever is signed in."""
    principal = await principal_of(request)
    if principal.kind == "anonymous":
        raise Unauthenticated
    return principal


def requires(*roles: Role) -> Callable[[Request], Awaitable[Principal]]:
    """Let in who holds one of the roles at any area at all."""
    names = ", ".join(sorted(roles))

    async def requires_role(request: Request) -> Principal:
        principal = await authenticated(request)
        if not principal.has(*roles):
            raise Forbidden(
                Text(zh=f"需要以下角色之一：{names}", en=f"This takes one of these roles: {names}"),
                rule="role_required",
            )
        return principal

    AUTH_DECISIONS.add(requires_role)
    return requires_role


AUTH_DECISIONS.update({public, authenticated})
