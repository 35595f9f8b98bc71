"""Tables of codes, password attempts, sessions and refresh tokens. No secret is kept as it was given."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.directory.models import SCHEMA, Base
from shared.db import TenantRow

__all__ = ["OneTimeCode", "PasswordAttempts", "RefreshToken", "SignInSession"]


class OneTimeCode(TenantRow, Base):
    """A code that was sent to a phone, known or not. Only the newest one of a phone counts."""

    __tablename__ = "one_time_codes"
    __table_args__ = (
        Index("one_time_codes_phone_idx", "tenant_id", "phone_index", "created_at"),
        Index("one_time_codes_created_idx", "tenant_id", "created_at"),
    )

    phone_index: Mapped[bytes] = mapped_column(LargeBinary)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    attempts: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    consumed_at: Mapped[datetime | None]


class PasswordAttempts(Base):
    """Failures in a row of one username, whether anybody has it or not, so that blocking tells nothing."""

    __tablename__ = "password_attempts"
    __table_args__ = (Index("password_attempts_last_idx", "tenant_id", "last_at"),)

    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    username_index: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime]


class SignInSession(TenantRow, Base):
    """One sign-in on one device: the family of all refresh tokens that came from it."""

    __tablename__ = "sessions"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], [f"{SCHEMA}.people.tenant_id", f"{SCHEMA}.people.id"]),
        Index("sessions_person_idx", "tenant_id", "person_id", "created_at"),
    )

    person_id: Mapped[UUID]
    method: Mapped[str] = mapped_column(String(20))
    user_agent: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_because: Mapped[str | None] = mapped_column(String(40))


class RefreshToken(TenantRow, Base):
    """One refresh token, by its hash; used ones stay until they would have expired, to recognise a copy."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "session_id"], [f"{SCHEMA}.sessions.tenant_id", f"{SCHEMA}.sessions.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("tenant_id", "token_hash"),
        Index("refresh_tokens_session_idx", "tenant_id", "session_id", "expires_at"),
    )

    session_id: Mapped[UUID]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
