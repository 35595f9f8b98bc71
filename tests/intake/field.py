"""What field workers do, for the tests of visits, inspections and hazards."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from shared.auth import Role
from shared.clock import today, utc_now
from shared.ids import new_id
from tests.intake.conftest import GRID, Headers, Json, Street, picture

ITEMS = [
    {
        "code": "extinguisher",
        "text_zh": "灭火器在有效期内",
        "text_en": "Extinguishers are valid",
        "severity": "general",
        "standard": "GB 55036-2022",
    },
    {
        "code": "exit",
        "text_zh": "疏散通道畅通",
        "text_en": "The way out is free",
        "severity": "major",
        "minutes": 420,
    },
]


def worker(street: Street, *, person: UUID | None = None, path: str = GRID) -> Headers:
    """Return the headers of one grid worker, the same person each time when named."""
    return street.holding(Role.GRID_WORKER, path, person=person or new_id())


def visit(street: Street, **members: Json) -> dict[str, Any]:
    """Return the body of a visit to a home."""
    return {
        "kind": "home",
        "area_id": str(street.areas[GRID]),
        "door": "1-2-301",
        "visited_at": utc_now().isoformat(),
        "reached": True,
        **members,
    }


def heard(words: str = "楼道灯不亮", **members: Json) -> dict[str, Any]:
    """Return a line that was heard and is noted."""
    return {"category": "parking", "text": words, "disposition": "noted", **members}


def plan(street: Street, **members: Json) -> dict[str, Any]:
    """Return the body of a plan for ten households of the grid, this week."""
    return {
        "kind": "home",
        "title": "入户走访",
        "area_id": str(street.areas[GRID]),
        "first_on": (today() - timedelta(days=3)).isoformat(),
        "last_on": (today() + timedelta(days=3)).isoformat(),
        "targets": [{"area_id": str(street.areas[GRID]), "households": 10}],
        **members,
    }


async def made(street: Street, path: str, body: Json, *, by: Headers, status: int = 201) -> dict[str, Any]:
    """Create something that can be created."""
    answer = await street.post(path, body, by=by)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def done(street: Street, kind: str, row: Json, action: str, body: Json, *, by: Headers) -> dict[str, Any]:
    """Take a step that succeeds, on the version that was seen."""
    answer = await street.post(f"/v1/{kind}/{row['id']}/{action}", body, by=by, version=row["version"])
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def seen(street: Street, kind: str, row: Json, *, by: Headers) -> dict[str, Any]:
    """Return something as it is now."""
    answer = await street.get(f"/v1/{kind}/{row['id']}", by=by)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def checklist(street: Street, **members: Json) -> dict[str, Any]:
    """Publish a checklist."""
    body = {"name_zh": "消防", "name_en": "Fire", "category": "drainage", "items": ITEMS, **members}
    answer = await street.call("PUT", "/v1/checklists/fire", body, by=street.administrator)
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


async def hazard(
    street: Street, by: Headers, *, at: datetime | None = None, **members: Json
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Find a hazard on a visit; returns the hazard and the visit."""
    body = visit(street, kind="inspection", **({"visited_at": at.isoformat()} if at else {}))
    where = await made(street, "/v1/visits", body, by=by)
    words = {
        "visit_id": where["id"],
        "category": "drainage",
        "severity": "general",
        "description": "配电箱前堆放杂物",
        **members,
    }
    return await made(street, "/v1/hazards", words, by=by), where


async def proof(street: Street, by: Headers) -> list[str]:
    """Upload a picture."""
    return [(await street.upload(picture(), by=by)).json()["id"]]


def field_operation(entity: str, action: str, body: Json, *, of: str | None = None, base: int | None = None) -> Json:
    """Return what a phone writes down when somebody does something outside."""
    return {
        "op_id": str(new_id()),
        "entity": entity,
        "id": of or str(new_id()),
        "action": action,
        "base_version": base,
        "body": body,
        "made_at": utc_now().isoformat(),
    }
