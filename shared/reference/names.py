"""Finding areas by what people call them: a path, a name, or names from somewhere above down to it. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from shared.tables import as_key

__all__ = ["AreaNames", "KnownArea", "chain_of_names"]

_SLASH: Final = re.compile(r"\s*[/\\>]\s*")


@dataclass(frozen=True, slots=True)
class KnownArea:
    """An area; `names` are those from the root down to it."""

    id: UUID
    path: str
    names: tuple[str, ...]
    is_open: bool


def chain_of_names(path: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names from the root down to an area."""
    labels = path.split(".")
    return tuple(names.get(".".join(labels[: size + 1]), labels[size]) for size in range(len(labels)))


class AreaNames:
    """Finds areas within a reach.

    Args:
        areas: all areas, closed ones too.
        reach: the paths at or below which an area may be named.
    """

    def __init__(self, areas: Iterable[KnownArea], reach: Sequence[str]) -> None:
        self._reach = tuple(reach)
        self._paths: dict[str, KnownArea] = {}
        self._areas: defaultdict[str, list[KnownArea]] = defaultdict(list)
        for area in areas:
            self._paths[area.path] = area
            names = [as_key(name) for name in area.names]
            # Whoever writes a path may leave out its beginning.
            for start in range(len(names)):
                self._areas["/".join(names[start:])].append(area)

    def find(self, text: str) -> KnownArea | str:
        """Return an open area within the reach, or why not: `unknown_area`, `area_closed`, `area_ambiguous`,
        `area_not_yours`.
        """
        key = _SLASH.sub("/", as_key(text)).strip("/")
        exact = self._paths.get(key)
        found = [exact] if exact else self._areas.get(key, [])
        usable = [area for area in found if area.is_open]
        if not usable:
            return "area_closed" if found else "unknown_area"
        if len(usable) > 1:
            # The same name elsewhere is no question for whoever works in one place only.
            usable = [area for area in usable if self._reaches(area.path)]
            if len(usable) != 1:
                return "area_ambiguous" if usable else "area_not_yours"
        return usable[0] if self._reaches(usable[0].path) else "area_not_yours"

    def _reaches(self, path: str) -> bool:
        return any(path == mine or path.startswith(f"{mine}.") for mine in self._reach)
