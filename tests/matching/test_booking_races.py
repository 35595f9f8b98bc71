"""Bookers at random, all at once: whatever is accepted fits together, and whatever is refused met something."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.matching.availability.spans import Span, overlaps
from shared.auth import Role
from shared.db import Database
from tests.matching.bookings import House, at, settled
from tests.matching.conftest import Json, Quarter
from tests.sizes import IS_LONG

PARTS = {"hall": {"left", "right"}, "left": {"left"}, "right": {"right"}}
BUFFER_AFTER = timedelta(minutes=15)
RUNS = 60 if IS_LONG else 4
BOOKERS = 40


@dataclass
class Model:
    """What a caretaker with a pencil would write down: places, times, and never two on one."""

    kept: list[tuple[set[str], Span]] = field(default_factory=list)

    def in_the_way(self, room: str, span: Span) -> bool:
        blocked = Span(span.start, span.end + BUFFER_AFTER)
        return any(PARTS[room] & parts and overlaps(other, blocked) for parts, other in self.kept)

    def keep(self, room: str, span: Span) -> None:
        self.kept.append((PARTS[room], Span(span.start, span.end + BUFFER_AFTER)))


def _wish(chance: random.Random) -> tuple[str, Span]:
    start = datetime.fromisoformat(at(2, 8)) + timedelta(minutes=15 * chance.randrange(0, 24))
    return chance.choice(sorted(PARTS)), Span(start, start + timedelta(minutes=15 * chance.randrange(1, 8)))


async def _ends(quarter: Quarter, hold: dict[str, Any], chance: random.Random) -> str:
    """Let a hold go one of its ways."""
    way = chance.choice(["kept", "committed", "voided", "released"])
    path = f"/v1/offer-holds/{hold['id']}"
    if way in {"committed", "released"}:
        hold = await settled(quarter, hold)
    if way == "voided":
        await quarter.made(f"{path}/void", {}, version=hold["version"])
    if way == "released":
        await quarter.made(f"{path}/release", {}, version=hold["version"])
    return way


async def test_no_run_of_bookers_at_random_oversells_a_room(quarter: Quarter) -> None:
    counted: Counter[str] = Counter()
    house = await House.built(quarter)
    for seed in range(RUNS):
        chance = random.Random(seed)
        await _another(quarter, house)
        wishes = [_wish(chance) for _ in range(BOOKERS)]
        answers = await asyncio.gather(
            *(house.book(room, span.start.isoformat(), span.end.isoformat()) for room, span in wishes)
        )
        model, refused = Model(), []
        for (room, span), answer in zip(wishes, answers, strict=True):
            counted[f"{answer.status_code}"] += 1
            if answer.status_code == 201:
                assert not model.in_the_way(room, span), (seed, room, span)
                model.keep(room, span)
            else:
                assert answer.json()["code"] == "slot_taken"
                refused.append((room, span))
        # Nobody has given anything back yet, so whoever was refused still meets what was in the way.
        assert all(model.in_the_way(room, span) for room, span in refused), seed
        await _second_round(quarter, house, chance, wishes, answers, counted)
    print(f"\n{RUNS} runs × {BOOKERS} bookers of a hall and its halves, 0 oversold:", dict(counted))
    assert counted["201"] >= RUNS
    assert counted["409"] >= RUNS


async def _another(quarter: Quarter, house: House) -> None:
    """Let the same partner open another venue of the same rooms."""
    house.venue = await quarter.offer(house.partner, "d.z", kind="venue", category="venue")
    await house.room("hall", buffer_after_min=15)
    for name in ("left", "right"):
        await house.room(name, parent_id=house.rooms["hall"], buffer_after_min=15)


async def _second_round(
    quarter: Quarter, house: House, chance: random.Random, wishes: list[Any], answers: list[Any], counted: Counter[str]
) -> None:
    """Let some be given back while the refused ask again; what stands in the end fits together."""
    holds = [answer.json() for answer in answers if answer.status_code == 201]
    again = [wish for wish, answer in zip(wishes, answers, strict=True) if answer.status_code != 201]
    asked = [house.book(room, span.start.isoformat(), span.end.isoformat()) for room, span in again]
    ways = [_ends(quarter, hold, chance) for hold in holds]
    results = await asyncio.gather(*ways, *asked)
    counted.update(way for way in results if isinstance(way, str))
    names = {room_id: name for name, room_id in house.rooms.items()}
    register = await quarter.read(f"/v1/offers/{house.venue['id']}/holds", page_size=200)
    model = Model()
    for hold in register["items"]:
        if hold["state"] in {"held", "committed"}:
            span = Span(datetime.fromisoformat(hold["starts_at"]), datetime.fromisoformat(hold["ends_at"]))
            assert not model.in_the_way(names[hold["resource_id"]], span)
            model.keep(names[hold["resource_id"]], span)
    assert len(model.kept) == counted_live(register["items"])


def counted_live(holds: list[dict[str, Json]]) -> int:
    return sum(hold["state"] in {"held", "committed"} for hold in holds)


async def _life(quarter: Quarter, path: str, wish: int, chance: random.Random) -> tuple[str, int]:
    """Ask for some of a stock, and go on at random; returns how it went and how much is taken in the end."""
    answer = await quarter.post(f"{path}/holds", {"quantity": wish}, by=quarter.holding(Role.OFFICER))
    if answer.status_code != 201:
        assert answer.json()["code"] == "offer_exhausted"
        return "refused", 0
    way = await _ends(quarter, answer.json(), chance)
    return way, wish if way in {"kept", "committed"} else 0


async def test_no_run_of_takers_at_random_oversells_a_stock(quarter: Quarter) -> None:
    partner = await quarter.partner()
    counted: Counter[str] = Counter()
    for seed in range(6):
        chance = random.Random(seed)
        goods = await quarter.offer(partner, kind="goods", quantity=chance.randrange(5, 40))
        path = f"/v1/offers/{goods['id']}"

        lives = [_life(quarter, path, chance.randrange(1, 8), random.Random(chance.random())) for _ in range(30)]
        ends = await asyncio.gather(*lives)
        counted.update(way for way, _ in ends)
        offer = await quarter.read(path)
        kept = sum(units for way, units in ends if way == "kept")
        committed = sum(units for way, units in ends if way == "committed")
        assert (offer["held"], offer["committed"]) == (kept, committed)
        assert kept + committed <= offer["quantity"]
    print("\n6 runs × 30 takers of a stock, 0 oversold:", dict(counted))
    assert counted["refused"] > 0
    assert counted["committed"] > 0


async def test_the_database_itself_lets_no_two_bookings_overlap(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    house = await House.built(quarter)
    first = await house.booked("left", at(1, 9), at(1, 10))
    second = await house.booked("left", at(1, 11), at(1, 12))
    left, right = house.rooms["left"], house.rooms["right"]
    await _copied(databases["matching"], quarter, (first["id"], left), (second["id"], right))
    with pytest.raises(IntegrityError, match="booking_blocks_no_overlap"):
        await _copied(databases["matching"], quarter, (second["id"], right), (first["id"], right))


async def _copied(database: Database, quarter: Quarter, source: tuple[str, str], target: tuple[str, str]) -> None:
    """Write the block of a hold in a room once more, past all rules."""
    statement = text(
        "INSERT INTO matching.booking_blocks (tenant_id, hold_id, resource_id, lane, span)"
        " SELECT tenant_id, CAST(:to_hold AS uuid), CAST(:to_room AS uuid), lane, span FROM matching.booking_blocks"
        " WHERE tenant_id = :tenant AND hold_id = CAST(:from_hold AS uuid) AND resource_id = CAST(:from_room AS uuid)"
    )
    names = ("from_hold", "from_room", "to_hold", "to_room")
    values = dict(zip(names, (*source, *target), strict=True))
    async with database.write(quarter.caller.tenant) as session:
        await session.execute(statement, {"tenant": quarter.caller.tenant, **values})
