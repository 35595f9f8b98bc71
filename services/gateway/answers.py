"""Whole answers that the gateway gives itself: documents and problems, over bare ASGI."""

import asyncio
from typing import Final

import orjson
from starlette.types import Receive, Scope, Send

from shared.problems import Problem, render
from shared.texts import preferred_language

__all__ = ["send_answer", "send_json", "send_problem"]

_LINGER_S: Final = 2.0
_LINGER_MAX_BYTES: Final = 16 * 1024 * 1024


async def send_answer(
    send: Send, status: int, body: bytes, headers: dict[str, str], *, linger: Receive | None = None
) -> None:
    """Send a complete answer; its length is added.

    `linger` is from where to take what the client is still sending, before the connection closes: a connection that is
    closed with bytes unread is reset, and the client may then never see the answer.
    """
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    if linger is not None:
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await _discard(linger)
        body = b""
    await send({"type": "http.response.body", "body": body})


async def _discard(receive: Receive) -> None:
    """Read and forget the rest of a request, within bounds."""
    forgotten = 0
    try:
        async with asyncio.timeout(_LINGER_S):
            while forgotten < _LINGER_MAX_BYTES:
                message = await receive()
                if not message.get("more_body", False):
                    return
                forgotten += len(message["body"])
    except TimeoutError:
        return


async def send_json(send: Send, status: int, value: object, headers: dict[str, str] | None = None) -> None:
    """Send a JSON document that nobody should keep."""
    kept = {"content-type": "application/json", "cache-control": "no-store"}
    await send_answer(send, status, orjson.dumps(value), kept | (headers or {}))


async def send_problem(
    scope: Scope, send: Send, problem: Problem, request_id: str, *, linger: Receive | None = None
) -> None:
    """Tell a problem in the caller's language."""
    accepted = next((value for name, value in scope["headers"] if name == b"accept-language"), b"")
    language = preferred_language(accepted.decode("latin-1"))
    status, headers, body = render(problem, request_id=request_id, language=language)
    await send_answer(send, status, body, headers | {"x-request-id": request_id}, linger=linger)
