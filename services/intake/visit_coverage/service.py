"""Use case of coverage: the figures of an area and of its parts."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID

from services.intake.cases.problems import UnknownArea
from services.intake.models import reference
from services.intake.visit_coverage import repository
from services.intake.visit_coverage.repository import Window
from services.intake.visit_coverage.schemas import AreaCoverageOut, CoverageOut, CoverageQuery
from services.intake.visit_plans.rules import SEES_VISITS, percent
from shared.auth import Principal
from shared.clock import CHINA, utc_now
from shared.db import Session
from shared.reference import find_area

__all__ = ["coverage_of"]

_NAMES: Final = tuple(
    name for name in AreaCoverageOut.model_fields if name not in {"area_id", "area_path", "name", "coverage_percent"}
)


async def coverage_of(session: Session, caller: Principal, wanted: CoverageQuery) -> CoverageOut:
    """Return the figures of an area, for those who work there.

    Raises:
        UnknownArea: there is none.
        Forbidden: the caller does not work there.
    """
    area = await find_area(session, reference, wanted.under)
    if area is None:
        raise UnknownArea(pointer="/query/under")
    caller.must(*SEES_VISITS, at=area.path, rule="staff_sees_coverage")
    window = Window(
        path=area.path,
        first_on=wanted.since,
        last_on=wanted.until,
        since=datetime.combine(wanted.since, time(0), CHINA) if wanted.since else None,
        before=datetime.combine(wanted.until, time(0), CHINA) + timedelta(days=1) if wanted.until else None,
        kind=wanted.kind,
        now=utc_now(),
    )
    found = await repository.figures(session, window)
    known = {path: (area_id, name) for area_id, path, name in await repository.areas_right_below(session, area.path)}
    total = {name: sum(figures.get(name, 0) for figures in found.values()) for name in _NAMES}
    total["households"] = await repository.households_of(session, window)
    paths = sorted((known.keys() - {area.path}) | found.keys())
    return CoverageOut(
        total=_row(area.path, known, total), parts=[_row(path, known, found.get(path, {})) for path in paths]
    )


def _row(path: str, known: Mapping[str, tuple[UUID, str]], figures: Mapping[str, int]) -> AreaCoverageOut:
    area_id, name = known.get(path, (None, None))
    values = {figure: figures.get(figure, 0) for figure in _NAMES}
    return AreaCoverageOut(
        area_id=area_id,
        area_path=path,
        name=name,
        coverage_percent=percent(values["covered"], values["planned"]),
        **values,
    )
