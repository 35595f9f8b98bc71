"""The tables that the kernel keeps in every service's schema, declared once and registered on each service's
metadata.
"""

from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Identity,
    Index,
    LargeBinary,
    Select,
    String,
    Text,
    bindparam,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.db.base import Ltree, TenantRow

__all__ = ["AreaCopyColumns", "ReferenceModels", "UnitCopyColumns", "kernel_models", "reference_models"]

_UNPUBLISHED = text("published_at IS NULL")
_UNACKNOWLEDGED = text("published_at IS NOT NULL AND acked_at IS NULL")
_HELD = text("state IN ('waiting', 'failed', 'dead')")


def _outbox_models(base: type[DeclarativeBase]) -> None:
    class OutboxEvent(base):  # type: ignore[misc,valid-type]
        """One event on its way to one consumer. `body` is the CloudEvent without its sequence."""

        __tablename__ = "outbox"
        __table_args__ = (
            Index("outbox_unpublished_idx", "consumer", "position", postgresql_where=_UNPUBLISHED),
            Index("outbox_unacked_idx", "consumer", "published_at", postgresql_where=_UNACKNOWLEDGED),
            Index("outbox_acked_idx", "acked_at", postgresql_where=text("acked_at IS NOT NULL")),
        )
        tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
        id: Mapped[UUID] = mapped_column(primary_key=True)
        consumer: Mapped[str] = mapped_column(String(32), primary_key=True)
        position: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
        subject: Mapped[str] = mapped_column(String(80))
        sequence: Mapped[int] = mapped_column(BigInteger)
        body: Mapped[str] = mapped_column(Text)
        created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
        attempts: Mapped[int] = mapped_column(server_default=text("0"))
        published_at: Mapped[datetime | None]
        acked_at: Mapped[datetime | None]

    class OutboxSubject(base):  # type: ignore[misc,valid-type]
        """How many events of a subject a consumer has been sent."""

        __tablename__ = "outbox_subjects"
        tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
        subject: Mapped[str] = mapped_column(String(80), primary_key=True)
        consumer: Mapped[str] = mapped_column(String(32), primary_key=True)
        last_sequence: Mapped[int] = mapped_column(BigInteger)


def _inbox_models(base: type[DeclarativeBase]) -> None:
    class InboxEvent(base):  # type: ignore[misc,valid-type]
        """One event that arrived. `body` is kept only of events that wait, fail, are dead, or were skipped."""

        __tablename__ = "inbox"
        __table_args__ = (
            CheckConstraint("state IN ('applied', 'waiting', 'failed', 'dead', 'skipped')", name="state"),
            Index("inbox_held_idx", "tenant_id", "subject", "sequence", postgresql_where=_HELD),
            Index("inbox_due_idx", "next_attempt_at", postgresql_where=text("state = 'failed'")),
            Index("inbox_applied_idx", "applied_at", postgresql_where=text("state = 'applied'")),
        )
        tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
        id: Mapped[UUID] = mapped_column(primary_key=True)
        type: Mapped[str] = mapped_column(String(80))
        subject: Mapped[str] = mapped_column(String(80))
        sequence: Mapped[int] = mapped_column(BigInteger)
        state: Mapped[str] = mapped_column(String(8))
        body: Mapped[str | None] = mapped_column(Text)
        attempts: Mapped[int] = mapped_column(server_default=text("0"))
        next_attempt_at: Mapped[datetime | None]
        error: Mapped[str | None] = mapped_column(Text)
        received_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
        applied_at: Mapped[datetime | None]

    class InboxSubject(base):  # type: ignore[misc,valid-type]
        """Up to which event a subject has been applied here."""

        __tablename__ = "inbox_subjects"
        tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
        subject: Mapped[str] = mapped_column(String(80), primary_key=True)
        last_sequence: Mapped[int] = mapped_column(BigInteger)

    class InboxDecision(base):  # type: ignore[misc,valid-type]
        """What a person decided about a dead event; written once."""

        __tablename__ = "inbox_decisions"
        __table_args__ = (
            CheckConstraint("decision IN ('requeue', 'skip')", name="decision"),
            Index("inbox_decisions_event_idx", "tenant_id", "event_id"),
        )
        tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
        id: Mapped[UUID] = mapped_column(primary_key=True)
        event_id: Mapped[UUID]
        decision: Mapped[str] = mapped_column(String(8))
        reason: Mapped[str] = mapped_column(Text)
        actor: Mapped[str] = mapped_column(String(80))
        decided_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


def kernel_models(base: type[DeclarativeBase]) -> None:
    """Register outbox, inbox, idempotency keys and schedule runs on a service's metadata."""
    _outbox_models(base)
    _inbox_models(base)

    class IdempotencyKey(base):  # type: ignore[misc,valid-type]
        """What was answered to a request that may be repeated."""

        __tablename__ = "idempotency_keys"
        __table_args__ = (Index("idempotency_keys_created_at_idx", "created_at"),)
        tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
        actor: Mapped[str] = mapped_column(String(80), primary_key=True)
        key: Mapped[str] = mapped_column(String(128), primary_key=True)
        fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
        status: Mapped[int]
        headers: Mapped[dict[str, Any]] = mapped_column(JSONB)
        body: Mapped[bytes] = mapped_column(LargeBinary)
        created_at: Mapped[datetime]

    class ScheduleRun(base):  # type: ignore[misc,valid-type]
        """The lock of a schedule: whoever inserts the row of an occurrence runs it. Belongs to no tenant: `tenant_id`
        is `_`.
        """

        __tablename__ = "schedule_runs"
        tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
        name: Mapped[str] = mapped_column(String(80), primary_key=True)
        occurrence: Mapped[datetime] = mapped_column(primary_key=True)
        started_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
        finished_at: Mapped[datetime | None]


class AreaCopyColumns(TenantRow):
    """What a service keeps of the directory's areas."""

    path: Mapped[str] = mapped_column(Ltree())
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(200))
    parent_id: Mapped[UUID | None]
    closed_on: Mapped[date | None]


class UnitCopyColumns(TenantRow):
    """What a service keeps of the directory's units."""

    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(40))
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    active: Mapped[bool] = mapped_column(Boolean)


class ReferenceModels(NamedTuple):
    """The mapped classes of a service's copies, and the statements that read one by `tenant` and `id`: made once, since
    nearly every request asks them.
    """

    area: type[AreaCopyColumns]
    unit: type[UnitCopyColumns]
    area_by_id: Select[Any]
    unit_by_id: Select[Any]


def reference_models(base: type[DeclarativeBase], more: type = object) -> ReferenceModels:
    """Register a service's copies of areas and units; returns their classes.

    Args:
        base: the service's declarative base.
        more: a mixin with columns that the service adds to its copies.
    """

    class AreaCopy(AreaCopyColumns, base, more):  # type: ignore[misc,valid-type]
        """An area as the directory last told of it."""

        __tablename__ = "areas"
        __table_args__ = (Index("areas_path_idx", "path", postgresql_using="gist"),)

    class UnitCopy(UnitCopyColumns, base, more):  # type: ignore[misc,valid-type]
        """A unit as the directory last told of it."""

        __tablename__ = "units"

    return ReferenceModels(AreaCopy, UnitCopy, _by_id(AreaCopy), _by_id(UnitCopy))


def _by_id(model: type[AreaCopyColumns | UnitCopyColumns]) -> Select[Any]:
    return select(model).where(model.tenant_id == bindparam("tenant"), model.id == bindparam("id"))
