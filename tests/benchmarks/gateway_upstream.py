"""The two services behind the gateway's benchmark: the fastest that Python can serve, and one like ours.

`bare` is an ASGI function that sends one prepared answer: what stands before it weighs as much as it ever can. `house`
is FastAPI with a validated answer and no database: the least that a request to one of our services costs.
"""

import os
from typing import Final

import orjson
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send


class Case(BaseModel):
    """An answer of ordinary size."""

    id: str
    number: str
    state: str
    title: str
    area_path: str
    version: int
    next_actions: list[str]


CASE: Final = Case(
    id="0198c0de-0000-7000-8000-000000000000",
    number="C-2026-000123",
    state="claimed",
    title="井盖松动 / a loose manhole cover",
    area_path="district.subdistrict.community.grid",
    version=3,
    next_actions=["accept", "triage", "assign"],
)
_BODY: Final = CASE.model_dump_json().encode()
_JWKS_VARIABLE: Final = "BENCH_JWKS"


async def bare(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer everything with the same case, and the directory's question for keys."""
    if scope["type"] != "http":
        return
    body = os.environ[_JWKS_VARIABLE].encode() if scope["path"].endswith("jwks.json") else _BODY
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), (b"etag", b'"3"')]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def house() -> FastAPI:
    """Build a service of one route."""
    app = FastAPI()

    @app.get("/v1/books/{book_id}")
    async def read_book(book_id: str) -> Case:
        return CASE.model_copy(update={"id": book_id})

    return app


def jwks_environment(keys: list[dict[str, str]]) -> dict[str, str]:
    """Return what tells `bare` the keys."""
    return {_JWKS_VARIABLE: orjson.dumps({"keys": keys}).decode()}
