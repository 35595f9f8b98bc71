"""Use cases of suggestions."""

from typing import Any

from sqlalchemy import Row

from services.intake.cases.guards import lives_near
from services.intake.cases.problems import UnknownArea
from services.intake.cases.repository import visible_among
from services.intake.categories.rules import CaseKind
from services.intake.models import reference
from services.intake.suggestions import repository
from services.intake.suggestions.rules import NEAR_M, SHOWN, Asked, Candidate, Suggestion, box_around, suggest
from services.intake.suggestions.schemas import SuggestIn
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session
from shared.reference import find_area

__all__ = ["suggest_cases"]


async def suggest_cases(session: Session, caller: Principal, wanted: SuggestIn) -> list[tuple[Suggestion, bool]]:
    """Return open cases that may be the same, each with whether the caller may see it.

    Neighbours are asked about what they could join; disputes are the business of those who may see them, and what is
    elsewhere does not exist.

    Raises:
        UnknownArea: no open area of this id.
    """
    area = await find_area(session, reference, wanted.area_id)
    if area is None or area.closed_on is not None:
        raise UnknownArea(pointer="/area_id")
    point = (wanted.location.latitude, wanted.location.longitude) if wanted.location else None
    around = area.path.rpartition(".")[0] or area.path
    box = box_around(point, NEAR_M) if point is not None else None
    rows = await repository.open_cases_around(session, wanted.text, around, box)
    asked = Asked(wanted.text, area.path, point, wanted.category, utc_now())
    found = suggest(asked, [_candidate(row) for row in rows])
    seen = await visible_among(session, caller, [item.case.id for item in found])
    shown = [(item, item.case.id in seen) for item in found if item.case.id in seen or _may_join(caller, item.case)]
    return shown[:SHOWN]


def _may_join(caller: Principal, case: Candidate) -> bool:
    return case.kind != CaseKind.DISPUTE and lives_near(caller, case.area_path)


def _candidate(row: Row[Any]) -> Candidate:
    has_point = row.latitude is not None and row.longitude is not None
    return Candidate(
        id=row.id,
        number=row.number,
        category=row.category,
        kind=row.kind,
        title=row.title,
        text=row.text,
        area_id=row.area_id,
        area_path=row.area_path,
        point=(row.latitude, row.longitude) if has_point else None,
        state=row.state,
        joiners=row.joiners,
        filed_at=row.filed_at,
    )
