"""The requests that are on their way, and one clock for all of them.

A deadline per request and somebody who listens for the client's departure would cost two timers and a task each. Nearly
all requests end within milliseconds, so a single clock looks at those that are still there every tenth of a second: it
ends the late ones, and only for those that last it starts to listen whether the client is still there.
"""

import asyncio
from time import monotonic
from typing import Final, Literal

from starlette.types import Receive, Scope, Send

from services.gateway.forwarding.headers import RequestHead
from services.gateway.forwarding.wire import Wire

__all__ = ["Call", "Calls"]

TICK_S: Final = 0.1
_LISTEN_AFTER_S: Final = 0.2

Verdict = Literal["late", "gone"]


class Call:
    """One request on its way.

    Attributes:
        upstream: the service it goes to; `gateway` while that is not known, and for what is refused before.
        status: what was answered; 0 so far nothing.
        reading: the request's body has not been read to its end, so nobody else may listen to the client.
        verdict: why the clock ended it.
    """

    __slots__ = (
        "deadline",
        "head",
        "reading",
        "receive",
        "scope",
        "send",
        "started",
        "status",
        "task",
        "upstream",
        "verdict",
        "watcher",
        "wire",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, head: RequestHead, lasting_s: float) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.head = head
        self.started = monotonic()
        self.deadline = self.started + lasting_s
        self.task = asyncio.current_task()
        self.upstream = "gateway"
        self.status = 0
        self.reading = head.has_body
        self.verdict: Verdict | None = None
        self.watcher: asyncio.Task[None] | None = None
        self.wire: Wire | None = None

    def end(self, verdict: Verdict) -> None:
        """Interrupt the request, whatever it is waiting for."""
        if self.verdict is None and self.task is not None:
            self.verdict = verdict
            self.task.cancel()

    async def listen(self) -> None:
        """Wait until the client leaves. Only for a request whose body has been read, or that has none."""
        while (await self.receive())["type"] != "http.disconnect":
            continue
        self.end("gone")


class Calls:
    """All requests on their way."""

    def __init__(self) -> None:
        self._calls: set[Call] = set()
        self._clock: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._calls)

    def start(self) -> None:
        """Start the clock."""
        self._clock = asyncio.create_task(self._tick_forever())

    async def stop(self) -> None:
        """Stop the clock."""
        if self._clock is not None:
            self._clock.cancel()
            await asyncio.gather(self._clock, return_exceptions=True)

    def enter(self, call: Call) -> None:
        """Put a request under the clock."""
        self._calls.add(call)

    def leave(self, call: Call) -> None:
        """Take a request out; nobody listens to its client any more."""
        self._calls.discard(call)
        if call.watcher is not None:
            call.watcher.cancel()

    def tick(self, now: float) -> None:
        """Look at every request once."""
        for call in tuple(self._calls):
            if now >= call.deadline:
                call.end("late")
            elif call.watcher is None and not call.reading and now - call.started >= _LISTEN_AFTER_S:
                call.watcher = asyncio.create_task(call.listen())

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.tick(monotonic())
