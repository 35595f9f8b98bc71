"""Tables of conformance runs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.conformance.rules import RunState, Step, StepState
from services.matching.models import Base
from shared.db import TenantRow

__all__ = ["ConformanceRun", "ConformanceStep"]

_STATES = ", ".join(f"'{state.value}'" for state in RunState)
_STEPS = ", ".join(f"'{step.value}'" for step in Step)
_STEP_STATES = ", ".join(f"'{state.value}'" for state in StepState)


class ConformanceRun(TenantRow, Base):
    """One run of one partner."""

    __tablename__ = "conformance_runs"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["matching.partners.tenant_id", "matching.partners.id"]),
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint("(state = 'passed') = (passed_at IS NOT NULL)", name="passed"),
        Index("conformance_runs_partner_idx", "tenant_id", "partner_id", "started_at"),
    )
    partner_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(String(8))
    started_by: Mapped[str] = mapped_column(String(80))
    started_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    passed_at: Mapped[datetime | None]


class ConformanceStep(Base):
    """One step of a run, and what was last seen of it."""

    __tablename__ = "conformance_steps"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "run_id"], ["matching.conformance_runs.tenant_id", "matching.conformance_runs.id"]
        ),
        CheckConstraint(f"step IN ({_STEPS})", name="step"),
        CheckConstraint(f"state IN ({_STEP_STATES})", name="state"),
        Index("conformance_steps_message_key", "tenant_id", "message_id", unique=True),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(String(16), primary_key=True)
    message_id: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(6))
    reason: Mapped[str | None] = mapped_column(String(20))
    tries: Mapped[int] = mapped_column(Integer)
    seen_at: Mapped[datetime | None]
