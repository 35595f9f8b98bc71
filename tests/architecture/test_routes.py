"""What holds for every route of every service."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel

from services.gateway.forwarding.rules import route_of
from shared.auth import AUTH_DECISIONS
from shared.contracts import SERVICES
from shared.web import OutputModel

HEALTH = {"/livez", "/readyz", "/metrics", "/openapi.json"}


def api_routes(app: FastAPI) -> list[APIRoute]:
    found = [context.route for context in iter_route_contexts(app.routes)]
    return [route for route in found if isinstance(route, APIRoute) and route.path not in HEALTH]


def calls(dependant: Dependant) -> Iterator[Any]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from calls(inner)


@pytest.mark.parametrize("service", SERVICES)
async def test_every_route_has_one_auth_decision(apps: dict[str, FastAPI], service: str) -> None:
    routes = api_routes(apps[service])
    assert len(routes) >= 10
    for route in routes:
        decisions = {call for call in calls(route.dependant) if call in AUTH_DECISIONS}
        assert len(decisions) == 1, f"{sorted(route.methods or ())} {route.path}: {decisions}"


@pytest.mark.parametrize("service", SERVICES)
async def test_every_route_is_reached_through_the_gateway(apps: dict[str, FastAPI], service: str) -> None:
    for path in apps[service].openapi()["paths"]:
        assert route_of(path).service == service, path


def output_models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for subclass in model.__subclasses__():
        yield from output_models(subclass)


async def test_no_answer_hides_a_field_behind_a_default(apps: dict[str, FastAPI]) -> None:
    assert apps
    for model in output_models(OutputModel):
        hidden = [name for name, field in model.model_fields.items() if not field.is_required()]
        assert not hidden, f"{model.__name__}: {hidden}"


@pytest.mark.parametrize("service", SERVICES)
async def test_money_is_never_a_float(apps: dict[str, FastAPI], service: str) -> None:
    schemas: dict[str, Any] = apps[service].openapi()["components"]["schemas"]
    for name, schema in schemas.items():
        for field, described in schema.get("properties", {}).items():
            if field.endswith("_fen"):
                kinds = {part.get("type") for part in described.get("anyOf", [described])}
                assert kinds <= {"integer", "null"}, f"{name}.{field}: {kinds}"
