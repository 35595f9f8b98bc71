"""The table of events in the receivers' guide is what the contracts say. `make snapshots` writes it anew."""

import os
from pathlib import Path
from typing import Final

from services.matching.endpoints.views import catalogue_out

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "webhooks.md"
BEGIN: Final = "<!-- catalogue: written by `make snapshots` -->\n"
END: Final = "<!-- /catalogue -->"


def table() -> str:
    lines = ["| type | concerns | what happened | `data` |", "|---|---|---|---|"]
    for event in catalogue_out().events:
        members = ", ".join(f"`{name}`" for name in event.sample["data"])
        lines.append(f"| `{event.type}` | {event.concerns} | {event.summary} | {members} |")
    return "\n".join(lines) + "\n"


def test_the_guide_lists_the_catalogue() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    written, _, after = rest.partition(END)
    if os.environ.get("LINLI_WRITE_SNAPSHOTS"):
        GUIDE.write_text(before + BEGIN + table() + END + after, encoding="utf-8")
        return
    assert written == table(), "reviewed? then: make snapshots"
