"""Filing a case: beside SQLAlchemy when nothing but the case is written, in the request's transaction otherwise."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from services.intake.attachments.rules import UnknownAttachment
from services.intake.cases import repository
from services.intake.cases.filing import FILE_CASE, file_arguments
from services.intake.cases.models import Case
from services.intake.cases.numbers import CaseNumbers
from services.intake.cases.problems import UnknownArea, UnknownCategory, WrongIdVersion
from services.intake.cases.schemas import FileCaseIn
from services.intake.categories.repository import get_category
from services.intake.models import reference
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session
from shared.ids import new_id
from shared.problems import IdTaken, Unauthenticated
from shared.reference import find_area

__all__ = ["Filed", "file_case", "same_filing", "why_not_filed"]

# The year of a number is the year on the wall of the office.
_OFFICE_ZONE = ZoneInfo("Asia/Shanghai")
_UUID7 = 7

Runner = Callable[..., Awaitable[asyncpg.Record | None]]


class Filed:
    """What was written, as far as the answer needs it."""

    __slots__ = ("area_path", "bound", "case_id", "filed_at", "number")

    def __init__(self, case_id: UUID, number: str, filed_at: datetime, row: asyncpg.Record) -> None:
        self.case_id = case_id
        self.number = number
        self.filed_at = filed_at
        self.area_path: str = row["area_path"]
        self.bound: int = row["bound"]


async def file_case(run: Runner, numbers: CaseNumbers, caller: Principal, wanted: FileCaseIn) -> Filed | None:
    """File a case with one statement.

    Args:
        run: runs the statement in a transaction of the caller's tenant.
        numbers: where its number comes from.
        caller: the requester.
        wanted: the case.

    Returns:
        What was filed; None when nothing was written (see `why_not_filed`).
    """
    if caller.subject_id is None:
        raise Unauthenticated
    case_id = wanted.id or new_id()
    if case_id.version != _UUID7:
        raise WrongIdVersion(pointer="/id")
    now = utc_now()
    number = await numbers.take(caller.tenant, now.astimezone(_OFFICE_ZONE).year)
    arguments = file_arguments(
        tenant=caller.tenant,
        case_id=case_id,
        number=number,
        wanted=wanted,
        requester_id=caller.subject_id,
        now=now,
        actor=caller.actor,
    )
    row = await run(FILE_CASE, *arguments)
    if row is None:
        return None
    if row["bound"] != len(set(wanted.attachment_ids)):
        raise UnknownAttachment(pointer="/attachment_ids")
    return Filed(case_id, number, now, row)


async def why_not_filed(session: Session, caller: Principal, wanted: FileCaseIn) -> Case:
    """Find out why filing wrote nothing: returns the case if it was filed before with the same content, else raises."""
    area = await find_area(session, reference, wanted.area_id)
    if area is None or area.closed_on is not None:
        raise UnknownArea(pointer="/area_id")
    category = await get_category(session, wanted.category)
    if category is None or not category.active:
        raise UnknownCategory(pointer="/category")
    earlier = await repository.find_case_for_filing(session, wanted.id) if wanted.id else None
    if earlier is None or earlier.requester_id != caller.subject_id or not same_filing(earlier, wanted):
        raise IdTaken(pointer="/id")
    if await repository.report_attachment_ids(session, earlier.id) != set(wanted.attachment_ids):
        raise IdTaken(pointer="/attachment_ids")
    return earlier


def same_filing(case: Case, wanted: FileCaseIn) -> bool:
    """Tell whether a request repeats what a case was filed with."""
    location = (wanted.location.latitude, wanted.location.longitude) if wanted.location else (None, None)
    asked: tuple[Any, ...] = (wanted.category, wanted.title, wanted.description, wanted.area_id, wanted.place_text)
    kept: tuple[Any, ...] = (case.category, case.title, case.description, case.area_id, case.place_text)
    return asked == kept and location == (case.latitude, case.longitude)
