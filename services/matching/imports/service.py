"""Use cases of imports of offers."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from services.matching.imports import repository
from services.matching.imports.judging import Judged, judge
from services.matching.imports.models import OfferImport
from services.matching.imports.rules import COLUMNS, Complaint, Fate, complain
from services.matching.imports.schemas import UploadQuery
from services.matching.locking import take_turn
from services.matching.offers.service import partner_of, upsert_offer
from services.matching.partners.models import Partner
from services.matching.partners.service import get_partner, must_speak_for
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound, Problem
from shared.reference.names import AreaNames
from shared.tables import FileFormat, Table

__all__ = ["get_import", "take_in"]

# Where the member of an offer that is to blame stands in the table.
_COLUMN_OF: Final = {"amount_fen": "amount", "price_fen": "price", "area_id": "area", "hours": "open_days"}


@dataclass(frozen=True, slots=True)
class _Fated:
    judged: Judged
    fate: Fate
    complaints: list[Complaint]


async def get_import(session: Session, caller: Principal, import_id: UUID) -> OfferImport:
    """Return an import to whoever speaks for its partner, or NotFound."""
    row = await repository.find_import(session, import_id)
    if row is None:
        raise NotFound
    must_speak_for(caller, await get_partner(session, row.partner_id))
    return row


async def take_in(
    session: WriteSession, caller: Principal, wanted: UploadQuery, content: bytes, kind: FileFormat, table: Table
) -> tuple[OfferImport, bool]:
    """Work off a table of a partner's offers; returns the import and whether it is new.

    Each line has a fate of its own: a wrong one keeps no other from being taken in.
    """
    partner = await partner_of(session, wanted.partner_id)
    must_speak_for(caller, partner)
    sha256 = hashlib.sha256(content).digest()
    await take_turn(session, "offer_import", wanted.id)
    earlier = await repository.find_import(session, wanted.id) if wanted.id else None
    if earlier is not None:
        same = (partner.id, sha256, wanted.dry_run)
        if (earlier.partner_id, bytes(earlier.sha256), earlier.dry_run) != same:
            raise IdTaken(pointer="/query/id")
        return earlier, False
    partner_id = partner.id
    fated = await _fates(session, partner, table, is_trial=wanted.dry_run)
    row = OfferImport(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        partner_id=partner_id,
        file_name=wanted.file_name,
        format=kind.value,
        dry_run=wanted.dry_run,
        sha256=sha256,
        size_bytes=len(content),
        rows=len(fated),
        unknown_columns=table.unknown,
        counts=dict(Counter(one.fate.value for one in fated)),
        actor=caller.actor,
        created_at=utc_now(),
    )
    session.add(row)
    await session.flush()
    await repository.add_lines(session, [_line(session, row, one) for one in fated])
    return row, True


def _line(session: WriteSession, row: OfferImport, one: _Fated) -> dict[str, Any]:
    return {
        "tenant_id": session.tenant,
        "import_id": row.id,
        "line": one.judged.line,
        "fate": one.fate.value,
        "external_id": one.judged.external_id,
        "title": one.judged.title,
        "complaints": one.complaints,
    }


async def _fates(session: WriteSession, partner: Partner, table: Table, *, is_trial: bool) -> list[_Fated]:
    """Judge all lines and take in the good ones; of a trial nothing stays."""
    areas = AreaNames(await repository.all_areas(session), partner.paths)
    ids = {str(row.cells.get("external_id", "")).strip() for row in table.rows}
    versions = await repository.known_versions(session, partner.id, ids)
    judged = [judge(row, areas, versions) for row in table.rows]
    if not is_trial:
        return await _taken_in(session, partner, judged)
    nested = await session.begin_nested()
    fated = await _taken_in(session, partner, judged)
    await nested.rollback()
    return fated


async def _taken_in(session: WriteSession, partner: Partner, judged: Sequence[Judged]) -> list[_Fated]:
    seen: dict[str, int] = {}
    fated = []
    for one in judged:
        if one.item is None:
            fated.append(_Fated(one, Fate.BAD, one.complaints))
            continue
        first = seen.setdefault(one.item.external_id, one.line)
        if first != one.line:
            told = complain("external_id", "repeated", one.external_id, {"line": first})
            fated.append(_Fated(one, Fate.REPEATED, [told]))
            continue
        try:
            outcome = await upsert_offer(session, partner, one.item)
        except Problem as problem:
            fated.append(_Fated(one, Fate.BAD, [_told(problem)]))
        else:
            fated.append(_Fated(one, Fate(outcome.value), []))
    return fated


def _told(problem: Problem) -> Complaint:
    """Say of a refusal which column is to blame."""
    member = (problem.pointer or "").removeprefix("/").partition("/")[0]
    column = _COLUMN_OF.get(member, member)
    text = problem.detail or problem.title
    return Complaint(
        column=column if column in COLUMNS else "external_id", code=problem.code, zh=text.zh, en=text.en, value=""
    )
