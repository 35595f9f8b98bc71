"""What a phone is told: nothing is skipped, whatever commits when, and nobody hears of what is not theirs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.intake.cases import service
from services.intake.cases.locking import lock_case
from services.intake.cases.terms import Action
from services.intake.sync import rules
from shared import clock
from shared.auth import Principal, Role
from shared.db import Database
from shared.ids import new_id
from shared.pagination import encode_cursor
from shared.testing import Places, TestServers
from tests.intake.conftest import GRID, MEDIUM, NORTH, Headers, Json, Street, due_in
from tests.intake.phones import Phone, pulled


async def test_a_full_sync_is_what_the_caller_works_with(street: Street) -> None:
    mine = await street.filed()
    far = await street.filed(area_id=str(street.areas["county.south"]))
    phone = Phone(street, street.grid_worker)
    pages = await phone.sync()
    assert {page["full"] for page in pages} == {True}
    assert set(phone.held("case")) == {mine["id"]}
    assert set(phone.held("category")) == {"drainage", "parking"}
    assert set(phone.held("area")) == {str(street.areas[GRID])}
    assert phone.held("unit") == {}
    shown = (await street.get(f"/v1/cases/{mine['id']}", by=phone.headers)).json()
    allowed = [item for item in shown["next_actions"] if item["allowed"]]
    assert strip(phone.held("case")[mine["id"]]) == strip(shown | {"next_actions": allowed})
    above = Phone(street, street.officer)
    await above.sync()
    paths = {row["path"] for row in above.held("area").values()}
    assert paths == {path for path in street.areas if path.startswith(NORTH)}
    assert [row["name"] for row in above.held("unit").values()] == ["works"]
    assert far["id"] not in above.held("case")


def strip(case: Json) -> Json:
    """Leave out how much time is left, which changes as one looks."""
    clocks = [{name: value for name, value in one.items() if name != "left_s"} for one in case["clocks"]]
    return case | {"clocks": clocks}


async def test_nothing_new_is_an_empty_page(street: Street) -> None:
    await street.filed()
    phone = Phone(street, street.grid_worker)
    await phone.sync()
    (page,) = await phone.sync()
    # What a running transaction of another test holds back comes twice, and does no harm.
    assert (page["more"], page["full"]) == (False, False)
    assert all(item["id"] in phone.held(item["entity"]) for item in page["items"])


async def test_what_changes_comes_whole_and_by_itself(street: Street, places: Places) -> None:
    case = await street.filed()
    phone = Phone(street, street.officer)
    await phone.sync()
    case = await street.step(case, "accept", {}, by=street.grid_worker)
    another = await street.filed()
    body = {"name_zh": "噪声", "name_en": "noise", "kind": "dispute"}
    assert (await street.call("PUT", "/v1/categories/noise", body, by=street.administrator)).status_code == 201
    block = await places.area(f"{GRID}.b1", name="block")
    pages = await phone.sync()
    assert {page["full"] for page in pages} == {False}
    assert phone.held("case")[case["id"]]["state"] == "accepted"
    assert another["id"] in phone.held("case")
    assert phone.held("category")["noise"]["name_en"] == "noise"
    assert phone.held("area")[str(block)]["name"] == "block"


async def test_a_transaction_that_commits_late_is_not_skipped(street: Street, databases: dict[str, Database]) -> None:
    first, second = await street.filed(), await street.filed()
    phone = Phone(street, street.officer)
    await phone.sync()
    officer = Principal(street.caller.tenant, new_id(), "person", ())
    async with databases["intake"].write(street.caller.tenant) as session:
        case = await lock_case(session, None, UUID(first["id"]))
        assert case is not None
        await service.accept_case(session, officer, case, None)
        await session.flush()
        # Others begin later, commit earlier, and are fetched while the first is still under way, twice.
        await street.step(second, "accept", {}, by=street.grid_worker)
        for _ in range(2):
            await phone.sync()
            assert phone.held("case")[second["id"]]["state"] == "accepted"
            assert phone.held("case")[first["id"]]["state"] == "filed"
    await phone.sync()
    assert phone.held("case")[first["id"]]["state"] == "accepted"


async def test_what_commits_late_while_pages_are_turned_is_not_skipped(
    street: Street, databases: dict[str, Database]
) -> None:
    filed = [await street.filed() for _ in range(6)]
    phone = Phone(street, street.officer, page_size=2)
    await phone.sync()
    async with databases["intake"].write(street.caller.tenant) as session:
        late = await lock_case(session, None, UUID(filed[0]["id"]))
        assert late is not None
        await service.accept_case(session, Principal(street.caller.tenant, new_id(), "person"), late, None)
        await session.flush()
        for case in filed[1:]:
            await street.step(case, "accept", {}, by=street.grid_worker)
        assert (await phone.turn_page())["more"]
    # Its place in the order lies before the page that was turned; and behind that page something moves on.
    await street.step(await seen(street, filed[5]), "triage", MEDIUM, by=street.grid_worker)
    await phone.sync()
    await phone.sync()
    states = [phone.held("case")[case["id"]]["state"] for case in filed]
    assert states == ["accepted"] * 5 + ["triaged"]


async def seen(street: Street, case: Json) -> Json:
    return (await street.get(f"/v1/cases/{case['id']}", by=street.officer)).json()


@pytest.mark.parametrize("size", [1, 2, 3, 500])
async def test_pages_meet_without_gap_or_overlap(street: Street, size: int) -> None:
    filed = {(await street.filed())["id"] for _ in range(5)}
    for full in (True, False):
        phone = Phone(street, street.administrator, page_size=size)
        if not full:
            await phone.sync()
            for case in filed:
                await street.step(await seen(street, {"id": case}), "accept", {}, by=street.grid_worker)
        pages = await phone.sync()
        told = [item["id"] for page in pages for item in page["items"] if item["entity"] == "case"]
        assert sorted(told) == sorted(filed)
        assert all(len(page["items"]) <= size for page in pages)
        assert {page["full"] for page in pages} == {full}


async def test_a_case_that_goes_to_another_unit_is_gone(street: Street) -> None:
    case = await street.triaged(MEDIUM)
    works, water, afar = (Phone(street, by) for by in (street.works_clerk, street.water_clerk, stranger(street)))
    for phone in (works, water, afar):
        await phone.sync()
    assert [case["id"] in phone.held("case") for phone in (works, water, afar)] == [True, True, False]
    # Open to all units near by, until one of them has it.
    case = await street.given_to(case, street.works, by=street.works_clerk)
    heard = [await told(phone, case) for phone in (works, water, afar)]
    assert heard == [[False], [True], []]
    case = await street.step(case, "assign", {"unit_id": str(street.water)}, by=street.officer)
    assert [await told(phone, case) for phone in (works, water, afar)] == [[True], [False], []]
    # What was once theirs is not told again and again.
    case = await street.step(case, "claim", {"unit_id": str(street.water), "due_at": due_in(3)}, by=street.water_clerk)
    assert [await told(phone, case) for phone in (works, water, afar)] == [[], [False], []]


def stranger(street: Street) -> Headers:
    return street.caller("intake", (Role.UNIT_STAFF, "county.south", new_id()))


async def told(phone: Phone, case: Json) -> list[bool]:
    """Sync, and return what was said about a case: whether it is gone."""
    pages = await phone.sync()
    return [item["gone"] for page in pages for item in page["items"] if item["id"] == case["id"]]


async def test_a_neighbour_who_leaves_holds_it_no_longer(street: Street) -> None:
    case = await street.filed()
    by = street.neighbour
    phone, other = Phone(street, by), Phone(street, street.neighbour)
    await phone.sync()
    await other.sync()
    assert (await street.post(f"/v1/cases/{case['id']}/join", by=by)).status_code == 200
    assert await told(phone, case) == [False]
    assert "requester_id" in phone.held("case")[case["id"]]
    assert (await street.post(f"/v1/cases/{case['id']}/leave", by=by)).status_code == 200
    assert await told(phone, case) == [True]
    assert await told(other, case) == []
    assert phone.held("case") == {}


async def test_whom_a_merge_brought_goes_with_it(street: Street) -> None:
    into, away = await street.filed(), await street.filed(by=(raiser := street.neighbour))
    phone = Phone(street, raiser)
    await phone.sync()
    body = {"into_case_id": into["id"], "reason": "同一处"}
    assert (await street.act(away, "merge", body, by=street.officer)).status_code == 200
    assert await told(phone, into) == [False]
    assert phone.held("case")[away["id"]]["outcome"] == "merged"
    undone = await street.post(f"/v1/cases/{away['id']}/unmerge", {"reason": "不是一处"}, by=street.officer)
    assert undone.status_code == 200
    assert await told(phone, into) == [True]
    assert phone.held("case")[away["id"]]["state"] == "filed"


@pytest.fixture
def days_later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let days pass: `days_later(3)`."""

    def forward(days: float) -> None:
        class Moved:
            def offset(self) -> timedelta:
                return timedelta(days=days)

        monkeypatch.setattr(clock, "_moved_clock", Moved)

    return forward


async def test_what_was_closed_a_month_ago_fades(street: Street, days_later: Callable[[float], None]) -> None:
    case, still = await street.filed(), await street.filed()
    phone = Phone(street, street.owner)
    await street.step(case, "withdraw", {"reason": "已自行解决"}, by=street.owner)
    await phone.sync()
    assert phone.held("case")[case["id"]]["state"] == "closed"
    days_later(20)
    assert await told(phone, case) == []
    days_later(31)
    assert await told(phone, case) == [True]
    assert set(phone.held("case")) == {still["id"]}
    fresh = Phone(street, street.owner)
    await fresh.sync()
    assert set(fresh.held("case")) == {still["id"]}


async def test_changed_rights_start_again(street: Street) -> None:
    case, far = await street.filed(), await street.filed(area_id=str(street.areas["county.south"]))
    person = new_id()
    phone = Phone(street, street.holding(Role.GRID_WORKER, GRID, person=person))
    await phone.sync()
    for other in (
        street.holding(Role.GRID_WORKER, "county.south", person=person),
        street.holding(Role.OFFICER, GRID, person=person),
        street.caller("intake", (Role.UNIT_STAFF, GRID, street.works), person=person),
        street.caller("intake", (Role.GRID_WORKER, GRID), (Role.RESIDENT, GRID), person=person),
        street.caller("intake", person=person),
    ):
        answer = await pulled(street, other, phone.cursor)
        assert (answer.status_code, answer.json()["code"]) == (410, "rights_changed")
    # In another order they are the same rights.
    two = ((Role.GRID_WORKER, GRID), (Role.RESIDENT, NORTH))
    cursor = (await pulled(street, street.caller("intake", *two, person=person), None)).json()["cursor"]
    turned = street.caller("intake", *two[::-1], person=person)
    assert (await pulled(street, turned, cursor)).status_code == 200
    phone.headers = street.holding(Role.GRID_WORKER, "county.south", person=person)
    await phone.sync()
    assert set(phone.held("case")) == {far["id"]} != {case["id"]}
    assert phone.started_again == 1


async def test_a_cursor_is_its_owners(street: Street, elsewhere: Street) -> None:
    person = new_id()
    by = street.holding(Role.GRID_WORKER, GRID, person=person)
    cursor = (await pulled(street, by, None)).json()["cursor"]
    for other in (street.grid_worker, elsewhere.holding(Role.GRID_WORKER, GRID, person=person)):
        answer = await pulled(street, other, cursor)
        assert (answer.status_code, answer.json()["code"]) == (410, "cursor_foreign")
        assert "items" not in answer.json()
    for garbage in ("x", "", cursor[:-2] + "xx", "é", "A" * 2048, other_list(street)):
        answer = await pulled(street, by, garbage)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor"), garbage
    assert (await pulled(street, by, "A" * 2049)).status_code == 422
    for size in (0, 501, "x"):
        assert (await street.get("/v1/sync", by=by, page_size=size)).status_code == 422


def other_list(street: Street) -> str:
    return encode_cursor((1, "x"), key=cursor_key(street), scope="/v1/cases?")


def cursor_key(street: Street) -> bytes:
    key: bytes = street.http._transport.app.state.cursor_key  # type: ignore[attr-defined]
    return key


async def test_an_old_cursor_starts_again(street: Street, days_later: Callable[[float], None]) -> None:
    by = street.grid_worker
    cursor = (await pulled(street, by, None)).json()["cursor"]
    days_later(29)
    assert (await pulled(street, by, cursor)).status_code == 200
    days_later(31)
    answer = await pulled(street, by, cursor)
    assert (answer.status_code, answer.json()["code"]) == (410, "cursor_expired")


async def test_another_counting_of_transactions_starts_again(
    street: Street, servers: TestServers, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = street.grid_worker
    cursor = (await pulled(street, by, None)).json()["cursor"]
    assert (await pulled(street, by, cursor)).status_code == 200
    # Somebody has put back an older state of the disks, and says so.
    await owner.fetchval("SELECT nextval('intake.sync_epoch')")
    answer = await pulled(street, by, cursor)
    assert (answer.status_code, answer.json()["code"]) == (410, "cursor_foreign")
    # Nobody has said so, and the cursor is from a future that is lost.
    monkeypatch.setattr(rules.Pass, "from_nothing", classmethod(from_the_future))
    cursor = (await pulled(street, by, None)).json()["cursor"]
    answer = await pulled(street, by, cursor)
    assert (answer.status_code, answer.json()["code"]) == (410, "cursor_foreign")


def from_the_future(cls: type[rules.Pass], state: rules.DatabaseState, now: Any) -> rules.Pass:
    lost = state.xmax + 1_000_000
    return cls(full=True, lower=0, upper=lost, following=lost, since=None, at=now)


async def test_nobody_hears_of_another_tenant(street: Street, elsewhere: Street) -> None:
    case = await elsewhere.filed()
    phone = Phone(street, street.administrator)
    for _ in range(2):
        for page in await phone.sync():
            assert case["id"] not in str(page)
    assert (await pulled(street, street.caller.anonymous("intake"), None)).status_code == 401


async def test_every_step_carries_its_transaction(street: Street, owner: Any) -> None:
    case = await street.claimed()
    rows = await owner.fetch(
        "SELECT step, xid::text::bigint AS xid FROM intake.case_steps WHERE case_id = $1 ORDER BY position", case["id"]
    )
    assert [row["step"] for row in rows] == ["file", Action.ACCEPT, Action.TRIAGE, Action.ASSIGN, Action.CLAIM]
    xids = [row["xid"] for row in rows]
    assert xids == sorted(set(xids))
    assert xids[0] > 3
