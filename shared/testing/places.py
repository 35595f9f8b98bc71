"""Areas and units for tests of services that only keep copies: told as the directory tells them, through the pipe."""

from uuid import UUID

from shared.contracts import EventData
from shared.contracts.directory import AreaChanged, UnitChanged
from shared.ids import new_id
from shared.testing.pipe import Pipe

__all__ = ["Places"]


class Places:
    """The map of one test's tenant."""

    def __init__(self, pipe: Pipe, tenant: str) -> None:
        self._pipe = pipe
        self._tenant = tenant
        self._ids: dict[str, UUID] = {}
        self._untold: list[tuple[str, EventData]] = []

    async def area(self, path: str, *, kind: str = "community", name: str | None = None, is_last: bool = True) -> UUID:
        """Open an area at a path; its parent is whatever was opened at the path above. Returns its id.

        Whoever opens several at once tells all of them at the last, and waits until they have been heard of.
        """
        area_id = new_id()
        self._ids[path] = area_id
        event = AreaChanged(
            area_id=area_id,
            path=path,
            kind=kind,
            name=name or path.rpartition(".")[2],
            parent_id=self._ids.get(path.rpartition(".")[0]),
            closed_on=None,
        )
        await self._tell(f"area/{area_id}", event, is_last=is_last)
        return area_id

    async def unit(self, path: str, *, kind: str = "department", name: str = "unit", is_last: bool = True) -> UUID:
        """Register a unit at the area of a path that was opened before. Returns its id."""
        unit_id = new_id()
        event = UnitChanged(unit_id=unit_id, name=name, kind=kind, area_id=self._ids[path], area_path=path, active=True)
        await self._tell(f"unit/{unit_id}", event, is_last=is_last)
        return unit_id

    async def _tell(self, subject: str, event: EventData, *, is_last: bool) -> None:
        self._untold.append((subject, event))
        if is_last:
            told, self._untold = self._untold, []
            await self._pipe.publish_each("directory", self._tenant, told)
            await self._pipe.rest()
