"""Offers that are remembered between needs: never older than the database, and read again only when they change."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.matching.engine.lines import OfferLines
from services.matching.matches.at_hand import Memory, offers_at_hand
from services.matching.slots.jobs import embed_texts
from services.matching.slots.repository import learned_words
from shared.clock import utc_now
from shared.db import Database
from shared.encoders import Encoder
from tests.matching.conftest import Quarter
from tests.matching.test_embedding import Quick


class Hand:
    """What one process remembers of the offers of a branch."""

    def __init__(self, quarter: Quarter, database: Database, encoders: Sequence[Encoder] = ()) -> None:
        self.quarter, self.database, self.encoders = quarter, database, encoders
        self.memory = Memory()

    async def offers(self, branch: str = "children") -> OfferLines:
        async with self.database.read(self.quarter.caller.tenant) as session:
            learned = await learned_words(session)
            hand = await offers_at_hand(
                session, branch, "d.z.c1", self.encoders, utc_now(), learned, memory=self.memory
            )
            return hand.lines


@pytest.fixture
def hand(quarter: Quarter, databases: dict[str, Database]) -> Hand:
    return Hand(quarter, databases["matching"])


async def changed(quarter: Quarter, offer: dict[str, Any], **members: Any) -> None:
    """Change an offer as it is now."""
    now = await quarter.read(f"/v1/offers/{offer['id']}")
    response = await quarter.patch(f"/v1/offers/{offer['id']}", members, version=now["version"])
    assert response.status_code == 200, response.text


async def test_what_has_not_changed_is_not_read_again(quarter: Quarter, hand: Hand) -> None:
    partner = await quarter.partner()
    offers = [await quarter.offer(partner, title=title) for title in ("四点半课堂", "课后作业辅导")]
    first = await hand.offers()
    assert sorted(fact.id for fact in first.facts) == sorted(UUID(offer["id"]) for offer in offers)
    assert await hand.offers() is first
    await changed(quarter, offers[0], title="四点半书屋")
    second = await hand.offers()
    before, after = ({fact.id: fact for fact in lines.facts} for lines in (first, second))
    assert after[UUID(offers[0]["id"])].text.startswith("四点半书屋")
    assert after[UUID(offers[1]["id"])] is before[UUID(offers[1]["id"])]


async def test_a_change_of_anything_that_an_offer_is_read_from_is_seen(quarter: Quarter, hand: Hand) -> None:
    partner = await quarter.partner()
    offer = await quarter.offer(partner, quantity=3)
    (fact,) = (await hand.offers()).facts
    assert (fact.free, fact.is_vetted, fact.reach, fact.fulfilment.kept) == (3, True, "municipal", 0)
    need = await quarter.need()
    match = (await quarter.read(f"/v1/needs/{need['id']}/matches"))["matches"][0]
    await quarter.made(f"/v1/matches/{match['id']}/accept", {}, version=match["version"])
    assert [fact.free for fact in (await hand.offers()).facts] == [2]
    corrected = await quarter.patch(f"/v1/offers/{offer['id']}/slots", {"reach": "remote"}, version=1)
    assert corrected.status_code == 200, corrected.text
    assert [fact.reach for fact in (await hand.offers()).facts] == ["remote"]
    async with hand.database.write(quarter.caller.tenant) as session:
        await session.execute(text("UPDATE matching.partners SET kept = 7 WHERE tenant_id = :t"), {"t": session.tenant})
    assert [fact.fulfilment.kept for fact in (await hand.offers()).facts] == [7]
    await changed(quarter, offer, active=False)
    assert (await hand.offers()).facts == []
    await quarter.offer(partner)
    assert len((await hand.offers()).facts) == 1


async def test_an_offer_is_remembered_once_it_is_embedded(quarter: Quarter, databases: dict[str, Database]) -> None:
    encoder = Quick()
    hand = Hand(quarter, databases["matching"], [encoder])
    partner = await quarter.partner()
    for number in range(18):
        await quarter.offer(partner, title=f"课堂{number}")
    # So many texts at once are embedded for whoever waits, the rest the next time.
    rows = (await hand.offers()).columns["vectors"][0]
    assert (rows.any(axis=1).sum(), len(hand.memory)) == (16, 16)
    rows = (await hand.offers()).columns["vectors"][0]
    assert (rows.any(axis=1).sum(), len(hand.memory)) == (18, 18)
    await embed_texts(hand.database, quarter.caller.tenant, [encoder])
    kept = await hand.offers()
    assert (kept.columns["vectors"][0] == rows).all()
    assert await hand.offers() is kept


async def test_branches_and_tenants_are_remembered_apart_and_not_without_end(
    quarter: Quarter, elsewhere: Quarter, databases: dict[str, Database]
) -> None:
    here, there = Hand(quarter, databases["matching"]), Hand(elsewhere, databases["matching"])
    there.memory = here.memory = Memory(offers_max=2)
    await quarter.offer(await quarter.partner(), title="四点半课堂")
    partner = await elsewhere.partner()
    for title in ("课后托管", "作业辅导"):
        await elsewhere.offer(partner, title=title)
    first = await here.offers()
    assert (len(first.facts), len(here.memory)) == (1, 1)
    assert len((await there.offers()).facts) == 2
    # What was used longest ago has made room.
    assert len(here.memory) == 2
    assert (await here.offers("repair")).facts == []
    again = await here.offers()
    assert again is not first
    assert [fact.text for fact in again.facts] == [fact.text for fact in first.facts]
