"""A new process reads what the one before had at hand, and serves without it when nobody has written it down."""

import pytest

from services.matching.matches import preparing
from services.matching.matches.at_hand import Memory, offers_at_hand
from services.matching.matches.preparing import Notebook, prepare
from shared.clock import utc_now
from shared.db import Database
from shared.testing import TestServers
from tests.matching.conftest import Quarter

NOBODY = "redis://127.0.0.1:1"


async def written(notebook: Notebook, *names: tuple[str, str]) -> None:
    for name in names:
        notebook.note(*name)
        await notebook.settled()


async def test_what_was_read_by_one_process_is_at_hand_in_the_next(
    quarter: Quarter, databases: dict[str, Database], servers: TestServers
) -> None:
    database, tenant = databases["matching"], quarter.caller.tenant
    await quarter.offer(await quarter.partner())
    before, after, notebook = Memory(), Memory(), Notebook(servers.redis_url, quarter.caller.tenant)
    before.tell = notebook.note
    async with database.read(tenant) as session:
        await offers_at_hand(session, "children", tenant, (), utc_now(), {}, memory=before)
    await notebook.settled()
    assert await prepare(database, notebook, after) == 1
    told: list[tuple[str, str]] = []
    after.tell = lambda *name: told.append(name)
    async with database.read(tenant) as session:
        hand = await offers_at_hand(session, "children", tenant, (), utc_now(), {}, memory=after)
    assert len(hand.lines.facts) == 1
    assert told == [], "it was not read again"
    await notebook.close()


async def test_the_branches_that_were_used_last_are_written_down(
    quarter: Quarter, servers: TestServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "_BRANCHES_MAX", 2)
    notebook, tenant = Notebook(servers.redis_url, quarter.caller.tenant), quarter.caller.tenant
    await written(notebook, (tenant, "repair"), (tenant, "children"), (tenant, "health"), (tenant, "children"))
    assert await notebook.noted() == [(tenant, "children"), (tenant, "health")]
    await notebook.close()


async def test_no_more_is_prepared_than_is_to_be_remembered(
    quarter: Quarter, databases: dict[str, Database], servers: TestServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "_OFFERS_MAX", 1)
    partner = await quarter.partner()
    for category in ("after_school", "plumbing"):
        await quarter.offer(partner, category=category)
    notebook, tenant = Notebook(servers.redis_url, quarter.caller.tenant), quarter.caller.tenant
    await written(notebook, (tenant, "plumbing"), (tenant, "children"))
    assert await prepare(databases["matching"], notebook, Memory()) == 1
    await notebook.close()


async def test_without_redis_nothing_is_prepared_and_nothing_fails(databases: dict[str, Database]) -> None:
    notebook = Notebook(NOBODY)
    notebook.note("d", "children")
    assert await prepare(databases["matching"], notebook, Memory()) == 0
    await notebook.close()
