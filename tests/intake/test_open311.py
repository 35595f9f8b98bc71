"""Other civic apps: they file, ask and are refused in the words of GeoReport v2, and learn nothing about people."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from georeport import GeoReport

from services.gateway.app import Gateway
from services.gateway.settings import UPSTREAMS
from services.intake.open311.posted import BODY_MAX_BYTES
from shared.auth import Role, read_signing_key
from shared.ids import new_id
from shared.testing import Callers, TestServers
from tests.gateway.house import serving, settings_for
from tests.intake.civic import FORM, WORDS, Civic, document, key_of, offer, refused, tree
from tests.intake.conftest import GRID, NORTH, Street, due_in
from tests.intake.test_filing import commits_fail

EXAMPLES = Path(__file__).parent / "open311_examples"
QUESTIONS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "WHISPAWN": {"type": "integer", "maximum": 999_999, "title": "多少户受影响"},
        "WHISDORN": {"enum": ["COISL001", "COISL002"], "title": "在哪一侧"},
        "SMELLS": {"type": "array", "items": {"enum": ["sewage", "gas"]}, "title": "气味"},
    },
    "required": ["WHISDORN"],
}
EN = {"Accept-Language": "en"}


@pytest_asyncio.fixture(loop_scope="session")
async def civic(street: Street) -> Civic:
    return Civic(street, *await key_of(street, NORTH))


@pytest_asyncio.fixture(loop_scope="session")
async def questions(street: Street) -> None:
    """Let the category `drainage` ask questions."""
    path, body = "/v1/categories/drainage/form", {"schema": QUESTIONS}
    response = await street.call("PUT", path, body, by=street.administrator, version=1)
    assert response.status_code == 200, response.text


@asynccontextmanager
async def door(apps: dict[str, FastAPI], servers: TestServers) -> AsyncIterator[str]:
    """Serve the intake behind a gateway, both on real sockets; yields the gateway's address."""
    async with serving(apps["intake"]) as url:
        addresses = dict.fromkeys(UPSTREAMS, url)
        gateway = Gateway(settings_for(addresses, servers.internal_seed, servers.redis_url))
        async with serving(gateway) as address:
            yield address


async def test_services_are_the_active_categories_in_both_formats(civic: Civic) -> None:
    street = civic.street
    await offer(street, "drainage", description="井盖与管网", keywords=["污水", "井盖"], visibility="facts")
    await offer(street, "parking", offered=False)
    leaf = {"name_zh": "路灯", "name_en": "Street lamp", "kind": "request", "parent_code": "street"}
    for code, body in (
        ("street", {"name_zh": "街面", "name_en": "Street", "kind": "request"}),
        ("lamp", leaf),
        ("old", {"name_zh": "旧", "name_en": "Old", "kind": "request", "active": False}),
    ):
        await street.call("PUT", f"/v1/categories/{code}", body, by=street.administrator)
    listed = await civic.get("services.json", EN)
    expected = [
        {
            "service_code": "drainage", "service_name": "drainage", "description": "井盖与管网", "metadata": False,
            "type": "realtime", "keywords": "污水, 井盖", "group": None,
        },
        {
            "service_code": "lamp", "service_name": "Street lamp", "description": "Street lamp", "metadata": False,
            "type": "realtime", "keywords": None, "group": "Street",
        },
    ]  # fmt: skip
    assert document(listed, "services") == expected
    printed = await civic.get("services.xml")
    assert printed.headers["content-type"] == "text/xml; charset=utf-8"
    services = tree(printed.content)
    assert [[child.tag for child in service] for service in services] == [list(expected[0])] * 2
    assert [service.findtext("service_name") for service in services] == ["drainage", "路灯"]
    assert [service.findtext("metadata") for service in services] == ["false", "false"]


async def test_discovery_tells_the_endpoint_and_changes_with_the_services(civic: Civic) -> None:
    before = document(await civic.get("discovery.json"), "discovery")
    (endpoint,) = before["endpoints"]
    assert endpoint["url"].endswith(civic.base)
    assert endpoint["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert endpoint["formats"] == ["text/xml", "application/json"]
    assert endpoint["type"] == "test"
    await offer(civic.street, "parking", description="停车")
    after = document(await civic.get("discovery.json"), "discovery")
    assert after["changeset"] > before["changeset"]
    printed = tree((await civic.get("discovery.xml")).content)
    assert printed.findtext("endpoints/endpoint/changeset") == after["changeset"]


async def test_the_example_of_the_specification_files_a_case(civic: Civic, questions: None) -> None:
    example = (EXAMPLES / "post.form").read_text(encoding="utf-8")
    ours = {"xyz": civic.key, "city.gov": civic.street.caller.tenant, "001": "drainage"}
    sent = urlencode([(name, ours.get(value, value)) for name, value in parse_qsl(example)]).encode()
    answer = await civic.send(sent, "requests.xml")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    (request,) = tree(answer.content)
    assert [child.tag for child in request] == ["service_request_id", "service_notice", "account_id"]
    case = await civic.case(request.findtext("service_request_id") or "")
    assert case["title"] == case["description"] == "A large sinkhole is destroying the street"
    assert case["location"] == {"latitude": 37.76524078, "longitude": -122.4212043}
    assert (case["area_path"], case["place_text"], case["state"]) == (NORTH, "1234 5th street", "filed")
    report = (await civic.street.get(f"/v1/cases/{case['id']}/open311-report", by=civic.street.officer)).json()
    assert report["answers"] == {"WHISPAWN": 123456, "WHISDORN": "COISL001"}
    assert (case["answers"], case["form_version"], case["missing_answers"]) == (report["answers"], 2, [])
    assert (report["filed_by"], report["media_url"]) == ("civic app", "http://media.example/2212426634.jpg")


async def test_questions_are_asked_and_their_answers_judged(civic: Civic, questions: None) -> None:
    (drainage, _) = document(await civic.get("services.json"), "services")
    assert drainage["metadata"] is True
    asked = document(await civic.get("services/drainage.json"), "definition")
    assert [(item["code"], item["datatype"], item["required"]) for item in asked["attributes"]] == [
        ("WHISPAWN", "number", False),
        ("WHISDORN", "singlevaluelist", True),
        ("SMELLS", "multivaluelist", False),
    ]
    printed = tree((await civic.get("services/drainage.xml")).content)
    assert [value.findtext("key") for value in printed.iterfind(".//attribute[2]/values/value")] == [
        "COISL001",
        "COISL002",
    ]
    many = await civic.post(**{"attribute[WHISPAWN]": "1000000000", "attribute[WHISDORN]": "COISL001"})
    assert refused(many, 400) == ["attribute[WHISPAWN] 太大"]
    wrong = await civic.post(**{"attribute[WHISPAWN]": "some", "attribute[OTHER]": "x"})
    assert len(refused(wrong, 400)) == 3
    form = urlencode(
        [
            ("api_key", civic.key),
            *WORDS.items(),
            ("attribute[WHISDORN]", "COISL002"),
            ("attribute[SMELLS][]", "gas"),
            ("attribute[SMELLS][]", "sewage"),
        ]
    )
    number = document(await civic.send(form.encode()), "posted")[0]["service_request_id"]
    case = await civic.case(number)
    report = (await civic.street.get(f"/v1/cases/{case['id']}/open311-report", by=civic.street.officer)).json()
    assert report["answers"] == {"WHISDORN": "COISL002", "SMELLS": ["gas", "sewage"]}
    assert document(await civic.get("services/parking.json"), "definition")["attributes"] == []
    assert refused(await civic.get("services/unknown.json", EN), 404) == ["The service_code was not found"]


async def test_a_key_may_answer_with_a_token(street: Street) -> None:
    civic = Civic(street, *await key_of(street, NORTH, answers_with_token=True))
    (posted,) = document(await civic.post(), "posted")
    assert "service_request_id" not in posted
    token = posted["token"]
    (told,) = document(await civic.get(f"tokens/{token}.json"), "token")
    assert told["token"] == token
    assert (await civic.case(told["service_request_id"]))["title"] == "井盖冒污水"
    printed = tree((await civic.get(f"tokens/{token}.xml")).content)
    assert printed.findtext("request/service_request_id") == told["service_request_id"]
    assert refused(await civic.get("tokens/unknown.json"), 404)
    batch = document(await civic.get("services.json", api_key=civic.key), "services")
    assert {service["type"] for service in batch} == {"batch"}


async def test_nothing_is_shown_until_somebody_says_so_and_then_no_words(civic: Civic) -> None:
    number = await civic.filed()
    ours = await civic.street.filed(place_text="三楼东户", location={"latitude": 37.509123, "longitude": 122.120456})
    assert await civic.requests() == []
    assert refused(await civic.get(f"requests/{number}.json"), 404)

    await offer(civic.street, "drainage", visibility="facts", notice="五个工作日内办理")
    listed = {item["service_request_id"]: item for item in await civic.requests()}
    assert listed.keys() == {number, ours["number"]}
    for item in listed.values():
        assert (item["description"], item["media_url"], item["zipcode"]) == (None, None, None)
        assert (item["lat"], item["long"]) == (37.509, 122.12)
        assert (item["status"], item["status_notes"], item["service_notice"]) == ("open", "已收到", "五个工作日内办理")
    assert (listed[number]["address"], listed[ours["number"]]["address"]) == ("north", "g1")
    assert listed[number]["address_id"] == str(civic.street.areas[NORTH])

    await offer(civic.street, "drainage", visibility="words")
    worded = {item["service_request_id"]: item for item in await civic.requests()}
    assert worded[number]["description"] == "井盖冒污水"
    assert (worded[number]["address"], worded[number]["lat"]) == ("青岛街 12 号门口", 37.509123)
    assert worded[ours["number"]]["description"] is None, "nobody filed it for the public"
    assert worded[ours["number"]]["address"] == "g1"
    everything = str(worded) + str(listed)
    assert not any(WORDS[name] in everything for name in ("email", "phone", "first_name", "account_id", "device_id"))


async def test_an_app_follows_what_it_has_filed_with_its_key(civic: Civic) -> None:
    number = await civic.filed()
    await civic.street.filed()
    other = Civic(civic.street, *await key_of(civic.street, NORTH))
    (own,) = await civic.requests(api_key=civic.key)
    assert own["service_request_id"] == number
    assert (own["description"], own["media_url"]) == (WORDS["description"], WORDS["media_url"])
    assert await other.requests(api_key=other.key) == []
    assert (await civic.get(f"requests/{number}.xml", api_key=civic.key)).status_code == 200
    assert refused(await civic.get(f"requests/{number}.json", api_key=other.key), 404)
    assert refused(await civic.get(f"requests/{number}.json", api_key="wrong"), 403)


async def test_status_notes_and_times_follow_the_case(civic: Civic) -> None:
    street = civic.street
    await offer(street, "drainage", visibility="facts")
    case = await street.claimed()
    due = due_in(7)
    (claimed,) = await civic.requests()
    assert (claimed["status"], claimed["agency_responsible"]) == ("open", "works")
    assert abs(datetime.fromisoformat(claimed["expected_datetime"]) - datetime.fromisoformat(due)) < timedelta(hours=1)
    resolved = await street.resolved()
    shown = document(await civic.get(f"requests/{resolved['number']}.json", EN), "requests")[0]
    assert (shown["status"], shown["status_notes"]) == ("closed", "Resolved; waiting for the requester's verdict")
    done_at = datetime.fromisoformat(shown["updated_datetime"])
    assert done_at.utcoffset() == timedelta(hours=8)
    await street.post(f"/v1/cases/{resolved['id']}/join", by=street.neighbour)
    again = (await civic.get(f"requests/{resolved['number']}.json")).json()[0]
    assert datetime.fromisoformat(again["updated_datetime"]) == done_at, "when it was closed, whoever comes later"
    assert [item["service_request_id"] for item in await civic.requests(status="open")] == [case["number"]]
    assert [item["service_request_id"] for item in await civic.requests(status="closed")] == [resolved["number"]]
    assert len(await civic.requests(status="open,closed")) == 2
    latest = (await street.get(f"/v1/cases/{resolved['id']}")).json()
    await street.step(latest, "feedback", {"answer": "not_solved"}, by=street.owner)
    assert {item["status"] for item in await civic.requests()} == {"open"}


async def test_how_a_case_was_solved_is_told_to_everybody_in_the_words_meant_for_them(civic: Civic) -> None:
    street = civic.street
    await offer(street, "drainage", visibility="facts")
    said = {"note": "王师傅更换了三单元的井盖", "public_note": "井盖已更换"}
    case = await street.mended(await street.claimed(), by=street.works_clerk, **said)
    (shown,) = await civic.requests()
    assert shown["status_notes"] == "已办结，等待评价：井盖已更换"
    assert "王师傅" not in str(shown)
    english = document(await civic.get(f"requests/{case['number']}.json", EN), "requests")[0]
    assert english["status_notes"] == "Resolved; waiting for the requester's verdict: 井盖已更换"
    latest = (await street.get(f"/v1/cases/{case['id']}")).json()
    await street.step(latest, "feedback", {"answer": "not_solved"}, by=street.owner)
    (again,) = await civic.requests()
    assert again["status_notes"] == "未解决，重新办理"


async def test_lists_are_narrowed_paged_and_newest_first(civic: Civic, owner: Any) -> None:
    street = civic.street
    for code in ("drainage", "parking"):
        await offer(street, code, visibility="facts")
    cases = [await street.filed(category=code) for code in ("drainage", "parking", "drainage")]
    numbers = [case["number"] for case in cases]
    await owner.execute(
        "UPDATE intake.cases SET filed_at = now() - interval '100 days' WHERE tenant_id = $1 AND number = $2",
        street.caller.tenant,
        numbers[0],
    )

    async def listed(**params: Any) -> list[str]:
        return [item["service_request_id"] for item in await civic.requests(**params)]

    assert await listed() == [numbers[2], numbers[1]], "the last 90 days"
    assert await listed(service_code="parking, unknown") == [numbers[1]]
    assert await listed(service_code=["parking", "drainage"]) == [numbers[2], numbers[1]]
    assert await listed(service_request_id=f"{numbers[0]},{numbers[1]}", service_code="drainage", status="closed") == [
        numbers[1],
        numbers[0],
    ], "numbers override all else"
    assert await listed(page_size=1) == [numbers[2]]
    assert await listed(page=2, page_size=1) == [numbers[1]]
    assert await listed(page=3, page_size=1) == []
    assert await listed(page="", page_size="", status="", start_date="") == [numbers[2], numbers[1]]
    now = datetime.now(UTC)
    old = {
        "start_date": (now - timedelta(days=110)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "end_date": (now - timedelta(days=95)).isoformat(),
    }
    assert await listed(**old) == [numbers[0]]
    assert await listed(start_date=(now + timedelta(days=1)).isoformat(), end_date=due_in(2)) == []
    for params in (
        {"page": "0"}, {"page": "x"}, {"page_size": "1001"}, {"page_size": "-1"}, {"page": "100000"},
        {"status": "openish"}, {"start_date": "yesterday"}, {"end_date": "2026-01-01T00:00:00"},
        {"start_date": "2026-01-01", "end_date": "2026-04-02"}, {"start_date": "2026-02-01", "end_date": "2026-01-01"},
        {"status": ["open"] * 21}, {"start_date": "x" * 300}, {"service_request_id": ",".join("1" * 1001)},
    ):  # fmt: skip
        assert refused(await civic.get("requests.json", **params), 400), params


async def test_contacts_are_sealed_and_read_by_officers_who_say_why(civic: Civic, owner: Any) -> None:
    street = civic.street
    case = await civic.case(await civic.filed())
    stored = await owner.fetchrow(
        "SELECT sealed, (SELECT array_agg(r::text) FROM intake.open311_reports r WHERE r.tenant_id = $1)::text AS report,"
        " (SELECT array_agg(c::text) FROM intake.cases c WHERE c.tenant_id = $1)::text AS rows,"
        " (SELECT array_agg(s::text) FROM intake.case_steps s WHERE s.tenant_id = $1)::text AS steps,"
        " (SELECT array_agg(o::text) FROM intake.outbox o WHERE o.tenant_id = $1)::text AS events"
        " FROM intake.case_contacts WHERE tenant_id = $1",
        street.caller.tenant,
    )
    for name in ("email", "phone", "first_name", "account_id", "device_id"):
        assert WORDS[name].encode() not in stored["sealed"]
        assert not any(WORDS[name] in stored[kept] for kept in ("report", "rows", "steps", "events")), name
    address = f"/v1/cases/{case['id']}/contact"
    assert (await street.get(address, by=street.officer)).status_code == 422, "no purpose"
    assert (await street.get(address, by=street.officer, purpose=" ")).status_code == 422
    assert (await street.get(address, by=street.grid_worker, purpose="回访")).status_code == 403
    southern = street.holding(Role.OFFICER, "county.south")
    assert (await street.get(address, by=southern, purpose="好奇")).status_code == 404
    # Sees the case by one role, and is an officer somewhere else.
    mixed = street.caller("intake", (Role.AUDITOR, "county"), (Role.OFFICER, "county.south"))
    assert (await street.get(address, by=mixed, purpose="好奇")).status_code == 403
    read = await street.get(address, by=street.officer, purpose="电话回访")
    assert read.headers["cache-control"] == "no-store"
    said = {name: WORDS[name] for name in ("first_name", "last_name", "phone", "email", "account_id", "device_id")}
    assert read.json() == {"case_id": case["id"], **said}
    auditor = street.holding(Role.AUDITOR, "county")
    (disclosure,) = (await street.get(f"{address}-disclosures", by=auditor)).json()["items"]
    assert (disclosure["purpose"], disclosure["case_id"]) == ("电话回访", case["id"])
    assert disclosure["actor"].startswith("person/")
    assert (await street.get(f"{address}-disclosures", by=street.officer)).status_code == 403
    own = await street.filed()
    assert (await street.get(f"/v1/cases/{own['id']}/contact", by=street.officer, purpose="回访")).status_code == 404
    silent = dict.fromkeys(said)
    unnamed = await civic.case(await civic.filed(**silent))
    assert (
        await street.get(f"/v1/cases/{unnamed['id']}/contact", by=street.officer, purpose="回访")
    ).status_code == 404


async def test_a_requester_is_the_same_person_for_the_same_account_of_one_app(civic: Civic) -> None:
    async def requester(app: Civic, **changes: str | None) -> str:
        return str((await civic.case(await app.filed(**changes)))["requester_id"])

    first = await requester(civic)
    assert await requester(civic, description="另一件事", device_id="another") == first
    assert await requester(civic, account_id="user-2") != first
    other = Civic(civic.street, *await key_of(civic.street, NORTH))
    assert await requester(other) != first, "nobody learns that two apps know the same person"
    nobody: dict[str, str | None] = dict.fromkeys(("account_id", "device_id", "email", "phone"))
    assert await requester(civic, **nobody) != await requester(civic, **nobody, description="又一件")


async def test_an_address_id_names_an_area_within_the_keys(civic: Civic) -> None:
    street = civic.street
    below = await civic.case(await civic.filed(address_id=str(street.areas[GRID])))
    assert below["area_path"] == GRID
    outside = await civic.case(await civic.filed(address_id=str(street.areas["county.south"])))
    assert outside["area_path"] == NORTH, "the key files nowhere else"
    nowhere: dict[str, str | None] = dict.fromkeys(("lat", "long", "address_string"))
    alone = await civic.case(await civic.filed(**nowhere, address_id=str(street.areas[GRID])))
    assert (alone["area_path"], alone["location"], alone["place_text"]) == (GRID, None, None)
    for address_id in ("545483", str(new_id()), str(street.areas["county.south"])):
        assert refused(await civic.post(**nowhere, address_id=address_id), 400)


async def test_the_same_report_sent_again_is_one_case(civic: Civic) -> None:
    answers = await asyncio.gather(*(civic.post() for _ in range(5)))
    numbers = {document(answer, "posted")[0]["service_request_id"] for answer in answers}
    assert len(numbers) == 1
    assert len((await civic.street.get("/v1/cases", by=civic.street.officer)).json()["items"]) == 1
    assert await civic.filed(account_id="user-2") not in numbers


async def test_a_filing_is_heard_of_like_any_other(civic: Civic, owner: Any) -> None:
    case = await civic.case(await civic.filed())
    told = await owner.fetchval(
        "SELECT body FROM intake.outbox WHERE tenant_id = $1 AND subject = $2",
        civic.street.caller.tenant,
        f"case/{case['id']}",
    )
    assert case["number"] in told
    assert (await civic.street.history(case, by=civic.street.officer))[0]["actor"] == f"client/{case['requester_id']}"
    accepted = await civic.street.step(case, "accept", {}, by=civic.street.holding(Role.OFFICER, NORTH))
    assert accepted["state"] == "accepted"


async def test_a_key_is_shown_once_and_only_its_hash_is_kept(street: Street, owner: Any) -> None:
    body = {"id": str(new_id()), "name": "某某通", "area_id": str(street.areas[NORTH]), "per_minute": 5}
    made = await street.post("/v1/open311-keys", body, by=street.administrator, key="make-once")
    key = made.json()["api_key"]
    assert (made.status_code, made.headers["cache-control"], len(key)) == (201, "no-store", 48)
    again = await street.post("/v1/open311-keys", body, by=street.administrator, key="make-once")
    assert (again.status_code, again.json()) == (200, made.json() | {"api_key": None})
    other = await street.post("/v1/open311-keys", body | {"name": "x"}, by=street.administrator)
    assert other.json()["code"] == "id_taken"
    (listed,) = (await street.get("/v1/open311-keys", by=street.administrator)).json()["items"]
    shown = (await street.get(made.headers["location"], by=street.administrator)).json()
    assert listed == shown == {name: value for name, value in made.json().items() if name != "api_key"}
    for table in ("open311_keys", "idempotency_keys"):
        rows = await owner.fetch(f"SELECT t::text FROM intake.{table} t WHERE tenant_id = $1", street.caller.tenant)
        assert not any(key in row["t"] or key.encode().hex() in row["t"] for row in rows)


async def test_keys_are_issued_where_somebody_administers(street: Street) -> None:
    southern = street.holding(Role.ADMINISTRATOR, "county.south")
    body = {"name": "app", "area_id": str(street.areas[NORTH])}
    assert (await street.post("/v1/open311-keys", body, by=southern)).status_code == 403
    assert (await street.post("/v1/open311-keys", body, by=street.officer)).status_code == 403
    _, key_id = await key_of(street, NORTH)
    assert (await street.get(f"/v1/open311-keys/{key_id}", by=southern)).status_code == 404
    assert (await street.post(f"/v1/open311-keys/{key_id}/revoke", by=southern, version=1)).status_code == 404
    assert (await street.get("/v1/open311-keys", by=southern)).json()["items"] == []
    unknown = await street.post("/v1/open311-keys", body | {"area_id": str(new_id())}, by=street.administrator)
    assert unknown.json()["code"] == "unknown_area"
    for wrong in ({"per_minute": 0}, {"per_minute": 601}, {"name": ""}):
        assert (await street.post("/v1/open311-keys", body | wrong, by=street.administrator)).status_code == 422


async def test_a_revoked_key_files_nothing(civic: Civic) -> None:
    street = civic.street
    address = f"/v1/open311-keys/{civic.key_id}/revoke"
    assert (await street.post(address, by=street.administrator)).status_code == 428
    assert (await street.post(address, by=street.administrator, version=2)).status_code == 412
    revoked = await street.post(address, by=street.administrator, version=1)
    assert (revoked.status_code, revoked.headers["etag"]) == (200, '"2"')
    assert refused(await civic.post(), 403)
    assert refused(await civic.get("requests.json", api_key=civic.key), 403)
    again = await street.post(address, by=street.administrator, version=2)
    assert (again.status_code, again.json()["code"]) == (409, "key_revoked")


async def test_a_key_that_files_too_fast_waits(street: Street) -> None:
    civic = Civic(street, *await key_of(street, NORTH, per_minute=2))
    other = Civic(street, *await key_of(street, NORTH))
    assert refused(await civic.post(lat="91"), 400), "what is refused spends the budget too"
    await civic.filed()
    wait = await civic.post(description="第三件")
    assert refused(wait, 429)
    assert 1 <= int(wait.headers["retry-after"]) <= 31
    await other.filed()


async def test_another_tenants_key_and_jurisdiction_are_refused(civic: Civic, elsewhere: Street) -> None:
    stranger = Civic(elsewhere, civic.key, civic.key_id)
    assert refused(await stranger.post(), 403)
    assert refused(await stranger.get("requests.json", api_key=civic.key), 403)
    number = await civic.filed()
    await offer(civic.street, "drainage", visibility="words")
    await offer(elsewhere, "drainage", visibility="words")
    assert refused(await stranger.get(f"requests/{number}.json"), 404)
    theirs = elsewhere.caller.tenant
    assert refused(await civic.post(jurisdiction_id=theirs), 404)
    assert refused(await civic.get("services.json", jurisdiction_id=theirs), 404)
    assert (await civic.get("services.json", jurisdiction_id=civic.street.caller.tenant)).status_code == 200
    assert (await civic.get("services.json", jurisdiction_id="")).status_code == 200
    for tenant in ("nobody_here", "NOT.A.TENANT", "x" * 33):
        for path in ("services.json", "services/drainage.json", "requests.json", "discovery.json", "requests/1.json"):
            assert refused(await civic.street.http.get(f"/v1/open311/{tenant}/{path}"), 404), (tenant, path)


WRONG: list[tuple[dict[str, str | None], int, int]] = [
    ({"service_code": None}, 400, 1),
    ({"service_code": ""}, 400, 1),
    ({"service_code": "unknown"}, 404, 1),
    ({"service_code": "x' OR '1'='1"}, 404, 1),
    ({"lat": "91"}, 400, 1),
    ({"lat": "north"}, 400, 1),
    ({"lat": "nan", "long": "inf"}, 400, 2),
    ({"lat": None}, 400, 1),
    ({"lat": None, "long": None, "address_string": " "}, 400, 1),
    ({"service_code": None, "lat": "x", "address_string": "x" * 201, "media_url": "file:///etc/passwd"}, 400, 4),
    ({"description": "长" * 4001}, 400, 1),
    ({"media_url": "javascript:alert(1)"}, 400, 1),
    ({"email": "x" * 201}, 400, 1),
    ({"phone": "1\x00"}, 400, 1),
    ({"attribute[X]": "1"}, 400, 1),
    ({"api_key": None}, 403, 1),
    ({"api_key": "wrong"}, 403, 1),
    ({"api_key": "' OR true --"}, 403, 1),
]


@pytest.mark.parametrize(("changes", "status", "count"), WRONG)
async def test_what_is_wrong_is_told_in_the_asked_format_and_nothing_is_written(
    civic: Civic, owner: Any, changes: dict[str, str | None], status: int, count: int
) -> None:
    assert len(refused(await civic.post(**changes), status)) == count
    printed = await civic.post("requests.xml", **changes)
    assert (printed.status_code, printed.headers["content-type"]) == (status, "text/xml; charset=utf-8")
    errors = tree(printed.content)
    assert [errors.tag, *(child.tag for child in errors)] == ["errors", *["error"] * count]
    assert {error.findtext("code") for error in errors} == {str(status)}
    for table in ("cases", "open311_reports", "case_contacts", "outbox"):
        written = f"SELECT count(*) FROM intake.{table} WHERE tenant_id = $1"
        assert await owner.fetchval(written, civic.street.caller.tenant) == 0, table


async def test_bodies_that_are_no_form_or_too_large_are_refused(civic: Civic) -> None:
    form = urlencode({"api_key": civic.key, **WORDS}).encode()
    for content_type in ("application/json", "multipart/form-data; boundary=x", "text/xml", ""):
        assert refused(await civic.send(form, **{"Content-Type": content_type}), 400), content_type
    assert refused(await civic.send(b"%ff=%fe"), 400)
    assert refused(await civic.send(b""), 403), "without a key nothing else is told"
    assert refused(await civic.send(form + b"&x=" + b"x" * BODY_MAX_BYTES), 413)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * (BODY_MAX_BYTES // 4)

    address = f"{civic.base}/requests.json"
    streamed = await civic.street.http.post(address, content=endless(), headers={"Content-Type": FORM})
    assert refused(streamed, 413)
    assert refused(await civic.send(b"&".join([b"a=1"] * 501)), 400)


async def test_hostile_words_stay_words(civic: Civic) -> None:
    words = "'); DROP TABLE intake.cases; -- </description><status>closed</status> &xxe; \x0b"
    number = await civic.filed(description=words, first_name=words)
    case = await civic.case(number)
    assert case["description"] == words.strip()
    printed = await civic.get(f"requests/{number}.xml", api_key=civic.key)
    (request,) = tree(printed.content)
    assert [child.tag for child in request].count("status") == 1
    assert request.findtext("status") == "open"
    for odd in (f"requests/{number}' OR '1'='1.json", "requests/%27.json", "tokens/%27%3B--.json"):
        assert refused(await civic.get(odd), 404)


async def test_other_formats_do_not_exist(civic: Civic) -> None:
    for path in ("services.csv", "services.json.xml", "requests.xml.html", "requests/1.txt", "discovery.html"):
        answer = await civic.get(path)
        assert answer.status_code == 404, path
    unknown = await civic.get("services.csv", EN)
    assert unknown.headers["content-type"] == "text/xml; charset=utf-8"
    assert tree(unknown.content).findtext("error/code") == "404"
    assert (await civic.get("services.json", callback="alert")).headers["content-type"].startswith("application/json")


async def test_a_token_that_is_no_good_is_refused_in_the_same_words(civic: Civic, servers: TestServers) -> None:
    forger = Callers(read_signing_key(servers.token_seed), civic.street.caller.tenant)
    assert refused(await civic.get("services.json", forger("intake")), 401)


async def test_a_filing_whose_commit_fails_is_told_and_not_there(civic: Civic, servers: TestServers) -> None:
    async with commits_fail(servers, civic.street.caller.tenant):
        answer = await civic.post("requests.xml")
    assert answer.status_code == 500
    assert tree(answer.content).findtext("error/code") == "500"
    assert (await civic.street.get("/v1/cases", by=civic.street.officer)).json()["items"] == []
    await civic.filed()


async def test_what_came_along_is_for_those_who_see_the_case(civic: Civic) -> None:
    case = await civic.case(await civic.filed())
    address = f"/v1/cases/{case['id']}/open311-report"
    assert (await civic.street.get(address, by=civic.street.holding(Role.OFFICER, "county.south"))).status_code == 404
    assert (await civic.street.get(address, by=civic.street.owner)).status_code == 403
    own = await civic.street.filed()
    assert (await civic.street.get(f"/v1/cases/{own['id']}/open311-report", by=civic.street.officer)).status_code == 404


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_a_client_of_others_reads_and_follows_through_the_gateway(
    civic: Civic, apps: dict[str, FastAPI], servers: TestServers, questions: None, form: str
) -> None:
    """`georeport` from PyPI, as it is, over HTTP; it does not file, so a plain form does, as in the example."""
    await offer(civic.street, "drainage", visibility="facts")
    async with door(apps, servers) as url, httpx.AsyncClient(base_url=url + civic.base) as outside:
        sent = {"api_key": civic.key, **WORDS, "attribute[WHISDORN]": "COISL001"}
        posted = await outside.post("/requests.json", data=sent)
        number = posted.json()[0]["service_request_id"]
        await civic.street.filed(answers={"WHISDORN": "COISL001"})

        client = GeoReport(url + civic.base, civic.street.caller.tenant, output_format=form)
        services = await asyncio.to_thread(client.get_service_list)
        assert [service["service_code"] for service in services] == ["drainage", "parking"]
        definition = await asyncio.to_thread(client.get_service_definition, "drainage")
        asked = definition["attributes"] if form == "json" else definition["attributes"]["attribute"]
        assert [item["code"] for item in asked] == ["WHISPAWN", "WHISDORN", "SMELLS"]
        request = await asyncio.to_thread(client.get_service_request, number)
        assert (request["service_request_id"], request["status"]) == (number, "open")
        start = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        listed = await asyncio.to_thread(client.get_service_requests, None, "drainage,parking", start, None, "open")
        assert [item["service_request_id"] for item in listed][1:] == [number]
        wrong = await outside.post("/requests.xml", data=sent | {"api_key": "wrong"})
        assert (wrong.status_code, wrong.headers["content-type"]) == (403, "text/xml; charset=utf-8")


async def test_a_key_whose_area_is_closed_files_nothing(civic: Civic, owner: Any) -> None:
    await owner.execute(
        "UPDATE intake.areas SET closed_on = current_date WHERE tenant_id = $1 AND path = 'county.north'",
        civic.street.caller.tenant,
    )
    assert refused(await civic.post(), 400)
    below = await civic.post(address_id=str(civic.street.areas[GRID]))
    assert below.status_code == 200, "what lies below is open still"


async def test_reports_and_disclosures_are_only_added_to(civic: Civic, servers: TestServers) -> None:
    await civic.filed()
    connection = await asyncpg.connect(servers.role_url("intake"))
    await connection.execute(f"SET linli.tenant = '{civic.street.caller.tenant}'")
    for statement in (
        "UPDATE intake.open311_reports SET media_url = 'x'",
        "DELETE FROM intake.open311_reports",
        "DELETE FROM intake.contact_disclosures",
        "DELETE FROM intake.open311_keys",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()
