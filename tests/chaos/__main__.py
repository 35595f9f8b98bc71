"""`python -m tests.chaos [--short] [--seed N] [--only ROW] [--logs FOLDER]`: shake the house and count; one line of JSON per row.

A run can be replayed by its seed, as far as a machine with other things to do can be.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from pathlib import Path
from typing import Final

from shared.logging import configure_logging
from tests.chaos.ground import shaken
from tests.chaos.ledger_rows import LEDGER_ROWS
from tests.chaos.load_rows import LOAD_ROWS
from tests.chaos.pipe_rows import PIPE_ROWS
from tests.chaos.queue_rows import QUEUE_ROWS
from tests.chaos.service_rows import SERVICE_ROWS
from tests.chaos.told import LoadRow, Row, Told
from tests.chaos.webhook_rows import WEBHOOK_ROWS, DoorRow, door_alone

ROWS: Final[tuple[Row, ...]] = (*PIPE_ROWS, *QUEUE_ROWS, *SERVICE_ROWS, *LEDGER_ROWS)


async def main(*, short: bool, seed: int, only: set[str], logs: Path | None, workers: int) -> int:
    """Tell each row on a line; 1 when one of them does not hold."""
    configure_logging(level="error", as_json=True, process="chaos")
    good = True
    # Numbers of a quiet machine are not for every change: the short form leaves them out.
    for load in LOAD_ROWS:
        if str(load.number) in only or not (only or short):
            began = time.monotonic()
            good = _tell(load, await load.run(short=short), began) and good
    pushes = [row for row in WEBHOOK_ROWS if not only or str(row.number) in only]
    if pushes:
        async with door_alone() as door:
            for push in pushes:
                began = time.monotonic()
                good = _tell(push, await push.run(door, short=short), began) and good
    rows = [row for row in ROWS if not only or str(row.number) in only]
    if rows:
        async with shaken(seed=seed, logs=logs, workers=workers) as ground:
            for row in rows:
                began = time.monotonic()
                try:
                    await ground.ready()
                    told = await row.run(ground, short=short, seed=seed)
                except Exception as error:
                    told = Told({"error": repr(error)[:500], "seed": seed}, ok=False)
                good = _tell(row, told, began) and good
    return 0 if good else 1


def _tell(row: Row | LoadRow | DoorRow, told: Told, began: float) -> bool:
    took_s = round(time.monotonic() - began, 1)
    line = {"fault": row.number, "name": row.name, "figures": told.figures, "took_s": took_s, "ok": told.ok}
    print(json.dumps(line, ensure_ascii=False), flush=True)
    return told.ok


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--short", action="store_true", help="few and short, as in CI")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--only", action="append", default=[], help="the number of a row")
    parser.add_argument("--logs", type=Path, help="where the house's logs are copied to")
    parser.add_argument("--workers", type=int, default=1, help="worker processes in the shaken house")
    asked = parser.parse_args()
    sys.exit(
        asyncio.run(
            main(short=asked.short, seed=asked.seed, only=set(asked.only), logs=asked.logs, workers=asked.workers)
        )
    )
