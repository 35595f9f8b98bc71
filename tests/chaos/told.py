"""How a row of the table is written and told."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tests.chaos.ground import Ground

__all__ = ["Row", "Told", "row"]


@dataclass
class Told:
    """What came of a fault."""

    figures: dict[str, Any]
    ok: bool


class _Shake(Protocol):
    def __call__(self, ground: Ground, *, short: bool, seed: int) -> Awaitable[Told]:
        """Break something and look."""


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    number: int | str
    name: str
    run: _Shake


def row(number: int | str, name: str) -> Callable[[_Shake], Row]:
    """Make a row of a function."""
    return lambda run: Row(number, name, run)
