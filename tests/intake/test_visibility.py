"""Who sees a case is one rule in two forms: as conditions of a list, and inside of the statement that locks a case."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from services.intake.cases import listing, walking
from services.intake.cases.listing import list_cases
from services.intake.cases.locking import lock_case, look_at
from services.intake.cases.models import Case
from services.intake.cases.schemas import CaseQuery
from services.intake.cases.visibility import visible_to
from shared.auth import Grant, Principal, Role
from shared.db import Database
from shared.ids import new_id
from tests.intake.conftest import GRID, MEDIUM, NORTH, SIMPLE, Street, due_in

CALLERS = 150
EVERYTHING: dict[str, Any] = {"under": None, "after": None, "limit": 100}
PATHS = ("county", NORTH, "county.north.c1", GRID, f"{GRID}.b1", "county.south", "county.nor")


async def settle(street: Street) -> list[UUID]:
    """File cases in every condition in which somebody else sees them."""
    south = str(street.areas["county.south"])
    cases = [
        await street.filed(),
        await street.filed(area_id=south),
        await street.triaged(MEDIUM),
        await street.triaged(SIMPLE),
        await street.resolved(),
    ]
    held = await street.triaged(MEDIUM)
    claim = {"unit_id": str(street.works), "due_at": due_in(2)}
    cases.append(await street.step(held, "claim", claim, by=street.works_clerk))
    return [UUID(case["id"]) for case in cases]


def somebody(chance: random.Random, street: Street, joiner: UUID) -> Principal:
    """Think of somebody with a few roles here and there."""
    units = (street.works, street.water, None)
    grants = tuple(
        Grant(chance.choice(list(Role)), chance.choice(PATHS), chance.choice(units)) for _ in range(chance.randrange(4))
    )
    return Principal(street.caller.tenant, chance.choice((street.owner_id, joiner, new_id())), "person", grants)


async def test_lists_and_locks_agree_on_who_sees_what(street: Street, databases: dict[str, Database]) -> None:
    intake = databases["intake"]
    case_ids = await settle(street)
    joiner = new_id()
    joined = await street.post(f"/v1/cases/{case_ids[0]}/join", by=street.holding(Role.RESIDENT, GRID, person=joiner))
    assert joined.status_code == 200
    chance = random.Random(5)
    seen = 0
    for _ in range(CALLERS):
        caller = somebody(chance, street, joiner)
        async with intake.write(street.caller.tenant) as session:
            statement = select(Case.id).where(Case.tenant_id == session.tenant, visible_to(caller))
            in_lists = set((await session.scalars(statement)).all())
            page = await list_cases(session, caller, CaseQuery(), under=None, after=None, limit=50)
            looked = {one for one in case_ids if await look_at(session, caller, one) is not None}
            locked = {one for one in case_ids if await lock_case(session, caller, one) is not None}
        assert looked == locked == in_lists == {case.id for case in page}, caller
        assert [case.id for case in page] == sorted(in_lists, reverse=True)
        seen += len(locked)
    assert CALLERS < seen < CALLERS * len(case_ids)


async def test_however_words_are_looked_for_the_same_cases_are_found(
    street: Street, databases: dict[str, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether by reading back, by letters or by reading everything: all that the caller sees, page after page."""
    chance = random.Random(8)
    words = ("路灯", "路灯不亮", "Pump", "水泵 PUMP", "漏水", "井盖")
    titles = {}
    for _ in range(30):
        area = str(street.areas[chance.choice([GRID, NORTH, "county.south"])])
        title = f"{chance.choice(words)}，{chance.choice(words)}"
        titles[UUID((await street.filed(area_id=area, title=title, description="请处理"))["id"])] = title
    monkeypatch.setattr(walking, "_READ_OF_ALL", 6)
    monkeypatch.setattr(listing, "_RECENT", timedelta(milliseconds=150))
    found = 0
    for _ in range(CALLERS):
        caller = somebody(chance, street, new_id())
        wanted = CaseQuery(
            q=chance.choice(["路灯", "灯不亮", "pump", "漏水，路灯", "没有"]), mine=chance.random() < 0.1
        )
        async with databases["intake"].read(street.caller.tenant) as session:
            seen = [case.id for case in await list_cases(session, caller, CaseQuery(mine=wanted.mine), **EVERYTHING)]
            pages: list[UUID] = []
            after = None
            while rows := await list_cases(session, caller, wanted, under=None, after=after, limit=4):
                pages += [row.id for row in rows]
                after = (rows[-1].filed_at, rows[-1].id)
        assert pages == [one for one in seen if str(wanted.q).lower() in titles[one].lower()], (caller, wanted)
        found += len(pages)
    assert found > CALLERS
