"""From rows to representations of entitlements."""

from datetime import date
from typing import Any

from sqlalchemy import Row

from services.directory.entitlements import repository
from services.directory.entitlements.models import Entitlement, EntitlementKind
from services.directory.entitlements.rules import STEPS, LookedAt
from services.directory.entitlements.schemas import (
    EntitlementDetail,
    EntitlementOut,
    EntitlementStepOut,
    EvidenceOut,
    KindOut,
    LookOut,
)
from services.directory.entitlements.service import evidence_of, facts_of, reason_of
from services.directory.tenants.schemas import BilingualName
from shared.auth import Principal
from shared.db import Session
from shared.steps import next_actions
from shared.vault import Vault

__all__ = ["entitlement_detail", "entitlement_out", "kind_out", "look_out"]


def kind_out(kind: EntitlementKind) -> KindOut:
    """Show a kind."""
    return KindOut(
        code=kind.code,
        name=BilingualName(zh=kind.name_zh, en=kind.name_en),
        longest_days=kind.longest_days,
        active=kind.active,
        version=kind.version,
    )


def entitlement_out(entitlement: Entitlement, day: date) -> EntitlementOut:
    """Show an entitlement as it stands on a day, without its evidence."""
    shown = {name: getattr(entitlement, name) for name in EntitlementOut.model_fields if name != "state"}
    return EntitlementOut.model_validate({**shown, "state": facts_of(entitlement, day).state})


async def entitlement_detail(
    session: Session, entitlement: Entitlement, caller: Principal, day: date, vault: Vault, *, clear: bool = False
) -> EntitlementDetail:
    """Show an entitlement with its history, and what was sealed if it may be read in the clear."""
    steps = [
        EntitlementStepOut(
            position=step.position,
            step=step.step,
            actor=step.actor,
            ends_on=step.ends_on,
            reason=reason_of(vault, step) if clear else None,
            at=step.at,
        )
        for step in await repository.steps_of(session, entitlement.id)
    ]
    told = next_actions(STEPS, facts_of(entitlement, day), caller)
    return EntitlementDetail(
        **entitlement_out(entitlement, day).model_dump(),
        evidence=EvidenceOut.model_validate(evidence_of(vault, entitlement)) if clear else None,
        history=steps,
        next_actions=told,
    )


def look_out(row: Row[Any]) -> LookOut:
    """Show who has asked or read."""
    return LookOut(id=row.id, what=LookedAt(row.what), purpose=row.purpose, by=row.by, entitled=row.entitled, at=row.at)
