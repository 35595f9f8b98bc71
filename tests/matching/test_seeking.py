"""New offers find the needs that wait for them, without anybody asking."""

from services.matching.matches.seeking import NEEDS_MAX, seek_needs
from shared.db import Database
from tests.matching.conftest import Quarter


async def test_a_need_that_nothing_suited_is_found_by_a_new_offer(quarter: Quarter, database: Database) -> None:
    need = await quarter.need()
    assert need["no_match_reason"] == "no_suitable_resource"
    offer = await quarter.offer(await quarter.partner())
    assert await seek_needs(database, quarter.caller.tenant) == 1
    after = await quarter.read(f"/v1/needs/{need['id']}")
    assert (after["no_match_reason"], after["version"]) == (None, need["version"] + 1)
    found = await quarter.read(f"/v1/needs/{need['id']}/matches")
    assert [item["offer_id"] for item in found["matches"]] == [offer["id"]]
    # What was looked at is not looked at again before it changes.
    assert await seek_needs(database, quarter.caller.tenant) == 0


async def test_what_is_proposed_already_stays_and_the_new_one_comes_behind_it(
    quarter: Quarter, database: Database
) -> None:
    partner = await quarter.partner()
    first = await quarter.offer(partner)
    need = await quarter.need()
    before = (await quarter.read(f"/v1/needs/{need['id']}/matches"))["matches"]
    await seek_needs(database, quarter.caller.tenant)
    second = await quarter.offer(partner, "d.z.c1")
    assert await seek_needs(database, quarter.caller.tenant) == 1
    after = (await quarter.read(f"/v1/needs/{need['id']}/matches"))["matches"]
    assert after[0] == before[0]
    assert [(item["offer_id"], item["rank"]) for item in after] == [(first["id"], 1), (second["id"], 2)]


async def test_only_needs_in_reach_that_are_open_are_looked_at(quarter: Quarter, database: Database) -> None:
    away, other = await quarter.need("d.y"), await quarter.need(category="drainage", summary="下水道堵塞")
    gone = await quarter.need()
    await quarter.made(f"/v1/needs/{gone['id']}/withdraw", {"reason": "x"}, version=gone["version"])
    await quarter.offer(await quarter.partner(area="d.z"), "d.z")
    assert await seek_needs(database, quarter.caller.tenant) == 0
    for need in (away, other, gone):
        assert (await quarter.read(f"/v1/needs/{need['id']}/matches"))["matches"] == []


async def test_an_offer_waits_until_its_partner_is_vetted_and_is_looked_at_again_when_it_changes(
    quarter: Quarter, database: Database
) -> None:
    need = await quarter.need(quantity=2)
    partner = await quarter.partner(vetted=False)
    offer = await quarter.offer(partner, quantity=1)
    assert await seek_needs(database, quarter.caller.tenant) == 0
    await quarter.made(f"/v1/partners/{partner['id']}/vet", {"decision": "vet"}, version=partner["version"])
    assert await seek_needs(database, quarter.caller.tenant) == 0
    changed = await quarter.patch(f"/v1/offers/{offer['id']}", {"quantity": 2}, version=offer["version"])
    assert changed.status_code == 200
    assert await seek_needs(database, quarter.caller.tenant) == 1
    assert (await quarter.read(f"/v1/needs/{need['id']}"))["no_match_reason"] is None


async def test_a_turn_looks_at_so_many_needs_and_no_more(quarter: Quarter, database: Database) -> None:
    for _ in range(NEEDS_MAX + 5):
        await quarter.need()
    await quarter.offer(await quarter.partner(), quantity=100)
    assert await seek_needs(database, quarter.caller.tenant) == NEEDS_MAX
