"""Offers that partners send under ids and versions of their own: the newest version holds, in whatever order."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from services.matching.offers.rules import UpsertOutcome
from services.matching.offers.schemas import OfferItem
from services.matching.offers.service import upsert_offer
from services.matching.partners.repository import find_partner
from shared.db import Database
from shared.problems import Problem
from tests.matching.conftest import Json, Quarter


class Sender:
    """A partner that sends items."""

    def __init__(self, quarter: Quarter, database: Database, partner: dict[str, Any]) -> None:
        self._quarter, self._database, self._partner = quarter, database, partner

    async def send(self, external_id: str, version: int, **members: Json) -> UpsertOutcome:
        content = self._quarter.offer_body(self._partner, "d.z", **members)
        del content["partner_id"]
        item = OfferItem.model_validate({**content, "external_id": external_id, "external_version": version})
        async with self._database.write(self._quarter.caller.tenant) as session:
            partner = await find_partner(session, self._partner["id"])
            assert partner is not None
            return await upsert_offer(session, partner, item)

    async def offers(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self._quarter.read("/v1/offers"))["items"]
        return items


@pytest.fixture
async def sender(quarter: Quarter, databases: dict[str, Database]) -> Sender:
    return Sender(quarter, databases["matching"], await quarter.partner(area="d"))


async def test_the_newest_version_holds(sender: Sender) -> None:
    assert await sender.send("a-1", 3, title="三") is UpsertOutcome.CREATED
    assert await sender.send("a-1", 2, title="二") is UpsertOutcome.OUTDATED
    assert await sender.send("a-1", 3, title="三") is UpsertOutcome.UNCHANGED
    # One version says one thing.
    assert await sender.send("a-1", 3, title="又一") is UpsertOutcome.OUTDATED
    assert await sender.send("a-1", 4, title="三") is UpsertOutcome.UNCHANGED
    assert await sender.send("a-1", 5, title="五", quantity=9) is UpsertOutcome.UPDATED
    (offer,) = await sender.offers()
    assert (offer["title"], offer["quantity"], offer["external_id"], offer["external_version"]) == ("五", 9, "a-1", 5)


async def test_a_withdrawn_offer_stops_and_may_come_back(sender: Sender) -> None:
    await sender.send("a", 1)
    assert await sender.send("a", 2, active=False) is UpsertOutcome.UPDATED
    assert not (await sender.offers())[0]["active"]
    assert await sender.send("a", 1) is UpsertOutcome.OUTDATED
    assert await sender.send("a", 3) is UpsertOutcome.UPDATED
    assert (await sender.offers())[0]["active"]


async def test_versions_sent_at_the_same_moment_leave_the_newest(sender: Sender) -> None:
    outcomes = await asyncio.gather(*(sender.send("a", version, title=f"版本{version}") for version in range(1, 9)))
    (offer,) = await sender.offers()
    assert (offer["title"], offer["external_version"]) == ("版本8", 8)
    assert Counter(outcomes)[UpsertOutcome.CREATED] == 1
    same = await asyncio.gather(*(sender.send("b", 1) for _ in range(8)))
    assert Counter(same) == {UpsertOutcome.CREATED: 1, UpsertOutcome.UNCHANGED: 7}


async def test_ids_of_two_partners_have_nothing_to_do_with_each_other(
    sender: Sender, quarter: Quarter, databases: dict[str, Database]
) -> None:
    other = Sender(quarter, databases["matching"], await quarter.partner("builder", area="d"))
    assert await sender.send("a", 5) is UpsertOutcome.CREATED
    assert await other.send("a", 1) is UpsertOutcome.CREATED
    assert len(await sender.offers()) == 2


async def test_what_is_refused_changes_nothing(sender: Sender) -> None:
    await sender.send("a", 1, quantity=5)
    for members, code in (
        (
            {"valid_from": "2030-01-02T00:00:00Z", "valid_until": "2030-01-01T00:00:00Z"},
            "validity_ends_before_it_begins",
        ),
        ({"kind": "goods", "skills": ["electrician"]}, "not_for_this_kind"),
        ({"kind": "money"}, "member_missing"),
        ({"latitude": 37.5}, "member_missing"),
        ({"eligibility": {"min_age": 70, "max_age": 60}}, "bad_ages"),
        ({"area_id": "00000000-0000-7000-8000-000000000000"}, "unknown_area"),
    ):
        with pytest.raises(Problem) as refused:
            await sender.send("a", 2, **members)
        assert refused.value.code == code
    (offer,) = await sender.offers()
    assert (offer["external_version"], offer["version"]) == (1, 1)
