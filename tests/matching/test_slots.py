"""Slots over HTTP: read from words, corrected by people, and what they say counts in the next match."""

from typing import Any

from sqlalchemy import text

from shared.auth import Role
from shared.db import Database
from shared.ids import new_id
from tests.matching.conftest import Quarter


async def test_a_need_shows_what_it_was_read_as(quarter: Quarter) -> None:
    need = await quarter.need(summary="低保老人周三下午需要上门辅导孙子作业")
    shown = await quarter.get(f"/v1/needs/{need['id']}/slots")
    assert shown.headers["etag"] == '"1"'
    told = shown.json()
    assert told["corrected"] == {}
    assert told["effective"] == told["proposed"]
    assert told["effective"]["groups"] == ["low_income", "child"]
    assert told["effective"]["times"] == [{"day": "wed", "start": "13:00", "end": "18:00"}]
    assert (await quarter.get(f"/v1/needs/{new_id()}/slots")).status_code == 404


async def test_a_correction_counts_in_the_next_match_and_is_kept_as_a_label(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    offer = await quarter.offer(await quarter.partner(), description="放学后的课后托管与作业辅导，周三下午")
    need = await quarter.need(summary="社区需要放学后的作业辅导，周五晚上")
    found = await quarter.read(f"/v1/needs/{need['id']}/matches")
    assert [item["failed"] for item in found["passed_over"]] == ["time"]
    path = f"/v1/needs/{need['id']}/slots"
    change = {"times": [{"day": "wed", "start": "15:00", "end": "17:00"}]}
    assert (await quarter.patch(path, change)).status_code == 428
    done = await quarter.patch(path, change, version=1)
    assert (done.status_code, done.headers["etag"]) == (200, '"2"')
    assert done.json()["effective"]["times"] == change["times"]
    assert (await quarter.patch(path, change, version=1)).status_code == 412
    found = await quarter.made(f"/v1/needs/{need['id']}/matches", None)
    assert [item["offer_id"] for item in found["matches"]] == [offer["id"]], found["passed_over"]
    async with databases["matching"].read(quarter.caller.tenant) as session:
        labels = (await session.execute(text("SELECT slot, words, corrected FROM matching.slot_labels"))).all()
    assert [(row.slot, row.words) for row in labels] == [("times", need["summary"])]
    back = await quarter.patch(path, {"times": None}, version=2)
    assert (back.json()["corrected"], back.json()["version"]) == ({}, 3)


async def test_an_offer_can_be_limited_by_a_correction(quarter: Quarter) -> None:
    offer = await quarter.offer(await quarter.partner())
    path = f"/v1/offers/{offer['id']}/slots"
    told: dict[str, Any] = {"limited_to": [["disabled", "child"]], "ages": {"at_most": 12}, "reach": "visit"}
    done = (await quarter.patch(path, told, version=1, by=quarter.staff_of("school"))).json()
    assert done["effective"]["limited_to"] == [["disabled", "child"]]
    assert done["effective"]["ages"] == {"at_least": 0, "at_most": 12}
    need = await quarter.need()
    found = await quarter.read(f"/v1/needs/{need['id']}/matches")
    (passed,) = found["passed_over"]
    assert passed["failed"] == "eligibility"
    limits = next(item for item in passed["filters"] if item["name"] == "eligibility")
    assert "disabled" in limits["offer"]


async def test_what_a_partner_states_says_more_than_its_words(quarter: Quarter) -> None:
    partner = await quarter.partner()
    elders = await quarter.offer(partner, eligibility={"min_age": 60})
    unknown = await quarter.offer(partner, eligibility={"entitlements": ["martyrs_family"]})
    residents = await quarter.offer(partner, eligibility={"resident_of": [str(quarter.areas["d.y"])]})
    opening = {"rrule": "FREQ=WEEKLY;BYDAY=SA", "starts_on": "2026-01-03", "opens": "09:00", "closes": "12:00"}
    saturdays = await quarter.offer(partner, hours={"openings": [opening]})
    far = await quarter.offer(partner, latitude=37.0, longitude=118.0, quantity=3)
    remote = await quarter.offer(partner, latitude=37.0, longitude=118.0, remote=True)
    need = await quarter.need(summary="社区需要放学后的作业辅导，周三下午", latitude=37.5, longitude=118.0)
    found = await quarter.read(f"/v1/needs/{need['id']}/matches")
    failed = {item["offer_id"]: item["failed"] for item in found["passed_over"]}
    assert failed[elders["id"]] == failed[unknown["id"]] == failed[residents["id"]] == "eligibility"
    assert failed[saturdays["id"]] == "time"
    assert far["id"] in {item["offer_id"] for item in found["matches"]} | set(failed)
    assert remote["id"] in {item["offer_id"] for item in found["matches"]}


async def test_bad_corrections_are_refused(quarter: Quarter) -> None:
    need = await quarter.need()
    path = f"/v1/needs/{need['id']}/slots"
    for body in (
        {"groups": ["kings"]},
        {"times": [{"day": "wed", "start": "25:00", "end": "26:00"}]},
        {"age": 200},
        {"x": 1},
    ):
        assert (await quarter.patch(path, body, version=1)).status_code == 422, body
    wrong = await quarter.patch(path, {"leaf": "haircut"}, version=1)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "leaf_of_another_branch")
    denied = await quarter.patch(path, {"urgent": True}, version=1, by=quarter.holding(Role.OFFICER, "d.y"))
    assert (denied.status_code, denied.json()["rule"]) == (403, "staff_decide_matches")
    offer = await quarter.offer(await quarter.partner())
    other = await quarter.patch(
        f"/v1/offers/{offer['id']}/slots", {"priced": True}, version=1, by=quarter.staff_of("club")
    )
    assert other.status_code == 403


async def test_a_need_has_both_coordinates_or_none(quarter: Quarter) -> None:
    body = quarter.need_body(latitude=37.0)
    assert (await quarter.post("/v1/needs", body)).status_code == 422
    need = await quarter.need(latitude=37.0, longitude=118.0)
    assert (need["latitude"], need["longitude"]) == (37.0, 118.0)


async def test_another_tenant_sees_no_slots(quarter: Quarter, elsewhere: Quarter) -> None:
    need = await quarter.need()
    assert (await elsewhere.get(f"/v1/needs/{need['id']}/slots")).status_code == 404
    assert (await elsewhere.patch(f"/v1/needs/{need['id']}/slots", {"urgent": True}, version=1)).status_code == 404
