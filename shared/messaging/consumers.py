"""What a service does when it hears of an event: handlers by event type, gathered from its subjects."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from shared.contracts import Event, EventData
from shared.db import WriteSession

__all__ = ["Consumers", "Handler"]

T = TypeVar("T", bound=EventData)
# Gets events of one type and one tenant, of different subjects or in the order of their subject; writes effects through
# the session and never commits. It must not assume how many there are: a batch is whatever had arrived.
Handler = Callable[[WriteSession, Sequence[Event[Any]]], Awaitable[None]]


class Consumers:
    """The handlers of one service."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.handlers: dict[type[EventData], tuple[Handler, ...]] = {}

    def on(
        self, event_type: type[T]
    ) -> Callable[
        [Callable[[WriteSession, Sequence[Event[T]]], Awaitable[None]]],
        Callable[[WriteSession, Sequence[Event[T]]], Awaitable[None]],
    ]:
        """Register the decorated function for a type of event; several may listen to one type, in this order."""

        def register(
            handler: Callable[[WriteSession, Sequence[Event[T]]], Awaitable[None]],
        ) -> Callable[[WriteSession, Sequence[Event[T]]], Awaitable[None]]:
            self.handlers[event_type] = (*self.handlers.get(event_type, ()), handler)
            return handler

        return register

    def include(self, other: "Consumers") -> None:
        """Take over the handlers of a subject."""
        for event_type, handlers in other.handlers.items():
            self.handlers[event_type] = (*self.handlers.get(event_type, ()), *handlers)

    def parse(self, raw: dict[str, Any]) -> Event[Any]:
        """Read one event as it came; raises pydantic's ValidationError or KeyError for what no handler knows."""
        for event_type in self.handlers:
            if event_type.event_type == raw["type"]:
                return Event[event_type].model_validate(raw)  # type: ignore[valid-type]
        raise KeyError(raw["type"])

    async def apply(self, session: WriteSession, events: Sequence[Event[Any]]) -> None:
        """Hand events of one type to all who listen to it."""
        for handler in self.handlers[type(events[0].data)]:
            await handler(session, events)
