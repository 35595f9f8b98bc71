"""Use cases of those who decide about entitlements, and of those who hold them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from services.directory.entitlements import repository
from services.directory.entitlements.models import Entitlement, EntitlementKind, EntitlementStep
from services.directory.entitlements.repository import EntitlementFilter
from services.directory.entitlements.rules import (
    GRANTERS,
    STEPS,
    AlreadyEntitled,
    AlreadyOver,
    EndsBeforeStart,
    EntitlementAction,
    EntitlementFacts,
    EntitlementState,
    LongerThanAllowed,
    NoRenewal,
    UnknownKind,
    may_grant,
    state_on,
)
from services.directory.entitlements.schemas import Evidence, KindIn, NewEntitlement, RenewIn
from services.directory.people.models import Person
from services.directory.people.repository import find_person
from services.directory.people.service import visible_person
from services.directory.personal.repository import record_disclosure
from services.directory.tenants.service import today
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import Forbidden, IdTaken, NotFound
from shared.steps import check_step
from shared.vault import Place, Vault

__all__ = [
    "begin_step",
    "evidence_of",
    "facts_of",
    "grant",
    "list_for_officers",
    "lock_entitlement",
    "open_evidence",
    "put_kind",
    "readable",
    "reason_of",
    "renew",
    "revoke",
]

_EVIDENCE: Final = "entitlements.evidence"
_REASON: Final = "entitlement_steps.reason"


async def put_kind(session: WriteSession, code: str, wanted: KindIn) -> tuple[EntitlementKind, bool]:
    """Make a kind be what is wanted; returns it and whether it is new."""
    values: dict[str, Any] = {
        "name_zh": wanted.name.zh,
        "name_en": wanted.name.en,
        "longest_days": wanted.longest_days,
        "active": wanted.active,
    }
    is_new = await repository.insert_kind(session, {"code": code, "version": 1, **values})
    kind = await repository.find_kind(session, code, lock=True)
    if kind is None:
        raise NotFound
    if any(getattr(kind, name) != value for name, value in values.items()):
        for name, value in values.items():
            setattr(kind, name, value)
        kind.version += 1
        await session.flush()
    return kind, is_new


def facts_of(entitlement: Entitlement, day: date) -> EntitlementFacts:
    """Return what the rules know of an entitlement on a day."""
    state = state_on(
        day,
        starts_on=entitlement.starts_on,
        ends_on=entitlement.ends_on,
        is_revoked=entitlement.revoked_at is not None,
    )
    return EntitlementFacts(state, entitlement.area_path, entitlement.person_id)


async def grant(
    session: WriteSession, caller: Principal, person_id: UUID, new: NewEntitlement, vault: Vault
) -> tuple[Entitlement, bool]:
    """Grant an entitlement to somebody who lives in the caller's area, with what was seen as evidence.

    Returns:
        The entitlement, and whether it is new; asking again with the same id and content gives the same one.

    Raises:
        AlreadyEntitled: they hold this kind at some day of the period.
    """
    await visible_person(session, caller, person_id)
    # Locked, so that two officers cannot grant the same at once.
    person = await find_person(session, person_id, lock=True)
    if person is None:
        raise NotFound
    _must_decide(caller, person)
    digest = vault.digest(session.tenant, new.model_dump(mode="json", exclude={"id"}) | {"person": str(person_id)})
    known = await repository.find_entitlement(session, new.id) if new.id is not None else None
    if known is not None:
        if known.digest != digest:
            raise IdTaken(pointer="/id")
        return known, False
    day = await today(session)
    starts_on = new.starts_on or day
    await _must_be_possible(session, new, starts_on, day)
    held = await repository.overlapping(session, person_id, new.kind, starts_on, new.ends_on)
    if held is not None:
        raise AlreadyEntitled(entitlement_id=str(held.id))
    entitlement_id = new.id or new_id()
    entitlement = Entitlement(
        tenant_id=session.tenant,
        id=entitlement_id,
        person_id=person_id,
        area_path=person.area_path,
        kind=new.kind,
        starts_on=starts_on,
        ends_on=new.ends_on,
        evidence=_sealed(vault, session.tenant, entitlement_id, new.evidence),
        granted_by=caller.actor,
        granted_at=utc_now(),
        revoked_at=None,
        digest=digest,
        version=0,
    )
    session.add(entitlement)
    await session.flush()
    await _note(session, entitlement, "grant", caller)
    return entitlement, True


def _must_decide(caller: Principal, person: Person) -> None:
    denial = may_grant(EntitlementFacts(EntitlementState.UPCOMING, person.area_path, person.id), caller)
    if denial is not None:
        raise Forbidden(denial.detail, rule=denial.rule)


async def _must_be_possible(session: Session, new: NewEntitlement, starts_on: date, day: date) -> None:
    kind = await repository.find_kind(session, new.kind)
    if kind is None or not kind.active:
        raise UnknownKind(pointer="/kind")
    if new.ends_on < starts_on:
        raise EndsBeforeStart(pointer="/ends_on")
    if new.ends_on < day:
        raise AlreadyOver(pointer="/ends_on")
    if new.ends_on - starts_on >= timedelta(days=kind.longest_days):
        raise LongerThanAllowed(pointer="/ends_on", longest_days=kind.longest_days)


def _sealed(vault: Vault, tenant: str, entitlement_id: UUID, evidence: Evidence) -> bytes:
    return vault.seal(orjson.dumps(evidence.model_dump(mode="json")).decode(), Place(tenant, _EVIDENCE, entitlement_id))


async def _note(
    session: WriteSession, entitlement: Entitlement, step: str, caller: Principal, reason: bytes | None = None
) -> None:
    """Write a step of the history; its position is the version that it makes."""
    entitlement.version += 1
    row = EntitlementStep(
        tenant_id=session.tenant,
        entitlement_id=entitlement.id,
        position=entitlement.version,
        step=step,
        actor=caller.actor,
        ends_on=entitlement.ends_on,
        reason=reason,
        at=utc_now(),
    )
    session.add(row)
    await session.flush()


async def readable(session: Session, caller: Principal, entitlement_id: UUID) -> Entitlement:
    """Return an entitlement that the caller may read: their own, or of somebody in an officer's area."""
    entitlement = await repository.find_entitlement(session, entitlement_id)
    if entitlement is None or not _may_read(caller, entitlement):
        raise NotFound
    return entitlement


def _may_read(caller: Principal, entitlement: Entitlement) -> bool:
    return caller.subject_id == entitlement.person_id or caller.has(*GRANTERS, at=entitlement.area_path)


async def lock_entitlement(session: WriteSession, caller: Principal, entitlement_id: UUID) -> Entitlement:
    """Return an entitlement for a change; NotFound when the caller may not know of it."""
    await readable(session, caller, entitlement_id)
    entitlement = await repository.find_entitlement(session, entitlement_id, lock=True)
    if entitlement is None:
        raise NotFound
    return entitlement


def begin_step(caller: Principal, entitlement: Entitlement, action: EntitlementAction, day: date) -> None:
    """Refuse a step that the caller may not take, or that is not possible now."""
    check_step(STEPS, action, facts_of(entitlement, day), caller)


async def renew(
    session: WriteSession, caller: Principal, entitlement: Entitlement, wanted: RenewIn, vault: Vault
) -> None:
    """Let an entitlement last longer, on new evidence; what is between its old end and today is covered as well."""
    day = await today(session)
    begin_step(caller, entitlement, EntitlementAction.RENEW, day)
    kind = await repository.find_kind(session, entitlement.kind)
    if kind is None or not kind.active:
        raise UnknownKind
    if wanted.ends_on <= entitlement.ends_on:
        raise NoRenewal(pointer="/ends_on")
    if wanted.ends_on < day:
        raise AlreadyOver(pointer="/ends_on")
    if wanted.ends_on - max(day, entitlement.starts_on) >= timedelta(days=kind.longest_days):
        raise LongerThanAllowed(pointer="/ends_on", longest_days=kind.longest_days)
    await find_person(session, entitlement.person_id, lock=True)
    first_new = entitlement.ends_on + timedelta(days=1)
    held = await repository.overlapping(session, entitlement.person_id, entitlement.kind, first_new, wanted.ends_on)
    if held is not None:
        raise AlreadyEntitled(entitlement_id=str(held.id))
    entitlement.ends_on = wanted.ends_on
    entitlement.evidence = _sealed(vault, session.tenant, entitlement.id, wanted.evidence)
    await _note(session, entitlement, "renew", caller)


async def revoke(session: WriteSession, caller: Principal, entitlement: Entitlement, reason: str, vault: Vault) -> None:
    """Take an entitlement back from now on."""
    begin_step(caller, entitlement, EntitlementAction.REVOKE, await today(session))
    entitlement.revoked_at = utc_now()
    place = Place(session.tenant, _REASON, f"{entitlement.id}/{entitlement.version + 1}")
    await _note(session, entitlement, "revoke", caller, vault.seal(reason, place))


def evidence_of(vault: Vault, entitlement: Entitlement) -> dict[str, Any]:
    """Open the evidence of an entitlement."""
    place = Place(entitlement.tenant_id, _EVIDENCE, entitlement.id)
    opened: dict[str, Any] = orjson.loads(vault.unseal(entitlement.evidence, place))
    return opened


def reason_of(vault: Vault, step: EntitlementStep) -> str | None:
    """Open the reason of a step."""
    if step.reason is None:
        return None
    return vault.unseal(step.reason, Place(step.tenant_id, _REASON, f"{step.entitlement_id}/{step.position}"))


async def open_evidence(session: WriteSession, caller: Principal, entitlement: Entitlement, purpose: str) -> None:
    """Write down that an officer reads the evidence, so that whom it is about can see it."""
    await record_disclosure(
        session,
        subject_kind="person",
        subject_id=entitlement.person_id,
        field=repository.EVIDENCE_FIELD,
        purpose=purpose,
        actor=caller.actor,
    )


async def list_for_officers(
    session: Session,
    caller: Principal,
    wanted: EntitlementFilter,
    *,
    within_days: int | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Entitlement]:
    """Return the entitlements of the people of an officer's areas; with `within_days`, those that end so soon."""
    day = await today(session)
    if within_days is not None:
        wanted = replace(wanted, ends_between=(day, day + timedelta(days=within_days)))
    visible = caller.paths(*GRANTERS)
    return await repository.list_entitlements(session, wanted, visible=visible, after=after, limit=limit)
