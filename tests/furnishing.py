"""A small tenant in a running house, made through its gateway: for benchmarks and fault tests."""

import time
from dataclasses import dataclass
from typing import Any

import httpx

from services.stack.house import House
from services.stack.minting import mint
from shared.auth import Role

__all__ = ["Furnished", "furnish"]

_PASSWORD = "correct horse battery"
_PATIENCE_S = 20.0


@dataclass(frozen=True)
class Furnished:
    """What there is: one community, a category `drainage`, and somebody who lives there."""

    tenant: str
    area_id: str
    person_id: str
    resident: str
    administrator: str

    def case(self, text: str, **members: Any) -> dict[str, Any]:
        """Write a case."""
        words = {"title": "污水外溢", "description": f"井盖冒污水，流到店门口 {text}", "place_text": "路口"}
        return {"category": "drainage", "area_id": self.area_id, **words, **members}


def furnish(house: House, tenant: str) -> Furnished:
    """Draw the map and sign somebody in; returns when the intake has heard of it."""
    keys = house.environment["LINLI_TOKEN_SIGNING_KEY"]

    def token(role: Role) -> str:
        return mint(keys, tenant, role, at=tenant, ttl_s=3600)

    operator, administrator = ({"Authorization": f"Bearer {token(r)}"} for r in (Role.OPERATOR, Role.ADMINISTRATOR))
    with httpx.Client(base_url=house.url, timeout=10) as http:

        def made(method: str, path: str, body: object, headers: dict[str, str] | None = None) -> dict[str, Any]:
            deadline = time.monotonic() + _PATIENCE_S
            while True:
                answer = http.request(method, path, json=body, headers=headers)
                if answer.is_success:
                    found: dict[str, Any] = answer.json()
                    return found
                assert time.monotonic() < deadline, answer.text
                time.sleep(0.05)

        made("PUT", "/v1/tenant", {"name": {"zh": "某县", "en": "Some county"}}, operator)
        root = made("POST", "/v1/areas", {"code": tenant, "kind": "district", "name": "某县"}, operator)["id"]
        below = {"code": "grid", "kind": "grid", "name": "网格", "parent_id": root}
        area = made("POST", "/v1/areas", below, operator)["id"]
        kind = {"name_zh": "排水", "name_en": "Drainage", "kind": "hazard"}
        made("PUT", "/v1/categories/drainage", kind, administrator)
        person = {"display_name": "住户", "username": "resident", "password": _PASSWORD}
        person_id = made("POST", "/v1/people", person, operator)["id"]
        signing_in = {"tenant": tenant, "username": "resident", "password": _PASSWORD}
        resident = made("POST", "/v1/sign-in/password", signing_in)["access_token"]
        found = Furnished(tenant, area, person_id, resident, administrator["Authorization"].removeprefix("Bearer "))
        # The area and the category are known to the intake once this succeeds.
        made("POST", "/v1/cases", found.case("first"), {"Authorization": f"Bearer {resident}"})
    return found
