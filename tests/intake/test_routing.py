"""Routing over HTTP: drafts, tests beside the rules, publishing, explaining, and trying on past cases."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from services.intake.cases.terms import Level
from services.intake.routing.service import proposed_unit
from shared.auth import Role
from shared.contracts.directory import AreaChanged, UnitChanged
from shared.db import Database
from shared.ids import new_id
from shared.testing import Pipe, Places
from tests.intake.conftest import GRID, NORTH, Json, Street

DRAFT = "/v1/routing/draft"


class Desk:
    """Where the administrator of a street writes rules."""

    def __init__(self, street: Street) -> None:
        self.street = street

    def rule(self, path: str, unit: UUID, category: str | None = None, level: str | None = None, **more: Json) -> Json:
        return {
            "area_id": str(self.street.areas[path]),
            "unit_id": str(unit),
            "category": category,
            "level": level,
            **more,
        }

    def example(self, name: str, path: str, category: str, unit: UUID | None, level: str | None = None) -> Json:
        unit_id = str(unit) if unit else None
        area_id = str(self.street.areas[path])
        return {"name": name, "area_id": area_id, "category": category, "level": level, "unit_id": unit_id}

    async def begin(self) -> Json:
        response = await self.street.post(DRAFT, by=self.street.administrator)
        assert response.status_code in (200, 201), response.text
        return response.json()

    async def save(self, rules: list[Json], tests: list[Json] | None = None, **options: Json) -> Json:
        """Save over whatever the draft is now; returns the answer."""
        draft = await self.begin()
        options.setdefault("by", self.street.administrator)
        options.setdefault("version", draft["version"])
        return await self.street.call("PUT", DRAFT, {"rules": rules, "tests": tests or []}, **options)

    async def publish(self, **options: Json) -> Json:
        options.setdefault("by", self.street.administrator)
        if "version" not in options:
            options["version"] = (await self.begin())["version"]
        return await self.street.post(f"{DRAFT}/publish", **options)

    async def published(self, rules: list[Json], tests: list[Json] | None = None) -> Json:
        saved = await self.save(rules, tests)
        assert saved.status_code == 200, saved.text
        response = await self.publish()
        assert response.status_code == 200, response.text
        return response.json()


@pytest_asyncio.fixture(loop_scope="session")
async def desk(street: Street) -> Desk:
    for code, parent in (("water", None), ("leak", "water"), ("flood", "water")):
        body = {"name_zh": code, "name_en": code, "kind": "hazard", "parent_code": parent}
        assert (await street.call("PUT", f"/v1/categories/{code}", body, by=street.administrator)).status_code == 201
    return Desk(street)


async def test_a_set_goes_from_draft_to_published_to_retired(street: Street, desk: Desk) -> None:
    assert (await street.get("/v1/routing/published", by=street.officer)).status_code == 404
    assert (await street.get(DRAFT, by=street.officer)).status_code == 404
    first = await desk.begin()
    assert (first["number"], first["state"], first["rules"], first["based_on"]) == (1, "draft", [], None)
    assert await desk.begin() == first
    saved = (await desk.save([desk.rule(NORTH, street.works, "water", note="先电话联系", auto=True)])).json()
    assert (saved["version"], saved["rules"][0]["area_path"], saved["rules"][0]["auto"]) == (2, NORTH, True)
    published = (await desk.publish()).json()
    assert (published["state"], published["number"]) == ("published", 1)
    assert published["published_by"].startswith("person/")
    assert published["published_at"] is not None
    second = await desk.begin()
    assert (second["number"], second["based_on"], second["rules"]) == (2, 1, published["rules"])
    await desk.published([desk.rule(NORTH, street.water)])
    listed = (await street.get("/v1/routing/versions", by=street.officer)).json()["items"]
    assert [(item["number"], item["state"]) for item in listed] == [(2, "published"), (1, "retired")]
    assert listed[1]["retired_at"] == listed[0]["published_at"]
    old = (await street.get("/v1/routing/versions/1", by=street.officer)).json()
    assert old["rules"] == published["rules"]
    assert (await street.get("/v1/routing/versions/3", by=street.officer)).status_code == 404


async def test_a_draft_is_saved_on_the_version_that_was_seen(street: Street, desk: Desk) -> None:
    await desk.begin()
    assert (await desk.save([], version=None)).status_code == 428
    assert (await desk.save([])).status_code == 200
    stale = await desk.save([desk.rule(NORTH, street.works)], version=1)
    assert (stale.status_code, stale.json()["current"]["version"]) == (412, 2)
    answers = await asyncio.gather(*(desk.save([desk.rule(NORTH, street.works)], version=2) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    thrown = await street.call("DELETE", DRAFT, by=street.administrator, version=3)
    assert thrown.status_code == 204
    assert (await street.call("DELETE", DRAFT, by=street.administrator, version=3)).json()["code"] == "no_routing_draft"


async def test_begun_by_many_at_once_it_is_one_draft(desk: Desk) -> None:
    begun = await asyncio.gather(*(desk.begin() for _ in range(6)))
    assert {item["number"] for item in begun} == {1}


async def test_published_by_many_at_once_it_is_published_once(street: Street, desk: Desk) -> None:
    await desk.published([desk.rule(NORTH, street.water)])
    saved = (await desk.save([desk.rule(NORTH, street.works)])).json()
    answers = await asyncio.gather(*(desk.publish(version=saved["version"]) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    listed = (await street.get("/v1/routing/versions", by=street.officer)).json()["items"]
    assert [item["state"] for item in listed] == ["published", "retired"]


async def test_what_was_published_cannot_be_changed_behind_its_number(street: Street, desk: Desk, owner: Json) -> None:
    await desk.published([desk.rule(NORTH, street.water)])
    for statement in ("DELETE FROM intake.routing_rules", "UPDATE intake.routing_rules SET auto = true"):
        with pytest.raises(asyncpg.CheckViolationError):
            await owner.execute(f"{statement} WHERE tenant_id = $1", street.caller.tenant)


async def test_what_is_proposed_is_what_is_explained(
    street: Street, desk: Desk, databases: dict[str, Database]
) -> None:
    rules = [
        desk.rule(path, unit, category, level)
        for path, unit in ((NORTH, street.works), (GRID, street.water))
        for category, level in (("water", None), ("leak", "grid"), (None, "joint"))
    ]
    await desk.published(rules)
    for path in (NORTH, GRID, "county"):
        for category in ("leak", "flood", "parking"):
            for level in (None, *Level):
                async with databases["intake"].read(street.caller.tenant) as session:
                    decision = await proposed_unit(session, path, category, level)
                asked = {"area_id": str(street.areas[path]), "category": category, "level": level}
                told = (await street.post("/v1/routing/explain", asked, by=street.officer)).json()
                assert told["unit_id"] == (str(decision.unit_id) if decision else None), asked


async def test_rules_of_equal_precedence_are_refused_and_both_are_named(street: Street, desk: Desk) -> None:
    twin = desk.rule(NORTH, street.works, "leak", "grid")
    refused = await desk.save([twin, desk.rule(NORTH, street.works, "leak"), {**twin, "unit_id": str(street.water)}])
    assert (refused.status_code, refused.json()["code"]) == (422, "rules_collide")
    assert [item["pointer"] for item in refused.json()["errors"]] == ["/rules/0", "/rules/2"]
    anything = desk.rule(NORTH, street.works)
    assert (await desk.save([anything, anything])).json()["code"] == "rules_collide"


async def test_what_is_not_in_use_is_refused_when_saving_and_when_publishing(
    street: Street, desk: Desk, pipe: Pipe, places: Places
) -> None:
    idle = await places.unit(NORTH, name="idle")
    shut = await places.area(f"{NORTH}.c9")
    street.areas["shut"] = shut
    assert (await desk.save([desk.rule(NORTH, idle), desk.rule("shut", street.works)])).status_code == 200
    tenant = street.caller.tenant
    gone = UnitChanged(
        unit_id=idle, name="idle", kind="department", area_id=street.areas[NORTH], area_path=NORTH, active=False
    )
    await pipe.publish("directory", tenant, f"unit/{idle}", gone)
    closed = AreaChanged(
        area_id=shut,
        path=f"{NORTH}.c9",
        kind="community",
        name="c9",
        parent_id=street.areas[NORTH],
        closed_on=datetime.now(UTC).date(),
    )
    await pipe.publish("directory", tenant, f"area/{shut}", closed)
    await pipe.rest()
    refused = await desk.publish()
    assert (refused.status_code, refused.json()["code"]) == (422, "routing_rules_invalid")
    assert [(item["pointer"], item["code"]) for item in refused.json()["errors"]] == [
        ("/rules/0/unit_id", "unknown_unit"),
        ("/rules/1/area_id", "unknown_area"),
    ]
    wrong = [
        desk.rule(NORTH, new_id()),
        desk.rule(NORTH, street.works, "nothing"),
        {**desk.rule(NORTH, street.works, "leak"), "area_id": str(new_id())},
    ]
    refused = await desk.save(wrong, [desk.example("x", "shut", "nothing", new_id())])
    assert [item["pointer"] for item in refused.json()["errors"]] == [
        "/rules/0/unit_id",
        "/rules/1/category",
        "/rules/2/area_id",
        "/tests/0/area_id",
        "/tests/0/category",
        "/tests/0/unit_id",
    ]
    shown = (await street.get(DRAFT, by=street.officer)).json()
    assert [item["code"] for item in shown["gone"]] == ["unknown_unit", "unknown_area"]


async def test_failing_tests_keep_a_draft_from_being_published_and_each_is_named(street: Street, desk: Desk) -> None:
    rules = [desk.rule(NORTH, street.works, "water"), desk.rule(GRID, street.water, "leak", "grid")]
    tests = [
        desk.example("a leak in the grid", GRID, "leak", street.water, "grid"),
        desk.example("a leak of the council", GRID, "leak", street.water, "council"),
        desk.example("noise has nobody", GRID, "parking", None),
        desk.example("the south has nobody", "county.south", "leak", street.works),
    ]
    saved = (await desk.save(rules, tests)).json()
    assert [item["passes"] for item in saved["tests"]] == [True, False, True, False]
    refused = await desk.publish()
    assert (refused.status_code, refused.json()["code"]) == (422, "routing_tests_fail")
    assert [item["pointer"] for item in refused.json()["errors"]] == ["/tests/1", "/tests/3"]
    assert "a leak of the council" in refused.json()["errors"][0]["detail"]
    assert str(street.works) in refused.json()["errors"][0]["detail"]
    assert (await street.get("/v1/routing/published", by=street.officer)).status_code == 404
    english = dict(street.administrator) | {"Accept-Language": "en"}
    assert "expected" in (await desk.publish(by=english)).json()["errors"][0]["detail"]
    assert (await desk.save(rules, [tests[0], tests[2]])).status_code == 200
    assert (await desk.publish()).status_code == 200


async def test_the_difference_names_what_is_added_removed_and_changed(street: Street, desk: Desk) -> None:
    north, grid, south = (desk.rule(path, street.works) for path in (NORTH, GRID, "county.south"))
    await desk.published([north, grid])
    assert (await desk.save([{**north, "auto": True}, south])).status_code == 200
    told = (await street.get(f"{DRAFT}/diff", by=street.officer)).json()
    assert [item["area_path"] for item in told["added"]] == ["county.south"]
    assert [item["area_path"] for item in told["removed"]] == [GRID]
    assert [(item["before"]["auto"], item["after"]["auto"]) for item in told["changed"]] == [(False, True)]


async def test_a_case_is_explained_rule_by_rule(street: Street, desk: Desk) -> None:
    case = await street.triaged(category="leak")
    address = f"/v1/cases/{case['id']}/routing"
    assert (await street.get(address, by=street.officer)).json()["code"] == "no_routing_published"
    await desk.published(
        [
            desk.rule("county", street.water, note="先登记"),
            desk.rule("county.south", street.works, "leak"),
            desk.rule(NORTH, street.works, "flood"),
            desk.rule(NORTH, street.works, "water", auto=True),
            desk.rule(GRID, street.works, "leak", "grid"),
        ]
    )
    told = (await street.get(address, by=street.officer)).json()
    assert [
        (item["rule"]["area_path"], item["matched"], item["failed"], item["wins"]) for item in told["verdicts"]
    ] == [
        (GRID, False, "level", False),
        (NORTH, False, "category", False),
        ("county.south", False, "area", False),
        (NORTH, True, None, True),
        ("county", True, None, False),
    ]
    assert (told["unit_id"], told["auto"], told["handled_by"]) == (str(street.works), True, None)
    assert told["facts"] == {"area_path": GRID, "category": "leak", "parent_category": "water", "level": "joint"}
    assert all(item["detail_zh"] and item["detail_en"] for item in told["verdicts"])
    assert (await street.get(address, by=street.neighbour)).status_code == 403
    assert (await street.get(address, by=street.holding(Role.OFFICER, "county.south"))).status_code == 404


async def test_facts_are_explained_against_the_draft_or_what_is_published(street: Street, desk: Desk) -> None:
    await desk.published([desk.rule(NORTH, street.works, "water")])
    assert (await desk.save([desk.rule(NORTH, street.water, "water")])).status_code == 200
    asked = {"area_id": str(street.areas[GRID]), "category": "leak"}
    found = {}
    for against in ("draft", "published"):
        response = await street.post("/v1/routing/explain", {**asked, "against": against}, by=street.officer)
        found[against] = response.json()["unit_id"]
    assert found == {"draft": str(street.water), "published": str(street.works)}
    nowhere = await street.post("/v1/routing/explain", {**asked, "category": "nothing"}, by=street.officer)
    assert nowhere.json()["code"] == "unknown_category"


async def test_a_role_changes_the_rules_of_its_own_areas_and_reads_all(street: Street, desk: Desk) -> None:
    await desk.published([desk.rule(NORTH, street.works), desk.rule("county.south", street.water)])
    north = street.holding(Role.ADMINISTRATOR, NORTH)
    kept = desk.rule("county.south", street.water)
    assert (await desk.save([desk.rule(NORTH, street.water), kept], by=north)).status_code == 200
    for rules in ([desk.rule(NORTH, street.water)], [kept, desk.rule("county", street.water)]):
        refused = await desk.save(rules, by=north)
        assert (refused.status_code, refused.json()["rule"]) == (403, "administrators_route_their_areas")
    assert (await desk.save([kept, kept | {"unit_id": str(street.works), "category": "leak"}])).status_code == 200
    assert (await desk.publish(by=north)).status_code == 403
    for method, address in (("POST", DRAFT), ("PUT", DRAFT), ("DELETE", DRAFT), ("POST", f"{DRAFT}/publish")):
        body: Json = {"rules": []} if method == "PUT" else None
        assert (await street.call(method, address, body, by=street.officer, version=1)).status_code == 403
    assert (await street.get(DRAFT, by=street.officer)).status_code == 200
    assert (await street.get(DRAFT, by=street.owner)).status_code == 403


async def test_another_tenant_has_rules_of_its_own(street: Street, elsewhere: Street, desk: Desk) -> None:
    await desk.published([desk.rule(NORTH, street.works)])
    assert (await elsewhere.get("/v1/routing/published", by=elsewhere.officer)).status_code == 404
    assert (await elsewhere.get("/v1/routing/versions/1", by=elsewhere.officer)).status_code == 404
    assert (await Desk(elsewhere).save([desk.rule(NORTH, street.works)])).status_code == 422


async def test_what_is_published_proposes_a_unit_at_once_and_a_closed_one_nothing(
    street: Street, desk: Desk, databases: dict[str, Database], pipe: Pipe, places: Places
) -> None:
    async def ask(level: Level | None = None) -> tuple[UUID, str | None, bool] | None:
        async with databases["intake"].read(street.caller.tenant) as session:
            decision = await proposed_unit(session, GRID, "leak", level)
        return (decision.unit_id, decision.note, decision.auto) if decision else None

    assert await ask() is None
    await desk.published([desk.rule(NORTH, street.works, "water", note="带钥匙", auto=True)])
    assert await ask() == (street.works, "带钥匙", True)
    crew = await places.unit(NORTH, name="crew")
    await desk.published([desk.rule(NORTH, street.works, "water"), desk.rule(GRID, crew, "leak", "joint")])
    assert await ask() == (street.works, None, False)
    assert await ask(Level.JOINT) == (crew, None, False)
    gone = UnitChanged(
        unit_id=crew, name="crew", kind="department", area_id=street.areas[NORTH], area_path=NORTH, active=False
    )
    await pipe.publish("directory", street.caller.tenant, f"unit/{crew}", gone)
    await pipe.rest()
    assert await ask(Level.JOINT) is None
    shown = (await street.get("/v1/routing/published", by=street.officer)).json()
    assert [item["pointer"] for item in shown["gone"]] == ["/rules/1/unit_id"]


def window(**more: Json) -> Json:
    now = datetime.now(UTC)
    return {"since": (now - timedelta(days=1)).isoformat(), "until": (now + timedelta(days=1)).isoformat(), **more}


async def test_a_dry_run_counts_what_really_happened_against_the_draft(street: Street, desk: Desk) -> None:
    handled = [await street.claimed(category="leak") for _ in range(2)]
    waiting = await street.filed(category="leak")
    other = await street.given_to(await street.triaged(category="parking"), street.water, by=street.water_clerk)
    await desk.published([desk.rule(NORTH, street.works, "water")])
    assert (await desk.save([desk.rule(NORTH, street.water)])).status_code == 200
    run = f"{DRAFT}/dry-run"
    told = (await street.post(run, window(), by=street.administrator)).json()
    assert (told["cases"], told["handled"], told["would_change"], told["is_complete"]) == (4, 3, 2, True)
    counts = {item["unit_id"]: (item["handled"], item["published"], item["draft"]) for item in told["units"]}
    assert counts == {str(street.works): (2, 3, 0), str(street.water): (1, 0, 4), None: (1, 1, 0)}
    assert [item["case_id"] for item in told["changed"]] == [case["id"] for case in reversed(handled)]
    assert {item["draft_unit_id"] for item in told["changed"]} == {str(street.water)}
    assert {waiting["id"], other["id"]}.isdisjoint(item["case_id"] for item in told["changed"])
    south = (await street.post(run, window(under=str(street.areas["county.south"])), by=street.administrator)).json()
    assert (south["cases"], south["units"]) == (0, [])
    away = street.holding(Role.ADMINISTRATOR, "county.south")
    assert (await street.post(run, window(), by=away)).json()["cases"] == 0
    assert (await street.post(run, window(under=str(street.areas[NORTH])), by=away)).status_code == 403
    backwards = {"since": window()["until"], "until": window()["since"]}
    assert (await street.post(run, backwards, by=street.administrator)).json()["code"] == "bad_window"
    assert (await street.post(run, window(under=str(new_id())), by=street.administrator)).json()[
        "code"
    ] == "unknown_area"


FILL = """
INSERT INTO intake.cases (tenant_id, id, number, category, title, description, area_id, area_path, requester_id, state,
    level, unit_id, outcome, filed_at, updated_at, closed_at, version)
SELECT $1, uuidv7(), 'X-' || n, CASE WHEN n % 2 = 0 THEN 'leak' ELSE 'parking' END, 'title', 'words', $2,
    ('county.north.c' || n % 200)::public.ltree, $3, 'closed', CASE WHEN n % 3 = 0 THEN 'grid' ELSE 'joint' END, $4,
    'satisfied', now() - n * interval '1 second', now(), now(), 1 FROM generate_series(1, 100000) n"""


async def test_a_dry_run_over_a_hundred_thousand_cases_takes_seconds(street: Street, desk: Desk, owner: Json) -> None:
    await owner.execute(FILL, street.caller.tenant, street.areas[NORTH], street.owner_id, street.works)
    await owner.execute("ANALYZE intake.cases")
    await desk.save([desk.rule(NORTH, street.water, "water"), desk.rule("county", street.works)])
    began = time.perf_counter()
    asked = {"since": (datetime.now(UTC) - timedelta(days=9)).isoformat(), "until": datetime.now(UTC).isoformat()}
    told = (await street.post(f"{DRAFT}/dry-run", asked, by=street.administrator)).json()
    took = time.perf_counter() - began
    assert (told["cases"], told["would_change"], len(told["changed"])) == (100_000, 50_000, 100)
    assert told["is_complete"] is False
    filed = [item["filed_at"] for item in told["changed"]]
    assert filed == sorted(filed, reverse=True)
    assert took < 10
    print(f"dry run over 100 000 cases: {took:.2f} s")
