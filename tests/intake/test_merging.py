"""Merging: nobody is lost on the way there, nor on the way back, and two merges never wait for each other."""

import asyncio
from typing import Any

import pytest

from shared.auth import Role
from shared.ids import new_id
from tests.intake.conftest import GRID, MEDIUM, SIMPLE, Headers, Street

REASON = "同一处污水外溢"


class Person:
    """A resident who can be asked again."""

    def __init__(self, street: Street) -> None:
        self.id = new_id()
        self.headers: Headers = street.holding(Role.RESIDENT, GRID, person=self.id)


async def join(street: Street, case: dict[str, Any], *people: Person) -> None:
    for person in people:
        answer = await street.post(f"/v1/cases/{case['id']}/join", by=person.headers)
        assert answer.status_code == 200, answer.text


async def merge(street: Street, case: dict[str, Any], into: dict[str, Any]) -> dict[str, Any]:
    now = await street.read(case, by=street.officer)
    return await street.step(now, "merge", {"into_case_id": into["id"], "reason": REASON}, by=street.officer)


async def unmerge(street: Street, case: dict[str, Any]) -> Any:
    return await street.post(f"/v1/cases/{case['id']}/unmerge", {"reason": "不是一处"}, by=street.officer)


async def seen_by(street: Street, case: dict[str, Any], people: dict[str, Person]) -> set[str]:
    """Return the names of those who see a case."""
    found = set()
    for name, person in people.items():
        answer = await street.get(f"/v1/cases/{case['id']}", by=person.headers)
        assert answer.status_code in {200, 404}
        if answer.status_code == 200:
            found.add(name)
    return found


async def joiners(street: Street, case: dict[str, Any]) -> int:
    count: int = (await street.read(case, by=street.officer))["joiners"]
    return count


async def test_nobody_is_lost_by_a_merge_nor_by_taking_it_back(street: Street) -> None:
    people = {name: Person(street) for name in ("a", "b", "of_a", "of_b", "of_both", "stranger")}
    a = await street.filed(by=people["a"].headers)
    b = await street.filed(by=people["b"].headers)
    await join(street, a, people["of_a"], people["of_both"], people["b"])
    await join(street, b, people["of_b"], people["of_both"], people["a"])
    a = await street.step(await street.read(a, by=street.officer), "accept", {}, by=street.grid_worker)
    done = await merge(street, a, b)
    assert (done["from_case_id"], done["into_case_id"], done["undone_at"]) == (a["id"], b["id"], None)
    gone = await street.read(a, by=street.officer)
    assert (gone["state"], gone["outcome"]) == ("closed", "merged")
    everybody = set(people) - {"stranger"}
    assert await seen_by(street, b, people) == everybody
    assert await seen_by(street, a, people) == {"a", "b", "of_a", "of_both"}
    assert await joiners(street, b) == 4
    step = (await street.history(b, by=street.officer))[-1]
    assert (step["step"], step["data"]["from_case_id"], step["data"]["joiners"]) == ("merged_in", a["id"], 4)
    assert [clock["state"] for clock in gone["clocks"]] == ["stopped"] * 3
    back = await unmerge(street, a)
    assert back.status_code == 200
    assert back.json()["undone_at"] is not None
    now = await street.read(a, by=street.officer)
    assert (now["state"], now["outcome"], now["closed_at"]) == ("accepted", None, None)
    assert await seen_by(street, b, people) == {"a", "b", "of_b", "of_both"}
    assert await seen_by(street, a, people) == {"a", "b", "of_a", "of_both"}
    assert (await joiners(street, b), await joiners(street, a)) == (3, 3)
    for case in (a, b):
        assert (await street.get(f"/v1/cases/{case['id']}/clocks", by=street.officer)).json()["recounted"] == "equal"
        listed = (await street.get(f"/v1/cases/{case['id']}/merges", by=street.officer)).json()
        assert [one["undone_at"] is not None for one in listed] == [True]
    await merge(street, a, b)
    assert await joiners(street, b) == 4


async def test_who_was_in_two_merged_cases_stays_until_both_are_taken_back(street: Street) -> None:
    people = {name: Person(street) for name in ("a", "b", "c", "of_a", "of_ab", "of_abc")}
    a, b, c = [await street.filed(by=people[name].headers) for name in ("a", "b", "c")]
    await join(street, a, people["of_a"], people["of_ab"], people["of_abc"], people["b"])
    await join(street, b, people["of_ab"], people["of_abc"])
    await join(street, c, people["of_abc"])
    await merge(street, a, c)
    await merge(street, b, c)
    assert await seen_by(street, c, people) == set(people)
    assert (await unmerge(street, a)).status_code == 200
    assert await seen_by(street, c, people) == {"b", "c", "of_ab", "of_abc"}
    assert await joiners(street, c) == 3
    assert (await unmerge(street, b)).status_code == 200
    assert await seen_by(street, c, people) == {"c", "of_abc"}
    assert await joiners(street, c) == 1


async def test_five_together_make_a_collective_case(street: Street) -> None:
    a, b = [await street.filed(by=Person(street).headers) for _ in range(2)]
    await join(street, a, Person(street), Person(street))
    await join(street, b, Person(street))
    await merge(street, a, b)
    assert (await street.read(b, by=street.officer))["collective"] is True


async def test_what_cannot_be_merged_is_told(street: Street, elsewhere: Street) -> None:
    case, into = await street.filed(), await street.filed()

    async def tried(target: str, by: Headers | None = None, **case_of: Any) -> tuple[int, Any]:
        source = case_of.get("case", case)
        body = {"into_case_id": target, "reason": REASON}
        answer = await street.act(source, "merge", body, by=by or street.officer)
        return answer.status_code, answer.json().get("code")

    assert await tried(case["id"]) == (422, "into_itself")
    assert await tried(str(new_id())) == (422, "unknown_case")
    assert await tried((await elsewhere.filed())["id"]) == (422, "unknown_case")
    south = await street.filed(area_id=str(street.areas["county.south"]))
    assert await tried(south["id"]) == (422, "unknown_case")
    assert await tried(into["id"], by=street.holding(Role.OFFICER, "county.south")) == (404, "not_found")
    assert (await tried(into["id"], by=street.owner))[0] == 403
    closed = await street.step(await street.filed(), "withdraw", {}, by=street.owner)
    assert await tried(closed["id"]) == (409, "target_not_open")
    assert await tried(into["id"], case=closed) == (409, "wrong_state")
    resolved = await street.resolved()
    assert await tried(into["id"], case=resolved) == (409, "wrong_state")
    stale = await street.step(case, "accept", {}, by=street.grid_worker)
    assert await tried(into["id"]) == (412, "stale_version")
    await merge(street, stale, into)
    assert await tried(into["id"], case=await street.read(case)) == (409, "wrong_state")
    # Nor does anything go into what has gone elsewhere.
    third = await street.filed()
    assert await tried(case["id"], case=third) == (409, "target_not_open")
    assert (await unmerge(street, third)).status_code == 404
    assert (await street.post(f"/v1/cases/{case['id']}/unmerge", {}, by=street.officer)).status_code == 422
    assert (await street.post(f"/v1/cases/{case['id']}/unmerge", {"reason": "x"}, by=street.owner)).status_code == 403


async def test_two_officers_who_merge_crosswise_do_not_wait_for_each_other(street: Street) -> None:
    for _ in range(6):
        pair = [await street.filed(), await street.filed()]
        bodies = [{"into_case_id": pair[1 - place]["id"], "reason": REASON} for place in range(2)]
        answers = await asyncio.wait_for(
            asyncio.gather(
                *(
                    street.act(pair[place], "merge", bodies[place], by=street.holding(Role.OFFICER, "county.north"))
                    for place in (0, 1, 0, 1)
                )
            ),
            timeout=20,
        )
        codes = [answer.status_code for answer in answers]
        assert codes.count(200) == 1, codes
        assert set(codes) <= {200, 409, 412}
        states = sorted([(await street.read(case))["state"] for case in pair])
        assert states == ["closed", "filed"]


async def test_a_merge_is_taken_back_once_whoever_asks(street: Street, owner: Any) -> None:
    case, into = await street.filed(), await street.filed()
    await merge(street, case, into)
    answers = await asyncio.gather(*(unmerge(street, case) for _ in range(6)))
    codes = [answer.status_code for answer in answers]
    assert codes.count(200) == 1, codes
    assert set(codes) <= {200, 403, 404, 409}
    for one in (case, into):
        history = await street.history(one)
        assert [step["step"] for step in history].count("unmerge" if one is case else "unmerged") == 1
    count = await owner.fetchval("SELECT count(*) FROM intake.case_merges WHERE from_case_id = $1", case["id"])
    assert count == 1


@pytest.mark.parametrize("state", ["filed", "triaged", "claimed", "reopened"])
async def test_a_case_comes_back_to_where_it_was_without_whoever_had_it(street: Street, state: str) -> None:
    if state == "filed":
        case = await street.filed()
    elif state == "triaged":
        case = await street.triaged(MEDIUM)
    elif state == "claimed":
        case = await street.claimed()
    else:
        case = await street.triaged(SIMPLE, category="parking")
        case = await street.step(case, "resolve", {"note": "x"}, by=street.grid_worker)
        case = await street.step(case, "feedback", {"answer": "not_solved"}, by=street.owner)
    into = await street.filed()
    await merge(street, case, into)
    assert (await unmerge(street, case)).status_code == 200
    now = await street.read(case)
    assert now["state"] == {"claimed": "triaged"}.get(state, state)
    assert (now["unit_id"], now["outcome"], now["reopened"], now["level"]) == (
        None,
        None,
        case["reopened"],
        case["level"],
    )
    running = {clock["clock"] for clock in now["clocks"] if clock["state"] == "running"}
    assert running >= ({"accept"} if state == "filed" else {"resolve"})
    assert (await street.clocks(case))["recounted"] == "equal"
    if state == "claimed":
        (claim,) = (await street.get(f"/v1/cases/{case['id']}/claims")).json()["claims"]
        assert claim["state"] == "taken_away"
