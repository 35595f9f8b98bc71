"""Proofs: the intake is asked about what was shown, and what is none is struck out, noted and told."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.contracts.intake import ProofRefused
from shared.db import Database
from shared.ids import new_id
from tests.matching.conftest import Quarter
from tests.matching.ordering import Resident, open_shop
from tests.matching.test_projects import outbox


async def refused(quarter: Quarter, kind: str, owner: str, *ids: str) -> None:
    """Let the intake say that something is no proof."""
    told = ProofRefused(owner_kind=kind, owner_id=UUID(owner), attachment_ids=[UUID(one) for one in ids])
    await quarter.pipe.publish("intake", quarter.caller.tenant, f"proof/{owner}", told)
    await quarter.pipe.rest()


async def shown(databases: dict[str, Database], quarter: Quarter, owner: str) -> list[dict[str, Any]]:
    """Return what the intake was asked about a thing."""
    events = await outbox(databases, quarter.caller.tenant, f"proof/{owner}")
    return [item["data"] for item in events if item["type"] == "linli.proof.shown.v1"]


async def told(databases: dict[str, Database], quarter: Quarter, owner: str) -> list[dict[str, Any]]:
    events = await outbox(databases, quarter.caller.tenant, f"proof/{owner}")
    return [item["data"] for item in events if item["type"] == "linli.notice.wanted.v1"]


async def test_what_proves_no_milestone_is_struck_out_and_told(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    project = await quarter.project()
    path, lead = f"/v1/projects/{project['id']}", quarter.staff_of("builder")
    sound, false, elsewhere = [str(new_id()) for _ in range(3)]
    first, second = (f"{path}/milestones/{item['id']}/reach" for item in project["milestones"])
    body = {"proof": "照片", "attachment_ids": [false, sound]}
    project = await quarter.made(first, body, by=lead, version=project["version"])
    project = await quarter.made(second, {"proof": "无附件"}, by=lead, version=project["version"])
    (asked,) = await shown(databases, quarter, project["id"])
    assert (asked["owner_kind"], asked["attachment_ids"]) == ("project", [false, sound])
    assert (asked["area_path"], asked["unit_id"]) == ("d.z.c1", str(quarter.units["builder"]))
    assert asked["shown_by"] is not None
    for _ in range(2):
        await refused(quarter, "project", project["id"], false, elsewhere)
    after = await quarter.read(path)
    assert [item["attachment_ids"] for item in after["milestones"]] == [[sound], []]
    assert after["version"] == project["version"] + 1
    history = (await quarter.read(f"{path}/history"))["items"]
    assert (history[-1]["step"], history[-1]["actor"]) == ("refuse_proof", "system")
    (notice,) = await told(databases, quarter, project["id"])
    assert (notice["kind"], notice["number"]) == ("proof_refused", project["number"])
    assert (notice["units"], notice["staff_of"]) == ([str(quarter.units["builder"])], ["d.z.c1"])


async def test_what_proves_no_acceptance_is_struck_out(quarter: Quarter) -> None:
    project = await quarter.project(milestones=[])
    false = str(new_id())
    body = {"proof": "现场查看", "attachment_ids": [false]}
    await quarter.made(f"/v1/projects/{project['id']}/complete", body, version=project["version"])
    await refused(quarter, "project", project["id"], false)
    after = await quarter.read(f"/v1/projects/{project['id']}")
    assert (after["state"], after["acceptance_attachment_ids"]) == ("completed", [])


async def test_goods_are_proven_at_both_ends(quarter: Quarter, databases: dict[str, Database]) -> None:
    goods = await quarter.offer(await quarter.partner(), kind="goods", quantity=2)
    hold = await quarter.made(f"/v1/offers/{goods['id']}/holds", {"quantity": 2}, by=quarter.resident)
    path = f"/v1/offer-holds/{hold['id']}"
    for side in ("giver", "taker"):
        hold = await quarter.made(f"{path}/confirm", {"side": side}, version=hold["version"])
    sent, got = str(new_id()), str(new_id())
    body = {"quantity": 2, "proof": "发货单", "attachment_ids": [sent]}
    transfer = await quarter.made(f"{path}/transfers", body, version=hold["version"])
    end = {"outcome": "receive", "proof": "签收", "attachment_ids": [got]}
    await quarter.made(f"/v1/transfers/{transfer['id']}/end", end, version=transfer["version"])
    assert [item["attachment_ids"] for item in await shown(databases, quarter, hold["id"])] == [[sent], [got]]
    await refused(quarter, "hold", hold["id"], sent)
    (after,) = (await quarter.get(f"{path}/transfers")).json()
    assert (after["dispatch_attachment_ids"], after["end_attachment_ids"]) == ([], [got])
    await refused(quarter, "hold", hold["id"], got)
    (after,) = (await quarter.get(f"{path}/transfers")).json()
    assert after["end_attachment_ids"] == []
    assert len(await told(databases, quarter, hold["id"])) == 2


async def test_what_proves_no_delivery_is_struck_out_of_the_order_and_of_its_goods(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    shop, resident = await open_shop(quarter, databases), Resident(quarter)
    goods: dict[str, Any] = {
        "kind": "goods",
        "category": "fire_extinguisher",
        "title": "灭火器",
        "quantity": 3,
        "price_fen": 100,
    }
    order = await shop.accepted(resident.by, await quarter.offer(shop.partner, **goods))
    false = str(new_id())
    await shop.took(order, "deliver", {"proof": "已送到", "attachment_ids": [false]}, by=shop.staff)
    (asked,) = await shown(databases, quarter, order["id"])
    assert (asked["owner_kind"], asked["attachment_ids"]) == ("order", [false])
    await refused(quarter, "order", order["id"], false)
    after = await shop.read(order, resident.by)
    assert (after["state"], after["attachment_ids"]) == ("delivered", [])
    async with databases["matching"].read(quarter.caller.tenant) as session:
        named = text(
            "SELECT dispatch_attachment_ids || end_attachment_ids FROM matching.transfers WHERE tenant_id = :t"
        )
        assert (await session.scalars(named, {"t": quarter.caller.tenant})).all() == [[]]
    (notice,) = await told(databases, quarter, order["id"])
    assert (notice["kind"], notice["number"]) == ("proof_refused", order["number"])


@pytest.mark.parametrize("kind", ["project", "order", "hold"])
async def test_an_answer_about_what_is_not_there_changes_nothing(
    quarter: Quarter, databases: dict[str, Database], kind: str
) -> None:
    owner = str(new_id())
    await refused(quarter, kind, owner, str(new_id()))
    assert await told(databases, quarter, owner) == []
