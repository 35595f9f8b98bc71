"""What an order costs, found by asking as little as possible, and who learns what of it."""

import json
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from services.matching.offers.rules import Eligibility, Person, price_for, why_not_eligible
from services.matching.orders.prices import asking_for, kept, read
from services.matching.orders.rules import OrderState, state_when_priced
from shared.db import Database
from tests.matching.conftest import Quarter
from tests.matching.ordering import ASKED, Resident, Shop, open_shop

KINDS = ["low_income", "disabled", "lives_alone", "veteran"]
PRICES = st.integers(0, 500)
ENTITLED = st.lists(st.fixed_dictionaries({"entitlement": st.sampled_from(KINDS), "price_fen": PRICES}), max_size=5)


@pytest_asyncio.fixture(loop_scope="session")
async def shop(quarter: Quarter, databases: dict[str, Database]) -> Shop:
    return await open_shop(quarter, databases)


@given(
    normal_fen=st.none() | PRICES,
    entitled=ENTITLED,
    needed=st.lists(st.sampled_from(KINDS), max_size=3),
    held=st.frozensets(st.sampled_from(KINDS)),
)
def test_asking_finds_the_price_that_knowing_everything_would_give(
    normal_fen: int | None, entitled: list[dict[str, Any]], needed: list[str], held: frozenset[str]
) -> None:
    asking = asking_for(normal_fen, entitled, needed)
    questions = 0
    while asking.questions:
        asking = read(kept(asking), asking.fallback_fen)
        asking = asking.after(entitled=bool(held & set(asking.questions[0].kinds)))
        questions += 1
    # An offer without any price costs nothing; one that names prices for some alone is for them alone.
    nothing_named = normal_fen is None and not entitled
    expected = 0 if nothing_named else price_for(normal_fen, entitled, held)
    if why_not_eligible(Eligibility(entitlements=tuple(needed)), Person(held)) is not None:
        expected = None
    assert asking.fallback_fen == expected
    assert questions <= len({one["price_fen"] for one in entitled}) + 1


@given(normal_fen=PRICES, entitled=ENTITLED)
def test_nobody_is_asked_when_it_makes_no_difference(normal_fen: int, entitled: list[dict[str, Any]]) -> None:
    asking = asking_for(normal_fen, entitled, [])
    assert bool(asking.questions) == any(one["price_fen"] < normal_fen for one in entitled)


@given(price=PRICES, up_to=st.none() | PRICES)
def test_an_order_goes_on_when_its_price_was_agreed_to(price: int, up_to: int | None) -> None:
    expected = OrderState.PLACED if up_to is None or price <= up_to else OrderState.QUOTED
    assert state_when_priced(price, up_to) is expected


async def test_a_haircut_is_free_for_the_entitled_and_ten_yuan_for_others(shop: Shop) -> None:
    offer = await shop.haircut()
    poor, other = Resident(shop.quarter), Resident(shop.quarter)
    catalogue = await shop.quarter.read("/v1/catalogue", by=poor.by, area_id=str(shop.quarter.areas["d.z.c1"]))
    assert (catalogue["items"][0]["price_fen"], catalogue["items"][0]["my_price_fen"]) == (1_000, None)
    first = await shop.order(offer, poor.by)
    assert (first["state"], first["price_fen"], first["placed_at"]) == ("pricing", None, None)
    assert await shop.answer("disabled") == [["disabled", "low_income"]]
    second = await shop.order(offer, other.by)
    await shop.answer()
    prices = [(await shop.read(order, who.by))["price_fen"] for order, who in ((first, poor), (second, other))]
    assert prices == [0, 1_000]


async def test_whoever_is_not_entitled_is_offered_the_normal_price_instead(shop: Shop) -> None:
    offer, resident = await shop.haircut(), Resident(shop.quarter)
    order = await shop.order(offer, resident.by, up_to_fen=0)
    await shop.answer()
    quoted = await shop.read(order, resident.by)
    assert (quoted["state"], quoted["price_fen"], quoted["placed_at"]) == ("quoted", 1_000, None)
    assert await shop.notices() == ["order_quoted"]
    assert (await shop.quarter.get(f"/v1/orders/{order['id']}", by=shop.staff)).status_code == 404
    wrong = await shop.step(order, "confirm", {"price_fen": 0}, by=resident.by)
    assert (wrong.status_code, wrong.json()["code"], wrong.json()["price_fen"]) == (409, "price_differs", 1_000)
    placed = await shop.took(order, "confirm", {"price_fen": 1_000}, by=resident.by)
    assert (placed["state"], placed["price_fen"]) == ("placed", 1_000)


async def test_the_lowest_price_is_asked_first_and_the_first_yes_is_enough(shop: Shop) -> None:
    prices = [
        {"entitlement": "veteran", "price_fen": 500},
        {"entitlement": "low_income", "price_fen": 0},
        {"entitlement": "disabled", "price_fen": 500},
        {"entitlement": "lives_alone", "price_fen": 1_000},
    ]
    offer, resident = await shop.haircut(entitled_prices=prices), Resident(shop.quarter)
    order = await shop.order(offer, resident.by, quantity=2)
    assert await shop.answer("veteran", "lives_alone") == [["low_income"], ["disabled", "veteran"]]
    assert (await shop.read(order, resident.by))["price_fen"] == 1_000


async def test_what_is_for_entitled_people_only_is_not_for_others(shop: Shop) -> None:
    offer = await shop.haircut(price_fen=None)
    resident = Resident(shop.quarter)
    order = await shop.order(offer, resident.by)
    await shop.answer("veteran")
    refused = await shop.read(order, resident.by)
    assert (refused["state"], refused["reason"], refused["price_fen"]) == ("cancelled", "not_entitled", None)
    assert await shop.notices() == ["order_not_entitled"]
    assert (await shop.quarter.read(f"/v1/offers/{offer['id']}"))["free"] == 20
    assert (await shop.quarter.get(f"/v1/orders/{order['id']}", by=shop.staff)).status_code == 404
    needed = await shop.repair(eligibility={"entitlements": ["lives_alone"]})
    other = await shop.order(needed, resident.by)
    assert (await shop.answer("lives_alone"))[-1] == ["lives_alone"]
    assert (await shop.read(other, resident.by))["price_fen"] == 8_000


async def test_the_partner_sees_the_price_and_nothing_tells_it_why(shop: Shop) -> None:
    offer, resident = await shop.haircut(), Resident(shop.quarter)
    order = await shop.order(offer, resident.by, up_to_fen=0)
    assert (await shop.quarter.get(f"/v1/orders/{order['id']}", by=shop.staff)).status_code == 404
    assert (await shop.quarter.read("/v1/orders", by=shop.staff))["items"] == []
    await shop.answer("low_income")
    seen = await shop.read(order, shop.staff)
    history = await shop.quarter.read(f"/v1/orders/{order['id']}/history", by=shop.staff)
    assert (seen["state"], seen["price_fen"], seen["up_to_fen"]) == ("placed", 0, None)
    assert [step["step"] for step in history["items"]] == ["place"]
    words = json.dumps([seen, history], ensure_ascii=False)
    for secret in ("low_income", "disabled", "entitle", "question", "fallback", "低保"):
        assert secret not in words


async def test_once_the_price_is_known_the_matching_keeps_nothing_of_the_answer(shop: Shop) -> None:
    offer, resident = await shop.haircut(), Resident(shop.quarter)
    order = await shop.order(offer, resident.by)
    await shop.answer("low_income")
    ((row,),) = await shop.rows("SELECT to_jsonb(o)::text FROM matching.orders AS o WHERE id = :id", id=order["id"])
    found = json.loads(row)
    assert (found["questions"], found["question_id"], found["fallback_fen"]) == ([], None, None)
    steps = await shop.rows("SELECT data::text FROM matching.order_steps WHERE order_id = :id", id=order["id"])
    assert not [data for (data,) in steps if "entitle" in data or "low_income" in data]


async def test_no_public_event_and_no_notice_tells_a_price_or_who_ordered(shop: Shop) -> None:
    offer, resident = await shop.haircut(), Resident(shop.quarter)
    order = await shop.order(offer, resident.by)
    await shop.answer("low_income")
    await shop.took(order, "accept", {}, by=shop.staff)
    bodies = await shop.rows("SELECT DISTINCT body::jsonb FROM matching.outbox")
    told = [body for (body,) in bodies if body["subject"] == f"order/{order['id']}" and body["type"] != ASKED]
    assert told
    for body in told:
        assert "price" not in json.dumps(body["data"])
        if body["type"].startswith("linli.order."):
            assert str(resident.id) not in json.dumps(body["data"])


async def test_an_answer_that_comes_twice_or_too_late_changes_nothing(shop: Shop) -> None:
    offer, resident = await shop.haircut(), Resident(shop.quarter)
    order = await shop.order(offer, resident.by)
    await shop.took(order, "cancel", {}, by=resident.by)
    await shop.answer("low_income")
    assert (await shop.read(order, resident.by))["state"] == "cancelled"
    other = await shop.order(offer, resident.by)
    await shop.answer("low_income")
    await shop.answer()
    assert (await shop.read(other, resident.by))["price_fen"] == 0


async def test_a_question_says_what_for_and_for_which_area_staff_asks(shop: Shop) -> None:
    offer, resident = await shop.haircut(), Resident(shop.quarter)
    order = await shop.order(offer, resident.by)
    helped = await shop.order(offer, shop.grid_worker, for_person_id=str(resident.id))
    own, by_staff = await shop.told(ASKED)
    assert (own["person_id"], own["within"]) == (str(resident.id), None)
    assert own["purpose"] == f"点单 {order['number']}：理发"
    assert (by_staff["within"], by_staff["purpose"]) == ("d.z.c1", f"点单 {helped['number']}：理发")


@pytest.mark.parametrize("quantity", [1, 3])
async def test_an_answered_order_is_priced_a_piece(shop: Shop, quantity: int) -> None:
    prices = [{"entitlement": "low_income", "price_fen": 333}]
    offer, resident = await shop.haircut(entitled_prices=prices), Resident(shop.quarter)
    order = await shop.order(offer, resident.by, quantity=quantity)
    await shop.answer("low_income")
    assert (await shop.read(order, resident.by))["price_fen"] == 333 * quantity
