"""Starts the parts of the house, starts again what dies, and stops everything in order."""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from services.stack.parts import Part, Program
from services.stack.probing import readiness

__all__ = ["Life", "Supervisor"]

_LOOK_EVERY_S: Final = 0.1
_READY_EVERY_S: Final = 0.05
_FIRST_DELAY_S: Final = 0.2
_LONGEST_DELAY_S: Final = 3.0
_CALM_AFTER_S: Final = 30.0
# A part that has died again and again: callers should not wait for it any more.
_HOPELESS_DELAY_S: Final = 1.0
_STARTS_MAX: Final = 5
_LOG_BYTES_MAX: Final = 20 * 1024 * 1024
_LAST_WORDS: Final = 1_500


@dataclass
class Life:
    """How a part has been doing."""

    part: Part
    started_at: float = 0.0
    starts: int = 0
    delay_s: float = _FIRST_DELAY_S
    due_at: float = field(default=0.0)
    is_changing: bool = False


class Supervisor:
    """Keeps parts running.

    Args:
        on_change: called whenever a part has been started again.
    """

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self._on_change = on_change
        self._lives: dict[str, Life] = {}
        self._starting: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._is_stopping = False

    @property
    def lives(self) -> list[Life]:
        """Return every part with its story, in the order in which they were started."""
        return list(self._lives.values())

    async def start(self, *parts: Part) -> None:
        """Start parts at the same time and keep them running from now on."""
        tasks = []
        for part in parts:
            if part.log.exists():
                part.log.replace(part.log.with_suffix(".log.1"))
            task = asyncio.create_task(self._start(Life(part)))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)
            tasks.append(task)
        # A thread cannot be cancelled: stop() waits for it, or it would start something after the end.
        await asyncio.shield(asyncio.gather(*tasks))
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())

    async def wait_ready(self, names: Iterable[str], timeout_s: float = 60.0) -> None:
        """Wait until these say that they are ready; RuntimeError when one keeps dying, TimeoutError after a while."""
        deadline = time.monotonic() + timeout_s
        waiting = list(names)
        while True:
            states = await asyncio.gather(*(readiness(self._lives[name].part.port) for name in waiting))
            waiting = [name for name, state in zip(waiting, states, strict=True) if state != "ready"]
            if not waiting:
                return
            for name in waiting:
                if self._lives[name].starts >= _STARTS_MAX:
                    message = f"{name} does not stay up; its last words:\n{self._last_words(name)}"
                    raise RuntimeError(message)
            if time.monotonic() > deadline:
                words = "\n".join(f"{name}: {self._last_words(name)}" for name in waiting)
                message = f"not ready after {timeout_s:.0f} s:\n{words}"
                raise TimeoutError(message)
            await asyncio.sleep(_READY_EVERY_S)

    async def stop(self) -> None:
        """Stop everything, floor by floor from the top: the door first, the servers last."""
        self._is_stopping = True
        waits = [*self._starting, *([self._watching] if self._watching is not None else [])]
        await asyncio.gather(*waits, return_exceptions=True)
        for floor in sorted({life.part.floor for life in self.lives}, reverse=True):
            standing = [life.part for life in self.lives if life.part.floor == floor]
            await asyncio.gather(*(asyncio.to_thread(part.stop) for part in standing))

    async def replace(self, name: str) -> None:
        """Put a new process of a program in the place of the old one; callers do not notice."""
        life = self._lives[name]
        if isinstance(life.part, Program):
            life.is_changing = True
            try:
                await asyncio.shield(asyncio.to_thread(life.part.replace))
                life.started_at = time.time()
                life.starts += 1
            finally:
                life.is_changing = False
            self._on_change()

    async def _start(self, life: Life) -> None:
        self._lives[life.part.name] = life
        life.starts += 1
        life.started_at = time.time()
        # Whoever watches must not take what is still being started for dead, and start another one.
        life.is_changing = True
        try:
            await asyncio.to_thread(life.part.start)
        finally:
            life.is_changing = False

    async def _watch(self) -> None:
        while not self._is_stopping:
            for life in self.lives:
                if life.part.pid is None and not life.is_changing:
                    await self._start_again(life, time.monotonic())
                elif time.time() - life.started_at > _CALM_AFTER_S:
                    life.delay_s = _FIRST_DELAY_S
                _keep_short(life.part.log)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _start_again(self, life: Life, now: float) -> None:
        """Start what has died, each time after a longer while."""
        if life.due_at == 0.0:
            life.due_at = now + life.delay_s
            if life.delay_s > _HOPELESS_DELAY_S:
                life.part.give_up()
            life.delay_s = min(life.delay_s * 2, _LONGEST_DELAY_S)
        elif now >= life.due_at:
            life.due_at = 0.0
            try:
                await self._start(life)
            except (RuntimeError, OSError) as error:
                with life.part.log.open("a", encoding="utf-8") as log:
                    log.write(f"does not start: {error}\n")
            self._on_change()

    def _last_words(self, name: str) -> str:
        try:
            return self._lives[name].part.log.read_text(encoding="utf-8", errors="replace")[-_LAST_WORDS:]
        except OSError:
            return "(none)"


def _keep_short(log: Path) -> None:
    """Move a log that has grown long aside; the process keeps writing to the same file, at its new end."""
    try:
        if log.stat().st_size > _LOG_BYTES_MAX:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            with log.open("r+b") as file:
                file.truncate()
    except OSError:
        return
