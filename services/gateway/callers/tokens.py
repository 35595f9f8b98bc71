"""From the token that a client carries to the one that a service accepts.

A checked token is remembered until it expires, and so is the internal token made from it for each service, until
shortly before its minute is over: a signature is made or checked once a minute per caller, not once per request.
"""

import re
from collections import OrderedDict
from time import monotonic, time
from typing import Any, Final

import jwt

from services.gateway.callers.keys import Keys
from services.gateway.problems import TokenExpired, TokenRefused
from shared.auth import (
    ACCESS_AUDIENCE,
    ACCESS_ISSUER,
    ANONYMOUS,
    Principal,
    SigningKey,
    mint_internal,
    principal_from_claims,
)
from shared.problems import Unauthenticated

__all__ = ["Caller", "Callers"]

_ALGORITHM: Final = "EdDSA"
_LEEWAY_S: Final = 5
_INTERNAL_S: Final = 60
_RENEW_BEFORE_S: Final = 10
_HEADER_MAX_BYTES: Final = 16 * 1024
_SCHEME: Final = b"bearer "
_TENANT: Final = re.compile(r"[a-z0-9_]{1,32}")
_KINDS: Final = ("person", "client", "system")


class Caller:
    """Somebody whose token was checked.

    Attributes:
        limit_key: whose budget of requests it is: all tokens of one subject share it.
        good_until: monotonic time up to which the check stands.
        kid: the key that signed the token.
    """

    __slots__ = ("bearers", "good_until", "kid", "limit_key", "principal")

    def __init__(self, principal: Principal, *, kid: str, good_until: float) -> None:
        self.principal = principal
        self.kid = kid
        self.good_until = good_until
        self.limit_key = f"{principal.tenant}/{principal.actor}"
        # The Authorization value for each service, and the monotonic time at which to make the next.
        self.bearers: dict[str, tuple[bytes, float]] = {}


class Callers:
    """All callers that were seen lately.

    Args:
        keys: the directory's.
        signing_key: makes internal tokens.
        tokens_max: how many checked tokens are remembered; the one unused for longest goes first.
    """

    def __init__(self, keys: Keys, signing_key: SigningKey, *, tokens_max: int) -> None:
        self._keys = keys
        self._signing_key = signing_key
        self._tokens_max = tokens_max
        self._known: OrderedDict[bytes, Caller] = OrderedDict()
        self.anonymous = Caller(ANONYMOUS, kid="", good_until=float("inf"))

    def known(self, header: bytes, now: float) -> Caller | None:
        """Return the caller of an Authorization value that was checked before and still holds."""
        caller = self._known.get(header)
        if caller is None:
            return None
        if now >= caller.good_until:
            del self._known[header]
            return None
        self._known.move_to_end(header)
        return caller

    async def verify(self, header: bytes, now: float) -> Caller:
        """Check an Authorization value.

        Raises:
            TokenRefused: it is malformed, forged or not for us; TokenExpired when it was good once.
            KeysUnavailable: it cannot be checked at the moment.
        """
        token = _token_of(header)
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except jwt.InvalidTokenError:
            raise TokenRefused from None
        key = await self._keys.find(kid) if isinstance(kid, str) else None
        if key is None or not isinstance(kid, str):
            raise TokenRefused
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=ACCESS_AUDIENCE,
                issuer=ACCESS_ISSUER,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iat", "aud", "iss"]},
            )
        except jwt.ExpiredSignatureError:
            raise TokenExpired from None
        except (jwt.InvalidTokenError, ValueError, TypeError):
            raise TokenRefused from None
        lasting_s = float(claims["exp"]) + _LEEWAY_S - time()
        caller = Caller(_principal(claims), kid=kid, good_until=now + lasting_s)
        self._remember(header, caller)
        return caller

    def bearer(self, caller: Caller, service: str, now: float) -> bytes:
        """Return the Authorization value that tells a service who is calling."""
        kept = caller.bearers.get(service)
        if kept is not None and now < kept[1]:
            return kept[0]
        # Not longer than the caller's own token, and not so short that it expires on its way.
        lasting_s = max(2, min(_INTERNAL_S, int(min(caller.good_until - monotonic(), _INTERNAL_S))))
        made = b"Bearer " + mint_internal(caller.principal, service, self._signing_key, lasting_s).encode()
        caller.bearers[service] = (made, now + max(0, lasting_s - _RENEW_BEFORE_S))
        return made

    def forget_keys(self, kids: frozenset[str]) -> None:
        """Forget every token that one of these keys signed."""
        for header in [header for header, caller in self._known.items() if caller.kid in kids]:
            del self._known[header]

    def _remember(self, header: bytes, caller: Caller) -> None:
        self._known[header] = caller
        while len(self._known) > self._tokens_max:
            self._known.popitem(last=False)


def _token_of(header: bytes) -> bytes:
    if len(header) > _HEADER_MAX_BYTES or header[: len(_SCHEME)].lower() != _SCHEME:
        raise TokenRefused
    return header[len(_SCHEME) :].strip()


def _principal(claims: dict[str, Any]) -> Principal:
    """Read the caller; only the directory's own kinds, and nobody without a tenant."""
    try:
        principal = principal_from_claims(claims)
    except Unauthenticated:
        raise TokenRefused from None
    nameless = principal.subject_id is None and principal.kind != "system"
    if principal.kind not in _KINDS or nameless or not _TENANT.fullmatch(principal.tenant):
        raise TokenRefused
    return principal
