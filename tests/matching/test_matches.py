"""Matches over HTTP: explained proposals, decided once, and never more promised than there is."""

import asyncio
from collections import Counter

from shared.auth import Role
from shared.ids import new_id
from tests.matching.conftest import Quarter


async def test_every_proposal_explains_its_score(quarter: Quarter) -> None:
    partner = await quarter.partner()
    near = await quarter.offer(partner, "d.z.c1")
    far = await quarter.offer(partner, "d")
    need = await quarter.need()
    found = await quarter.read(f"/v1/needs/{need['id']}/matches")
    assert [item["offer_id"] for item in found["matches"]] == [near["id"], far["id"]]
    assert [item["rank"] for item in found["matches"]] == [1, 2]
    for item in found["matches"]:
        assert item["score"] == sum(term["points"] for term in item["terms"]) >= found["threshold"]
        assert all(hurdle["passed"] and hurdle["need"] and hurdle["offer"] for hurdle in item["filters"])
        assert {"accept", "refuse"} == {action["action"] for action in item["next_actions"] if action["allowed"]}
    seen = await quarter.read(f"/v1/needs/{need['id']}/matches", by=quarter.resident)
    assert not any(action["allowed"] for item in seen["matches"] for action in item["next_actions"])


async def test_an_offer_passed_over_names_the_first_filter_that_failed(quarter: Quarter) -> None:
    vetted, unvetted = await quarter.partner(), await quarter.partner("club", vetted=False)
    expected = {
        (await quarter.offer(unvetted))["id"]: "partner_vetted",
        (await quarter.offer(vetted, "d.y"))["id"]: "area",
        (await quarter.offer(vetted, valid_from="2090-01-01T00:00:00Z"))["id"]: "validity",
        (await quarter.offer(vetted, quantity=1))["id"]: "capacity",
    }
    need = await quarter.need(quantity=2)
    assert need["no_match_reason"] == "no_suitable_resource"
    found = await quarter.read(f"/v1/needs/{need['id']}/matches")
    assert {item["offer_id"]: item["failed"] for item in found["passed_over"]} == expected
    nearest = await quarter.read(f"/v1/needs/{need['id']}/matches", passed_over=1)
    assert [item["offer_id"] for item in nearest["passed_over"]] == [found["passed_over"][0]["offer_id"]]
    for item in found["passed_over"]:
        assert item["failed"] == next(hurdle["name"] for hurdle in item["filters"] if not hurdle["passed"])


async def test_what_suits_can_be_read_without_why_the_rest_does_not(quarter: Quarter) -> None:
    partner = await quarter.partner()
    await quarter.offer(partner)
    await quarter.offer(partner, "d.y")
    need = await quarter.need()
    path = f"/v1/needs/{need['id']}/matches"
    found = await quarter.read(path)
    assert len(found["matches"]) == len(found["passed_over"]) == 1
    assert await quarter.read(path, passed_over=0) == {**found, "passed_over": []}
    assert (await quarter.get(path, passed_over=201)).status_code == 422


async def test_a_later_offer_is_found_by_looking_again(quarter: Quarter) -> None:
    need = await quarter.need()
    path = f"/v1/needs/{need['id']}"
    offer = await quarter.offer(await quarter.partner())
    denied = await quarter.post(f"{path}/matches", by=quarter.holding(Role.OFFICER, "d.y"))
    assert (denied.status_code, denied.json()["rule"]) == (403, "staff_decide_matches")
    found = await quarter.made(f"{path}/matches", None)
    assert [item["offer_id"] for item in found["matches"]] == [offer["id"]]
    after = await quarter.get(path)
    assert after.json()["no_match_reason"] is None
    assert after.headers["etag"] != f'"{need["version"]}"'
    same = await quarter.made(f"{path}/matches", None)
    assert [item["score"] for item in same["matches"]] == [item["score"] for item in found["matches"]]


async def test_accepting_opens_a_project_and_holds_the_offer_until_its_giver_agrees(quarter: Quarter) -> None:
    match = await quarter.match(quantity=3)
    body = {"title": "四点半课堂", "milestones": [{"title": "首课", "due_on": "2030-03-01"}, {"title": "结课"}]}
    response = await quarter.post(f"/v1/matches/{match['id']}/accept", body, version=1)
    project = response.json()
    assert response.status_code == 200
    assert response.headers["etag"] == f'"{project["version"]}"'
    assert (project["title"], project["state"]) == ("四点半课堂", "running")
    assert (project["need_ids"], project["offer_ids"]) == ([match["need_id"]], [match["offer_id"]])
    assert project["lead_unit_id"] == str(quarter.units["school"])
    assert [(item["position"], item["title"], item["due_on"]) for item in project["milestones"]] == [
        (1, "首课", "2030-03-01"),
        (2, "结课", None),
    ]
    assert (await quarter.read(f"/v1/needs/{match['need_id']}"))["state"] == "matched"
    offer = await quarter.read(f"/v1/offers/{match['offer_id']}")
    assert (offer["quantity"], offer["held"], offer["committed"]) == (3, 1, 0)
    assert project["waiting_offer_ids"] == [offer["id"]]
    agreed = await quarter.agreed(project, by=quarter.staff_of("school"))
    assert agreed["waiting_offer_ids"] == []
    offer = await quarter.read(f"/v1/offers/{match['offer_id']}")
    assert (offer["held"], offer["committed"]) == (0, 1)
    kept = (await quarter.read(f"/v1/needs/{match['need_id']}/matches"))["matches"][0]
    assert (kept["state"], kept["project_id"], kept["version"]) == ("accepted", project["id"], 2)
    again = await quarter.post(f"/v1/matches/{match['id']}/accept", {}, version=2)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")


async def test_a_need_can_join_a_project_that_is_there(quarter: Quarter) -> None:
    project = await quarter.project()
    match = await quarter.match()
    body = {"project_id": project["id"]}
    joined = await quarter.made(f"/v1/matches/{match['id']}/accept", body, version=1)
    assert (joined["id"], joined["need_ids"]) == (project["id"], [match["need_id"]])
    assert joined["version"] == project["version"] + 1
    history = await quarter.read(f"/v1/projects/{project['id']}/history")
    assert [item["step"] for item in history["items"]] == ["open", "attach"]


async def test_a_project_that_is_not_there_cannot_be_joined(quarter: Quarter) -> None:
    match = await quarter.match()
    response = await quarter.post(f"/v1/matches/{match['id']}/accept", {"project_id": str(new_id())}, version=1)
    assert (response.status_code, response.json()["code"]) == (422, "unknown_project")
    offer = await quarter.read(f"/v1/offers/{match['offer_id']}")
    assert (offer["held"], offer["committed"]) == (0, 0)


async def test_refusing_takes_a_reason_and_is_remembered(quarter: Quarter) -> None:
    match = await quarter.match()
    path = f"/v1/matches/{match['id']}/refuse"
    assert (await quarter.post(path, {}, version=1)).status_code == 422
    assert (await quarter.post(path, {"reason": "时间不合适"})).status_code == 428
    refused = await quarter.made(path, {"reason": "时间不合适"}, version=1)
    assert (refused["state"], refused["reason"], refused["version"]) == ("refused", "时间不合适", 2)
    found = await quarter.made(f"/v1/needs/{match['need_id']}/matches", None)
    assert [(item["id"], item["state"]) for item in found["matches"]] == [(match["id"], "refused")]
    need = await quarter.read(f"/v1/needs/{match['need_id']}")
    assert need["no_match_reason"] == "no_suitable_resource"


async def test_once_a_need_is_matched_its_other_proposals_cannot_be_accepted(quarter: Quarter) -> None:
    partner = await quarter.partner()
    for area in ("d.z", "d.z.c1"):
        await quarter.offer(partner, area)
    need = await quarter.need()
    best, other = (await quarter.read(f"/v1/needs/{need['id']}/matches"))["matches"]
    await quarter.made(f"/v1/matches/{best['id']}/accept", {}, version=1)
    late = await quarter.post(f"/v1/matches/{other['id']}/accept", {}, version=1)
    assert (late.status_code, late.json()["code"]) == (409, "need_not_open")
    shown = (await quarter.read(f"/v1/needs/{need['id']}/matches"))["matches"][1]
    told = {action["action"]: (action["allowed"], action["code"]) for action in shown["next_actions"]}
    assert told["accept"] == (False, "need_not_open")
    looked = await quarter.post(f"/v1/needs/{need['id']}/matches")
    assert (looked.status_code, looked.json()["code"]) == (409, "wrong_state")


async def test_deciding_takes_a_role_at_the_place(quarter: Quarter) -> None:
    match = await quarter.match()
    path = f"/v1/matches/{match['id']}/accept"
    assert (await quarter.post(path, {}, by=quarter.resident, version=1)).json()["rule"] == "role_required"
    denied = await quarter.post(path, {}, by=quarter.holding(Role.OFFICER, "d.y"), version=1)
    assert (denied.status_code, denied.json()["rule"]) == (403, "staff_decide_matches")
    assert (await quarter.post(f"/v1/matches/{new_id()}/accept", {}, version=1)).status_code == 404


async def test_fifty_accepts_of_one_place_have_one_holder(quarter: Quarter) -> None:
    offer = await quarter.offer(await quarter.partner(), quantity=1)
    needs = [await quarter.need() for _ in range(50)]
    matches = [(await quarter.read(f"/v1/needs/{need['id']}/matches"))["matches"][0] for need in needs]
    responses = await asyncio.gather(
        *(quarter.post(f"/v1/matches/{match['id']}/accept", {}, version=1) for match in matches)
    )
    assert Counter(response.status_code for response in responses) == {200: 1, 409: 49}
    refused = [response.json() for response in responses if response.status_code == 409]
    assert {(item["code"], item["offer_id"]) for item in refused} == {("offer_exhausted", offer["id"])}
    kept = await quarter.read(f"/v1/offers/{offer['id']}")
    assert (kept["held"], kept["committed"]) == (1, 0)
    assert len((await quarter.read("/v1/projects"))["items"]) == 1
    states = Counter(item["state"] for item in (await quarter.read("/v1/needs", page_size=100))["items"])
    assert states == {"open": 49, "matched": 1}


async def test_fifty_accepts_of_one_need_make_one_project(quarter: Quarter) -> None:
    match = await quarter.match(quantity=50)
    responses = await asyncio.gather(
        *(quarter.post(f"/v1/matches/{match['id']}/accept", {}, version=1) for _ in range(50))
    )
    assert Counter(response.status_code for response in responses) == {200: 1, 412: 49}
    assert (await quarter.read(f"/v1/offers/{match['offer_id']}"))["held"] == 1


async def test_looking_again_while_somebody_accepts_breaks_neither(quarter: Quarter) -> None:
    partner = await quarter.partner()
    for _ in range(5):
        await quarter.offer(partner, quantity=1_000)
    for _ in range(10):
        need = await quarter.need()
        match = (await quarter.read(f"/v1/needs/{need['id']}/matches"))["matches"][0]
        path = f"/v1/needs/{need['id']}/matches"
        responses = await asyncio.gather(
            quarter.post(f"/v1/matches/{match['id']}/accept", {}, version=1),
            *(quarter.post(path) for _ in range(3)),
            quarter.post(f"/v1/matches/{match['id']}/accept", {}, version=1),
        )
        # A proposal that stands otherwise, or is none any more, is not decided on by accident.
        assert {response.status_code for response in responses} <= {200, 404, 409, 412}


async def test_another_tenant_cannot_decide(quarter: Quarter, elsewhere: Quarter) -> None:
    match = await quarter.match()
    for verb, body in (("accept", {}), ("refuse", {"reason": "no"})):
        assert (await elsewhere.post(f"/v1/matches/{match['id']}/{verb}", body, version=1)).status_code == 404
