"""Orders over HTTP: booked, priced, accepted, delivered, rated; and everything that can end one otherwise."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.matching.orders.jobs import watch_orders
from shared.auth import Role
from shared.clock import utc_now
from shared.db import Database
from shared.ids import new_id
from shared.money import MAX_FEN
from tests.conftest import MovedClock
from tests.matching.conftest import Json, Quarter
from tests.matching.ordering import CONTACT, Resident, Shop, open_shop, slot

UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest_asyncio.fixture(loop_scope="session")
async def shop(quarter: Quarter, databases: dict[str, Database]) -> Shop:
    return await open_shop(quarter, databases)


async def free(shop: Shop, offer: dict[str, Any]) -> int:
    found: int = (await shop.quarter.read(f"/v1/offers/{offer['id']}"))["free"]
    return found


async def watch(shop: Shop) -> None:
    await watch_orders(shop.databases["matching"], shop.quarter.caller.tenant, utc_now())


async def test_an_order_goes_from_the_catalogue_to_its_rating(shop: Shop) -> None:
    offer, resident = await shop.repair(), Resident(shop.quarter)
    catalogue = await shop.quarter.read("/v1/catalogue", by=resident.by, area_id=str(shop.quarter.areas["d.z.c1"]))
    (item,) = catalogue["items"]
    assert (item["offer_id"], item["price_fen"], item["my_price_fen"]) == (offer["id"], 8_000, 8_000)
    assert (item["partner_name"], item["free"], item["is_booked_for_a_time"]) == ("school", 5, False)
    order = await shop.order(offer, resident.by, quantity=2, contact=CONTACT)
    year = utc_now().year
    assert (order["state"], order["number"], order["price_fen"]) == ("placed", f"O-{year}-000001", 16_000)
    assert await free(shop, offer) == 3
    accepted = await shop.took(order, "accept", {}, by=shop.staff)
    assert (accepted["state"], accepted["up_to_fen"]) == ("accepted", None)
    picture = str(new_id())
    delivered = await shop.took(order, "deliver", {"proof": "已换新机", "attachment_ids": [picture]}, by=shop.staff)
    assert (delivered["state"], delivered["late_at"], delivered["attachment_ids"]) == ("delivered", None, [picture])
    assert await free(shop, offer) == 5, "who served is free for the next"
    rated = await shop.took(order, "rate", {"stars": 5, "words": "师傅很好"}, by=resident.by)
    assert (rated["state"], rated["stars"], rated["complaint"]) == ("rated", 5, False)
    history = await shop.quarter.read(f"/v1/orders/{order['id']}/history", by=resident.by)
    assert [step["step"] for step in history["items"]] == ["open", "place", "accept", "deliver", "rate"]
    assert await shop.notices() == ["order_placed", "order_accepted", "order_delivered"]
    partner = await shop.quarter.read(f"/v1/partners/{shop.partner['id']}")
    assert partner["record"] | {"weight": 0} == {"kept": 1, "late": 0, "broken": 0, "weight": 0}


async def test_the_catalogue_shows_what_reaches_an_area_and_is_for_sale(shop: Shop) -> None:
    resident = Resident(shop.quarter)
    repair = await shop.repair()
    haircut = await shop.haircut()
    venue = await shop.quarter.offer(shop.partner, kind="venue", category="room", title="棋牌室")
    nearby = await shop.repair(area_id=str(shop.quarter.areas["d.z.c2"]))
    remote = await shop.repair(area_id=str(shop.quarter.areas["d.z.c2"]), remote=True)
    await shop.quarter.offer(shop.partner, kind="money", amount_fen=100)
    unvetted = await shop.quarter.partner("builder", vetted=False)
    await shop.quarter.offer(unvetted)
    where = str(shop.quarter.areas["d.z.c1"])

    async def shown(**filters: Json) -> list[str]:
        found = await shop.quarter.read("/v1/catalogue", by=resident.by, area_id=where, **filters)
        return [item["offer_id"] for item in found["items"]]

    newest_first = [remote["id"], venue["id"], haircut["id"], repair["id"]]
    assert await shown() == newest_first
    assert await shown(kind="discount") == [haircut["id"]]
    assert await shown(category="room") == [venue["id"]]
    assert await shown(q="油烟机") == [remote["id"], repair["id"]]
    there = await shop.quarter.read(
        "/v1/catalogue", by=resident.by, area_id=str(shop.quarter.areas["d.z.c2"]), category="repair"
    )
    assert [item["offer_id"] for item in there["items"]] == [remote["id"], nearby["id"], repair["id"]]
    page = await shop.quarter.read("/v1/catalogue", by=resident.by, area_id=where, page_size=3)
    rest = await shop.quarter.read(
        "/v1/catalogue", by=resident.by, area_id=where, page_size=3, cursor=page["next_cursor"]
    )
    assert [item["offer_id"] for item in page["items"] + rest["items"]] == newest_first
    assert (await shop.quarter.get("/v1/catalogue", by=resident.by)).status_code == 422


async def test_an_order_sent_five_times_at_once_is_one(shop: Shop) -> None:
    offer, resident = await shop.repair(), Resident(shop.quarter)
    chosen = str(new_id())
    responses = await asyncio.gather(*(shop.send(offer, resident.by, id=chosen, contact=CONTACT) for _ in range(5)))
    assert sorted(response.status_code for response in responses) == [200, 200, 200, 200, 201]
    assert await shop.rows("SELECT count(*) FROM matching.order_contacts") == [(1,)]
    assert await free(shop, offer) == 4
    other = await shop.send(offer, resident.by, id=chosen, quantity=2)
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")
    stranger = await shop.send(offer, Resident(shop.quarter).by, id=chosen)
    assert (stranger.status_code, stranger.json()["code"]) == (409, "id_taken")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"offer_id": UNKNOWN}, 422, "unknown_offer"),
        ({"area_id": UNKNOWN}, 422, "unknown_area"),
        ({"quantity": 0}, 422, "invalid_request"),
        ({"quantity": 1.5}, 422, "invalid_request"),
        ({"quantity": 6}, 409, "offer_exhausted"),
        ({"up_to_fen": 10.0}, 422, "invalid_request"),
        ({"up_to_fen": -1}, 422, "invalid_request"),
        ({"up_to_fen": MAX_FEN + 1}, 422, "invalid_request"),
        ({"wanted_by": "2026-01-01T00:00:00Z"}, 422, "slot_passed"),
        ({"wanted_by": "2026-01-01T00:00:00"}, 422, "invalid_request"),
        ({"resource_id": UNKNOWN}, 422, "slot_wanted"),
        ({"contact": {"phone": "call me"}}, 422, "invalid_request"),
        ({"price_fen": 0}, 422, "invalid_request"),
    ],
)
async def test_a_wrong_order_is_refused_and_holds_nothing(
    shop: Shop, change: dict[str, Json], status: int, code: str
) -> None:
    offer, resident = await shop.repair(), Resident(shop.quarter)
    response = await shop.send(offer, resident.by, **change)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert await free(shop, offer) == 5
    assert (await shop.quarter.read("/v1/orders", by=resident.by))["items"] == []


@pytest.mark.parametrize(
    ("members", "area", "why"),
    [
        ({"valid_from": "2100-01-01T00:00:00Z"}, "d.z.c1", "not_valid_now"),
        ({"kind": "money", "price_fen": None, "quantity": 1, "amount_fen": 100}, "d.z.c1", "money"),
        ({"eligibility": {"min_age": 60}}, "d.z.c1", "age"),
        ({}, "d.y", "out_of_reach"),
    ],
)
async def test_what_cannot_be_ordered_here_and_now_says_why(
    shop: Shop, members: dict[str, Json], area: str, why: str
) -> None:
    where = str(shop.quarter.areas["d.z"])
    offer = await shop.repair(area_id=where, **members)
    response = await shop.send(offer, Resident(shop.quarter).by, area=area)
    assert (response.status_code, response.json()["code"], response.json()["why"]) == (409, "not_orderable", why)


async def test_an_offer_that_was_withdrawn_or_whose_partner_is_suspended_cannot_be_ordered(shop: Shop) -> None:
    offer, resident = await shop.repair(), Resident(shop.quarter)
    other = await shop.repair()
    await shop.quarter.patch(f"/v1/offers/{other['id']}", {"active": False}, version=other["version"])
    assert (await shop.send(other, resident.by)).json()["why"] == "inactive"
    path = f"/v1/partners/{shop.partner['id']}/vet"
    suspend = {"decision": "suspend", "reason": "投诉"}
    assert (await shop.quarter.post(path, suspend, version=shop.partner["version"])).status_code == 200
    assert (await shop.send(offer, resident.by)).json()["why"] == "partner_not_vetted"
    where = {"area_id": str(shop.quarter.areas["d.z.c1"])}
    assert (await shop.quarter.read("/v1/catalogue", by=resident.by, **where))["items"] == []


async def test_a_price_is_a_whole_number_of_fen_and_one_that_cannot_be_is_refused(shop: Shop) -> None:
    offer = await shop.repair(price_fen=MAX_FEN, quantity=10)
    one = await shop.order(offer, Resident(shop.quarter).by)
    assert one["price_fen"] == MAX_FEN
    two = await shop.send(offer, Resident(shop.quarter).by, quantity=2)
    assert (two.status_code, two.json()["why"]) == (409, "too_much")


async def test_of_five_hundred_who_book_one_slot_one_gets_it(shop: Shop) -> None:
    venue = await shop.quarter.offer(shop.partner, kind="venue", category="room", price_fen=0)
    room = await shop.quarter.made(f"/v1/offers/{venue['id']}/resources", {"name": "活动室"})
    body = {"resource_id": room["id"], "slot": slot(2)}
    people = [Resident(shop.quarter) for _ in range(500)]
    # Whoever comes when so many are inside already is told to come again.
    door = asyncio.Semaphore(100)

    async def book(person: Resident) -> httpx.Response:
        async with door:
            return await shop.send(venue, person.by, **body)

    answers = await asyncio.gather(*(book(person) for person in people))
    counted = Counter((answer.status_code, answer.json().get("code")) for answer in answers)
    assert counted == {(201, None): 1, (409, "slot_taken"): 499}
    ((held,),) = await shop.rows("SELECT count(*) FROM matching.offer_holds")
    assert held == 1
    assert (await shop.order(venue, people[0].by, resource_id=room["id"], slot=slot(3)))["state"] == "placed"


async def test_what_is_booked_for_a_time_needs_one_and_is_open_then(shop: Shop) -> None:
    resident = Resident(shop.quarter)
    hours = {"openings": [{"rrule": "FREQ=DAILY", "starts_on": "2026-01-01", "opens": "09:00", "closes": "12:00"}]}
    offer = await shop.repair(capacity_per_day=2, hours=hours)
    wrong: list[tuple[dict[str, Json], str]] = [
        ({}, "slot_wanted"),
        ({"slot": slot(-1)}, "slot_passed"),
        ({"slot": slot(1, hour=11, minutes=90)}, "not_open_then"),
        ({"slot": {"starts_at": slot(1)["ends_at"], "ends_at": slot(1)["starts_at"]}}, "slot_wanted"),
    ]
    for body, code in wrong:
        refused = await shop.send(offer, resident.by, **body)
        assert (refused.status_code in {409, 422}, refused.json()["code"]) == (True, code), refused.text
    for _ in range(2):
        await shop.order(offer, resident.by, slot=slot(1))
    full = await shop.send(offer, resident.by, slot=slot(1, hour=10))
    assert (full.status_code, full.json()["code"]) == (409, "day_full")
    assert (await shop.order(offer, resident.by, slot=slot(2)))["state"] == "placed"


async def test_goods_move_and_arrive_and_are_not_there_any_more(shop: Shop) -> None:
    goods = await shop.quarter.offer(shop.partner, kind="goods", category="fire_safety", quantity=10, price_fen=0)
    resident = Resident(shop.quarter)
    order = await shop.accepted(resident.by, goods, quantity=3)
    ((hold_id,),) = await shop.rows("SELECT hold_id FROM matching.orders WHERE id = :id", id=order["id"])
    held = await shop.quarter.read(f"/v1/offer-holds/{hold_id}")
    await shop.quarter.made(
        f"/v1/offer-holds/{hold_id}/transfers",
        {"quantity": 1, "proof": "已发出"},
        by=shop.staff,
        version=held["version"],
    )
    await shop.took(order, "deliver", {"proof": "三具灭火器已送到"}, by=shop.staff)
    found = await shop.quarter.read(f"/v1/offers/{goods['id']}")
    amounts = {name: found[name] for name in ("free", "held", "committed", "moving", "received")}
    assert amounts == {"free": 7, "held": 0, "committed": 0, "moving": 0, "received": 3}


async def test_what_an_order_holds_is_not_touched_past_the_order(shop: Shop) -> None:
    order = await shop.order(await shop.repair(), Resident(shop.quarter).by)
    ((hold_id,),) = await shop.rows("SELECT hold_id FROM matching.orders WHERE id = :id", id=order["id"])
    path = f"/v1/offer-holds/{hold_id}"

    async def refused(step: str, body: dict[str, Json]) -> str:
        version = (await shop.quarter.read(path, by=shop.staff))["version"]
        response = await shop.quarter.post(f"{path}/{step}", body, by=shop.staff, version=version)
        assert response.status_code == 403, response.text
        rule: str = response.json()["rule"]
        return rule

    assert await refused("confirm", {"side": "giver"}) == "order_decides"
    assert await refused("void", {"reason": "x"}) == "order_decides"
    await shop.took(order, "accept", {}, by=shop.staff)
    assert await refused("release", {"reason": "x"}) == "order_decides"
    await shop.took(order, "deliver", {"proof": "完成"}, by=shop.staff)


async def test_a_slow_partner_is_warned_once_and_then_the_order_lapses(shop: Shop, moved: MovedClock) -> None:
    offer, resident = await shop.repair(), Resident(shop.quarter)
    order = await shop.order(offer, resident.by)
    moved.forward(timedelta(hours=19))
    await watch(shop)
    assert await shop.notices() == ["order_placed"]
    moved.forward(timedelta(hours=1))
    for _ in range(3):
        await watch(shop)
    assert await shop.notices() == ["order_placed", "order_waits"]
    moved.forward(timedelta(hours=4))
    await asyncio.gather(*(watch(shop) for _ in range(4)))
    lapsed = await shop.read(order, resident.by)
    assert (lapsed["state"], lapsed["reason"], lapsed["wait_until"]) == ("lapsed", "not_accepted", None)
    assert await free(shop, offer) == 5
    assert await shop.notices() == ["order_placed", "order_waits", "order_lapsed"]
    late = await shop.step(order, "accept", {}, by=shop.staff)
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")
    partner = await shop.quarter.read(f"/v1/partners/{shop.partner['id']}")
    assert partner["record"]["broken"] == 0, "nothing was promised yet"


async def test_an_order_for_a_slot_lapses_when_the_slot_begins(shop: Shop, moved: MovedClock) -> None:
    offer, resident = await shop.repair(capacity_per_day=5), Resident(shop.quarter)
    begins = utc_now() + timedelta(minutes=10)
    times = {"starts_at": begins.isoformat(), "ends_at": (begins + timedelta(minutes=30)).isoformat()}
    order = await shop.order(offer, resident.by, slot=times)
    assert datetime.fromisoformat(order["wait_until"]) == begins
    moved.forward(timedelta(minutes=11))
    await watch(shop)
    assert (await shop.read(order, resident.by))["state"] == "lapsed"


async def test_the_requester_cancels_until_it_begins_and_a_partner_declines_with_a_reason(
    shop: Shop, moved: MovedClock
) -> None:
    offer, resident = await shop.repair(), Resident(shop.quarter)
    waiting = await shop.order(offer, resident.by)
    cancelled = await shop.took(waiting, "cancel", {"note": "不需要了"}, by=resident.by)
    assert (cancelled["state"], cancelled["reason"]) == ("cancelled", "不需要了")
    declined = await shop.order(offer, resident.by)
    assert (await shop.step(declined, "decline", {}, by=shop.staff)).status_code == 422
    assert (await shop.took(declined, "decline", {"reason": "缺配件"}, by=shop.staff))["reason"] == "缺配件"
    assert await free(shop, offer) == 5
    days = await shop.repair(capacity_per_day=5)
    order = await shop.accepted(resident.by, days, slot=slot(1))
    moved.forward(timedelta(days=2))
    refused = await shop.step(order, "cancel", {}, by=resident.by)
    assert (refused.status_code, refused.json()["rule"]) == (403, "order_has_begun")


async def test_breaking_off_is_a_broken_promise(shop: Shop) -> None:
    resident = Resident(shop.quarter)
    offer = await shop.repair()
    order = await shop.accepted(resident.by, offer)
    broken = await shop.took(order, "break-off", {"reason": "人手不足"}, by=shop.staff)
    assert (broken["state"], broken["reason"]) == ("broken", "人手不足")
    assert await free(shop, offer) == 5
    partner = await shop.quarter.read(f"/v1/partners/{shop.partner['id']}")
    assert partner["record"]["broken"] == 1
    assert (await shop.notices())[-1] == "order_broken"


async def test_each_side_does_only_its_own_steps(shop: Shop) -> None:
    resident, stranger = Resident(shop.quarter), Resident(shop.quarter)
    order = await shop.order(await shop.repair(), resident.by)
    others = shop.quarter.staff_of("club")
    for by in (stranger.by, others):
        assert (await shop.quarter.get(f"/v1/orders/{order['id']}", by=by)).status_code == 404
        assert (await shop.step(order, "cancel", {}, by=by)).status_code == 404
    refused = await shop.step(order, "accept", {}, by=resident.by)
    assert (refused.status_code, refused.json()["rule"]) == (403, "role_required")
    officer = await shop.step(order, "accept", {}, by=shop.quarter.officer)
    assert officer.status_code == 403
    by_partner = await shop.step(order, "cancel", {}, by=shop.staff)
    assert (by_partner.status_code, by_partner.json()["rule"]) == (403, "requester_or_helping_staff")
    own = shop.quarter.caller("matching", (Role.UNIT_STAFF, "d", shop.quarter.units["school"]), person=resident.id)
    await shop.took(order, "accept", {}, by=own)
    await shop.took(order, "deliver", {"proof": "完成"}, by=own)
    praised = await shop.step(order, "rate", {"stars": 5}, by=own)
    assert (praised.status_code, praised.json()["rule"]) == (403, "not_ones_own_service")
    told = {item["action"]: item["code"] for item in (await shop.read(order, resident.by))["next_actions"]}
    assert (told["rate"], told["cancel"], told["accept"]) == (None, "wrong_state", "partner_of_the_order")


async def test_changes_need_the_version_that_was_read(shop: Shop) -> None:
    resident = Resident(shop.quarter)
    order = await shop.order(await shop.repair(), resident.by)
    path = f"/v1/orders/{order['id']}/cancel"
    assert (await shop.quarter.post(path, {}, by=resident.by)).status_code == 428
    stale = await shop.quarter.post(path, {}, by=resident.by, version=9)
    assert (stale.status_code, stale.json()["current"]["id"]) == (412, order["id"])
    key = {"Idempotency-Key": str(new_id())}
    answers = [await shop.quarter.post(path, {}, by=resident.by | key, version=order["version"]) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].headers["idempotency-replayed"] == "true"


async def test_where_to_come_is_read_by_the_partner_while_it_works_and_written_down(shop: Shop) -> None:
    resident = Resident(shop.quarter)
    order = await shop.order(await shop.repair(), resident.by, contact=CONTACT)
    path = f"/v1/orders/{order['id']}/contact"
    assert order["has_contact"] is True
    ((sealed,),) = await shop.rows("SELECT sealed FROM matching.order_contacts")
    assert "王阿姨".encode() not in bytes(sealed)
    assert (await shop.quarter.get(path, by=shop.staff)).status_code == 422
    early = await shop.quarter.get(path, by=shop.staff, purpose="上门")
    assert (early.status_code, early.json()["rule"]) == (403, "partner_reads_while_it_works")
    await shop.took(order, "accept", {}, by=shop.staff)
    read = await shop.quarter.get(path, by=shop.staff, purpose="上门安装")
    assert (read.status_code, read.headers["cache-control"]) == (200, "no-store")
    assert {name: read.json()[name] for name in CONTACT} == CONTACT
    assert (await shop.quarter.get(path, by=resident.by, purpose="核对")).status_code == 200
    seen = (await shop.quarter.read(f"{path}-disclosures", by=resident.by))["items"]
    assert [item["purpose"] for item in seen] == ["上门安装"]
    assert (await shop.quarter.get(f"{path}-disclosures", by=shop.staff)).status_code == 404
    await shop.took(order, "deliver", {"proof": "完成"}, by=shop.staff)
    await shop.took(order, "rate", {"stars": 4}, by=resident.by)
    assert (await shop.quarter.get(path, by=shop.staff, purpose="回访")).status_code == 403


async def test_staff_orders_for_a_resident_of_their_area_and_the_resident_sees_it(shop: Shop) -> None:
    resident = Resident(shop.quarter)
    offer = await shop.repair()
    order = await shop.order(offer, shop.grid_worker, for_person_id=str(resident.id))
    assert order["requester_id"] == str(resident.id)
    assert order["placed_by"] != f"person/{resident.id}"
    assert (await shop.read(order, resident.by))["state"] == "placed"
    for by in (shop.quarter.holding(Role.GRID_WORKER, "d.z.c2"), Resident(shop.quarter).by, shop.staff):
        refused = await shop.send(offer, by, for_person_id=str(resident.id))
        assert (refused.status_code, refused.json()["rule"]) == (403, "staff_orders_for_others")
    await shop.took(order, "cancel", {}, by=shop.grid_worker)
    own = await shop.order(offer, resident.by)
    refused = await shop.step(own, "cancel", {}, by=shop.grid_worker)
    assert (refused.status_code, refused.json()["rule"]) == (403, "requester_or_helping_staff")


async def test_the_same_again_is_one_call(shop: Shop) -> None:
    resident = Resident(shop.quarter)
    order = await shop.delivered(resident.by, contact=CONTACT, quantity=2)
    path = f"/v1/orders/{order['id']}/reorder"
    again = await shop.quarter.post(path, {}, by=resident.by)
    assert again.status_code == 201, again.text
    same = ("offer_id", "area_id", "quantity", "price_fen", "requester_id", "has_contact")
    assert {name: again.json()[name] for name in same} == {name: order[name] for name in same}
    assert (again.json()["repeats_id"], again.json()["state"]) == (order["id"], "placed")
    assert (await shop.quarter.post(path, {}, by=shop.staff)).status_code == 403
    assert (await shop.quarter.post(path, {}, by=Resident(shop.quarter).by)).status_code == 404


async def test_lists_show_each_what_is_theirs(shop: Shop) -> None:
    first, second = Resident(shop.quarter), Resident(shop.quarter)
    offer = await shop.repair()
    orders = [await shop.order(offer, person.by) for person in (first, second, first)]
    ids = [order["id"] for order in reversed(orders)]

    async def seen(by: dict[str, str], **filters: Json) -> list[str]:
        return [item["id"] for item in (await shop.quarter.read("/v1/orders", by=by, **filters))["items"]]

    assert await seen(first.by) == [ids[0], ids[2]]
    assert await seen(shop.staff) == ids
    assert await seen(shop.staff, mine=True) == []
    assert await seen(shop.quarter.officer, under=str(shop.quarter.areas["d.z"])) == ids
    assert await seen(shop.quarter.officer, under=str(shop.quarter.areas["d.y"])) == []
    assert await seen(shop.quarter.holding(Role.GRID_WORKER, "d.z.c2")) == []
    assert await seen(shop.quarter.officer, state="accepted") == []
    page = await shop.quarter.read("/v1/orders", by=shop.staff, page_size=2)
    rest = await shop.quarter.read("/v1/orders", by=shop.staff, page_size=2, cursor=page["next_cursor"])
    assert [item["id"] for item in page["items"] + rest["items"]] == ids


async def test_a_tenant_says_how_long_things_may_take(shop: Shop) -> None:
    admin = shop.quarter.holding(Role.ADMINISTRATOR)
    before = await shop.quarter.read("/v1/order-rules", by=admin)
    assert (before["accept_minutes"], before["version"]) == (1_440, 1)
    body = {"accept_minutes": 30}
    changed = await shop.quarter.call("PUT", "/v1/order-rules", body, by=admin, version=1)
    assert (changed.status_code, changed.json()["version"], changed.json()["deliver_minutes"]) == (200, 2, 4_320)
    stale = await shop.quarter.call("PUT", "/v1/order-rules", body, by=admin, version=1)
    assert stale.status_code == 412
    assert (await shop.quarter.call("PUT", "/v1/order-rules", body, version=2)).status_code == 403
    order = await shop.order(await shop.repair(), Resident(shop.quarter).by)
    waits = datetime.fromisoformat(order["wait_until"]) - datetime.fromisoformat(order["placed_at"])
    assert waits == timedelta(minutes=30)


async def test_orders_of_another_tenant_do_not_exist(shop: Shop, elsewhere: Quarter) -> None:
    order = await shop.order(await shop.repair(), Resident(shop.quarter).by)
    response = await elsewhere.get(f"/v1/orders/{order['id']}", by=elsewhere.officer)
    assert response.status_code == 404
