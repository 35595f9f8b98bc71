"""Two tokens, both EdDSA JWTs: the access token that a client carries, and the internal one that services accept.

The gateway is the only one that turns the first into the second; a service never sees a client's own token, and an
internal token is good for one audience and a minute.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.auth.keys import SigningKey
from shared.auth.principal import Grant, Principal, Role
from shared.clock import machine_now
from shared.ids import new_id
from shared.problems import Unauthenticated

__all__ = [
    "ACCESS_AUDIENCE",
    "ACCESS_ISSUER",
    "INTERNAL_ISSUER",
    "InternalVerifier",
    "mint_access",
    "mint_internal",
    "principal_from_claims",
]

ACCESS_ISSUER: Final = "linli"
ACCESS_AUDIENCE: Final = "linli"
INTERNAL_ISSUER: Final = "linli-gateway"
_ALGORITHM: Final = "EdDSA"
_VERIFIED_MAX: Final = 10_000
_LEEWAY_S: Final = 5


def _claims(principal: Principal) -> dict[str, Any]:
    grants = []
    for grant in principal.grants:
        claim = {"role": grant.role.value, "path": grant.path}
        if grant.unit_id is not None:
            claim["unit_id"] = str(grant.unit_id)
        if grant.area_id is not None:
            claim["area_id"] = str(grant.area_id)
        grants.append(claim)
    claims: dict[str, Any] = {"tenant": principal.tenant, "kind": principal.kind, "grants": grants}
    if principal.subject_id is not None:
        claims["sub"] = str(principal.subject_id)
    if principal.session_id is not None:
        claims["sid"] = str(principal.session_id)
    return claims


def principal_from_claims(claims: dict[str, Any]) -> Principal:
    """Read the caller out of verified claims; Unauthenticated when they are not ours in shape."""
    try:
        return Principal(
            tenant=str(claims["tenant"]),
            subject_id=UUID(claims["sub"]) if "sub" in claims else None,
            kind=claims["kind"],
            grants=tuple(
                Grant(
                    role=Role(grant["role"]),
                    path=str(grant["path"]),
                    unit_id=UUID(grant["unit_id"]) if "unit_id" in grant else None,
                    area_id=UUID(grant["area_id"]) if "area_id" in grant else None,
                )
                for grant in claims["grants"]
            ),
            session_id=UUID(claims["sid"]) if "sid" in claims else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unauthenticated from error


def _mint(principal: Principal, key: SigningKey, *, issuer: str, audience: str, ttl_s: int) -> str:
    now = machine_now()
    claims = _claims(principal) | {
        "iss": issuer,
        "aud": audience,
        "iat": now,
        "exp": now + timedelta(seconds=ttl_s),
        "jti": str(new_id()),
    }
    return jwt.encode(claims, key.private, algorithm=_ALGORITHM, headers={"kid": key.kid})


def mint_access(principal: Principal, key: SigningKey, ttl_s: int = 900) -> str:
    """Issue the token that a client presents to the gateway."""
    return _mint(principal, key, issuer=ACCESS_ISSUER, audience=ACCESS_AUDIENCE, ttl_s=ttl_s)


def mint_internal(principal: Principal, audience: str, key: SigningKey, ttl_s: int = 60) -> str:
    """Issue the token that the gateway presents to one service."""
    return _mint(principal, key, issuer=INTERNAL_ISSUER, audience=audience, ttl_s=ttl_s)


class InternalVerifier:
    """Checks internal tokens for one service; verified ones are remembered until they expire, in a bounded cache."""

    def __init__(self, public_key: Ed25519PublicKey, audience: str) -> None:
        self._public_key = public_key
        self._audience = audience
        self._verified: OrderedDict[str, tuple[datetime, Principal]] = OrderedDict()

    def __call__(self, token: str) -> Principal:
        """Return the caller, or raise Unauthenticated for a token that is forged, expired or meant for another."""
        known = self._verified.get(token)
        now = machine_now()
        if known is not None and now < known[0]:
            return known[1]
        try:
            claims = jwt.decode(
                token,
                self._public_key,
                algorithms=[_ALGORITHM],
                audience=self._audience,
                issuer=INTERNAL_ISSUER,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "aud", "iss"]},
            )
        except jwt.InvalidTokenError as error:
            raise Unauthenticated from error
        principal = principal_from_claims(claims)
        self._verified[token] = (now + timedelta(seconds=max(0.0, float(claims["exp"]) - now.timestamp())), principal)
        while len(self._verified) > _VERIFIED_MAX:
            self._verified.popitem(last=False)
        return principal
