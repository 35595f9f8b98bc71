"""Tables of cases: the case as it stands, every step that made it so, who else is concerned, and the numbers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.cases.terms import Channel, Level, Outcome, State
from services.intake.models import Base
from shared.db import Ltree, TenantRow, Xid8

__all__ = ["Case", "CaseJoiner", "CaseNumberBlock", "CaseStep"]


def _one_of(column: str, values: type[State | Level | Outcome | Channel]) -> str:
    return f"{column} IN ({', '.join(repr(value.value) for value in values)})"


class Case(TenantRow, Base):
    """A case as it stands. It keeps the area that it was filed in."""

    __tablename__ = "cases"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "category"], ["intake.categories.tenant_id", "intake.categories.code"]),
        ForeignKeyConstraint(["tenant_id", "area_id"], ["intake.areas.tenant_id", "intake.areas.id"]),
        CheckConstraint(_one_of("state", State), name="state"),
        CheckConstraint(_one_of("level", Level), name="level"),
        CheckConstraint(_one_of("outcome", Outcome), name="outcome"),
        CheckConstraint(_one_of("channel", Channel), name="channel"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_at"),
        CheckConstraint("state <> 'closed' OR outcome IS NOT NULL", name="closed"),
        Index("cases_number_key", "tenant_id", "number", unique=True),
        Index("cases_filed_idx", "tenant_id", text("filed_at DESC"), text("id DESC")),
        # Lists are walks in the order of their index. No index looks at the state, which every step changes: so that
        # the row can be written again on its own page, without a word to any index.
        Index("cases_place_filed_idx", "tenant_id", "area_id", text("filed_at DESC"), text("id DESC")),
        Index(
            "cases_open_place_filed_idx",
            "tenant_id",
            "area_id",
            text("filed_at DESC"),
            text("id DESC"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(
            "cases_open_filed_idx",
            "tenant_id",
            text("filed_at DESC"),
            text("id DESC"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("cases_area_idx", "area_path", postgresql_using="gist"),
        Index(
            "cases_place_idx",
            text("point(longitude, latitude)"),
            postgresql_using="gist",
            postgresql_where=text("latitude IS NOT NULL"),
        ),
        # The map of an area shows what is open: a few among all that were ever there.
        Index(
            "cases_open_point_idx",
            text("point(longitude, latitude)"),
            postgresql_using="gist",
            postgresql_where=text("latitude IS NOT NULL AND closed_at IS NULL"),
        ),
        Index("cases_requester_idx", "tenant_id", "requester_id", text("filed_at DESC"), text("id DESC")),
        Index("cases_category_idx", "tenant_id", "category", text("filed_at DESC")),
        Index(
            "cases_joiners_idx",
            "tenant_id",
            text("joiners DESC"),
            text("filed_at DESC"),
            text("id DESC"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(
            "cases_unit_idx",
            "tenant_id",
            "unit_id",
            text("filed_at DESC"),
            text("id DESC"),
            postgresql_where=text("unit_id IS NOT NULL"),
        ),
        Index(
            "cases_external_key",
            "tenant_id",
            "external_source",
            "external_ref",
            unique=True,
            postgresql_where=text("external_ref IS NOT NULL"),
        ),
        Index("cases_words_idx", text("ngrams(VARIADIC ARRAY[title, description])"), postgresql_using="gin"),
    )
    number: Mapped[str] = mapped_column(String(20))
    category: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text)
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    latitude: Mapped[float | None] = mapped_column(Double)
    longitude: Mapped[float | None] = mapped_column(Double)
    place_text: Mapped[str | None] = mapped_column(String(200))
    requester_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(String(12))
    level: Mapped[str | None] = mapped_column(String(8))
    outcome: Mapped[str | None] = mapped_column(String(16))
    triage: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    unit_id: Mapped[UUID | None]
    claimed_by: Mapped[UUID | None]
    due_at: Mapped[datetime | None]
    channel: Mapped[str] = mapped_column(String(12), server_default="app")
    paused_reason: Mapped[str | None] = mapped_column(String(40))
    hand_overs: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    reopened: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    joiners: Mapped[int] = mapped_column(server_default="0")
    collective: Mapped[bool] = mapped_column(server_default="false")
    representatives: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default="{}")
    appeal_open: Mapped[bool] = mapped_column(server_default="false")
    anonymous: Mapped[bool] = mapped_column(server_default="false")
    closed_at: Mapped[datetime | None]
    # What was said to the category's questions, and to which version of them; null where nothing was asked.
    answers: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    form_version: Mapped[int | None]
    answers_changed_at: Mapped[datetime | None]
    # By what a case is known where it came from, if it came in a table.
    external_source: Mapped[str | None] = mapped_column(String(40))
    external_ref: Mapped[str | None] = mapped_column(String(80))
    import_id: Mapped[UUID | None]
    filed_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int]


class CaseStep(Base):
    """One step of a case's history; `position` counts them from 1.

    It keeps the level and the unit that the case had after it, and what it did to the clocks, so that figures and
    deadlines can be counted from the history alone.
    `xid` is the transaction that wrote it: what phones fetch is ordered by it, see `intake.sync`.
    """

    __tablename__ = "case_steps"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        Index("case_steps_xid_idx", "tenant_id", "xid"),
        Index("case_steps_closed_idx", "tenant_id", "at", postgresql_where=text("to_state = 'closed'")),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    step: Mapped[str] = mapped_column(String(24))
    level: Mapped[str | None] = mapped_column(String(8))
    unit_id: Mapped[UUID | None]
    clocks: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    from_state: Mapped[str | None] = mapped_column(String(12))
    to_state: Mapped[str] = mapped_column(String(12))
    actor: Mapped[str] = mapped_column(String(80))
    note: Mapped[str | None] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime]
    xid: Mapped[int] = mapped_column(Xid8(), server_default=text("pg_current_xact_id()"), deferred=True)


class CaseJoiner(Base):
    """A neighbour whom the same trouble concerns."""

    __tablename__ = "case_joiners"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        Index("case_joiners_person_idx", "tenant_id", "person_id"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    joined_at: Mapped[datetime]
    # The case that was merged away and brought them here.
    via_case_id: Mapped[UUID | None]


class CaseNumberBlock(Base):
    """Up to where the numbers of a year have been handed out, in blocks."""

    __tablename__ = "case_number_blocks"
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    next_number: Mapped[int]
