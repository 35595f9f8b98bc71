"""Shapes of signing in. The tenant comes in the body, because nobody is known yet."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from services.directory.people.schemas import PersonView
from services.directory.personal.fields import Phone
from shared.auth import Role
from shared.db import TENANT_PATTERN
from shared.web import InputModel, OutputModel, ShortText

__all__ = [
    "CodeRequest",
    "CodeSent",
    "CodeSignIn",
    "HeldRole",
    "JsonWebKey",
    "KeySet",
    "Me",
    "PasswordSignIn",
    "Refresh",
    "SessionView",
    "SignedIn",
]

TenantCode = Annotated[str, Field(pattern=TENANT_PATTERN, description="Code of the county or district 区县代码")]


class CodeRequest(InputModel):
    """Ask for a one-time code."""

    tenant: TenantCode
    phone: Phone


class CodeSent(OutputModel):
    """The same answer for every phone."""

    expires_in_s: int


class CodeSignIn(InputModel):
    """Sign in with the code that was sent; a phone that is new here registers a resident at `area_id`."""

    tenant: TenantCode
    phone: Phone
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
    area_id: UUID | None = None
    display_name: ShortText | None = None


class PasswordSignIn(InputModel):
    """Sign in as a member of staff."""

    tenant: TenantCode
    username: Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True, to_lower=True)]
    password: Annotated[str, Field(min_length=1, max_length=128)]


class Refresh(InputModel):
    """Exchange a refresh token for the next pair."""

    tenant: TenantCode
    refresh_token: Annotated[str, Field(min_length=1, max_length=128)]


class SignedIn(OutputModel):
    """A pair of tokens. Each refresh token works once."""

    token_type: Literal["Bearer"]
    access_token: str
    expires_in_s: int
    refresh_token: str
    refresh_expires_at: datetime
    session_id: UUID
    person_id: UUID


class HeldRole(OutputModel):
    """A role as the caller's token carries it."""

    role: Role
    area_path: str
    area_id: UUID | None
    unit_id: UUID | None


class Me(OutputModel):
    """Who is calling: from the token, and, for a person, from the directory."""

    tenant: str
    kind: str
    person: PersonView | None
    grants: list[HeldRole]
    session_id: UUID | None


class SessionView(OutputModel):
    """One sign-in on one device."""

    id: UUID
    method: str
    user_agent: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    current: bool


class JsonWebKey(OutputModel):
    """A public key that verifies access tokens (RFC 8037)."""

    kty: str
    crv: str
    x: str
    alg: str
    use: str
    kid: str


class KeySet(OutputModel):
    """The JWKS."""

    keys: list[JsonWebKey]
