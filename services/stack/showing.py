"""What `linli status` shows: the processes, and how the pipe between the services stands."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families
from rich.table import Table

from services.stack.probing import metrics, readiness
from services.stack.vitals import tree_memory_bytes

__all__ = ["MEGABYTE", "pipe_table", "process_table", "states"]

MEGABYTE: Final = 1024 * 1024
_GOOD: Final = frozenset({"ready", "running"})
_LATE_S: Final = 10.0


async def states(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Ask our programs how they are; of a server, only whether it runs is known from outside."""

    async def state(part: Mapping[str, Any]) -> str:
        if part["answers"]:
            return await readiness(int(part["port"]))
        return "running" if part["pid"] and Path(f"/proc/{part['pid']}").exists() else "stopped"

    found = await asyncio.gather(*(state(part) for part in parts.values()))
    return dict(zip(parts, found, strict=True))


def process_table(parts: Mapping[str, Mapping[str, Any]], found: Mapping[str, str], *, title: str) -> Table:
    """Show every process: where it is, how it is, since when, and what it weighs."""
    table = Table("process", "pid", "port", "state", "up", "restarts", "memory", title=title)
    for name, part in parts.items():
        colour = "green" if found[name] in _GOOD else "yellow" if found[name] == "degraded" else "red"
        minutes, seconds = divmod(max(0, int(time.time() - part["started_at"])), 60)
        memory, _ = tree_memory_bytes([part["pid"]] if part["pid"] else [])
        table.add_row(
            name,
            str(part["pid"] or "—"),
            str(part["port"]),
            f"[{colour}]{found[name]}[/{colour}]",
            f"{minutes}:{seconds:02}",
            str(part["restarts"]),
            f"{memory / MEGABYTE:.0f} MB",
        )
    return table


def pipe_table(port: int) -> Table | None:
    """Show what waits between the services, as the worker at this port tells it; None when it is silent."""
    told = metrics(port)
    if not told:
        return None
    rows: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(told):
        for sample in family.samples:
            service = sample.labels.get("service")
            if service is not None and sample.name.startswith("linli_"):
                name = sample.name.removeprefix("linli_")
                name = f"{name}:{sample.labels['state']}" if "state" in sample.labels else name
                row = rows.setdefault(service, {})
                old = row.get(name, 0.0)
                row[name] = max(old, sample.value) if name == "outbox_oldest_seconds" else old + sample.value
    table = Table("service", "owed", "oldest", "queue", "sent", "again", "applied", title="events")
    for column in ("waiting", "failed", "dead"):
        table.add_column(column)
    for service, row in sorted(rows.items()):
        oldest, dead = row.get("outbox_oldest_seconds", 0.0), int(row.get("inbox_events:dead", 0))
        late = f"{oldest:.1f} s" if oldest else "—"
        table.add_row(
            service,
            *(f"{row.get('outbox_unacknowledged', 0):.0f}", f"[red]{late}[/red]" if oldest > _LATE_S else late),
            *(f"{row.get(name, 0):.0f}" for name in ("queue_jobs", "events_sent_total", "events_resent_total")),
            *(f"{row.get(name, 0):.0f}" for name in ("events_applied_total", "inbox_events:waiting")),
            *(f"{row.get('inbox_events:failed', 0):.0f}", f"[red]{dead}[/red]" if dead else "0"),
        )
    return table
