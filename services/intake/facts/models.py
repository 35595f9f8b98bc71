"""Tables of facts, how far they are counted, and checks of them. No person and no word of anybody stands in them.

Facts have no foreign key to their case, which is never removed: its check would lock the case, and whoever takes a step
would wait for the figures.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Index,
    Integer,
    SmallInteger,
    String,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base
from shared.db import Ltree, TenantRow, UtcTime, Xid8

__all__ = ["CaseFact", "DayFact", "FactCheck", "FactProgress", "TransitionFact"]


class CaseFact(Base):
    """One case as its history tells it.

    Seconds of a clock are those that counted, over all its runs that have ended; `…_kept` tells whether each of them
    ended within its limit, and is null while none has. `version` is the last step that was read, `calendar_version`
    the calendar by which what still runs is counted.
    """

    __tablename__ = "case_facts"
    __table_args__ = (
        Index("case_facts_filed_idx", "tenant_id", text("filed_at DESC"), text("case_id DESC")),
        Index("case_facts_area_idx", "area_path", postgresql_using="gist"),
        Index("case_facts_closed_idx", "tenant_id", "closed_at", postgresql_where=text("closed_at IS NOT NULL")),
        Index("case_facts_calendar_idx", "tenant_id", "calendar_version", postgresql_where=text("state <> 'closed'")),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    area_path: Mapped[str] = mapped_column(Ltree())
    category: Mapped[str] = mapped_column(String(40))
    channel: Mapped[str] = mapped_column(String(12))
    level: Mapped[str | None] = mapped_column(String(8))
    unit_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(String(12))
    outcome: Mapped[str | None] = mapped_column(String(16))
    anonymous: Mapped[bool]
    collective: Mapped[bool]
    joiners: Mapped[int]
    filed_at: Mapped[datetime]
    filed_on: Mapped[date]
    accepted_at: Mapped[datetime | None]
    first_reply_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    accept_s: Mapped[int | None] = mapped_column(BigInteger)
    accept_kept: Mapped[bool | None]
    first_reply_s: Mapped[int | None] = mapped_column(BigInteger)
    first_reply_kept: Mapped[bool | None]
    resolve_s: Mapped[int | None] = mapped_column(BigInteger)
    resolve_kept: Mapped[bool | None]
    verdict_s: Mapped[int | None] = mapped_column(BigInteger)
    verdict_kept: Mapped[bool | None]
    reopened: Mapped[int] = mapped_column(SmallInteger)
    hand_overs: Mapped[int] = mapped_column(SmallInteger)
    appeals: Mapped[int]
    supervised: Mapped[int]
    calendar_version: Mapped[int]
    version: Mapped[int]


class TransitionFact(Base):
    """One step of a case, and the stay that it begins.

    `calendar_s` and `working_s` count from the step before. `dues` is what was due next during the stay, each from an
    instant of `dues_from` on: a change of the calendar moves what runs.
    """

    __tablename__ = "transition_facts"
    __table_args__ = (
        Index("transition_facts_at_idx", "tenant_id", text("at DESC"), text("case_id DESC"), text("position DESC")),
        Index("transition_facts_area_idx", "area_path", postgresql_using="gist"),
        Index("transition_facts_day_idx", "tenant_id", "day", postgresql_where=text("effect IS NOT NULL")),
        Index("transition_facts_until_idx", "tenant_id", "until_at", "at"),
        Index(
            "transition_facts_lasting_idx",
            "tenant_id",
            "at",
            postgresql_where=text("until_at IS NULL AND to_state <> 'closed'"),
        ),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    area_path: Mapped[str] = mapped_column(Ltree())
    category: Mapped[str] = mapped_column(String(40))
    channel: Mapped[str] = mapped_column(String(12))
    step: Mapped[str] = mapped_column(String(24))
    effect: Mapped[str | None] = mapped_column(String(8))
    from_state: Mapped[str | None] = mapped_column(String(12))
    to_state: Mapped[str] = mapped_column(String(12))
    level: Mapped[str | None] = mapped_column(String(8))
    unit_id: Mapped[UUID | None]
    actor_kind: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime]
    day: Mapped[date]
    until_at: Mapped[datetime | None]
    calendar_s: Mapped[int | None] = mapped_column(BigInteger)
    working_s: Mapped[int | None] = mapped_column(BigInteger)
    dues_from: Mapped[list[datetime]] = mapped_column(ARRAY(UtcTime()))
    dues: Mapped[list[datetime | None]] = mapped_column(ARRAY(UtcTime()))


class DayFact(Base):
    """What a day brought, and what was open at its end, of one area, category and level. Only days that are over.

    `revision` counts how often the row was counted otherwise after its day was frozen: a table of old cases that is
    imported later belongs to the days of its cases.
    """

    __tablename__ = "day_facts"
    __table_args__ = (CheckConstraint("backlog >= overdue", name="overdue"),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    area_path: Mapped[str] = mapped_column(Ltree(), primary_key=True)
    category: Mapped[str] = mapped_column(String(40), primary_key=True)
    level: Mapped[str] = mapped_column(String(8), primary_key=True)
    opened: Mapped[int]
    accepted: Mapped[int]
    resolved: Mapped[int]
    closed: Mapped[int]
    reopened: Mapped[int]
    backlog: Mapped[int]
    overdue: Mapped[int]
    revision: Mapped[int] = mapped_column(SmallInteger)


class FactProgress(Base):
    """How far a tenant's facts are counted; whoever holds the lock of the row counts.

    `epoch` names the counting of transactions. While `filling`, all cases are read in the order of their ids, up to
    `filled_to`. Later all steps of transactions below `lower_xid` are read. When everything below `mark_xid` is, all
    is read up to `mark_at`: that is `read_through`. Days up to `frozen_through` are counted.
    """

    __tablename__ = "fact_progress"
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    epoch: Mapped[str] = mapped_column(String(16))
    filling: Mapped[bool]
    filled_to: Mapped[UUID | None]
    lower_xid: Mapped[int] = mapped_column(Xid8())
    mark_xid: Mapped[int | None] = mapped_column(Xid8())
    mark_at: Mapped[datetime | None]
    read_through: Mapped[datetime | None]
    frozen_through: Mapped[date | None]
    batches: Mapped[int] = mapped_column(BigInteger)


class FactCheck(TenantRow, Base):
    """All facts counted again and compared, for an administrator: first the cases, then the days."""

    __tablename__ = "fact_checks"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'done')", name="state"),
        CheckConstraint("(state = 'done') = (finished_at IS NOT NULL)", name="finished"),
        Index("fact_checks_open_idx", "tenant_id", "asked_at", "id", postgresql_where=text("finished_at IS NULL")),
        Index("fact_checks_asked_idx", "tenant_id", text("asked_at DESC"), text("id DESC")),
    )
    repair: Mapped[bool]
    state: Mapped[str] = mapped_column(String(8))
    asked_by: Mapped[str] = mapped_column(String(80))
    asked_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    cases_to: Mapped[UUID | None]
    days_to: Mapped[date | None]
    cases: Mapped[int]
    unread: Mapped[int]
    days: Mapped[int]
    differences: Mapped[int]
    found: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
