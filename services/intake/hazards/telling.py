"""Who hears of a hazard: the unit that has to rectify it, or the staff; that it is late, both and the officers."""

from typing import Final

from services.intake.hazards.models import Hazard
from services.intake.notifications.service import Told, tell
from services.intake.visits.rules import title_of
from shared.auth import Role
from shared.clock import CHINA
from shared.db import WriteSession

__all__ = ["tell_hazard"]

_TO_STAFF: Final = frozenset({"hazard_rectified", "hazard_overdue"})


async def tell_hazard(session: WriteSession, hazard: Hazard, kind: str) -> None:
    """Tell the side that has to do something now."""
    await session.flush()
    concerns_unit = kind != "hazard_rectified"
    units = [hazard.unit_id] if hazard.unit_id is not None and concerns_unit else []
    roles = [(Role.GRID_WORKER, hazard.area_path)] if kind in _TO_STAFF or not units else []
    roles += [(role, hazard.area_path) for role in (Role.SECRETARY, Role.OFFICER)] if kind == "hazard_overdue" else []
    due_on = hazard.due_at.astimezone(CHINA).date().isoformat()
    words = {"number": hazard.code, "title": title_of(hazard.description), "due_on": due_on}
    await tell(session, Told(kind, hazard.case_id, words, units=units, roles=roles))
