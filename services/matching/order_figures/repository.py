"""SQL of figures: one pass over the orders that reached their partner."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Row, Uuid, cast, extract, func, literal, literal_column, null, select

from services.matching.order_figures.rules import GroupBy
from services.matching.orders.models import Order
from services.matching.orders.rules import OrderState
from shared.db import Session

__all__ = ["LINES_MAX", "count_orders"]

# Of more lines than this nobody reads a table; whoever wants them all asks quarter by quarter.
LINES_MAX: Final = 2_000
# Not a parameter: PostgreSQL has to see that what is selected is what is grouped by.
_CHINA: Final[ColumnElement[str]] = literal_column("'Asia/Shanghai'")


async def count_orders(
    session: Session,
    *,
    under: str | None,
    partner_id: UUID | None,
    since: datetime | None,
    until: datetime | None,
    by: GroupBy,
) -> Sequence[Row[Any]]:
    """Count orders by quarter, and by area or partner if wanted; the newest quarter first.

    Args:
        session: the transaction.
        under: only at this area or below it.
        partner_id: only of this partner.
        since: only those placed from then on.
        until: only those placed before then.
        by: what a line is of.
    """
    local = func.timezone(_CHINA, Order.placed_at)
    year, quarter = cast(extract("year", local), Integer), cast(extract("quarter", local), Integer)
    area = Order.area_id if by in {GroupBy.AREA, GroupBy.AREA_AND_PARTNER} else null().cast(Uuid())
    partner = Order.partner_id if by in {GroupBy.PARTNER, GroupBy.AREA_AND_PARTNER} else null().cast(Uuid())

    def those(condition: Any) -> Any:  # noqa: ANN401 - SQL expressions
        return func.count().filter(condition)

    delivered, late = Order.delivered_at.is_not(None), Order.late_at.is_not(None)
    statement = select(
        year.label("year"),
        quarter.label("quarter"),
        area.label("area_id"),
        partner.label("partner_id"),
        func.count().label("placed"),
        those(Order.accepted_at.is_not(None)).label("accepted"),
        those(delivered).label("delivered"),
        those(delivered & ~late).label("on_time"),
        those(late).label("late"),
        those((Order.state == OrderState.BROKEN.value) & ~late).label("broken"),
        those(Order.state == OrderState.CANCELLED.value).label("cancelled"),
        those(Order.state == OrderState.DECLINED.value).label("declined"),
        those(Order.state == OrderState.LAPSED.value).label("lapsed"),
        those(Order.rated_at.is_not(None)).label("rated"),
        func.coalesce(func.sum(Order.stars), literal(0)).label("stars"),
        those(Order.complaint).label("complaints"),
    ).where(Order.tenant_id == session.tenant, Order.placed_at.is_not(None))
    if under is not None:
        statement = statement.where(Order.area_path.within(under))
    if partner_id is not None:
        statement = statement.where(Order.partner_id == partner_id)
    if since is not None:
        statement = statement.where(Order.placed_at >= since)
    if until is not None:
        statement = statement.where(Order.placed_at < until)
    grouped = statement.group_by(year, quarter, area, partner)
    newest = grouped.order_by(year.desc(), quarter.desc(), area, partner).limit(LINES_MAX)
    return (await session.execute(newest)).all()
