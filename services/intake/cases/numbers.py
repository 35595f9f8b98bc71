"""Human numbers, C-2026-000123, per tenant and year.

A counter row that every filing locks would make all filings of a district wait for each other's fsync. So a process
takes numbers in blocks, in a transaction of its own, and hands them out from memory; what is left of a block at a
restart is a gap, and gaps are fine: the number is a name, not a count.
"""

import asyncio
from typing import Final

from shared.db import Database

__all__ = ["CaseNumbers"]

_BLOCK: Final = 50
_KNOWN_MAX: Final = 10_000
_TAKE: Final = """
INSERT INTO intake.case_number_blocks AS b (tenant_id, year, next_number) VALUES ($1, $2, 1 + $3)
ON CONFLICT (tenant_id, year) DO UPDATE SET next_number = b.next_number + $3
RETURNING next_number - $3 AS first"""


class CaseNumbers:
    """Hands out the numbers of one process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._blocks: dict[tuple[str, int], tuple[int, int]] = {}
        self._lock = asyncio.Lock()

    async def take(self, tenant: str, year: int) -> str:
        """Return a number that nobody else has or will get."""
        key = (tenant, year)
        following, end = self._blocks.get(key, (0, 0))
        if following >= end:
            async with self._lock:
                following, end = self._blocks.get(key, (0, 0))
                if following >= end:
                    row = await self._database.one_trip(tenant, _TAKE, tenant, year, _BLOCK)
                    following = row["first"] if row is not None else 0
                    end = following + _BLOCK
                    if len(self._blocks) >= _KNOWN_MAX:
                        self._blocks.clear()
                self._blocks[key] = (following + 1, end)
                return f"C-{year}-{following:06d}"
        self._blocks[key] = (following + 1, end)
        return f"C-{year}-{following:06d}"

    async def take_many(self, tenant: str, year: int, count: int) -> list[str]:
        """Return so many numbers at once, in their order; what a table needs would use up block after block."""
        row = await self._database.one_trip(tenant, _TAKE, tenant, year, count)
        first = row["first"] if row is not None else 0
        return [f"C-{year}-{number:06d}" for number in range(first, first + count)]
