"""Intervals of clocks, and which rungs of a ladder have been climbed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base

__all__ = ["ClockInterval", "Escalation"]

_CLOCKS = "clock IN ('accept', 'first_reply', 'resolve', 'verdict')"


class ClockInterval(Base):
    """One stretch of one run of a clock.

    What is to be told next, and when, stands on the one that lasts; on one that stands still, when it runs again.
    """

    __tablename__ = "clock_intervals"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        CheckConstraint(_CLOCKS, name="clock"),
        CheckConstraint("ended_at >= started_at", name="order"),
        CheckConstraint("next_at IS NULL OR ended_at IS NULL", name="next"),
        # Nothing stands still for ever.
        CheckConstraint("running OR ended_at IS NOT NULL OR next_at IS NOT NULL", name="standing"),
        Index("clock_intervals_next_idx", "tenant_id", "next_at", postgresql_where=text("next_at IS NOT NULL")),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    clock: Mapped[str] = mapped_column(String(12), primary_key=True)
    run: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    running: Mapped[bool]
    reason: Mapped[str | None] = mapped_column(String(40))
    budget_s: Mapped[int]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    left_s: Mapped[int]
    left_end_s: Mapped[int | None]
    due_at: Mapped[datetime | None]
    calendar_version: Mapped[int]
    rung: Mapped[int] = mapped_column(SmallInteger)
    next_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(SmallInteger)


class Escalation(Base):
    """A rung that has been climbed: once for each case, clock, run and rung, whoever tries. Rung 0 is the warning."""

    __tablename__ = "escalations"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        CheckConstraint(_CLOCKS, name="clock"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    clock: Mapped[str] = mapped_column(String(12), primary_key=True)
    run: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    rung: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    due_at: Mapped[datetime]
    fired_at: Mapped[datetime]
    told_path: Mapped[str] = mapped_column(String(400))
