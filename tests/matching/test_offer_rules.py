"""Whom an offer is for and at what price, what means nothing for which kind, and when it is asked about."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.offers.rules import (
    Eligibility,
    OfferKind,
    Person,
    eligibility_of,
    misplaced_members,
    price_for,
    why_not_eligible,
)
from shared.clock import utc_now
from shared.db import Database
from tests.conftest import MovedClock
from tests.matching.conftest import Json, Quarter, timed
from tests.matching.test_projects import outbox

CODES = st.sampled_from(["low_income", "disabled", "elderly"])
AGES = st.none() | st.integers(0, 100)
PATHS = st.sampled_from(["d", "d.z", "d.z.c1", "d.z1", "d.y"])
OFFERED = st.builds(
    Eligibility,
    entitlements=st.lists(CODES, max_size=2).map(tuple),
    min_age=AGES,
    max_age=AGES,
    area_paths=st.lists(PATHS, max_size=2).map(tuple),
)
PEOPLE = st.builds(Person, entitlements=st.frozensets(CODES), age=AGES, area_path=st.none() | PATHS)


@given(OFFERED, PEOPLE)
def test_who_meets_all_conditions_is_eligible_and_nobody_else(offered: Eligibility, person: Person) -> None:
    lives = person.area_path
    conditions = {
        "entitlement": not offered.entitlements or bool(person.entitlements & set(offered.entitlements)),
        "min_age": offered.min_age is None or (person.age is not None and person.age >= offered.min_age),
        "max_age": offered.max_age is None or (person.age is not None and person.age <= offered.max_age),
        "resident_of": not offered.area_paths
        or (lives is not None and any(lives == path or lives.startswith(f"{path}.") for path in offered.area_paths)),
    }
    failed = [name for name, holds in conditions.items() if not holds]
    assert why_not_eligible(offered, person) == (failed[0] if failed else None)


def test_an_offer_that_says_nothing_is_for_everybody() -> None:
    assert why_not_eligible(eligibility_of({}), Person()) is None


PRICES = st.lists(
    st.builds(lambda code, fen: {"entitlement": code, "price_fen": fen}, CODES, st.integers(0, 10**6)), max_size=4
)


@given(st.none() | st.integers(0, 10**6), PRICES, st.frozensets(CODES))
def test_nobody_pays_more_than_the_normal_price_or_than_what_they_are_entitled_to(
    normal: int | None, prices: list[dict[str, Any]], has: frozenset[str]
) -> None:
    paid = price_for(normal, prices, has)
    possible = [one["price_fen"] for one in prices if one["entitlement"] in has] + ([] if normal is None else [normal])
    assert paid == (min(possible) if possible else None)


@pytest.mark.parametrize("kind", OfferKind)
async def test_each_kind_takes_what_means_something_for_it(quarter: Quarter, kind: OfferKind) -> None:
    partner = await quarter.partner()
    needed: dict[str, Json] = {"kind": kind.value} | ({"amount_fen": 100} if kind is OfferKind.MONEY else {})
    members: dict[str, Json] = {
        "capacity_per_day": 5,
        "entitled_prices": [{"entitlement": "low_income", "price_fen": 0}],
        "skills": ["electrician"],
        "amount_fen": 100,
        "hours": {"openings": []},
        "price_fen": 100,
    }
    for name, value in members.items():
        body = quarter.offer_body(partner, **{**needed, name: value})
        response = await quarter.post("/v1/offers", body)
        if misplaced_members(kind, {name: value}):
            assert (response.status_code, response.json()["code"]) == (422, "not_for_this_kind"), name
            assert response.json()["errors"][0]["pointer"] == f"/{name}"
        else:
            assert response.status_code == 201, (name, response.text)


@pytest.mark.parametrize(
    "hours",
    [
        {"openings": [{"rrule": "FREQ=YEARLY", "starts_on": "2026-01-01", "opens": "08:00", "closes": "09:00"}]},
        {"openings": [{"rrule": "FREQ=DAILY", "starts_on": "2026-01-01", "opens": "8:00", "closes": "09:00"}]},
        {"openings": [{"rrule": "FREQ=DAILY", "starts_on": "2026-01-01", "opens": "08:00", "closes": "24:00"}]},
        {
            "openings": [],
            "exceptions": [{"kind": "shut", "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-02T00:00:00Z"}],
        },
        {
            "openings": [],
            "exceptions": [{"kind": "open", "starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"}],
        },
    ],
)
async def test_hours_that_cannot_be_are_refused(quarter: Quarter, hours: dict[str, Json]) -> None:
    response = await quarter.post("/v1/offers", quarter.offer_body(await quarter.partner(), hours=hours))
    assert response.status_code == 422
    assert response.json()["code"] in {"invalid_request", "bad_hours"}


async def test_an_offer_that_nobody_confirms_is_asked_about_every_month_until_somebody_does(
    quarter: Quarter, databases: dict[str, Database], moved: MovedClock
) -> None:
    offer = await quarter.offer(await quarter.partner())
    path = f"/v1/offers/{offer['id']}"
    schedule = timed("ask_about_stale_offers")
    asked = []
    for days in (0, 89, 1, 29, 1):
        moved.forward(timedelta(days=days))
        await schedule.run(databases["matching"], quarter.caller.tenant, utc_now())
        asked.append((await quarter.read(path))["asked_at"])
    assert asked[:2] == [None, None]
    assert asked[2] is not None
    assert asked[3] == asked[2]
    assert asked[4] > asked[3]
    stale = await quarter.read("/v1/offers", needs_refresh=True)
    assert [(item["id"], item["needs_refresh"]) for item in stale["items"]] == [(offer["id"], True)]
    told = await outbox(databases, quarter.caller.tenant, f"partner/{offer['partner_id']}")
    notices = [item["data"] for item in told if item["type"] == "linli.notice.wanted.v1"]
    assert [(item["kind"], item["number"], item["units"]) for item in notices] == [
        ("offers_stale", "1", [str(quarter.units["school"])])
    ] * 2
    confirmed = await quarter.patch(path, {}, by=quarter.staff_of("school"), version=offer["version"])
    assert (confirmed.json()["asked_at"], confirmed.json()["needs_refresh"]) == (None, False)
    assert (await quarter.read("/v1/offers", needs_refresh=True))["items"] == []
    moved.forward(timedelta(days=89))
    await schedule.run(databases["matching"], quarter.caller.tenant, utc_now())
    assert (await quarter.read(path))["asked_at"] is None
