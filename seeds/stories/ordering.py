"""Residents order, partners deliver, the community supervises: free for some without anybody learning why."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from seeds.client import Caller
from seeds.house import House
from seeds.ids import fresh_id
from seeds.png import photo
from seeds.stories.matched import offer_of, offered
from seeds.stories.order_tally import OrderTally
from seeds.story import Story
from seeds.together import together

__all__ = ["entitle", "order", "priced", "served", "tell_bulk", "tell_haircut", "tell_late", "tell_meals"]

_ENTITLED_DAYS: Final = 300
_HAIRCUT_FEN, _MEAL_FEN, _FULL_MEAL_FEN = 1000, 600, 1000
_ORDERS, _SERVICES = 320, 300
_EVERY_DECLINED, _EVERY_CANCELLED, _EVERY_COMPLAINT = 60, 75, 25
_LATE_DAYS: Final = 4
_DEMAND_S: Final = 90.0
_FORBIDDEN, _CONFLICT = 403, 409


async def entitle(story: Story, house: House, officer: Caller, resident: str, kind: str, seen: str) -> None:
    """Grant an entitlement with what the officer has seen; one that holds already stays."""
    person_id = house.id("residents", resident)
    page = story.took(await officer.get(f"/v1/people/{person_id}/entitlements"))["items"]
    if not any(one["kind"] == kind and one["state"] == "valid" for one in page):
        ends_on = house.today() + timedelta(days=_ENTITLED_DAYS)
        body = {"kind": kind, "ends_on": ends_on.isoformat(), "evidence": {"text": seen}}
        page = [story.took(await officer.post(f"/v1/people/{person_id}/entitlements", body), 201)]
    held = [one["state"] for one in page if one["kind"] == kind and one["state"] == "valid"]
    story.expect(f"entitled 享有资格: {kind}", held, ["valid"])


async def order(story: Story, requester: Caller, offer: str, area_id: object, **more: object) -> dict[str, Any]:
    """Order something under an id of our own."""
    body = {"id": fresh_id(), "offer_id": offer, "area_id": area_id, **more}
    return dict(story.took(await requester.post("/v1/orders", body), 201))


async def priced(story: Story, requester: Caller, ordered: dict[str, Any], price_fen: int) -> dict[str, Any]:
    """Wait until the price of an order is known and it has gone on to its partner, and compare the price."""

    async def look() -> dict[str, Any]:
        return dict(story.took(await requester.get(f"/v1/orders/{ordered['id']}")))

    known = await story.until("the price is known 价格已定", look, lambda seen: seen["state"] != "pricing")
    told = f"price 价格 {known['number']}"
    story.expect(told, (known["state"], known["price_fen"]), ("placed", price_fen))
    return known


async def served(
    story: Story, giver: Caller, requester: Caller, tally: OrderTally, ordered: dict[str, Any], stars: int
) -> None:
    """Accept, find the way, deliver with a photo, and rate; all of it counted."""
    path = f"/v1/orders/{ordered['id']}"
    story.took(await giver.act(path, "accept", {}))
    if ordered["has_contact"]:
        found = story.took(await giver.get(f"{path}/contact", purpose="上门服务"))
        seen = story.took(await requester.get(f"{path}/contact-disclosures"))["items"]
        story.expect(
            "where to come, and who has looked 接单后可见地址且留痕", (bool(found["address"]), len(seen)), (True, 1)
        )
    picture = story.took(await giver.upload("/v1/attachments", photo(200, 170, 90), "image/png"))
    done = {"proof": "已完成，照片为证", "attachment_ids": [picture["id"]]}
    delivered = story.took(await giver.act(path, "deliver", done))
    story.expect(
        "delivered with proof 附照片完成",
        (delivered["state"], delivered["attachment_ids"]),
        ("delivered", [picture["id"]]),
    )
    own = await giver.act(path, "rate", {"stars": 5})
    story.refused("rating one's own service 自评", own, _FORBIDDEN, naming="not_ones_own_service")
    rated = story.took(await requester.act(path, "rate", {"stars": stars, "words": "服务周到"}))
    story.expect("rated 评价", (rated["state"], rated["stars"]), ("rated", stars))
    tally.count(ordered, placed=1, accepted=1, delivered=1, on_time=1, rated=1, stars=stars)


async def tell_haircut(story: Story, house: House, tally: OrderTally) -> None:
    """Ten yuan for everybody, nothing for some, and the barber does not learn why."""
    secretary, barber = await house.staff("secretary"), await house.staff("barber")
    with story.step("社区认定低保户与残疾人资格", "low-income and disabled residents are entitled, on sealed evidence"):
        await entitle(story, house, secretary, "household_01", "low_income", "低保证在有效期内")
        await entitle(story, house, secretary, "household_02", "disabled", "残疾人证在有效期内")
    with story.step("理发店：理发十元，低保户与残疾人免费", "a haircut is ten yuan, free for the entitled"):
        free = [{"entitlement": kind, "price_fen": 0} for kind in ("low_income", "disabled")]
        haircut = await offered(
            story,
            barber,
            {
                **offer_of(house, "yunhe", "shop_3", "service", "haircut", "理发", 20),
                "price_fen": _HAIRCUT_FEN,
                "entitled_prices": free,
            },
        )
    for key, price_fen in (("household_01", 0), ("household_02", 0), ("household_03", _HAIRCUT_FEN)):
        name = house.pack.row("residents", key)["name"]
        with story.step(f"{name}点单理发：{price_fen // 100} 元", f"ordered for {price_fen // 100} yuan"):
            resident = await house.resident(key)
            contact = {"name": "住户", "phone": house.pack.row("residents", key)["phone"], "address": name}
            area_id = house.id("areas", house.pack.row("residents", key)["area"])
            asked = await order(story, resident, haircut, area_id, contact=contact)
            placed = await priced(story, resident, asked, price_fen)
            await _discreet(story, barber, resident, placed, contact)
            await served(story, barber, resident, tally, placed, 5)
    with story.step("谁查询过我的资格，本人看得到", "whoever was asked about sees it"):
        looks = story.took(await (await house.resident("household_01")).get("/v1/me/entitlement-looks"))["items"]
        story.holds("asked, and answered yes 有查询记录", any(one["entitled"] for one in looks), f"{looks}")


async def _discreet(
    story: Story, barber: Caller, resident: Caller, placed: dict[str, Any], contact: dict[str, str]
) -> None:
    """Look at everything that the partner can read of an order."""
    path = f"/v1/orders/{placed['id']}"
    seen = story.took(await barber.get(path))
    steps = story.took(await barber.get(f"{path}/history"))["items"]
    told = f"{seen} {steps}"
    story.holds(
        "the partner does not learn why 商家不知缘由", "low_income" not in told and "disabled" not in told, told
    )
    question = {"person_id": resident.person_id, "any_of": ["low_income"], "purpose": "想知道为什么免费"}
    story.refused("nor may it ask 也不能查询", await barber.post("/v1/entitlement-questions", question), _FORBIDDEN)
    early = await barber.get(f"{path}/contact", purpose="上门")
    story.refused(
        "where to come, before accepting 接单前看联系方式", early, _FORBIDDEN, naming="partner_reads_while_it_works"
    )
    story.expect("has a contact 有联系方式", (seen["has_contact"], contact["phone"] in told), (True, False))


async def tell_meals(story: Story, house: House, tally: OrderTally) -> None:
    """Meals for the elderly from six yuan."""
    canteen, resident = await house.staff("canteen"), await house.resident("household_04")
    area_id = house.id("areas", house.pack.row("residents", "household_04")["area"])
    with story.step("长者食堂：六十岁以上，六元起", "meals for people of sixty and above, from six yuan"):
        meals = {}
        for title, price_fen in (("长者餐（一荤一素）", _MEAL_FEN), ("长者餐（两荤两素）", _FULL_MEAL_FEN)):
            body = offer_of(house, "yunhe", "shop_4", "discount", "meals", title, 50)
            meals[price_fen] = await offered(
                story, canteen, {**body, "price_fen": price_fen, "eligibility": {"min_age": 60}}
            )
        young = await resident.post("/v1/orders", {"offer_id": meals[_MEAL_FEN], "area_id": area_id})
        story.refused("without saying one's age 未声明年龄", young, _CONFLICT, naming="not_orderable")
        story.expect("why 原因", young.body.get("why"), "age")
        for price_fen, quantity in ((_MEAL_FEN, 2), (_FULL_MEAL_FEN, 1)):
            asked = await order(story, resident, meals[price_fen], area_id, quantity=quantity, is_of_age=True)
            placed = await priced(story, resident, asked, price_fen * quantity)
            await served(story, canteen, resident, tally, placed, 4)
        found = story.took(await resident.get("/v1/catalogue", area_id=area_id, category="meals"))["items"]
        cheapest = min(item["price_fen"] for item in found)
        story.expect("from six yuan 六元起", cheapest, _MEAL_FEN)


@dataclass(frozen=True, slots=True)
class _Service:
    """Something ordered by many: its offer and who does it."""

    offer: str
    giver: Caller


async def tell_bulk(story: Story, house: House, tally: OrderTally) -> None:
    """Three hundred services, some declined, some taken back, some complained about."""
    with story.step(f"居民点单 {_ORDERS} 次，商家与物业接单、完成、评价", f"{_ORDERS} orders by residents"):
        services = []
        for partner, staff, title, category in (
            ("shop_3", "barber", "上门理发", "haircut"),
            ("shop_7", "home_services", "上门保洁两小时", "home_services"),
            ("property_company", "property_clerk", "入户水电小修", "repair"),
        ):
            giver = await house.staff(staff)
            body = {**offer_of(house, "yunhe", partner, "service", category, title, 500), "price_fen": 2000}
            services.append(_Service(await offered(story, giver, body), giver))
        homes = [await house.resident(f"household_{number:02}") for number in range(1, 11)]
        area_id = house.id("areas", "willow_court")
        await together(
            _one(story, services[number % len(services)], homes[number % len(homes)], area_id, tally, number)
            for number in range(1, _ORDERS + 1)
        )
        story.holds(
            "three hundred services and more 服务三百次以上", tally.delivered >= _SERVICES, str(tally.delivered)
        )


async def _one(
    story: Story, service: _Service, resident: Caller, area_id: object, tally: OrderTally, number: int
) -> None:
    """Take one order to its end; its number decides which."""
    placed = await order(story, resident, service.offer, area_id)
    path, version = f"/v1/orders/{placed['id']}", placed["version"]
    if number % _EVERY_CANCELLED == 0:
        story.took(await resident.post(f"{path}/cancel", {"note": "改日再约"}, version=version))
        tally.count(placed, placed=1, cancelled=1)
        return
    if number % _EVERY_DECLINED == 0:
        story.took(await service.giver.post(f"{path}/decline", {"reason": "当日人手已满"}, version=version))
        tally.count(placed, placed=1, declined=1)
        return
    taken = story.took(await service.giver.post(f"{path}/accept", {}, version=version))
    done = story.took(await service.giver.post(f"{path}/deliver", {"proof": "已完成"}, version=taken["version"]))
    complaint = number % _EVERY_COMPLAINT == 0
    stars = 2 if complaint else 4 + number % 2
    rating = {"stars": stars, "complaint": complaint}
    story.took(await resident.post(f"{path}/rate", rating, version=done["version"]))
    counted = {"placed": 1, "accepted": 1, "delivered": 1, "on_time": 1, "rated": 1, "stars": stars}
    tally.count(placed, **counted, complaints=int(complaint))


async def tell_late(story: Story, house: House, tally: OrderTally) -> None:
    """The property company accepts and does not come: a demand, an answer, and a late delivery that counts as late."""
    clerk, secretary = await house.staff("property_clerk"), await house.staff("secretary")
    resident, area_id = await house.resident("household_05"), house.id("areas", "willow_court")
    with story.step("居民点单修楼道灯，物业接单", "a resident orders a lamp in the stairwell mended; accepted"):
        body = offer_of(house, "yunhe", "property_company", "service", "repair", "楼道灯维修", 3)
        placed = await order(story, resident, await offered(story, clerk, body), area_id)
        path = f"/v1/orders/{placed['id']}"
        taken = story.took(await clerk.act(path, "accept", {}))
        story.note(f"{placed['number']} · due 期限 {taken['due_at']}")
    with story.step("四天过去没有人来：自动督单，只督一次", "four days and nobody came: one demand, by itself"):
        story.note(f"time passes 时间来到 {house.let_pass(_LATE_DAYS)}")

        async def demands() -> list[dict[str, Any]]:
            return list(story.took(await secretary.get("/v1/order-demands", order_id=placed["id"]))["items"])

        written = await story.until("a demand 督单", demands, bool, deadline_s=_DEMAND_S)
        story.expect("one, for being late 一张，因逾期", [one["cause"] for one in written], ["late"])
        story.note(written[0]["demand_zh"])
        seen = story.took(await resident.get(path))
        story.holds("late since 逾期自", seen["late_at"], f"{seen}")
    demand = f"/v1/order-demands/{written[0]['id']}"
    with story.step("物业书面说明，社区认可；补做并由居民评价", "answered in writing, delivered late, and rated"):
        story.took(await clerk.act(demand, "answer", {"answer": "灯具缺货，今日已到货并更换。"}))
        own = await clerk.act(demand, "accept", {})
        story.refused("judging one's own answer 自审", own, _FORBIDDEN)
        story.took(await clerk.act(path, "deliver", {"proof": "灯已更换，照片存档"}))
        accepted = story.took(await secretary.act(demand, "accept", {"note": "请按期履约"}))
        story.expect("demand 督单", accepted["state"], "accepted")
        rated = story.took(await resident.act(path, "rate", {"stars": 2, "words": "来晚了", "complaint": True}))
        story.holds("a complaint 投诉", rated["complaint"], f"{rated}")
        tally.count(placed, placed=1, accepted=1, delivered=1, late=1, rated=1, stars=2, complaints=1)
        record = story.took(await secretary.get(f"/v1/partners/{house.id('partners', 'property_company')}"))["record"]
        story.holds("on the partner's record 计入履约记录", record["late"] >= 1, f"{record}")
