"""What the matching keeps of cases: through the real pipe, in whatever batches they come."""

from sqlalchemy import text

from services.matching.jobs import consumers
from shared.clock import utc_now
from shared.contracts import Event
from shared.contracts.intake import CaseClosed, CaseFiled, CaseResolved
from shared.db import Database
from shared.ids import new_id
from tests.matching.conftest import Quarter


async def kept(databases: dict[str, Database], tenant: str) -> list[tuple[str, str | None]]:
    """Return the state and the unit of every case kept."""
    async with databases["matching"].read(tenant) as session:
        rows = await session.execute(
            text("SELECT state, unit_id::text FROM matching.cases WHERE tenant_id = :t ORDER BY number"), {"t": tenant}
        )
        return [(row[0], row[1]) for row in rows]


async def test_a_case_is_followed_to_its_end(quarter: Quarter, databases: dict[str, Database]) -> None:
    tenant = quarter.caller.tenant
    case_id = await quarter.case(claimed_by="builder")
    unit = str(quarter.units["builder"])
    assert await kept(databases, tenant) == [("claimed", unit)]
    for event, state in (
        (CaseResolved(case_id=case_id, resolved_at=utc_now()), "resolved"),
        (CaseClosed(case_id=case_id, outcome="satisfied", closed_at=utc_now()), "closed"),
    ):
        await quarter.pipe.publish("intake", tenant, f"case/{case_id}", event)
        await quarter.pipe.rest()
        assert await kept(databases, tenant) == [(state, unit)]


async def test_a_thousand_cases_are_one_statement_and_repeats_change_nothing(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    tenant = quarter.caller.tenant
    events = []
    for number in range(1_000):
        case_id = new_id()
        filed = CaseFiled(
            case_id=case_id,
            number=f"C-2026-{number:06d}",
            category="drainage",
            area_id=quarter.areas["d.z.c1"],
            area_path="d.z.c1",
            filed_at=utc_now(),
        )
        event = Event[CaseFiled](
            id=new_id(),
            source="/linli/intake",
            type=filed.event_type,
            subject=f"case/{case_id}",
            time=utc_now(),
            tenant=tenant,
            sequence=1,
            data=filed,
        )
        events.append(event)
    for _ in range(2):
        async with databases["matching"].write(tenant) as session:
            await consumers.apply(session, events)
    assert len(await kept(databases, tenant)) == 1_000
