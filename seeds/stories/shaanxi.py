"""A street lamp, ten welfare projects, a kitchen fan and a canteen 微心愿 · 众筹 · 乐修匠 · 议事会.

A wish from a visit is a lamp. Of ten campaigns to which twenty-six enterprises give, eight reach their goal; two do not
and give everything back. A repair team changes kitchen fans. Three visits end in a canteen three months later.
"""

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from seeds.client import Caller
from seeds.house import House
from seeds.ids import fresh_id
from seeds.stories.canteen import tell_canteen
from seeds.stories.kitchen_fan import tell_kitchen_fan
from seeds.stories.money import Fund, open_fund, yuan
from seeds.stories.street_lamp import tell_street_lamp
from seeds.story import Story

__all__ = ["tell_shaanxi"]

_CHINA: Final = timezone(timedelta(hours=8))
_ENTERPRISES, _CAMPAIGNS, _MISSED = 26, 10, 2
_DAYS: Final = 30


async def tell_shaanxi(story: Story, house: House) -> None:
    """Tell the lamp, the campaigns, the fan and the canteen."""
    story.chapter("一、微心愿", "a lamp at the gate")
    await tell_street_lamp(story, house)
    story.chapter("二、众筹公益项目", "enterprises and welfare projects")
    treasurer = await house.staff("treasurer")
    fund = await _open(story, house)
    campaigns = await _start(story, house, treasurer, fund)
    given = await _give(story, house, treasurer, campaigns)
    await _end(story, house, treasurer, fund, campaigns, given)
    story.chapter("三、乐修匠", "the repair team")
    await tell_kitchen_fan(story, house)
    story.chapter("四、社区食堂", "the canteen")
    await tell_canteen(story, house)


async def _open(story: Story, house: House) -> Fund:
    with story.step("设立社区公益基金", "a welfare fund is opened"):
        return await open_fund(story, house, "welfare")


async def _start(story: Story, house: House, treasurer: Caller, fund: Fund) -> dict[str, str]:
    """Open a campaign for each project; returns their paths by key."""
    paths = {}
    with story.step("十个公益项目发起众筹，三十天为期", "ten projects ask for money, for thirty days"):
        deadline = datetime.combine(house.today(), datetime.min.time(), _CHINA) + timedelta(days=_DAYS)
        for row in house.pack.all("campaigns"):
            body = {name: row[name] for name in ("title", "category", "goal_fen")}
            body |= {"id": fresh_id(), "deadline": deadline.isoformat()}
            opened = story.took(await treasurer.post(f"{fund.path}/campaigns", body), 201)
            paths[row["key"]] = f"/v1/campaigns/{opened['id']}"
        story.expect("campaigns 项目", len(paths), _CAMPAIGNS)
    return paths


async def _give(story: Story, house: House, treasurer: Caller, paths: dict[str, str]) -> Counter[str]:
    """Let the enterprises give, some by a promise first; returns what each has given in all."""
    given: Counter[str] = Counter()
    with story.step("二十六家企业捐款，一部分先认捐后到账", "twenty-six enterprises give, some by a promise first"):
        for row in house.pack.all("campaigns"):
            for gift in row["gifts"]:
                await _one_gift(story, house, treasurer, paths[row["key"]], gift)
                given[gift["unit"]] += gift["amount_fen"]
        story.expect("enterprises 企业", len(given), _ENTERPRISES)
        story.note(f"given in all 共捐 {yuan(given.total())}")
    with story.step("达到目标后多一分也不收", "beyond the goal not one fen is taken"):
        row = house.pack.all("campaigns")[0]
        more = {"giver_kind": "unit", "giver_id": house.id("units", row["gifts"][0]["unit"]), "amount_fen": 1}
        answer = await treasurer.post(f"{paths[row['key']]}/gifts", {**more, "received": True})
        story.refused("one fen too many 多一分", answer, 409, naming="over_funded")
        early = await treasurer.act(paths[_missed(house)[0]], "settle")
        story.refused("settling below the goal 未达标结算", early, 409, naming="goal_missed")
    return given


async def _one_gift(story: Story, house: House, treasurer: Caller, path: str, gift: dict[str, Any]) -> None:
    body = {
        "id": fresh_id(),
        "giver_kind": "unit",
        "giver_id": house.id("units", gift["unit"]),
        "amount_fen": gift["amount_fen"],
        "received": not gift["pledged"],
    }
    noted = story.took(await treasurer.post(f"{path}/gifts", body), 201)
    if gift["pledged"]:
        story.took(await treasurer.post(f"{path}/gifts/{noted['id']}/receive"))


def _missed(house: House) -> list[str]:
    """Return the campaigns of the pack whose gifts do not reach the goal."""
    rows = house.pack.all("campaigns")
    return [row["key"] for row in rows if sum(gift["amount_fen"] for gift in row["gifts"]) < row["goal_fen"]]


async def _end(
    story: Story, house: House, treasurer: Caller, fund: Fund, paths: dict[str, str], given: Counter[str]
) -> None:
    """Let the day come: eight are settled, two give everything back, and every sum is right."""
    missed = _missed(house)
    with story.step(
        "到期：八个项目成功，两个未达标，全额退回", "the day comes: eight are settled, two refund everybody"
    ):
        story.note(f"time passes 时间来到 {house.let_pass(_DAYS + 1)}")

        async def look() -> Counter[str]:
            return Counter([story.took(await treasurer.get(path))["state"] for path in paths.values()])

        wanted = {"settled": _CAMPAIGNS - _MISSED, "refunded": _MISSED}
        seen = await story.until("all have ended 全部结束", look, lambda states: states["open"] == 0)
        story.expect("settled and refunded 成功与退款", dict(seen), wanted)
        back: Counter[str] = Counter()
        units = {str(house.id("units", key)): key for key in given}
        for key in missed:
            page = story.took(await treasurer.get(f"{paths[key]}/gifts", page_size=200))["items"]
            story.expect(f"{key}: everybody has theirs 人人退回", [g["id"] for g in page if not g["refund_id"]], [])
            for gift in page:
                back[units[gift["giver_id"]]] += gift["amount_fen"]
        owed = _sums(house, missed)
        story.expect(f"refunded to the fen 退款分文不差 {yuan(owed.total())}", back, owed)
    kept = [key for key in paths if key not in missed]
    with story.step(
        "每家企业的净捐款等于成功项目所捐", "each enterprise has given what it gave to those that succeeded"
    ):
        story.expect("net 净额", given - back, _sums(house, kept))
        statement = story.took(await treasurer.get(f"{fund.path}/statement"))
        story.expect(f"in the bank 存款 {yuan(statement['bank_fen'])}", statement["bank_fen"], (given - back).total())
        story.expect("for its purpose 限定用途", statement["restricted_fen"], (given - back).total())
        told = story.took(await house.nobody.get(f"/v1/open-books/{house.pack.tenant}/{fund.book_id}"))
        owed_now = sum(row["balance_fen"] for row in told["accounts"] if row["code"].startswith("campaign:"))
        story.expect("nothing is owed any more 无未结款", owed_now, 0)


def _sums(house: House, keys: list[str]) -> Counter[str]:
    """Sum what each enterprise gave to some campaigns."""
    found: Counter[str] = Counter()
    for row in house.pack.all("campaigns"):
        if row["key"] in keys:
            for gift in row["gifts"]:
                found[gift["unit"]] += gift["amount_fen"]
    return found
