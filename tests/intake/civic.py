"""Another app at the door of a street, as Open311's tests use it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from xml.etree import ElementTree as ET

import httpx
import jsonschema_rs

from services.intake.open311.schemas import DOCUMENTS
from tests.intake.conftest import Street

FORM = "application/x-www-form-urlencoded; charset=utf-8"
WORDS = {
    "service_code": "drainage",
    "lat": "37.509123",
    "long": "122.120456",
    "address_string": "青岛街 12 号门口",
    "description": "井盖冒污水\n已经三天",
    "email": "someone@example.org",
    "phone": "13800138000",
    "first_name": "小明",
    "last_name": "王",
    "account_id": "user-1",
    "device_id": "device-1",
    "media_url": "https://media.example/1.jpg",
}


@dataclass
class Civic:
    """An app that exists already: it holds a key and signs nobody in."""

    street: Street
    key: str
    key_id: UUID

    @property
    def base(self) -> str:
        return f"/v1/open311/{self.street.caller.tenant}"

    async def send(self, content: bytes, path: str = "requests.json", **headers: str) -> httpx.Response:
        """Post bytes as they are."""
        sent = {"Content-Type": FORM, **headers}
        return await self.street.http.post(f"{self.base}/{path}", content=content, headers=sent)

    async def post(self, path: str = "requests.json", /, **changes: str | None) -> httpx.Response:
        """Post a request; what is changed to None is left out."""
        form = {name: value for name, value in {"api_key": self.key, **WORDS, **changes}.items() if value is not None}
        return await self.send(urlencode(form).encode(), path)

    async def filed(self, **changes: str | None) -> str:
        """Post a request that is taken; returns its number."""
        response = await self.post(**changes)
        assert response.status_code == 200, response.text
        return str(document(response, "posted")[0]["service_request_id"])

    async def get(self, path: str, headers: Mapping[str, str] | None = None, **params: Any) -> httpx.Response:
        return await self.street.http.get(f"{self.base}/{path}", params=params, headers=dict(headers or {}))

    async def requests(self, **params: Any) -> list[dict[str, Any]]:
        """Return a list of requests."""
        response = await self.get("requests.json", **params)
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = document(response, "requests")
        return found

    async def case(self, number: str) -> dict[str, Any]:
        """Return the case of a number, as an officer sees it."""
        listed = (await self.street.get("/v1/cases", by=self.street.officer)).json()["items"]
        (found,) = [item for item in listed if item["number"] == number]
        whole: dict[str, Any] = (await self.street.get(f"/v1/cases/{found['id']}", by=self.street.officer)).json()
        return whole


async def key_of(street: Street, path: str, **members: Any) -> tuple[str, UUID]:
    """Issue a key for the area of a path; returns it and its id."""
    body = {"name": "civic app", "area_id": str(street.areas[path]), **members}
    response = await street.post("/v1/open311-keys", body, by=street.administrator)
    assert response.status_code == 201, response.text
    return response.json()["api_key"], UUID(response.json()["id"])


async def offer(street: Street, code: str, **members: Any) -> None:
    """Say how a category is offered."""
    response = await street.call("PUT", f"/v1/open311-services/{code}", members, by=street.administrator)
    assert response.status_code in (200, 201), response.text


def document(response: httpx.Response, name: str) -> Any:
    """Return a JSON document that fits its schema."""
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    found = response.json()
    jsonschema_rs.validate(DOCUMENTS[name], found)
    return found


def refused(response: httpx.Response, status: int) -> list[str]:
    """Return what is told to be wrong, in English."""
    assert response.status_code == status, response.text
    errors = document(response, "errors")
    assert errors
    assert {error["code"] for error in errors} == {status}
    return [error["description"] for error in errors]


def tree(content: bytes) -> ET.Element:
    """Read XML that we have written ourselves."""
    return ET.fromstring(content)  # noqa: S314 - it comes from no stranger
