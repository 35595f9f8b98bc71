"""Use cases of figures."""

from dataclasses import asdict
from datetime import datetime
from typing import Final

from services.matching.order_figures import repository
from services.matching.order_figures.rules import Counts
from services.matching.order_figures.schemas import FigureLine, FigureQuery, FiguresOut
from services.matching.places import known_area
from shared.clock import CHINA
from shared.db import Session

__all__ = ["figures"]

_MONTHS: Final = 3


def _begins(quarter: str) -> datetime:
    """Return when a quarter like 2026-Q4 begins in China."""
    year, number = int(quarter[:4]), int(quarter[-1])
    return datetime(year, (number - 1) * _MONTHS + 1, 1, tzinfo=CHINA)


def _ends(quarter: str) -> datetime:
    year, number = int(quarter[:4]), int(quarter[-1])
    return datetime(year + number // 4, number % 4 * _MONTHS + 1, 1, tzinfo=CHINA)


async def figures(session: Session, wanted: FigureQuery) -> FiguresOut:
    """Return the figures of orders by quarter."""
    area = await known_area(session, wanted.under, pointer="/query/under") if wanted.under is not None else None
    rows = await repository.count_orders(
        session,
        under=area.path if area is not None else None,
        partner_id=wanted.partner_id,
        since=_begins(wanted.first) if wanted.first is not None else None,
        until=_ends(wanted.last) if wanted.last is not None else None,
        by=wanted.group_by,
    )
    lines = []
    for row in rows:
        counts = Counts(**{name: getattr(row, name) for name in Counts.__dataclass_fields__})
        line = FigureLine(
            quarter=f"{row.year}-Q{row.quarter}",
            area_id=row.area_id,
            partner_id=row.partner_id,
            **asdict(counts),
            accepted_bp=counts.accepted_bp,
            on_time_bp=counts.on_time_bp,
            complaint_bp=counts.complaint_bp,
        )
        lines.append(line)
    return FiguresOut(lines=lines)
