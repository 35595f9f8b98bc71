"""Statements on entitlements; steps and questions only ever grow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, literal, null, select, tuple_, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import Boolean

from services.directory.entitlements.models import (
    Entitlement,
    EntitlementKind,
    EntitlementQuestion,
    EntitlementStep,
)
from services.directory.entitlements.rules import LookedAt
from services.directory.locking import locked
from services.directory.personal.models import Disclosure
from shared.db import Session, WriteSession

__all__ = [
    "EVIDENCE_FIELD",
    "EntitlementFilter",
    "find_entitlement",
    "find_kind",
    "find_question",
    "insert_kind",
    "insert_question",
    "is_entitled",
    "list_entitlements",
    "list_kinds",
    "looks_at",
    "overlapping",
    "steps_of",
]

# What a disclosure of evidence is called in the audit of disclosures.
EVIDENCE_FIELD = "entitlement.evidence"


@dataclass(frozen=True, slots=True)
class EntitlementFilter:
    """What a list is narrowed to; None narrows nothing. `ends_between` are the first and the last day that count."""

    person_id: UUID | None = None
    under: str | None = None
    kind: str | None = None
    ends_between: tuple[date, date] | None = None
    revoked: bool | None = None


async def insert_kind(session: WriteSession, values: dict[str, Any]) -> bool:
    """Insert a kind; False when there is one of its code."""
    statement = insert(EntitlementKind).values(tenant_id=session.tenant, **values).on_conflict_do_nothing()
    return (await session.execute(statement.returning(EntitlementKind.code))).one_or_none() is not None


async def find_kind(session: Session, code: str, *, lock: bool = False) -> EntitlementKind | None:
    """Return a kind, locked against other changes if wanted."""
    statement = select(EntitlementKind).where(EntitlementKind.tenant_id == session.tenant, EntitlementKind.code == code)
    return await session.scalar(locked(statement) if lock else statement)


async def list_kinds(session: Session, *, after: str | None, limit: int) -> Sequence[EntitlementKind]:
    """Return the tenant's kinds in the order of their codes."""
    statement = select(EntitlementKind).where(EntitlementKind.tenant_id == session.tenant)
    if after is not None:
        statement = statement.where(EntitlementKind.code > after)
    return (await session.scalars(statement.order_by(EntitlementKind.code).limit(limit))).all()


async def find_entitlement(session: Session, entitlement_id: UUID, *, lock: bool = False) -> Entitlement | None:
    """Return an entitlement, locked against other changes if wanted."""
    statement = select(Entitlement).where(Entitlement.tenant_id == session.tenant, Entitlement.id == entitlement_id)
    return await session.scalar(locked(statement) if lock else statement)


async def overlapping(
    session: WriteSession, person_id: UUID, kind: str, starts_on: date, ends_on: date
) -> Entitlement | None:
    """Return an entitlement of a kind that a person holds at some day of a period."""
    statement = select(Entitlement).where(
        Entitlement.tenant_id == session.tenant,
        Entitlement.person_id == person_id,
        Entitlement.kind == kind,
        Entitlement.revoked_at.is_(None),
        Entitlement.starts_on <= ends_on,
        Entitlement.ends_on >= starts_on,
    )
    return await session.scalar(statement.limit(1))


async def list_entitlements(
    session: Session,
    wanted: EntitlementFilter,
    *,
    visible: tuple[str, ...] | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Entitlement]:
    """Return entitlements, those that end first first; `visible` are areas of their holders, None means all."""
    statement = select(Entitlement).where(Entitlement.tenant_id == session.tenant)
    if visible is not None:
        statement = statement.where(Entitlement.area_path.within_any(visible))
    if wanted.under is not None:
        statement = statement.where(Entitlement.area_path.within(wanted.under))
    for column, value in ((Entitlement.person_id, wanted.person_id), (Entitlement.kind, wanted.kind)):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.ends_between is not None:
        statement = statement.where(Entitlement.ends_on.between(*wanted.ends_between))
    if wanted.revoked is not None:
        is_revoked = Entitlement.revoked_at.is_not(None)
        statement = statement.where(is_revoked if wanted.revoked else ~is_revoked)
    if after is not None:
        statement = statement.where(tuple_(Entitlement.ends_on, Entitlement.id) > tuple_(*after))
    return (await session.scalars(statement.order_by(Entitlement.ends_on, Entitlement.id).limit(limit))).all()


async def steps_of(session: Session, entitlement_id: UUID) -> Sequence[EntitlementStep]:
    """Return the history of an entitlement in its order."""
    statement = select(EntitlementStep).where(
        EntitlementStep.tenant_id == session.tenant, EntitlementStep.entitlement_id == entitlement_id
    )
    return (await session.scalars(statement.order_by(EntitlementStep.position))).all()


async def is_entitled(session: Session, person_id: UUID, kinds: Sequence[str], day: date) -> bool:
    """Tell whether somebody holds any of some kinds on a day."""
    statement = select(Entitlement.id).where(
        Entitlement.tenant_id == session.tenant,
        Entitlement.person_id == person_id,
        Entitlement.kind.in_(kinds),
        Entitlement.revoked_at.is_(None),
        Entitlement.starts_on <= day,
        Entitlement.ends_on >= day,
    )
    return await session.scalar(statement.limit(1)) is not None


async def find_question(session: Session, question_id: UUID) -> EntitlementQuestion | None:
    """Return a question that was answered."""
    statement = select(EntitlementQuestion).where(
        EntitlementQuestion.tenant_id == session.tenant, EntitlementQuestion.id == question_id
    )
    return await session.scalar(statement)


async def insert_question(session: WriteSession, values: dict[str, Any]) -> bool:
    """Write down a question with its answer; False when one of its id is there."""
    statement = insert(EntitlementQuestion).values(tenant_id=session.tenant, **values).on_conflict_do_nothing()
    return (await session.execute(statement.returning(EntitlementQuestion.id))).one_or_none() is not None


async def looks_at(
    session: Session, person_id: UUID, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[Row[Any]]:
    """Return who has asked about a person or read their evidence, the newest first."""
    asked = select(
        EntitlementQuestion.id,
        literal(LookedAt.BENEFIT.value).label("what"),
        EntitlementQuestion.purpose,
        EntitlementQuestion.asked_by.label("by"),
        EntitlementQuestion.entitled,
        EntitlementQuestion.asked_at.label("at"),
    ).where(EntitlementQuestion.tenant_id == session.tenant, EntitlementQuestion.person_id == person_id)
    read = select(
        Disclosure.id,
        literal(LookedAt.EVIDENCE.value).label("what"),
        Disclosure.purpose,
        Disclosure.actor.label("by"),
        null().cast(Boolean).label("entitled"),
        Disclosure.disclosed_at.label("at"),
    ).where(
        Disclosure.tenant_id == session.tenant,
        Disclosure.subject_id == person_id,
        Disclosure.field == EVIDENCE_FIELD,
    )
    looks = union_all(asked, read).subquery()
    statement = select(looks)
    if after is not None:
        statement = statement.where(tuple_(looks.c.at, looks.c.id) < tuple_(*after))
    return (await session.execute(statement.order_by(looks.c.at.desc(), looks.c.id.desc()).limit(limit))).all()
