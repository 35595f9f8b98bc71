"""Facts as tests look at them: turned by hand, read past all services, and counted a second time in a plainer way."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from services.intake.facts.jobs import count_facts
from shared.clock import CHINA, utc_now
from shared.db import Database
from tests.intake.conftest import Street

TABLES: Final = {
    "case_facts": "case_id",
    "transition_facts": "case_id, position",
    "day_facts": "day, area_path::text, category, level",
}
Rows = dict[str, list[dict[str, Any]]]


@dataclass
class Counting:
    """The facts of one tenant."""

    street: Street
    database: Database
    owner: Any

    @property
    def tenant(self) -> str:
        return self.street.caller.tenant

    async def turn(self) -> None:
        """Take a turn of counting, as a worker does."""
        await count_facts(self.database, self.tenant, utc_now())

    async def rows(self) -> Rows:
        """Return all facts; how often a day was counted otherwise is no fact."""
        found: Rows = {}
        for table, order in TABLES.items():
            rows = await self.owner.fetch(
                f"SELECT *, ltree2text(area_path) AS path FROM intake.{table} WHERE tenant_id = $1 ORDER BY {order}",
                self.tenant,
            )
            left_out = {"revision", "area_path"}
            found[table] = [{name: row[name] for name in set(row.keys()) - left_out} for row in rows]
        return found

    async def progress(self) -> Any:
        return await self.owner.fetchrow("SELECT * FROM intake.fact_progress WHERE tenant_id = $1", self.tenant)

    async def revised(self) -> int:
        """Return how many rows were counted otherwise after their day was frozen."""
        statement = "SELECT count(*) FROM intake.day_facts WHERE tenant_id = $1 AND revision > 1"
        return int(await self.owner.fetchval(statement, self.tenant))

    async def forget(self) -> None:
        """Remove all facts, as if nobody had ever counted."""
        for table in (*TABLES, "fact_progress"):
            await self.owner.execute(f"DELETE FROM intake.{table} WHERE tenant_id = $1", self.tenant)

    async def rebuilt(self) -> Rows:
        """Count all from the beginning, in as many turns as it takes."""
        await self.forget()
        await self.turn()
        return await self.rows()

    async def counted_plainly(self) -> dict[tuple[date, str, str, str], dict[str, int]]:
        """Count the days from the steps alone, one after the other; what is overdue this does not know."""
        steps = await self.owner.fetch(
            "SELECT s.*, ltree2text(c.area_path) AS path, c.category FROM intake.case_steps s JOIN intake.cases c"
            " ON c.tenant_id = s.tenant_id AND c.id = s.case_id WHERE s.tenant_id = $1 ORDER BY s.at, s.position",
            self.tenant,
        )
        through = (await self.progress())["frozen_through"]
        found: dict[tuple[date, str, str, str], Counter[str]] = {}
        where: dict[Any, tuple[str, str, str]] = {}
        accepted: set[Any] = set()
        day = steps[0]["at"].astimezone(CHINA).date() if steps else date.max
        place = 0
        while through is not None and day <= through:
            ends = datetime(day.year, day.month, day.day, tzinfo=CHINA) + timedelta(days=1)
            while place < len(steps) and steps[place]["at"] < ends:
                step = steps[place]
                place += 1
                key = (step["path"], step["category"], step["level"] or "unjudged")
                for effect in plain_effects(step, accepted):
                    found.setdefault((day, *key), Counter())[effect] += 1
                where.pop(step["case_id"], None)
                if step["to_state"] != "closed":
                    where[step["case_id"]] = key
            for key in where.values():
                found.setdefault((day, *key), Counter())["backlog"] += 1
            day += timedelta(days=1)
        return {key: dict(counts) for key, counts in found.items()}


def plain_effects(step: Any, accepted: set[Any]) -> list[str]:
    """Say what a step does to the figures, written down a second time."""
    if step["position"] == 1:
        return ["opened"]
    if step["to_state"] == step["from_state"] or step["step"] == "unmerge":
        return []
    if step["to_state"] in {"closed", "resolved", "reopened"}:
        return [step["to_state"]]
    if step["from_state"] == "filed" and step["case_id"] not in accepted:
        accepted.add(step["case_id"])
        return [] if step["step"] == "import" else ["accepted"]
    return []
