"""A tenant's pack: JSON files of plain rows with keys, read whole and checked before anything is sent.

Rows name each other by key; the ids that the house sees are derived from tenant and key. A pack holds roles and
places, no persons: every name says what somebody is, every telephone number is from an invented range.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from seeds.ids import pack_id

__all__ = ["KINDS", "Pack", "PackProblem", "Row", "read_pack", "tenants"]

Row = Mapping[str, Any]

_PACKS: Final = Path(__file__).parent / "packs"
# The files of a pack, in the order in which their rows may refer back to each other.
KINDS: Final = (
    "areas",
    "units",
    "staff",
    "residents",
    "categories",
    "entitlement_kinds",
    "partners",
    "offers",
    "venues",
    "funds",
    "property_books",
    "campaigns",
    "checklists",
    "opinions",
    "errands",
    "matters",
    "disputes",
    "past_cases",
)
# Which member of a row names a row of which file.
_REFERENCES: Final = {
    "parent": "areas",
    "parent_code": "categories",
    "area": "areas",
    "unit": "units",
    "partner": "partners",
}


class PackProblem(Exception):
    """A pack that contradicts itself."""


@dataclass(frozen=True, slots=True)
class Pack:
    """All rows of a tenant by kind and key, in file order; `about` is the tenant itself."""

    tenant: str
    about: Row
    rows: Mapping[str, Mapping[str, Row]]

    def id(self, kind: str, key: str) -> UUID:
        """Return the id of a row that exists in this pack."""
        if key not in self.rows[kind]:
            message = f"{self.tenant}: no {kind} row has the key {key!r}"
            raise PackProblem(message)
        return pack_id(self.tenant, kind, key)

    def all(self, kind: str) -> list[Row]:
        """Return the rows of one kind in file order."""
        return list(self.rows[kind].values())

    def row(self, kind: str, key: str) -> Row:
        """Return one row."""
        return self.rows[kind][key]


def tenants() -> list[str]:
    """Return the tenants that have a pack."""
    return sorted(folder.name for folder in _PACKS.iterdir() if (folder / "tenant.json").is_file())


def read_pack(tenant: str) -> Pack:
    """Read and check the pack of a tenant.

    Raises:
        PackProblem: no such pack, a key used twice, or a row that names one that does not come before it.
    """
    folder = _PACKS / tenant
    if tenant not in tenants():
        message = f"no pack for {tenant!r}; there are: {', '.join(tenants())}"
        raise PackProblem(message)
    rows: dict[str, dict[str, Row]] = {}
    for kind in KINDS:
        rows[kind] = {}
        for row in _read(folder / f"{kind}.json"):
            if row["key"] in rows[kind]:
                message = f"{tenant}/{kind}: the key {row['key']!r} is used twice"
                raise PackProblem(message)
            _check_references(f"{tenant}/{kind}/{row['key']}", row, rows)
            rows[kind][row["key"]] = row
    about = json.loads((folder / "tenant.json").read_text(encoding="utf-8"))
    return Pack(tenant=tenant, about=about, rows=rows)


def _read(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def _check_references(where: str, row: Row, rows: Mapping[str, Mapping[str, Row]]) -> None:
    """Refuse a row that names a row which does not come before it; its nested rows are looked at too."""
    for part in (
        row,
        *row.get("grants", ()),
        *row.get("contributions", ()),
        *row.get("advertising", ()),
        *row.get("gifts", ()),
    ):
        for member, kind in _REFERENCES.items():
            named = part.get(member)
            if named is not None and named not in rows.get(kind, {}):
                message = f"{where}: {member} {named!r} is not in {kind}"
                raise PackProblem(message)
