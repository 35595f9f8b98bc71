"""Three partners' systems push what they offer: hundreds of lines at once, not all of them good, and one forged."""

import base64
import json
import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from seeds.house import House
from seeds.ids import fresh_id
from seeds.stories.threads import every
from seeds.story import Story
from seeds.webhook import Sender

__all__ = ["tell_partners", "tell_pushed"]

Line = dict[str, Any]

_JOINED: Final = {"business": 9, "association": 2, "volunteer_team": 1, "department": 1, "property": 1}
# Who pushes, what its goods or services are called, and what it may be: every name comes in every kind.
_WHAT: Final = {
    "shop_2": (
        "goods",
        "groceries",
        ("大米", "面粉", "食用油", "鸡蛋", "牛奶", "挂面", "白糖", "食盐", "酱油", "陈醋"),
        32,
    ),
    "shop_5": ("goods", "fire_safety", ("干粉灭火器", "水基灭火器", "灭火毯", "烟感报警器", "应急灯", "逃生面具"), 45),
    "shop_7": ("service", "home_services", ("上门保洁", "擦窗", "疏通下水", "换锁", "换灯", "搬运", "陪诊"), 50),
}
_REPEATED, _OUTDATED, _COUNTED = 15, 10, 5
_WORKED_OFF_S: Final = 60.0
_STALE: Final = timedelta(minutes=6)


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is sent, and what is to become of each line."""

    lines: list[Line]
    fates: list[tuple[str | None, str]]
    complaints: dict[int, tuple[str, str]]

    def add(self, line: Line, fate: str, pointer: str | None = None, code: str = "") -> None:
        """Add a line; one that is refused says where and what."""
        if pointer is not None:
            self.complaints[len(self.lines)] = (f"/data/items/{len(self.lines)}{pointer}", code)
        self.lines.append(line)
        self.fates.append((line.get("external_id"), fate))

    @property
    def body(self) -> bytes:
        """The very bytes that are signed and sent."""
        message = {"type": "offers.pushed", "data": {"items": self.lines}}
        return json.dumps(message, ensure_ascii=False).encode()


async def tell_partners(story: Story, house: House) -> None:
    """Show who has joined."""
    with story.step(
        "九家商户、文艺演出队、妈妈课堂等成为社区合伙人", "nine businesses, an arts troupe and a mothers' class join"
    ):
        partners = await every(story, await house.staff("secretary"), "/v1/partners")
        ours = {str(house.id("partners", row["key"])) for row in house.pack.all("partners")}
        kinds = Counter(one["kind"] for one in partners if one["id"] in ours)
        story.expect("by kind 按类型", dict(kinds), _JOINED)
        story.expect("all vetted 均已审核", {one["state"] for one in partners if one["id"] in ours}, {"vetted"})


async def tell_pushed(story: Story, house: House) -> None:
    """Let each system push, and look at what became of each line."""
    for key, staff in (("shop_2", "grocer"), ("shop_5", "fire_shop"), ("shop_7", "home_services")):
        sender = await _key(story, house, key, staff)
        batch = _batch(house, key, str(fresh_id())[-12:])
        delivery_id = await _pushed(story, house, key, sender, batch)
        await _same_on_the_list(story, house, key, staff, delivery_id, batch)
        await _forged(story, house, key, staff, sender, batch)


async def _key(story: Story, house: House, key: str, staff: str) -> Sender:
    """Make a live key; its secret is shown this once."""
    name = house.pack.row("partners", key)["name"]
    with story.step(f"{name}：取得正式推送密钥", "a live key, shown once"):
        clerk, partner_id = await house.staff(staff), house.id("partners", key)
        wanted = {"id": fresh_id(), "mode": "live", "overlap_hours": 0}
        made = story.took(await clerk.post(f"/v1/partners/{partner_id}/webhook-secrets", wanted), 201)
        again = story.took(await clerk.post(f"/v1/partners/{partner_id}/webhook-secrets", wanted), 200)
        story.expect("never shown again 不再显示", again["secret"], None)
        path = f"/v1/webhooks/{house.pack.tenant}/{partner_id}"
        story.holds("the address 推送地址", made["webhook_url"].endswith(path), made["webhook_url"])
    return Sender(house.nobody, path, made["secret"])


def _batch(house: House, key: str, telling: str) -> _Batch:
    """Make a batch of several hundred lines: good ones first, then repeats, old versions, new counts and bad lines."""
    kind, category, names, variants = _WHAT[key]
    area_id = str(house.id("areas", "yunhe"))
    batch = _Batch([], [], {})
    for number in range(len(names) * variants):
        name, variant = names[number % len(names)], number // len(names) + 1
        line = {
            "external_id": f"{telling}-{number}",
            "external_version": 3,
            "kind": kind,
            "category": category,
            "title": f"{name} {variant} 号",
            "description": f"{name}，规格 {variant}",
            "area_id": area_id,
            "quantity": 20 + variant,
            "price_fen": 500 + 10 * variant,
        }
        batch.add(line, "created")
    good = list(batch.lines)
    for line in good[:_REPEATED]:
        batch.add(line, "unchanged")
    for line in good[-_OUTDATED:]:
        batch.add({**line, "external_version": 2, "title": "旧版本的名称"}, "outdated")
    for line in good[:_COUNTED]:
        counted = {"action": "quantity", "external_id": line["external_id"], "external_version": 4, "quantity": 7}
        batch.add(counted, "updated")
    _add_bad(batch, good[0], telling)
    return batch


def _add_bad(batch: _Batch, like: Line, telling: str) -> None:
    """Add lines that nobody can take in, each for another reason."""

    def bad(**changes: object) -> Line:
        return {**like, "external_id": f"{telling}-bad-{len(batch.lines)}", **changes}

    nameless = bad()
    del nameless["title"]
    batch.add(nameless, "refused", "/title", "missing")
    batch.add(bad(price_fen=-1), "refused", "/price_fen", "greater_than_equal")
    batch.add(bad(quantity="很多"), "refused", "/quantity", "int_type")
    batch.add(bad(area_id=str(fresh_id())), "refused", "/area_id", "unknown_area")
    batch.add(bad(kind="favour"), "refused", "/kind", "enum")
    batch.add(bad(action="delete"), "refused", "/action", "unknown_action")
    unknown = {"action": "withdraw", "external_id": f"{telling}-never", "external_version": 1}
    batch.add(unknown, "refused", "/external_id", "unknown_offer")


def _machine_now() -> datetime:
    """Return the time of the partner's machine: nobody moves the clock of a system outside of the house."""
    return datetime.now(UTC)


async def _pushed(story: Story, house: House, key: str, sender: Sender, batch: _Batch) -> str:
    name = house.pack.row("partners", key)["name"]
    with story.step(f"{name}推送 {len(batch.lines)} 行", f"{len(batch.lines)} lines are pushed in one batch"):
        message_id = f"msg_{fresh_id()}"
        receipt = story.took(await sender.push(message_id, batch.body, _machine_now()), 202)

        async def look() -> dict[str, Any]:
            return dict(story.took(await sender.report(receipt["delivery_id"], _machine_now())))

        report = await story.until(
            "worked off 处理完成", look, lambda seen: seen["state"] == "done", deadline_s=_WORKED_OFF_S
        )
        told = [(line["external_id"], line["fate"]) for line in report["lines"]]
        wrong = [(n, one, want) for n, (one, want) in enumerate(zip(told, batch.fates, strict=True)) if one != want]
        story.expect("the fate of every line 每行结果", wrong[:5], [])
        wanted = Counter(fate for _, fate in batch.fates)
        counts = {fate: report[fate] for fate in ("created", "updated", "unchanged", "outdated", "refused")}
        story.expect("counts 计数", counts, {fate: wanted[fate] for fate in counts})
        places = {
            line["position"]: (line["complaints"][0]["pointer"], line["complaints"][0]["code"])
            for line in report["lines"]
            if line["complaints"]
        }
        story.expect("where and what 出错位置与原因", places, batch.complaints)
        story.note(" · ".join(f"{fate} {count}" for fate, count in counts.items()))
        again = await sender.push(message_id, batch.body, _machine_now())
        replayed = (again.status, again.body["delivery_id"], again.headers.get("Idempotency-Replayed"))
        story.expect("the same message again 重复推送无二次效果", replayed, (202, receipt["delivery_id"], "true"))
        other = await sender.push(message_id, batch.body + b" ", _machine_now())
        story.refused("the same name, other bytes 同号异文", other, 409, naming="webhook_id_reused")
    return str(receipt["delivery_id"])


async def _same_on_the_list(story: Story, house: House, key: str, staff: str, delivery_id: str, batch: _Batch) -> None:
    """Find what was pushed where people look: in the partner's report and in the catalogue."""
    with story.step("回执人也看得到，资源清单里查得到", "people read the same report, and find it in the catalogue"):
        clerk = await house.staff(staff)
        path = f"/v1/partners/{house.id('partners', key)}/webhook-deliveries/{delivery_id}"
        seen = story.took(await clerk.get(path, fate="refused"))["lines"]
        story.expect("refused lines 被拒的行", len(seen), len(batch.complaints))
        resident = await house.resident("household_01")
        area_id = house.id("areas", "willow_court_b1")
        title = batch.lines[-len(batch.complaints)].get("description", "")
        found = await every(story, resident, "/v1/catalogue", area_id=area_id, category=_WHAT[key][1], q=title)
        mine = [one for one in found if one["partner_id"] == str(house.id("partners", key))]
        story.holds("in the catalogue 可点", mine, f"{title!r} not among {len(found)}")


async def _forged(story: Story, house: House, key: str, staff: str, sender: Sender, batch: _Batch) -> None:
    with story.step("伪造签名与过期时间戳一律拒收", "a forged signature and a stale one are turned away"):
        clerk, path = await house.staff(staff), f"/v1/partners/{house.id('partners', key)}/webhook-deliveries"
        before = len(await every(story, clerk, path))
        forger = Sender(sender.http, sender.path, f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}")
        forged = await forger.push(f"msg_{fresh_id()}", batch.body, _machine_now())
        story.refused("another's signature 伪造签名", forged, 401)
        stale = await sender.push(f"msg_{fresh_id()}", batch.body, _machine_now() - _STALE)
        story.refused("signed six minutes ago 过期时间戳", stale, 401)
        silent = await house.nobody.signed("POST", sender.path, batch.body, {"Content-Type": "application/json"})
        story.holds("no signature 无签名", silent.status in {400, 401}, str(silent.status))
        story.expect("nothing is kept of it 不留记录", len(await every(story, clerk, path)), before)
