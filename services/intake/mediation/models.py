"""Tables of mediations: who talks, when, what they agreed, who signed, what was performed, and every step."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.mediation.terms import (
    OPEN,
    Confirmation,
    Form,
    MediationOutcome,
    MediationState,
    PartyRole,
    SessionState,
    TermState,
)
from services.intake.models import Base
from shared.db import Ltree, TenantRow

__all__ = [
    "Mediation",
    "MediationAgreement",
    "MediationParty",
    "MediationProof",
    "MediationSession",
    "MediationSignature",
    "MediationStep",
    "MediationTerm",
]


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(value.value) for value in values)})", name=column)


def _of_a_mediation() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["tenant_id", "mediation_id"], ["intake.mediations.tenant_id", "intake.mediations.id"])


def _proven(column: str) -> ForeignKeyConstraint:
    """Refer to a proof that belongs to this very mediation."""
    there = [f"intake.mediation_proofs.{name}" for name in ("tenant_id", "mediation_id", "attachment_id")]
    return ForeignKeyConstraint(["tenant_id", "mediation_id", column], there)


_OPEN = ", ".join(sorted(repr(state.value) for state in OPEN))


class Mediation(TenantRow, Base):
    """A mediation as it stands; `revision` counts the texts of its agreement."""

    __tablename__ = "mediations"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        _one_of("state", MediationState),
        _one_of("outcome", MediationOutcome),
        _one_of("confirmation", Confirmation),
        CheckConstraint(f"(state IN ({_OPEN})) = (outcome IS NULL)", name="ended"),
        CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="ended_at"),
        CheckConstraint("(effective_at IS NOT NULL) = (outcome IS NOT DISTINCT FROM 'agreed')", name="effective"),
        Index("mediations_open_key", "tenant_id", "case_id", unique=True, postgresql_where=text("outcome IS NULL")),
        Index("mediations_case_idx", "tenant_id", "case_id"),
        Index("mediations_area_idx", "area_path", postgresql_using="gist"),
        Index("mediations_mediator_idx", "tenant_id", "mediator_id", "id"),
    )
    case_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    state: Mapped[str] = mapped_column(String(12))
    outcome: Mapped[str | None] = mapped_column(String(12))
    mediator_id: Mapped[UUID | None]
    declared: Mapped[bool]
    sessions_held: Mapped[int] = mapped_column(SmallInteger)
    revision: Mapped[int]
    advice: Mapped[str | None] = mapped_column(Text)
    effective_at: Mapped[datetime | None]
    confirm_until: Mapped[date | None]
    confirmation: Mapped[str | None] = mapped_column(String(12))
    applied_on: Mapped[date | None]
    court: Mapped[str | None] = mapped_column(String(200))
    ruling_number: Mapped[str | None] = mapped_column(String(80))
    ruled_on: Mapped[date | None]
    opened_by: Mapped[str] = mapped_column(String(80))
    opened_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
    version: Mapped[int]


class MediationProof(Base):
    """A picture or document that belongs to a mediation; the case does not show it."""

    __tablename__ = "mediation_proofs"
    __table_args__ = (
        _of_a_mediation(),
        ForeignKeyConstraint(["tenant_id", "attachment_id"], ["intake.attachments.tenant_id", "intake.attachments.id"]),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    mediation_id: Mapped[UUID] = mapped_column(primary_key=True)
    attachment_id: Mapped[UUID] = mapped_column(primary_key=True)
    kept_by: Mapped[str] = mapped_column(String(80))
    kept_at: Mapped[datetime]


class MediationParty(TenantRow, Base):
    """Somebody whose dispute it is: a person with an account, or a sealed contact. Null answers were not given yet."""

    __tablename__ = "mediation_parties"
    __table_args__ = (
        _of_a_mediation(),
        _proven("consent_proof_id"),
        _proven("accepts_proof_id"),
        _one_of("role", PartyRole),
        CheckConstraint("num_nonnulls(person_id, contact) = 1", name="reached"),
        Index(
            "mediation_parties_person_key",
            "tenant_id",
            "person_id",
            "mediation_id",
            unique=True,
            postgresql_where=text("person_id IS NOT NULL"),
        ),
        Index("mediation_parties_mediation_idx", "tenant_id", "mediation_id", "position"),
    )
    mediation_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
    role: Mapped[str] = mapped_column(String(12))
    person_id: Mapped[UUID | None]
    contact: Mapped[bytes | None] = mapped_column(LargeBinary)
    consents: Mapped[bool | None]
    consented_at: Mapped[datetime | None]
    consent_proof_id: Mapped[UUID | None]
    accepts_mediator: Mapped[bool | None]
    accepts_proof_id: Mapped[UUID | None]


class MediationSession(TenantRow, Base):
    """One sitting, planned and then held or not; its note is for those who take part."""

    __tablename__ = "mediation_sessions"
    __table_args__ = (
        _of_a_mediation(),
        _one_of("state", SessionState),
        CheckConstraint("(state = 'planned') = (closed_at IS NULL)", name="closed"),
        Index("mediation_sessions_mediation_idx", "tenant_id", "mediation_id", "planned_for"),
    )
    mediation_id: Mapped[UUID]
    planned_for: Mapped[datetime]
    place: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(12))
    note: Mapped[str | None] = mapped_column(Text)
    planned_by: Mapped[str] = mapped_column(String(80))
    closed_by: Mapped[str | None] = mapped_column(String(80))
    closed_at: Mapped[datetime | None]


class MediationAgreement(Base):
    """One text of the agreement; a new one does not overwrite it."""

    __tablename__ = "mediation_agreements"
    __table_args__ = (_of_a_mediation(), _one_of("form", Form))
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    mediation_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    form: Mapped[str] = mapped_column(String(8))
    facts: Mapped[str] = mapped_column(Text)
    content: Mapped[str] = mapped_column(Text)
    drafted_by: Mapped[str] = mapped_column(String(80))
    drafted_at: Mapped[datetime]


def _of_a_text() -> ForeignKeyConstraint:
    there = [f"intake.mediation_agreements.{name}" for name in ("tenant_id", "mediation_id", "revision")]
    return ForeignKeyConstraint(["tenant_id", "mediation_id", "revision"], there)


def _of_a_party(column: str) -> ForeignKeyConstraint:
    there = ["intake.mediation_parties.tenant_id", "intake.mediation_parties.id"]
    return ForeignKeyConstraint(["tenant_id", column], there)


class MediationTerm(TenantRow, Base):
    """One obligation of a text: who owes what by which day of China. `told` counts the reminders, see `rules.Told`."""

    __tablename__ = "mediation_terms"
    __table_args__ = (
        _of_a_text(),
        _of_a_party("debtor_id"),
        _proven("proof_id"),
        _one_of("state", TermState),
        CheckConstraint("amount_fen > 0", name="amount"),
        Index("mediation_terms_mediation_idx", "tenant_id", "mediation_id", "revision", "position"),
        Index("mediation_terms_due_idx", "tenant_id", "due_on", "id", postgresql_where=text("state = 'due'")),
    )
    mediation_id: Mapped[UUID]
    revision: Mapped[int]
    position: Mapped[int] = mapped_column(SmallInteger)
    debtor_id: Mapped[UUID]
    text: Mapped[str] = mapped_column(Text)
    amount_fen: Mapped[int | None] = mapped_column(BigInteger)
    due_on: Mapped[date]
    state: Mapped[str] = mapped_column(String(12))
    told: Mapped[int] = mapped_column(SmallInteger)
    note: Mapped[str | None] = mapped_column(Text)
    proof_id: Mapped[UUID | None]
    settled_by: Mapped[str | None] = mapped_column(String(80))
    settled_at: Mapped[datetime | None]


class MediationSignature(Base):
    """A party has signed a text: by its own account, or on paper, as the proof shows."""

    __tablename__ = "mediation_signatures"
    __table_args__ = (_of_a_text(), _of_a_party("party_id"), _proven("proof_id"))
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    mediation_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    party_id: Mapped[UUID] = mapped_column(primary_key=True)
    signed_by: Mapped[str] = mapped_column(String(80))
    proof_id: Mapped[UUID | None]
    at: Mapped[datetime]


class MediationStep(Base):
    """One step of a mediation's history, for those who take part."""

    __tablename__ = "mediation_steps"
    __table_args__ = (_of_a_mediation(),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    mediation_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    step: Mapped[str] = mapped_column(String(24))
    state: Mapped[str] = mapped_column(String(12))
    actor: Mapped[str] = mapped_column(String(80))
    note: Mapped[str | None] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime]
