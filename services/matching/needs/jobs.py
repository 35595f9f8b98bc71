"""Needs that are born from cases, and matched at once."""

from collections.abc import Sequence

from services.matching.matches.service import propose_on_arrival
from services.matching.needs.repository import find_need
from services.matching.needs.service import add_need
from shared.contracts import Event
from shared.contracts.intake import CaseNeedRaised
from shared.db import WriteSession
from shared.messaging import Consumers

__all__ = ["consumers"]

consumers = Consumers("matching")


@consumers.on(CaseNeedRaised)
async def open_from_case(session: WriteSession, events: Sequence[Event[CaseNeedRaised]]) -> None:
    """Put what an officer said that a case needs on the demand list, and look for what suits."""
    for event in events:
        told = event.data
        if await find_need(session, told.need_id) is not None:
            continue
        values = {
            "case_id": told.case_id,
            "category": told.category,
            "summary": told.summary,
            "area_id": told.area_id,
            "area_path": told.area_path,
            "quantity": told.quantity or 1,
            "urgent": told.urgent,
            # One coordinate without the other is no place.
            "latitude": told.latitude if told.longitude is not None else None,
            "longitude": told.longitude if told.latitude is not None else None,
        }
        need = await add_need(session, told.need_id, values, cause=event)
        await propose_on_arrival(session, need)
