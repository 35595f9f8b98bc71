"""Endpoints over HTTP: who may register and see one, keys that are shown once, and the catalogue."""

import asyncio
import json
from typing import Any

import pytest
from fastapi import FastAPI
from jsonschema_rs import Draft202012Validator

from services.matching.endpoints.rules import ENABLED_MAX
from shared.auth import Role
from shared.contracts import FOR_PARTNERS
from shared.db import Database
from shared.ids import new_id
from tests.matching.conftest import Quarter
from tests.matching.receiving import NEED, Partner, sql, subscribed

URL = "https://hooks.school.org/linli"


async def registered(quarter: Quarter, **members: Any) -> Partner:
    return await subscribed(quarter, members.pop("url", URL), NEED, **members)


async def test_a_partner_registers_an_endpoint_and_sees_its_secret_once(quarter: Quarter) -> None:
    mine = await registered(quarter)
    assert mine.secret.startswith("whsec_")
    seen = await mine.seen()
    assert "secret" not in seen
    assert mine.secret not in json.dumps(seen)
    (key,) = seen["keys"]
    assert key["public_key"].startswith("whpk_")
    assert key["expires_at"] is None
    assert (seen["state"], seen["url"], seen["event_types"], seen["version"]) == ("enabled", URL, [NEED], 1)
    assert [item["action"] for item in seen["next_actions"] if item["allowed"]] == [
        "change", "rotate", "test", "replay", "disable",
    ]  # fmt: skip
    listed = (await quarter.read("/v1/webhook-endpoints", by=mine.by))["items"]
    assert listed == [seen]


async def test_registering_twice_is_once_and_the_secret_is_not_told_again(quarter: Quarter, database: Database) -> None:
    partner = await quarter.partner()
    by = {**quarter.staff_of("school"), "Idempotency-Key": "once"}
    body = {"id": str(new_id()), "partner_id": partner["id"], "url": URL, "event_types": [NEED, NEED]}
    first = await quarter.post("/v1/webhook-endpoints", body, by=by)
    again = await quarter.post("/v1/webhook-endpoints", body, by=by)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == {**first.json(), "secret": None}
    by.pop("Idempotency-Key")
    assert (await quarter.made("/v1/webhook-endpoints", body, by=by))["secret"] is None
    other = await quarter.post("/v1/webhook-endpoints", {**body, "url": f"{URL}/other"}, by=by)
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")
    # Neither the remembered answer nor the table of keys holds it in the clear.
    secret = first.json()["secret"].removeprefix("whsec_").encode()
    kept = await sql(database, quarter.caller.tenant, "SELECT body FROM matching.idempotency_keys")
    keys = await sql(database, quarter.caller.tenant, "SELECT secret, private_key FROM matching.endpoint_keys")
    assert len(keys) == 1
    assert not [item for row in (*kept, *keys) for item in row if secret in bytes(item)]


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://hooks.school.org/", "not_https"),
        ("https://169.254.169.254/latest/meta-data", "numeric_host"),
        ("https://hooks.school.org:22/", "port_not_allowed"),
        ("https://user:pass@hooks.school.org/", "malformed"),
        ("https://metadata.google.internal/", "local_name"),
    ],
)
async def test_a_url_that_could_mislead_is_not_registered(quarter: Quarter, url: str, fault: str) -> None:
    partner = await quarter.partner()
    body = {"partner_id": partner["id"], "url": url, "event_types": [NEED]}
    answer = await quarter.post("/v1/webhook-endpoints", body, by=quarter.staff_of("school"))
    assert (answer.status_code, answer.json()["code"]) == (422, "webhook_url_refused")
    assert (answer.json()["fault"], answer.json()["errors"][0]["pointer"]) == (fault, "/url")
    mine = await registered(quarter, unit="builder")
    changed = await quarter.patch(mine.path, {"url": url}, by=mine.by, version=1)
    assert (changed.status_code, changed.json()["code"]) == (422, "webhook_url_refused")


async def test_loopback_is_for_ones_own_machine_only(
    quarter: Quarter, apps: dict[str, FastAPI], monkeypatch: pytest.MonkeyPatch
) -> None:
    partner = await quarter.partner()
    body = {"partner_id": partner["id"], "url": "http://127.0.0.1:4711/", "event_types": [NEED]}
    monkeypatch.setattr(apps["matching"].state.settings, "webhooks_allow_loopback", False)
    refused = await quarter.post("/v1/webhook-endpoints", body, by=quarter.staff_of("school"))
    assert refused.json()["code"] == "webhook_url_refused"
    monkeypatch.undo()
    assert (await quarter.post("/v1/webhook-endpoints", body, by=quarter.staff_of("school"))).status_code == 201


async def test_only_the_partners_own_staff_registers_and_only_events_of_the_catalogue(quarter: Quarter) -> None:
    partner = await quarter.partner()
    body = {"partner_id": partner["id"], "url": URL, "event_types": [NEED]}
    for by in (quarter.officer, quarter.staff_of("club"), quarter.resident):
        answer = await quarter.post("/v1/webhook-endpoints", body, by=by)
        assert answer.status_code == 403
    own = quarter.holding(Role.PARTNER, "d", unit="school")
    unknown = await quarter.post(
        "/v1/webhook-endpoints", {**body, "event_types": [NEED, "linli.case.filed.v1"]}, by=own
    )
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_event_type")
    assert unknown.json()["errors"][0]["pointer"] == "/event_types/1"
    nobody = await quarter.post("/v1/webhook-endpoints", {**body, "partner_id": str(new_id())}, by=own)
    assert nobody.json()["code"] == "unknown_partner"
    wrongs: tuple[dict[str, Any], ...] = ({"event_types": []}, {"url": ""}, {"url": 7}, {"more": 1})
    for wrong in wrongs:
        assert (await quarter.post("/v1/webhook-endpoints", {**body, **wrong}, by=own)).status_code == 422


async def test_others_do_not_know_of_an_endpoint_and_officers_see_those_of_their_area(
    quarter: Quarter, elsewhere: Quarter
) -> None:
    mine = await registered(quarter, area="d.z")
    here, there = quarter.holding(Role.OFFICER, "d"), quarter.holding(Role.OFFICER, "d.y")
    assert [item["id"] for item in (await quarter.read("/v1/webhook-endpoints", by=here))["items"]] == [
        mine.endpoint["id"]
    ]
    assert await quarter.read(mine.path, by=here)
    assert await quarter.read(f"{mine.path}/deliveries", by=here)
    for by in (there, quarter.staff_of("club")):
        assert (await quarter.read("/v1/webhook-endpoints", by=by))["items"] == []
        for path in ("", "/deliveries", "/attempts"):
            assert (await quarter.get(mine.path + path, by=by)).status_code == 404
        for path, body in (("disable", {}), ("test", {}), ("replay", {"since": "2026-01-01T00:00:00Z"})):
            assert (await quarter.post(f"{mine.path}/{path}", body, by=by, version=1)).status_code in {403, 404}
    assert (await elsewhere.get(mine.path)).status_code == 404
    assert (await elsewhere.read("/v1/webhook-endpoints"))["items"] == []
    assert (await quarter.get(mine.path, by=quarter.resident)).status_code == 403


async def test_lists_go_page_by_page_and_filter(quarter: Quarter) -> None:
    mine = await registered(quarter)
    body = {"partner_id": mine.id, "event_types": [NEED]}
    more = [
        await quarter.made("/v1/webhook-endpoints", {**body, "url": f"{URL}/{number}"}, by=mine.by)
        for number in range(3)
    ]
    ids = [mine.endpoint["id"], *(item["id"] for item in more)]
    found: list[str] = []
    page = await quarter.read("/v1/webhook-endpoints", by=mine.by, page_size=3)
    while True:
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        page = await quarter.read("/v1/webhook-endpoints", by=mine.by, page_size=3, cursor=page["next_cursor"])
    assert found == ids[::-1]
    await quarter.made(f"/v1/webhook-endpoints/{ids[1]}/disable", {}, by=mine.by, version=1)
    stopped = await quarter.read("/v1/webhook-endpoints", by=mine.by, state="disabled", partner_id=mine.id)
    assert [item["id"] for item in stopped["items"]] == [ids[1]]


async def test_a_partner_has_so_many_endpoints_and_no_more_even_at_once(quarter: Quarter) -> None:
    mine = await registered(quarter)
    body = {"partner_id": mine.id, "url": URL, "event_types": [NEED]}
    answers = await asyncio.gather(
        *(quarter.post("/v1/webhook-endpoints", body, by=mine.by) for _ in range(ENABLED_MAX + 3))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * (ENABLED_MAX - 1) + [409] * 4
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"too_many_endpoints"}
    await quarter.made(f"{mine.path}/disable", {}, by=mine.by, version=1)
    assert (await quarter.post("/v1/webhook-endpoints", body, by=mine.by)).status_code == 201
    assert (await quarter.post(f"{mine.path}/enable", by=mine.by, version=2)).status_code == 409


async def test_a_change_names_the_version_that_it_has_seen(quarter: Quarter) -> None:
    mine = await registered(quarter)
    assert (await quarter.patch(mine.path, {"description": "x"}, by=mine.by)).status_code == 428
    changed = await quarter.patch(
        mine.path, {"url": f"{URL}/new", "event_types": ["linli.project.opened.v1"]}, by=mine.by, version=1
    )
    assert changed.status_code == 200
    assert (changed.json()["url"], changed.json()["event_types"]) == (f"{URL}/new", ["linli.project.opened.v1"])
    stale = await quarter.patch(mine.path, {"description": "x"}, by=mine.by, version=1)
    assert stale.status_code == 412
    assert stale.json()["current"]["version"] == 2
    officer = await quarter.patch(mine.path, {"description": "x"}, by=quarter.officer, version=2)
    assert officer.status_code == 403


async def test_rotation_keeps_the_key_before_for_a_while_and_never_three(quarter: Quarter) -> None:
    mine = await registered(quarter)
    first = (await mine.seen())["keys"][0]["public_key"]
    rotated = await quarter.made(f"{mine.path}/rotate", {"overlap_hours": 48}, by=mine.by, version=1)
    assert rotated["secret"] != mine.secret
    assert [key["expires_at"] is None for key in rotated["keys"]] == [True, False]
    assert rotated["keys"][1]["public_key"] == first
    twice = await quarter.made(f"{mine.path}/rotate", {}, by=mine.by, version=2)
    assert [key["public_key"] for key in twice["keys"]][1] == rotated["keys"][0]["public_key"]
    assert len(twice["keys"]) == 2
    leaked = await quarter.made(f"{mine.path}/rotate", {"overlap_hours": 0}, by=mine.by, version=3)
    assert len(leaked["keys"]) == 1
    for hours in (-1, 169, "24", 1.5):
        answer = await quarter.post(f"{mine.path}/rotate", {"overlap_hours": hours}, by=mine.by, version=4)
        assert answer.status_code == 422
    assert (await quarter.post(f"{mine.path}/rotate", {}, by=quarter.officer, version=4)).status_code == 403


async def test_what_an_officer_has_disabled_an_officer_enables(quarter: Quarter) -> None:
    mine = await registered(quarter)
    stopped = await quarter.made(f"{mine.path}/disable", {"note": "地址属于他人"}, by=quarter.officer, version=1)
    assert (stopped["state"], stopped["reason"], stopped["note"]) == ("disabled", "officer", "地址属于他人")
    refused = await quarter.post(f"{mine.path}/enable", by=mine.by, version=2)
    assert (refused.status_code, refused.json()["rule"]) == (403, "officer_disabled")
    again = await quarter.post(f"{mine.path}/disable", {}, by=mine.by, version=2)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    assert (await quarter.post(f"{mine.path}/enable", by=quarter.officer, version=2)).json()["state"] == "enabled"
    own = await quarter.made(f"{mine.path}/disable", {}, by=mine.by, version=3)
    assert own["reason"] == "partner"
    assert (await quarter.post(f"{mine.path}/enable", by=quarter.officer, version=4)).status_code == 403
    back = await quarter.made(f"{mine.path}/enable", None, by=mine.by, version=4)
    assert (back["state"], back["reason"], back["note"]) == ("enabled", None, None)


async def test_the_catalogue_comes_from_the_contracts_and_its_samples_fit_their_schemas(quarter: Quarter) -> None:
    found = (await quarter.read("/v1/webhook-events", by=quarter.caller.anonymous("matching")))["events"]
    assert [item["type"] for item in found] == sorted(kind.event_type for kind in FOR_PARTNERS)
    for item in found:
        kind = next(kind for kind in FOR_PARTNERS if kind.event_type == item["type"])
        assert kind.partners is not None
        assert item["title"] == kind.__name__
        check = Draft202012Validator(item["json_schema"], validate_formats=True)
        check.validate(item["sample"])
        assert list(item["sample"]["data"]) == list(kind.partners.shows)
        assert set(item["json_schema"]["properties"]["data"]["properties"]) == set(kind.partners.shows)
        for member in ("id", "type", "timestamp", "tenant", "test", "data"):
            assert not check.is_valid({k: v for k, v in item["sample"].items() if k != member})
        for member in kind.partners.shows:
            data = {k: v for k, v in item["sample"]["data"].items() if k != member}
            assert not check.is_valid({**item["sample"], "data": data}), member
