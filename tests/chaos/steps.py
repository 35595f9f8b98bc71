"""The workload whose effects cannot hide: every event adds one line to a case's history, in its order.

Projects of cases report milestones `1`, `2`, … through the matching's outbox, as the matching itself does; the intake
writes each into the history of the case. A line too many is a doubled effect, one too few a lost one, and two in the
wrong order are an event that overtook another.
"""

import asyncio
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import UUID

from shared.clock import utc_now
from shared.contracts.matching import ProjectProgressed
from shared.ids import new_id
from shared.messaging import publish
from tests.chaos.ground import TENANT, Ground, until

__all__ = ["History", "Seen"]


@dataclass
class Seen:
    """What a look at the histories has found."""

    effects: int
    lost: int
    doubled: int
    out_of_order: int


@dataclass
class History:
    """Some cases, and what was said about each; only what was committed counts."""

    ground: Ground
    cases: list[UUID] = field(default_factory=list)
    projects: list[UUID] = field(default_factory=list)
    said: list[int] = field(default_factory=list)

    @classmethod
    async def of_cases(cls, ground: Ground, count: int) -> "History":
        """Begin with new cases, written past the API: they are the stage and not the play."""
        cases = [new_id() for _ in range(count)]
        await ground.owner.execute(
            "INSERT INTO intake.cases (tenant_id, id, number, category, title, description, area_id, area_path,"
            " requester_id, state, filed_at, updated_at, version)"
            " SELECT tenant_id, c.id, 'H-' || right(c.id::text, 12), category, title, description, area_id, area_path, requester_id,"
            " state, filed_at, updated_at, version FROM unnest($2::uuid[]) AS c (id),"
            " (SELECT * FROM intake.cases WHERE tenant_id = $1 ORDER BY filed_at LIMIT 1) AS one",
            TENANT,
            cases,
        )
        return cls(ground, cases, [new_id() for _ in cases], [0] * count)

    @property
    def total(self) -> int:
        """How many events were committed."""
        return sum(self.said)

    async def say(self, which: range | list[int], times: int) -> None:
        """Commit some more milestones of some projects, in one transaction."""
        async with self.ground.databases["matching"].write(TENANT) as session:
            for index in which:
                for number in range(times):
                    told = ProjectProgressed(
                        project_id=self.projects[index],
                        case_id=self.cases[index],
                        milestone_id=new_id(),
                        title=str(self.said[index] + number + 1),
                        reached_at=utc_now(),
                    )
                    await publish(session, f"project/{self.projects[index]}", told)
        for index in which:
            self.said[index] += times

    async def say_all(self, times: int, *, at_once: int = 25, writers: int = 4) -> None:
        """Commit milestones of all projects, several writers side by side."""
        parts = [range(start, min(start + at_once, len(self.cases))) for start in range(0, len(self.cases), at_once)]

        async def write(mine: list[range]) -> None:
            for _ in range(times):
                for part in mine:
                    await self.say(part, 1)

        await asyncio.gather(*(write(parts[number::writers]) for number in range(writers)))

    async def effects(self) -> int:
        """Count the lines that have been written."""
        count: int = await self.ground.owner.fetchval(
            "SELECT count(*) FROM intake.case_steps WHERE tenant_id = $1 AND step = 'milestone_reached'"
            " AND case_id = ANY($2)",
            TENANT,
            self.cases,
        )
        return count

    async def arrive(self, timeout_s: float) -> float:
        """Wait until everything has arrived; returns how long it took. Never fails: see `look`."""
        began = time.monotonic()

        async def all_there() -> bool:
            return await self.effects() >= self.total

        try:
            await until(all_there, timeout_s)
            await self.ground.quiet(timeout_s)
        except AssertionError:
            return float("inf")
        return time.monotonic() - began

    async def look(self) -> Seen:
        """Compare every history with what was said."""
        rows = await self.ground.owner.fetch(
            "SELECT case_id, array_agg((data->>'milestone')::int ORDER BY position) AS numbers FROM intake.case_steps"
            " WHERE tenant_id = $1 AND step = 'milestone_reached' AND case_id = ANY($2) GROUP BY case_id",
            TENANT,
            self.cases,
        )
        numbers: dict[Any, list[int]] = {row["case_id"]: row["numbers"] for row in rows}
        seen = Seen(0, 0, 0, 0)
        for case_id, said in zip(self.cases, self.said, strict=True):
            heard = numbers.get(case_id, [])
            seen.effects += len(heard)
            seen.lost += len(set(range(1, said + 1)) - set(heard))
            seen.doubled += len(heard) - len(set(heard))
            seen.out_of_order += sum(later < earlier for earlier, later in pairwise(heard))
        return seen
