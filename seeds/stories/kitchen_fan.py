"""A kitchen fan 乐修匠: free for people over seventy who live alone, at the normal price for everybody else."""

from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from seeds.client import Caller
from seeds.house import House
from seeds.ids import fresh_id
from seeds.stories.matched import offer_of, offered
from seeds.stories.order_tally import OrderTally
from seeds.stories.ordering import entitle, order, priced, served
from seeds.story import Story

__all__ = ["tell_kitchen_fan"]

_ENTITLEMENT: Final = "elder_alone"
_PRICE_FEN: Final = 12_000
_HANDS: Final = 2
_PEOPLE: Final = 97
# Who can do what, and when; 97 people in all.
_GROUPS: Final = (
    ("厨电组", 24, ("kitchen_fan", "stove"), "MO,TU,WE,TH,FR,SA", "08:00", "18:00"),
    ("电工组", 31, ("electrics", "lamp"), "MO,TU,WE,TH,FR,SA,SU", "08:00", "20:00"),
    ("水暖组", 27, ("plumbing", "heating"), "MO,TU,WE,TH,FR,SA,SU", "08:00", "20:00"),
    ("木工组", 15, ("carpentry", "locks"), "SA,SU", "09:00", "17:00"),
)
_OPEN_SINCE: Final = "2026-01-01"
_MONDAY_9: Final = time(1, 0, tzinfo=UTC)
_CONFLICT, _FORBIDDEN = 409, 403


async def tell_kitchen_fan(story: Story, house: House) -> None:
    """Tell it from the entitlement to the rating, for one who is entitled and one who is not."""
    secretary, lead = await house.staff("secretary"), await house.staff("repair_lead")
    tally = await OrderTally.begin(story, house, secretary, "heping")
    team, group = await _team(story, house, lead)
    offer = await _service(story, house, lead)
    with story.step("社区认定独居老人资格", "the community entitles a resident over seventy who lives alone"):
        await entitle(story, house, secretary, "elder", _ENTITLEMENT, "入户核实：七十三岁，独居")
    await _entitled(story, house, lead, offer, tally, (team, group))
    await _not_entitled(story, house, lead, offer, tally)
    with story.step("点单统计与逐单计数一致", "the figures equal what was counted order by order"):
        await tally.compare(story, house, secretary)


async def _team(story: Story, house: House, lead: Caller) -> tuple[str, str]:
    """Put the team on the resource list, group by group; returns it and the group that mends fans."""
    with story.step("乐修匠队伍九十七人，按技能与时间分组", "the repair team: 97 people by skills and hours"):
        people = offer_of(house, "heping", "repair_team", "people", "repair", "乐修匠服务队", _PEOPLE)
        team = await offered(story, lead, people)
        groups = []
        for name, units, skills, days, opens, closes in _GROUPS:
            opening = {
                "rrule": f"FREQ=WEEKLY;BYDAY={days}",
                "starts_on": _OPEN_SINCE,
                "opens": opens,
                "closes": closes,
            }
            body = {"id": fresh_id(), "name": name, "units": units, "skills": skills, "hours": {"openings": [opening]}}
            groups.append(story.took(await lead.post(f"/v1/offers/{team}/resources", body), 201))
            story.note(f"{name} {units} 人 · {', '.join(skills)} · {days} {opens}-{closes}")
        story.expect("people 人数", sum(one["units"] for one in groups), _PEOPLE)
        starts_at, ends_at = _monday(house)
        seen = await _free(story, lead, team, starts_at, ends_at)
        weekdays = {
            one["id"]: units for one, (_, units, _, days, *_) in zip(groups, _GROUPS, strict=True) if "MO" in days
        }
        story.expect("free on a Monday morning 周一上午可派", seen, weekdays)
    return team, groups[0]["id"]


def _monday(house: House) -> tuple[datetime, datetime]:
    """Return two hours of next Monday morning, in China nine to eleven."""
    today = house.today()
    starts_at = datetime.combine(today + timedelta(days=7 - today.weekday()), _MONDAY_9)
    return starts_at, starts_at + timedelta(hours=2)


async def _free(story: Story, reader: Caller, team: str, starts_at: datetime, ends_at: datetime) -> dict[str, int]:
    """Return how many of each group are free for the whole of a time."""
    period = {"from": starts_at.isoformat(), "until": ends_at.isoformat()}
    windows = story.took(await reader.get(f"/v1/offers/{team}/windows", **period))["windows"]
    free: dict[str, int] = {}
    for one in windows:
        if datetime.fromisoformat(one["starts_at"]) <= starts_at and datetime.fromisoformat(one["ends_at"]) >= ends_at:
            free[one["resource_id"]] = free.get(one["resource_id"], 0) + one["units"]
    return free


async def _service(story: Story, house: House, lead: Caller) -> str:
    with story.step("上门更换油烟机：一百二十元，独居老人免费", "a new kitchen fan: 120 yuan, free for the entitled"):
        body = offer_of(house, "heping", "repair_team", "service", "repair", "上门更换油烟机", 12)
        prices = [{"entitlement": _ENTITLEMENT, "price_fen": 0}]
        return await offered(
            story, lead, {**body, "price_fen": _PRICE_FEN, "entitled_prices": prices, "skills": ["kitchen_fan"]}
        )


async def _entitled(
    story: Story, house: House, lead: Caller, offer: str, tally: OrderTally, team: tuple[str, str]
) -> None:
    elder = await house.resident("elder")
    starts_at, ends_at = _monday(house)
    with story.step("独居老人点单更换油烟机：免费", "the resident orders it, and it is free"):
        contact = {
            "address": "和平社区",
            "phone": house.pack.row("residents", "elder")["phone"],
            "note": "门铃坏了，请敲门",
        }
        wanted = {"wanted_by": ends_at.isoformat(), "contact": contact}
        placed = await priced(story, elder, await order(story, elder, offer, _home(house), **wanted), 0)
        told = str(story.took(await lead.get(f"/v1/orders/{placed['id']}")))
        story.holds("the team does not learn why 队伍不知缘由", _ENTITLEMENT not in told, told)
    with story.step("乐修匠派两人周一上午上门", "two of the team are booked for Monday morning"):
        before = await _free(story, lead, team[0], starts_at, ends_at)
        body = {
            "id": fresh_id(),
            "resource_id": team[1],
            "quantity": _HANDS,
            "starts_at": starts_at.isoformat(),
            "ends_at": ends_at.isoformat(),
            "unit_id": house.id("units", "repair_team"),
        }
        held = story.took(await lead.post(f"/v1/offers/{team[0]}/holds", body), 201)
        for side in ("giver", "taker"):
            held = story.took(await lead.act(f"/v1/offer-holds/{held['id']}", "confirm", {"side": side}))
        after = await _free(story, lead, team[0], starts_at, ends_at)
        story.expect("so many fewer are free 可派人数减少", before[team[1]] - after[team[1]], _HANDS)
        at_night = {**body, "id": fresh_id(), "starts_at": ends_at.isoformat()}
        at_night["ends_at"] = (ends_at + timedelta(hours=12)).isoformat()
        late = await lead.post(f"/v1/offers/{team[0]}/holds", at_night)
        story.refused("outside their hours 超出服务时间", late, _CONFLICT, naming="not_open_then")
    with story.step("接单后可见地址，完成附照片，老人评价", "accepted, found, done with a photo, and rated"):
        path = f"/v1/orders/{placed['id']}/contact"
        early = await lead.get(path, purpose="上门")
        story.refused("before accepting 接单前", early, _FORBIDDEN, naming="partner_reads_while_it_works")
        await served(story, lead, elder, tally, placed, 5)
        gone = await lead.get(path, purpose="再看一次")
        story.refused("after the rating 评价后", gone, _FORBIDDEN, naming="partner_reads_while_it_works")


def _home(house: House) -> Any:  # noqa: ANN401 - an id for a body
    return house.id("areas", house.pack.row("residents", "elder")["area"])


async def _not_entitled(story: Story, house: House, lead: Caller, offer: str, tally: OrderTally) -> None:
    resident = await house.resident("tenant_1")
    with story.step("没有资格的住户：先报普通价，同意后才下单", "somebody else is told the normal price, and agrees"):
        asked = await order(story, resident, offer, _home(house), up_to_fen=0)
        path = f"/v1/orders/{asked['id']}"

        async def look() -> dict[str, Any]:
            return dict(story.took(await resident.get(path)))

        quoted = await story.until("the price is told 报价", look, lambda seen: seen["state"] != "pricing")
        story.expect("the normal price 普通价", (quoted["state"], quoted["price_fen"]), ("quoted", _PRICE_FEN))
        story.refused("the team does not see it yet 队伍尚不可见", await lead.get(path), 404)
        other = await resident.act(path, "confirm", {"price_fen": 0})
        story.refused("agreeing to another price 同意别的价格", other, _CONFLICT, naming="price_differs")
        placed = story.took(await resident.act(path, "confirm", {"price_fen": _PRICE_FEN}))
        story.expect("placed 已下单", (placed["state"], placed["price_fen"]), ("placed", _PRICE_FEN))
    with story.step("乐修匠上门更换，住户评价", "the team comes, and is rated"):
        await served(story, lead, resident, tally, placed, 4)
