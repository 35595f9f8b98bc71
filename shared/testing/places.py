"""Areas and units for tests of services that only keep copies: told as the directory tells them, through the pipe."""

from uuid import UUID

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

    async def area(self, path: str, *, kind: str = "community", name: str | None = None, is_last: bool = True) -> UUID:
        """Open an area at a path; its parent is whatever was opened at the path above. Returns its id.

        Whoever opens several at once waits only at the last until all have been heard of.
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
        await self._pipe.publish("directory", self._tenant, f"area/{area_id}", event)
        if is_last:
            await self._pipe.rest()
        return area_id

    async def unit(self, path: str, *, kind: str = "department", name: str = "unit", is_last: bool = True) -> UUID:
        """Register a unit at the area of a path that was opened before. Returns its id."""
        unit_id = new_id()
        event = UnitChanged(unit_id=unit_id, name=name, kind=kind, area_id=self._ids[path], area_path=path, active=True)
        await self._pipe.publish("directory", self._tenant, f"unit/{unit_id}", event)
        if is_last:
            await self._pipe.rest()
        return unit_id
