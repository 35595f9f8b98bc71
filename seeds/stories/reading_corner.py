"""Goods that are held, sent and received, and a reading corner: a room, its volunteers and its courses at one time."""

from collections import Counter
from datetime import date, timedelta
from typing import Any, Final

from seeds.client import Caller
from seeds.house import House
from seeds.ids import fresh_id
from seeds.stories.matched import offer_of, offered
from seeds.story import Story

__all__ = ["tell_extinguishers", "tell_reading_corner"]

_STOCK, _WANTED, _FIRST_LOAD = 40, 12, 8
_WEEKS: Final = 8
_VOLUNTEERS, _NEEDED = 6, 2
_SATURDAY: Final = 5
_CONFLICT: Final = 409


async def tell_extinguishers(story: Story, house: House) -> None:
    """Claimed is not arrived: each piece is counted where it is."""
    shop, clerk = await house.staff("fire_shop"), await house.staff("property_clerk")
    with story.step("消防器材店捐四十具灭火器，物业申领十二具", "forty fire extinguishers; twelve are claimed"):
        body = offer_of(house, "yunhe", "shop_5", "goods", "fire_safety", "四公斤干粉灭火器", _STOCK)
        offer = await offered(story, shop, body)
        wanted = {"id": fresh_id(), "quantity": _WANTED, "unit_id": house.id("units", "property_company")}
        hold = story.took(await clerk.post(f"/v1/offers/{offer}/holds", wanted), 201)
        await _stands(story, clerk, offer, free=_STOCK - _WANTED, held=_WANTED)
        path = f"/v1/offer-holds/{hold['id']}"
        for side, who in (("taker", clerk), ("giver", shop)):
            hold = story.took(await who.act(path, "confirm", {"side": side}))
        story.expect("agreed by both 双方确认", hold["state"], "committed")
        await _stands(story, clerk, offer, free=_STOCK - _WANTED, committed=_WANTED)
    with story.step("分两批发出，签收后才算到位", "sent in two loads; there only when received"):
        sent = await _send(story, shop, path, _FIRST_LOAD)
        await _stands(story, clerk, offer, free=_STOCK - _WANTED, committed=_WANTED - _FIRST_LOAD, moving=_FIRST_LOAD)
        hold = story.took(await shop.get(path))
        more = {"quantity": _WANTED, "proof": "多发"}
        many = await shop.post(f"{path}/transfers", more, version=hold["version"])
        story.refused("more than claimed 超额发出", many, _CONFLICT, naming="more_than_claimed")
        await _receive(story, clerk, sent)
        left = _WANTED - _FIRST_LOAD
        await _stands(story, clerk, offer, free=_STOCK - _WANTED, committed=left, received=_FIRST_LOAD)
        await _receive(story, clerk, await _send(story, shop, path, left))
        await _stands(story, clerk, offer, free=_STOCK - _WANTED, received=_WANTED)
        ended = story.took(await clerk.get(path))
        story.expect("kept 履约", ended["outcome"], "kept")


async def _stands(story: Story, reader: Caller, offer: str, **where: int) -> None:
    """Check where every piece of a stock is."""
    places = ("free", "held", "committed", "moving", "received")
    seen = story.took(await reader.get(f"/v1/offers/{offer}"))
    story.expect(
        f"where they are 在哪里 {where}", {name: seen[name] for name in places}, dict.fromkeys(places, 0) | where
    )
    story.expect("none is lost 一具不少", sum(seen[name] for name in places), _STOCK)


async def _send(story: Story, shop: Caller, path: str, quantity: int) -> dict[str, Any]:
    hold = story.took(await shop.get(path))
    body = {"id": fresh_id(), "quantity": quantity, "proof": f"出库单：{quantity} 具"}
    return dict(story.took(await shop.post(f"{path}/transfers", body, version=hold["version"]), 201))


async def _receive(story: Story, clerk: Caller, sent: dict[str, Any]) -> None:
    body = {"outcome": "receive", "proof": f"签收单：{sent['quantity']} 具"}
    done = story.took(await clerk.post(f"/v1/transfers/{sent['id']}/end", body, version=sent["version"]))
    story.expect("received 签收", done["state"], "received")


async def tell_reading_corner(story: Story, house: House) -> None:
    """The mall's room, the volunteers and the school's courses are booked together or not at all."""
    mall, lead = await house.staff("mall"), await house.staff("volunteer_lead")
    school, clerk = await house.staff("school_clerk"), await house.staff("committee_clerk")
    first = _next_saturday(house.today())
    hours = {
        "openings": [
            {"rrule": "FREQ=WEEKLY;BYDAY=SA,SU", "starts_on": first.isoformat(), "opens": "09:00", "closes": "18:00"}
        ]
    }
    with story.step(
        "商场出场地、志愿者出人、小学出课程", "the mall gives a room, volunteers their time, the school its courses"
    ):
        venue = await offered(
            story, mall, {**offer_of(house, "yunhe", "shop_6", "venue", "reading", "商场读书角", 1), "hours": hours}
        )
        room = await _resource(story, mall, venue, {"name": "二楼中庭", "seats": 30})
        people = await offered(
            story,
            lead,
            {**offer_of(house, "yunhe", "volunteers", "people", "reading", "伴读志愿者", _VOLUNTEERS), "hours": hours},
        )
        group = await _resource(story, lead, people, {"name": "周末组", "units": _VOLUNTEERS})
        body = offer_of(house, "yunhe", "school", "service", "reading", "阅读课", 1)
        course = await offered(story, school, {**body, "capacity_per_day": 1})
    parts: list[dict[str, Any]] = [
        {"offer_id": venue, "resource_id": room},
        {"offer_id": people, "resource_id": group, "quantity": _NEEDED},
        {"offer_id": course},
    ]
    with story.step(f"每周六上午，共 {_WEEKS} 周：一次约齐", "Saturdays for eight weeks: all together"):
        body = _series(house, first, "10:00", "11:30", parts)
        held = story.took(await clerk.post("/v1/booking-series", body), 201)
        states = Counter((one["offer_id"], one["state"]) for one in held["holds"])
        wanted = Counter({(offer, "held"): _WEEKS for offer in (venue, people, course)})
        story.expect("three parts each week 每周三项", states, wanted)
        path = f"/v1/booking-series/{held['id']}"
        for side, who in (("taker", clerk), ("giver", mall), ("giver", lead), ("giver", school)):
            held = story.took(await who.act(path, "confirm", {"side": side}))
        seen = story.took(await clerk.get(path))
        story.expect("all agreed 全部确认", {one["state"] for one in seen["holds"]}, {"committed"})
    with story.step("重叠的预约整体被拒，一项也不占", "one that overlaps is refused as a whole"):
        other = await clerk.post("/v1/booking-series", _series(house, first, "11:00", "12:00", parts))
        story.refused("the room is taken 场地已占", other, _CONFLICT)
        after = _series(house, first, "14:00", "15:00", parts[:1])
        free = story.took(await clerk.post("/v1/booking-series", after), 201)
        story.expect("the afternoon is free 下午可约", len(free["holds"]), _WEEKS)
        register = story.took(await mall.get(f"/v1/offers/{venue}/holds", page_size=200))["items"]
        states = Counter(one["state"] for one in register)
        story.expect("nothing of the refused one 被拒的不留占用", states, Counter(committed=_WEEKS, held=_WEEKS))


def _next_saturday(day: date) -> date:
    """Return the first Saturday after a day."""
    return day + timedelta(days=(_SATURDAY - day.weekday() - 1) % 7 + 1)


async def _resource(story: Story, giver: Caller, offer: str, body: dict[str, Any]) -> str:
    return str(story.took(await giver.post(f"/v1/offers/{offer}/resources", {"id": fresh_id(), **body}), 201)["id"])


def _series(house: House, first: date, opens: str, closes: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    until = first + timedelta(weeks=_WEEKS - 1)
    opening = {"rrule": "FREQ=WEEKLY;BYDAY=SA", "starts_on": first.isoformat(), "opens": opens, "closes": closes}
    return {
        "id": fresh_id(),
        "title": "社区读书角",
        "opening": opening,
        "until": until.isoformat(),
        "unit_id": house.id("units", "yunhe_committee"),
        "parts": parts,
    }
