"""Who is calling and what they may do where: principals, roles held at areas, and the tokens that carry both."""

from shared.auth.deciding import AUTH_DECISIONS, authenticated, principal_of, public, requires
from shared.auth.keys import (
    SigningKey,
    public_key_of,
    read_public_key,
    read_signing_key,
)
from shared.auth.principal import ANONYMOUS, Grant, Principal, Role
from shared.auth.tokens import (
    ACCESS_AUDIENCE,
    ACCESS_ISSUER,
    INTERNAL_ISSUER,
    InternalVerifier,
    mint_access,
    mint_internal,
    principal_from_claims,
)

__all__ = [
    "ACCESS_AUDIENCE",
    "ACCESS_ISSUER",
    "ANONYMOUS",
    "AUTH_DECISIONS",
    "INTERNAL_ISSUER",
    "Grant",
    "InternalVerifier",
    "Principal",
    "Role",
    "SigningKey",
    "authenticated",
    "mint_access",
    "mint_internal",
    "principal_from_claims",
    "principal_of",
    "public",
    "public_key_of",
    "read_public_key",
    "read_signing_key",
    "requires",
]
