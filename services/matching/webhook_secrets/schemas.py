"""Shapes of partners' keys."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from services.matching.webhook_secrets.rules import OVERLAP_HOURS, OVERLAP_HOURS_MAX, Mode
from shared.web import InputModel, OutputModel

__all__ = ["NewSecretOut", "PolicyIn", "PolicyOut", "SecretIn", "SecretOut"]

PublicKeyText = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^whpk_[A-Za-z0-9+/]+={0,2}$")]


class SecretIn(InputModel):
    """A new key. The one before it stays valid for some hours, so that nothing is lost while the sender changes."""

    id: UUID | None = None
    mode: Annotated[Mode, Field(description="What messages signed with it do 用途：正式或沙箱")] = Mode.SANDBOX
    public_key: Annotated[
        PublicKeyText | None,
        Field(description="Your Ed25519 public key, to sign with v1a; without, a secret is made for v1 自备公钥"),
    ] = None
    overlap_hours: Annotated[
        int, Field(strict=True, ge=0, le=OVERLAP_HOURS_MAX, description="旧密钥继续有效的小时数")
    ] = OVERLAP_HOURS


class SecretOut(OutputModel):
    """A key without its secret; `hint` is how it ends."""

    id: UUID
    partner_id: UUID
    mode: Mode
    scheme: Literal["v1", "v1a"]
    hint: str
    valid: bool
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_by: str | None
    revoked_at: datetime | None
    version: int


class NewSecretOut(SecretOut):
    """A new key. `secret` is shown this once; it is null for a public key, and when the same request comes again."""

    secret: str | None
    webhook_url: Annotated[str, Field(description="Where to send 推送地址")]


class PolicyIn(InputModel):
    """What the district asks of partners that push; PUT replaces the whole of it."""

    requires_conformance: Annotated[
        bool, Field(description="Whether the conformance run comes before the first live key 正式密钥须先通过联调检验")
    ]


class PolicyOut(OutputModel):
    """What the district asks; version 0 is what holds as long as nobody has said anything."""

    requires_conformance: bool
    changed_by: str | None
    changed_at: datetime | None
    version: int
