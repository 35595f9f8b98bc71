"""Events that a service holds because they wait, fail or are dead: what a person can see of them, and decide."""

from shared.held.routes import held_events_router

__all__ = ["held_events_router"]
