"""From a need and an offer to a project: what the matcher proposes is looked at, and accepted by an officer."""

from typing import Any

from seeds.client import Caller
from seeds.house import House
from seeds.ids import fresh_id
from seeds.stories.threads import Project
from seeds.story import Story, StoryBroken

__all__ = ["accept_into", "agree", "offer_of", "offered", "proposed"]


def offer_of(
    house: House, area: str, partner: str, kind: str, category: str, title: str, quantity: int
) -> dict[str, Any]:
    """Write down what a partner of the pack offers to an area and everything below it."""
    return {
        "partner_id": house.id("partners", partner),
        "kind": kind,
        "category": category,
        "title": title,
        "description": f"{title}（{house.pack.row('areas', area)['name']}）",
        "area_id": house.id("areas", area),
        "quantity": quantity,
    }


async def offered(story: Story, giver: Caller, body: dict[str, Any]) -> str:
    """Put something on the resource list; returns the offer."""
    offer = story.took(await giver.post("/v1/offers", {"id": fresh_id(), **body}), 201)
    story.note(f"资源 offer · {offer['title']} × {offer['quantity']}")
    return str(offer["id"])


async def proposed(story: Story, officer: Caller, need: str, offer: str) -> dict[str, Any]:
    """Return the proposal that brings this need and this offer together; the matcher is asked to look now.

    Raises:
        StoryBroken: the matcher does not find that the two suit each other.
    """
    found = story.took(await officer.post(f"/v1/needs/{need}/matches"))
    for match in found["matches"]:
        if match["offer_id"] == offer:
            return dict(match)
    message = f"the offer {offer} is not proposed for the need {need}: {found['passed_over']}"
    raise StoryBroken(message)


async def agree(story: Story, giver: Caller, need: str, offer: str) -> None:
    """Let whoever gives an offer say yes to what an officer has accepted; until then it is only held."""
    found = story.took(await giver.get(f"/v1/needs/{need}/matches"))
    hold = next(match["hold_id"] for match in found["matches"] if match["offer_id"] == offer)
    agreed = story.took(await giver.act(f"/v1/offer-holds/{hold}", "confirm", {"side": "giver"}))
    story.expect("both sides agree 双方确认", agreed["state"], "committed")


async def accept_into(
    story: Story, officer: Caller, giver: Caller, need: str, offer: str, project: Project
) -> dict[str, Any]:
    """Let a project meet a need with an offer, to which its giver agrees."""
    match = await proposed(story, officer, need, offer)
    body = {"project_id": project.id}
    joined = story.took(await officer.post(f"/v1/matches/{match['id']}/accept", body, version=match["version"]))
    if need not in joined["need_ids"] or offer not in joined["offer_ids"]:
        message = f"the project does not have what was accepted: {joined}"
        raise StoryBroken(message)
    await agree(story, giver, need, offer)
    return dict(story.took(await officer.get(project.path)))
