"""A small phone: a store, a cursor, and operations that wait to be sent."""

from typing import Any

import httpx

from shared.clock import utc_now
from shared.ids import new_id
from tests.intake.conftest import Headers, Json, Street

PAGES_MAX = 200


async def pulled(street: Street, by: Headers, cursor: str | None, size: int = 200) -> httpx.Response:
    """Fetch one page."""
    where = {} if cursor is None else {"cursor": cursor}
    return await street.get("/v1/sync", by=by, page_size=size, **where)


def operation(action: str, case_id: str, body: Json = None, *, base: int | None = None) -> dict[str, Any]:
    """Return what a phone writes down when somebody does something."""
    return {
        "op_id": str(new_id()),
        "entity": "case",
        "id": case_id,
        "action": action,
        "base_version": base,
        "body": body or {},
        "made_at": utc_now().isoformat(),
    }


class Phone:
    """What an app does: it applies pages as they come, starts again when it is told to, and sends what waits."""

    def __init__(self, street: Street, headers: Headers, *, page_size: int = 200) -> None:
        self.street = street
        self.headers = headers
        self.page_size = page_size
        self.cursor: str | None = None
        self.store: dict[tuple[str, str], tuple[int, Any]] = {}
        self.coming: dict[tuple[str, str], tuple[int, Any]] = {}
        self.waiting: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        self.started_again = 0
        self.is_walking = False

    def held(self, entity: str) -> dict[str, Any]:
        """Return the rows of a kind by id."""
        return {key: body for (kind, key), (_, body) in self.store.items() if kind == entity}

    async def turn_page(self) -> dict[str, Any]:
        """Fetch and apply one page."""
        answer = await pulled(self.street, self.headers, self.cursor, self.page_size)
        if answer.status_code == 410:
            self.started_again += 1
            self.cursor, self.coming = None, {}
            answer = await pulled(self.street, self.headers, None, self.page_size)
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        store = self.coming if page["full"] else self.store
        for item in page["items"]:
            key = (item["entity"], item["id"])
            if item["gone"]:
                store.pop(key, None)
            else:
                assert key not in store or store[key][0] <= item["version"], "nothing ever becomes older"
                store[key] = (item["version"], item["body"])
        self.cursor = page["cursor"]
        self.is_walking = page["more"]
        if page["full"] and not page["more"]:
            self.store, self.coming = self.coming, {}
        return page

    async def sync(self) -> list[dict[str, Any]]:
        """Fetch until there is no more; a walk that began earlier shows what was then, so another one follows."""
        pages = []
        is_old = self.is_walking
        for _ in range(PAGES_MAX):
            pages.append(await self.turn_page())
            if not self.is_walking:
                if not is_old:
                    return pages
                is_old = False
        message = "the phone turns pages without end"
        raise AssertionError(message)

    def do(self, action: str, case_id: str, body: Json = None) -> dict[str, Any]:
        """Do something offline, on the version that the phone holds."""
        held = self.store.get(("case", case_id))
        wanted = operation(action, case_id, body, base=held[0] if held else None)
        self.waiting.append(wanted)
        return wanted

    async def send(self, *, lost: bool = False) -> list[dict[str, Any]]:
        """Send what waits; when the answer is lost, it all waits on."""
        if not self.waiting:
            return []
        results = await push(self.street, self.headers, self.waiting)
        if not lost:
            self.answers += results
            self.waiting = []
        return results


async def push(street: Street, by: Headers, operations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Send operations; the request as a whole succeeds."""
    answer = await street.post("/v1/sync", {"operations": operations}, by=by)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    assert [item["op_id"] for item in results] == [item["op_id"] for item in operations]
    return results
