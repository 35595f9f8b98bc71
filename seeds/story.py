"""The frame in which a story is told: steps in plain words, checks that can fail, and a summary that counts them.

A step prints its sentence and how long it took. A check compares what was seen with what was expected; a difference is
printed at once and the story goes on, so that one telling shows all differences. Only when an answer is so wrong that
the next step has nothing to stand on does the story break off.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.markup import escape

from seeds.client import Answer

__all__ = ["Story", "StoryBroken"]

T = TypeVar("T")

_FIRST_LOOK_S: Final = 0.01
_SLOWEST_LOOK_S: Final = 0.2
_DEADLINE_S: Final = 15.0


class StoryBroken(Exception):
    """The story cannot go on: an answer had another status than the next step needs, or an effect never came."""


@dataclass(slots=True)
class Story:
    """One telling. `differences` says what was not as expected; an empty list is a success."""

    name: str
    console: Console
    checks: int = 0
    steps: int = 0
    differences: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)

    @contextmanager
    def step(self, zh: str, en: str) -> Iterator[None]:
        """Tell one step: its sentence when it begins to matter, its duration and notes after it."""
        self.steps += 1
        self.console.print(f"[bold cyan]{self.steps:>3}[/]  {escape(zh)} [dim]· {escape(en)}[/]")
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.console.print(f"       [dim]{(time.perf_counter() - begun) * 1000:.0f} ms[/]")

    def note(self, text: str) -> None:
        """Print something seen, without judging it."""
        self.console.print(f"       {escape(text)}")

    def chapter(self, zh: str, en: str) -> None:
        """Print a heading between groups of steps."""
        self.console.print(f"\n[bold]{escape(zh)}[/] [dim]· {escape(en)}[/]")

    def expect(self, what: str, actual: object, expected: object) -> bool:
        """Check that two values are equal and say both when they are not."""
        return self.holds(what, actual == expected, f"expected {expected!r}, saw {actual!r}")

    def holds(self, what: str, condition: object, seen: str) -> bool:
        """Check that something is true; `seen` is what to print when it is not."""
        self.checks += 1
        if condition:
            self.console.print(f"       [green]✓[/] {escape(what)}")
        else:
            self.differences.append(f"{what}: {seen}")
            self.console.print(f"       [bold red]✗ {escape(what)}: {escape(seen)}[/]")
        return bool(condition)

    def took(self, answer: Answer, *statuses: int) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Return the body of an answer that must be a success (200 or 201 unless told), or break the story."""
        if answer.status not in (statuses or (200, 201)):
            self.differences.append(str(answer))
            raise StoryBroken(str(answer))
        return answer.body

    def refused(self, what: str, answer: Answer, status: int, *, naming: str | None = None) -> None:
        """Check that something was refused with this status, and that the problem names its code or rule."""
        problem = answer.body if isinstance(answer.body, dict) else {}
        named = naming is None or naming in {problem.get("code"), problem.get("rule")}
        told = " ".join(filter(None, (f"{what} → {status}", naming)))
        self.holds(told, answer.status == status and named, f"{answer.status} {answer.body!r}")

    async def until(
        self, what: str, look: Callable[[], Awaitable[T]], good: Callable[[T], bool], *, deadline_s: float = _DEADLINE_S
    ) -> T:
        """Look again and again until it is good; quickly at first, because effects arrive in milliseconds."""
        begun, pause_s = time.perf_counter(), _FIRST_LOOK_S
        while True:
            seen = await look()
            waited_s = time.perf_counter() - begun
            if good(seen):
                self.checks += 1
                self.console.print(f"       [green]✓[/] {escape(what)} [dim](after {waited_s * 1000:.0f} ms)[/]")
                return seen
            if waited_s > deadline_s:
                self.checks += 1
                self.differences.append(f"{what}: not within {deadline_s:.0f} s, last seen {seen}")
                raise StoryBroken(self.differences[-1])
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _SLOWEST_LOOK_S)

    def broke(self, reason: StoryBroken) -> None:
        """Say why the story breaks off; it counts as a difference once."""
        if not self.differences or self.differences[-1] != str(reason):
            self.differences.append(str(reason))
        self.console.print(f"       [bold red]✗ 中断 broken off: {escape(str(reason))}[/]")

    def finish(self) -> bool:
        """Print the summary; true when everything was as expected."""
        elapsed_s = time.perf_counter() - self.started
        good = not self.differences
        colour, verdict = ("green", "如实 as told") if good else ("red", f"{len(self.differences)} differences 不符")
        counts = f"{self.steps} steps 步 · {self.checks} checks 核对 · {elapsed_s:.1f} s"
        self.console.print(f"\n[bold {colour}]{self.name}: {verdict}[/] · {counts}")
        for difference in self.differences:
            self.console.print(f"  [red]✗ {escape(difference)}[/]")
        return good
