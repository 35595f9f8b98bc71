"""Plans over HTTP: asked for, computed by the worker, shown as a difference, and applied but for what has changed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.matching.plans import jobs
from services.matching.plans.computing import compute_plan
from services.matching.plans.jobs import compute_wanted_plans, plan_by_night, prune_plans
from services.matching.plans.rules import KEPT, KEPT_BY_NIGHT, LineChange, change_of
from shared.auth import Role
from shared.clock import utc_now
from shared.db import Database
from shared.ids import new_id
from tests.matching.conftest import Quarter

PLANS = "/v1/match-plans"
TWO_AT_NIGHT = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)


async def computed(quarter: Quarter, database: Database, area: str = "d", **members: Any) -> dict[str, Any]:
    """Ask for a plan and let the worker compute it."""
    asked = await quarter.post(PLANS, {"area_id": str(quarter.areas[area]), **members})
    assert asked.status_code == 202, asked.text
    await compute_wanted_plans(database, quarter.caller.tenant, utc_now())
    plan = await quarter.read(f"{PLANS}/{asked.json()['id']}")
    assert plan["state"] == "computed", plan
    return plan


async def difference(quarter: Quarter, plan: dict[str, Any], **params: str) -> dict[str, dict[str, Any]]:
    page = await quarter.read(f"{PLANS}/{plan['id']}/difference", page_size=200, **params)
    return {line["need_id"]: line for line in page["items"]}


async def two_needs_for_one_offer(quarter: Quarter) -> tuple[Sequence[dict[str, Any]], dict[str, Any]]:
    offer = await quarter.offer(await quarter.partner(), quantity=1)
    return [await quarter.need(), await quarter.need(urgent=True)], offer


async def test_a_plan_is_asked_for_computed_and_shown_before_it_counts(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    needs, offer = await two_needs_for_one_offer(quarter)
    plan = await computed(quarter, databases["matching"])
    assert plan["figures"]["needs"] == 2
    assert plan["figures"]["changes"] == {"same": 1, "withdrawn": 1}
    assert [action["allowed"] for action in plan["next_actions"]] == [True]
    lines = await difference(quarter, plan)
    # The urgent one gets it: leaving it open costs more.
    kept, left = lines[needs[1]["id"]], lines[needs[0]["id"]]
    assert (kept["change"], kept["offer_id"], kept["earlier_offer_id"]) == ("same", offer["id"], offer["id"])
    assert kept["score"] == sum(term["points"] for term in kept["explanation"]["terms"]) == plan["score"]
    assert all(item["passed"] for item in kept["explanation"]["filters"])
    assert (left["change"], left["offer_id"]) == ("withdrawn", None)
    assert left["explanation"] == {
        "reason": "taken_by_another_need",
        "offer_id": offer["id"],
        "taken_by": needs[1]["id"],
    }
    assert set(await difference(quarter, plan, change="withdrawn")) == {needs[0]["id"]}
    before = await quarter.read(f"/v1/needs/{needs[0]['id']}/matches")
    assert len(before["matches"]) == 1


async def test_applying_makes_the_planned_offers_the_first_proposals(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    needs, offer = await two_needs_for_one_offer(quarter)
    plan = await computed(quarter, databases["matching"])
    path = f"{PLANS}/{plan['id']}/apply"
    assert (await quarter.post(path)).status_code == 428
    assert (await quarter.post(path, version=1)).status_code == 412
    done = await quarter.made(path, None, version=plan["version"])
    assert (done["state"], done["figures"]["outcomes"]) == ("applied", {"applied": 2})
    kept = await quarter.read(f"/v1/needs/{needs[1]['id']}/matches")
    assert [(item["offer_id"], item["rank"]) for item in kept["matches"]] == [(offer["id"], 1)]
    left = await quarter.read(f"/v1/needs/{needs[0]['id']}")
    assert left["no_match_reason"] == "taken_by_other_needs"
    assert (await quarter.read(f"/v1/needs/{needs[0]['id']}/matches"))["matches"] == []
    again = await quarter.post(path, version=done["version"])
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    accepted = await quarter.post(
        f"/v1/matches/{kept['matches'][0]['id']}/accept", {}, version=kept["matches"][0]["version"]
    )
    assert accepted.status_code == 200


async def test_an_offer_that_came_later_is_new_in_the_difference_and_is_proposed(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    need = await quarter.need()
    offer = await quarter.offer(await quarter.partner())
    plan = await computed(quarter, databases["matching"])
    line = (await difference(quarter, plan))[need["id"]]
    assert (line["change"], line["earlier_offer_id"], line["offer_id"]) == ("new", None, offer["id"])
    await quarter.made(f"{PLANS}/{plan['id']}/apply", None, version=plan["version"])
    found = await quarter.read(f"/v1/needs/{need['id']}/matches")
    assert [(item["offer_id"], item["rank"], item["score"]) for item in found["matches"]] == [
        (offer["id"], 1, line["score"])
    ]
    assert (await quarter.read(f"/v1/needs/{need['id']}"))["no_match_reason"] is None


async def test_lines_whose_need_or_offer_has_changed_are_refused(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    needs = [await quarter.need(), await quarter.need(category="repair", summary="水管漏水要修")]
    partner = await quarter.partner()
    stale = await quarter.offer(partner)
    pipes = await quarter.offer(partner, category="repair", title="水管维修", description="上门修水管漏水")
    plan = await computed(quarter, databases["matching"])
    assert {line["change"] for line in (await difference(quarter, plan)).values()} == {"new"}
    await quarter.patch(f"/v1/offers/{stale['id']}", {"quantity": 5}, version=stale["version"])
    done = await quarter.made(f"{PLANS}/{plan['id']}/apply", None, version=plan["version"])
    assert done["figures"]["outcomes"] == {"applied": 1, "stale": 1}
    lines = await difference(quarter, plan)
    assert [lines[need["id"]]["outcome"] for need in needs] == ["stale", "applied"]
    assert (await quarter.read(f"/v1/needs/{needs[0]['id']}/matches"))["matches"] == []
    repaired = await quarter.read(f"/v1/needs/{needs[1]['id']}/matches")
    assert [item["offer_id"] for item in repaired["matches"]] == [pipes["id"]]


async def test_what_people_refused_is_not_planned_again(quarter: Quarter, databases: dict[str, Database]) -> None:
    match = await quarter.match()
    await quarter.made(f"/v1/matches/{match['id']}/refuse", {"reason": "时间不合适"}, version=1)
    plan = await computed(quarter, databases["matching"])
    line = (await difference(quarter, plan))[match["need_id"]]
    assert (line["change"], line["offer_id"]) == ("left_open", None)
    assert line["explanation"] == {"reason": "refused_before", "offer_id": match["offer_id"], "filters": []}
    passed = await quarter.read(f"{PLANS}/{plan['id']}/passed-offers")
    assert [(item["offer_id"], item["reason"]) for item in passed["items"]] == [(match["offer_id"], "refused_before")]


async def test_floors_decide_who_gets_what_is_scarce_and_a_shortfall_is_told(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    await quarter.offer(await quarter.partner(), quantity=1)
    await quarter.need(summary="社区需要放学后的作业辅导", urgent=True)
    poor = await quarter.need(summary="低保家庭，孩子放学后没人管")
    floors = [{"group": "low_income", "at_least": 1}]
    plan = await computed(quarter, databases["matching"], floors=floors)
    assert plan["figures"]["shortfalls"] == []
    assert (await difference(quarter, plan))[poor["id"]]["offer_id"] is not None
    floors = [{"area_id": str(quarter.areas["d.z.c1"]), "group": "low_income", "at_least": 3}]
    plan = await computed(quarter, databases["matching"], floors=floors)
    assert plan["figures"]["shortfalls"] == [{"floor": 0, "at_least": 3, "met": 1}]


async def test_a_need_with_parts_gets_an_offer_for_each_or_none(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    partner = await quarter.partner()
    need = await quarter.need()
    told = {"parts": ["venue", "people"]}
    await quarter.patch(f"/v1/needs/{need['id']}/slots", told, version=1)
    people = await quarter.offer(partner, kind="people")
    plan = await computed(quarter, databases["matching"])
    assert (await difference(quarter, plan))[need["id"]]["change"] == "left_open"
    venue = await quarter.offer(partner, kind="venue")
    plan = await computed(quarter, databases["matching"])
    page = await quarter.read(f"{PLANS}/{plan['id']}/difference")
    assert [(line["part"], line["offer_id"]) for line in page["items"]] == [(1, venue["id"]), (2, people["id"])]
    await quarter.made(f"{PLANS}/{plan['id']}/apply", None, version=plan["version"])
    found = await quarter.read(f"/v1/needs/{need['id']}/matches")
    assert [(item["rank"], item["offer_id"]) for item in found["matches"]] == [(1, venue["id"]), (2, people["id"])]


async def test_every_night_everything_is_planned_once(quarter: Quarter, databases: dict[str, Database]) -> None:
    await quarter.match()
    database, tenant = databases["matching"], quarter.caller.tenant
    await plan_by_night(database, tenant, TWO_AT_NIGHT.replace(hour=6))
    assert (await quarter.read(PLANS))["items"] == []
    for _ in range(2):
        await plan_by_night(database, tenant, TWO_AT_NIGHT)
    await compute_wanted_plans(database, tenant, utc_now())
    (plan,) = (await quarter.read(PLANS, state="computed"))["items"]
    assert (plan["area_path"], plan["requested_by"]) == ("d", "system/matching")
    assert plan["figures"]["changes"] == {"same": 1}
    assert not await compute_plan(database, tenant, plan["id"])


async def states_after(quarter: Quarter, database: Database, later: timedelta) -> dict[str, str]:
    """Prune as of some time from now; returns the state of each plan."""
    await prune_plans(database, quarter.caller.tenant, utc_now() + later)
    return {plan["id"]: plan["state"] for plan in (await quarter.read(PLANS, page_size=50))["items"]}


async def rows_of(quarter: Quarter, plan: dict[str, Any]) -> int:
    lines = await difference(quarter, plan)
    return len(lines) + len((await quarter.read(f"{PLANS}/{plan['id']}/passed-offers"))["items"])


async def test_a_plan_that_nobody_applied_lapses_once_a_newer_one_covers_its_area(
    quarter: Quarter, databases: dict[str, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = databases["matching"]
    await two_needs_for_one_offer(quarter)
    await quarter.offer(await quarter.partner("club"), "d.y")
    applied = await computed(quarter, database)
    applied = await quarter.made(f"{PLANS}/{applied['id']}/apply", None, version=applied["version"])
    below, before = await computed(quarter, database, "d.z"), await computed(quarter, database)
    newest, elsewhere = await computed(quarter, database), await computed(quarter, database, "d.y")
    figures = before["figures"]
    day = timedelta(days=1)
    assert set((await states_after(quarter, database, KEPT - day)).values()) == {"applied", "computed"}
    # Two lines at a time, and only four times: the rest is for the next hour.
    monkeypatch.setattr(jobs, "_LINES_AT_ONCE", 1)
    monkeypatch.setattr(jobs, "_BATCHES", 4)
    total = await rows_of(quarter, below) + await rows_of(quarter, before)
    assert total > 4
    states = await states_after(quarter, database, KEPT + day)
    assert states == {
        applied["id"]: "applied",
        below["id"]: "lapsed",
        before["id"]: "lapsed",
        newest["id"]: "computed",
        elsewhere["id"]: "computed",
    }
    assert 0 < await rows_of(quarter, below) + await rows_of(quarter, before) < total
    late = await quarter.post(f"{PLANS}/{before['id']}/apply", version=before["version"] + 1)
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")
    for _ in range(3):
        await states_after(quarter, database, KEPT + day)
    for plan in (below, before):
        kept = await quarter.read(f"{PLANS}/{plan['id']}")
        assert kept["pruned_at"] is not None
        assert await rows_of(quarter, plan) == 0
    assert (await quarter.read(f"{PLANS}/{before['id']}"))["figures"] == figures
    for plan in (applied, newest):
        assert await rows_of(quarter, plan) == 3
        assert (await quarter.read(f"{PLANS}/{plan['id']}"))["pruned_at"] is None


async def test_a_plan_of_the_night_lapses_sooner(quarter: Quarter, databases: dict[str, Database]) -> None:
    database = databases["matching"]
    await two_needs_for_one_offer(quarter)
    await plan_by_night(database, quarter.caller.tenant, TWO_AT_NIGHT)
    await compute_wanted_plans(database, quarter.caller.tenant, utc_now())
    (nightly,) = (await quarter.read(PLANS))["items"]
    asked, newest = await computed(quarter, database), await computed(quarter, database)
    states = await states_after(quarter, database, KEPT_BY_NIGHT + timedelta(days=1))
    assert states == {nightly["id"]: "lapsed", asked["id"]: "computed", newest["id"]: "computed"}
    assert await rows_of(quarter, nightly) == 0


async def test_asking_twice_waits_for_the_first_and_is_recognised_by_its_id(quarter: Quarter) -> None:
    body = {"id": str(new_id()), "area_id": str(quarter.areas["d.z"])}
    first = await quarter.post(PLANS, body)
    assert first.status_code == 202
    assert (await quarter.post(PLANS, body)).status_code == 200
    other = await quarter.post(PLANS, {**body, "floors": [{"group": "alone", "at_least": 1}]})
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")
    busy = await quarter.post(PLANS, {"area_id": body["area_id"]})
    assert (busy.status_code, busy.json()["code"]) == (409, "plan_under_way")


async def test_planning_takes_a_role_at_the_place(quarter: Quarter, elsewhere: Quarter) -> None:
    body = {"area_id": str(quarter.areas["d.z"])}
    assert (await quarter.post(PLANS, body, by=quarter.resident)).json()["rule"] == "role_required"
    denied = await quarter.post(PLANS, body, by=quarter.holding(Role.OFFICER, "d.y"))
    assert (denied.status_code, denied.json()["rule"]) == (403, "officers_plan")
    plan = (await quarter.post(PLANS, body)).json()
    for path in ("", "/difference", "/passed-offers"):
        assert (
            await quarter.get(f"{PLANS}/{plan['id']}{path}", by=quarter.holding(Role.OFFICER, "d.y"))
        ).status_code == 403
        assert (await elsewhere.get(f"{PLANS}/{plan['id']}{path}")).status_code == 404
    early = await quarter.post(f"{PLANS}/{plan['id']}/apply", version=1)
    assert (early.status_code, early.json()["code"]) == (409, "wrong_state")
    nobody = await quarter.post(PLANS, {**body, "floors": [{"at_least": 1}]})
    assert (nobody.status_code, nobody.json()["code"]) == (422, "floor_of_nobody")


@pytest.mark.parametrize(
    ("earlier", "planned", "expected"),
    [(None, None, "left_open"), (1, None, "withdrawn"), (None, 1, "new"), (1, 1, "same"), (1, 2, "changed")],
)
def test_a_line_says_what_it_changes(earlier: int | None, planned: int | None, expected: str) -> None:
    assert change_of(earlier, planned) is LineChange(expected)
