"""How a row of the table is written and told."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tests.chaos.ground import Ground

__all__ = ["LoadRow", "Row", "Told", "row"]


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


class _Load(Protocol):
    def __call__(self, *, short: bool) -> Awaitable[Told]:
        """Measure in a house of its own."""


@dataclass(frozen=True)
class LoadRow:
    """One row of the table that is no fault, and brings its own house."""

    number: int | str
    name: str
    run: _Load


def row(number: int | str, name: str) -> Callable[[_Shake], Row]:
    """Make a row of a function."""
    return lambda run: Row(number, name, run)
