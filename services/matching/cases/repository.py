"""SQL of the copies of cases: one statement for however many events came."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, text, update

from services.matching.cases.models import CaseCopy
from shared.contracts import Event
from shared.contracts.intake import CaseClaimed, CaseFiled
from shared.db import Session, WriteSession

__all__ = ["find_case_copy", "keep_filed", "set_claimed", "set_state"]

_KEEP = text("""
    INSERT INTO matching.cases (tenant_id, id, number, category, area_id, area_path, state)
    SELECT :tenant, id, number, category, area_id, text2ltree(area_path), 'filed'
    FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS text[]), CAST(:categories AS text[]),
                CAST(:area_ids AS uuid[]), CAST(:area_paths AS text[]))
         AS filed (id, number, category, area_id, area_path)
    ON CONFLICT (tenant_id, id) DO NOTHING""")

_CLAIM = text("""
    UPDATE matching.cases AS c SET state = 'claimed', unit_id = claimed.unit_id
    FROM unnest(CAST(:ids AS uuid[]), CAST(:units AS uuid[])) AS claimed (id, unit_id)
    WHERE c.tenant_id = :tenant AND c.id = claimed.id""")


async def keep_filed(session: WriteSession, events: Sequence[Event[CaseFiled]]) -> None:
    """Keep new cases."""
    values = {
        "tenant": session.tenant,
        "ids": [event.data.case_id for event in events],
        "numbers": [event.data.number for event in events],
        "categories": [event.data.category for event in events],
        "area_ids": [event.data.area_id for event in events],
        "area_paths": [event.data.area_path for event in events],
    }
    await session.execute(_KEEP, values)


async def set_state(session: WriteSession, case_ids: Sequence[UUID], state: str) -> None:
    """Move the copies of some cases to one state."""
    statement = update(CaseCopy).where(CaseCopy.tenant_id == session.tenant, CaseCopy.id.in_(case_ids))
    await session.execute(statement.values(state=state), execution_options={"synchronize_session": False})


async def set_claimed(session: WriteSession, events: Sequence[Event[CaseClaimed]]) -> None:
    """Note which units have some cases."""
    values = {
        "tenant": session.tenant,
        "ids": [event.data.case_id for event in events],
        "units": [event.data.unit_id for event in events],
    }
    await session.execute(_CLAIM, values)


async def find_case_copy(session: Session, case_id: UUID) -> CaseCopy | None:
    """Return the copy of a case, if it has been heard of."""
    return await session.scalar(select(CaseCopy).where(CaseCopy.tenant_id == session.tenant, CaseCopy.id == case_id))
