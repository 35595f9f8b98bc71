"""Space for service 空间换服务: an idle room against hours of after-school care, and how far venues are used."""

from collections import Counter
from datetime import datetime, time, timedelta, timezone
from typing import Any, Final
from uuid import UUID

from seeds.client import Caller
from seeds.house import House
from seeds.ids import fresh_id, pack_id
from seeds.pack import Row
from seeds.story import Story

__all__ = ["tell_space_for_service"]

_CHINA: Final = timezone(timedelta(hours=8))
_ROOM: Final = "yuhua_idle_room"
_VENUES, _DAYS = 87, 7
_USES, _USE_MIN = 3, 120
_SERVED_MIN_PER_HOUR: Final = 30
_AFTER_SCHOOL: Final = time(15, 30)
_AGREED_DAYS: Final = 90
_DAY_CODES: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_FORBIDDEN, _CONFLICT = 403, 409


async def tell_space_for_service(story: Story, house: House) -> None:
    """Tell it from the figure of all venues to a balance that both sides can read."""
    begins = datetime.combine(house.today() + timedelta(days=1), time(), _CHINA)
    before = await _venues(story, house, begins)
    agreement = await _agree(story, house)
    await _use(story, house, agreement, begins)
    await _used(story, house, begins, before)
    await _serve(story, house, agreement)


async def _figures(story: Story, house: House, begins: datetime) -> dict[str, Any]:
    """Read how far the district's venues are used in the week from a moment on."""
    period = {"from": begins.isoformat(), "until": (begins + timedelta(days=_DAYS)).isoformat()}
    officer = await house.staff("officer")
    answer = await officer.get("/v1/venue-utilisation", under=house.id("areas", "huancui"), **period)
    return dict(story.took(answer))


async def _venues(story: Story, house: House, begins: datetime) -> dict[str, Any]:
    """Compare the open hours of every venue with those of the pack."""
    rows = {str(house.id("venues", row["key"])): row for row in house.pack.all("venues")}
    with story.step(f"{len(rows)} 处社区服务场所按功能分类", f"{len(rows)} community venues, classified by function"):
        functions = Counter(row["category"] for row in rows.values())
        story.note(" · ".join(f"{function} {count}" for function, count in functions.most_common()))
        figures = await _figures(story, house, begins)
        seen = {one["offer_id"]: one["use"]["open_min"] for one in figures["venues"] if one["offer_id"] in rows}
        wanted = {offer: _open_min(row, begins) for offer, row in rows.items()}
        story.expect("all of them 全部在册", len(seen), _VENUES)
        wrong = [
            (rows[offer]["title"], seen.get(offer), wanted[offer]) for offer in rows if seen.get(offer) != wanted[offer]
        ]
        story.expect("open as they say 开放时长一致", wrong[:5], [])
        _check_sums(story, figures)
    return figures


def _open_min(row: Row, begins: datetime) -> int:
    """Return for how many minutes a venue of the pack is open in the week."""
    days = {_DAY_CODES[(begins + timedelta(days=day)).weekday()] for day in range(_DAYS)} & set(row["days"].split(","))
    opens, closes = (time.fromisoformat(row[name]) for name in ("opens", "closes"))
    return len(days) * ((closes.hour - opens.hour) * 60 + closes.minute - opens.minute)


def _check_sums(story: Story, figures: dict[str, Any]) -> None:
    """Compare the whole with its venues and with its areas."""
    names = ("open_min", "booked_min", "bookings")
    for part in ("venues", "areas"):
        sums = {name: sum(one["use"][name] for one in figures[part]) for name in names}
        story.expect(f"the whole is the sum of its {part} 合计一致", {n: figures["total"][n] for n in names}, sums)
    count = sum(area["venues"] for area in figures["areas"])
    story.expect("every venue lies in an area 场所归区", count, len(figures["venues"]))


def _room(house: House) -> UUID:
    """Return the id under which the loader has added the only room of the venue."""
    return pack_id(house.pack.tenant, "venue_rooms", _ROOM)


async def _agree(story: Story, house: House) -> str:
    """Put an agreement to both sides; returns where it is."""
    host, guest = await house.staff("yuhua_clerk"), await house.staff("care_lead")
    with story.step(
        "裕华社区以闲置活动室换课后托管服务", "a community gives an idle room for promised hours of after-school care"
    ):
        today = house.today()
        body = {
            "id": fresh_id(),
            "offer_id": house.id("venues", _ROOM),
            "resource_id": _room(house),
            "guest_unit_id": house.id("units", "care_station"),
            "title": "闲置活动室换课后托管",
            "service": "每使用场地一小时，为社区儿童免费托管三十分钟",
            "starts_on": today.isoformat(),
            "ends_on": (today + timedelta(days=_AGREED_DAYS)).isoformat(),
            "service_min_per_room_hour": _SERVED_MIN_PER_HOUR,
            "room_minutes_max": _USES * _USE_MIN,
        }
        stranger = await (await house.staff("drainage_clerk")).post("/v1/agreements", {**body, "id": fresh_id()})
        story.refused("by neither side 第三方提出", stranger, _FORBIDDEN, naming="either_side_proposes")
        proposed = story.took(await host.post("/v1/agreements", body), 201)
        path = f"/v1/agreements/{proposed['id']}"
        early = await guest.post(f"{path}/services", _service(house, 60, "尚未生效"))
        story.refused("before both agree 生效之前", early, _CONFLICT)
        story.took(await host.act(path, "agree", {"party": "host"}))
        other = await host.act(path, "agree", {"party": "guest"})
        story.refused("for the other side 代对方同意", other, _FORBIDDEN)
        agreed = story.took(await guest.act(path, "agree", {"party": "guest"}))
        story.expect("it holds 协议生效", agreed["state"], "active")
    return path


async def _use(story: Story, house: House, path: str, begins: datetime) -> None:
    """Book the room for three afternoons, and no more than was agreed on."""
    guest = await house.staff("care_lead")
    with story.step("托管服务站按协议预约三个下午", "three afternoons are booked under the agreement"):
        for day in range(_USES):
            story.took(await guest.post(f"{path}/bookings", _afternoon(begins, day)), 201)
        more = await guest.post(f"{path}/bookings", _afternoon(begins, _USES))
        story.refused("more than agreed 超出约定时长", more, _CONFLICT, naming="room_minutes_exhausted")
        taken = {**_afternoon(begins, 0), "resource_id": _room(house)}
        other = await (await house.resident("neighbour_1")).post(f"/v1/offers/{house.id('venues', _ROOM)}/holds", taken)
        story.refused("taken for others 他人不可再约", other, _CONFLICT, naming="slot_taken")
        await _stands(story, guest, path, room_booked_min=_USES * _USE_MIN)


def _afternoon(begins: datetime, day: int) -> dict[str, Any]:
    starts_at = datetime.combine((begins + timedelta(days=day)).date(), _AFTER_SCHOOL, _CHINA)
    ends_at = starts_at + timedelta(minutes=_USE_MIN)
    return {"id": fresh_id(), "starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}


async def _stands(story: Story, reader: Caller, path: str, **minutes: int) -> None:
    """Compare both sides of the agreement, in minutes; what is not named is nothing."""
    seen = story.took(await reader.get(path))["figures"]
    story.expect(f"both sides counted 双方往来 {minutes}", seen, dict.fromkeys(seen, 0) | minutes)


async def _used(story: Story, house: House, begins: datetime, before: dict[str, Any]) -> None:
    with story.step("场地利用率随之变化，且只变这一处", "the use of venues has changed, there and nowhere else"):
        now = await _figures(story, house, begins)
        _check_sums(story, now)
        was = {one["offer_id"]: one["use"] for one in before["venues"]}
        room = str(house.id("venues", _ROOM))
        grown = {
            one["offer_id"]: (
                one["use"]["booked_min"] - was[one["offer_id"]]["booked_min"],
                one["use"]["bookings"] - was[one["offer_id"]]["bookings"],
            )
            for one in now["venues"]
            if one["use"] != was[one["offer_id"]]
        }
        story.expect("booked 已约分钟与次数", grown, {room: (_USES * _USE_MIN, _USES)})
        use = next(one["use"] for one in now["venues"] if one["offer_id"] == room)
        share = use["booked_min"] * 1000 // use["open_min"]
        story.expect(f"utilisation 利用率 {share / 10} %", use["permille"], share)


async def _serve(story: Story, house: House, path: str) -> None:
    """Let the week pass, serve, and let the host say what counts."""
    host, guest = await house.staff("yuhua_clerk"), await house.staff("care_lead")
    used = _USES * _USE_MIN
    owed = used * _SERVED_MIN_PER_HOUR // 60
    with story.step("一周过去：用了场地，欠下服务", "a week later the room was used, and service is owed"):
        story.note(f"time passes 时间来到 {house.let_pass(_DAYS + 1)}")
        await _stands(story, host, path, room_used_min=used, service_owed_min=owed, balance_min=-owed)
    with story.step("登记服务，由社区确认后才算数", "service is noted, and counts once the community confirms it"):
        served = [
            story.took(await guest.post(f"{path}/services", _service(house, minutes, words)), 201)
            for minutes, words in ((120, "课后托管，到场十二名儿童"), (90, "绘本共读"), (60, "未到场"))
        ]
        decide = f"{path}/services/{served[0]['id']}/decide"
        own = await guest.post(decide, {"decision": "confirm"}, version=served[0]["version"])
        story.refused("confirming one's own 自行确认", own, _FORBIDDEN)
        for one, decision in zip(
            served,
            ({"decision": "confirm"}, {"decision": "confirm"}, {"decision": "refuse", "reason": "当日无人到场"}),
            strict=True,
        ):
            decided = await host.post(f"{path}/services/{one['id']}/decide", decision, version=one["version"])
            story.took(decided)
        done = 120 + 90
        minutes = {
            "room_used_min": used,
            "service_owed_min": owed,
            "service_done_min": done,
            "balance_min": done - owed,
        }
        await _stands(story, guest, path, **minutes)


def _service(house: House, minutes: int, words: str) -> dict[str, Any]:
    return {"id": fresh_id(), "served_on": house.today().isoformat(), "minutes": minutes, "description": words}
