"""`python -m services.ledger.verifying [--tenant CODE] [--head FILE]…`: 0 all is well, 1 it is not, 2 it could not.

`linli ledger verify` runs it with the environment of the house.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import Final

import asyncpg

from services.ledger.verifying.logs import OldHead
from services.ledger.verifying.service import read_old_head, verify_tenant
from shared.db import Database

# A whole book is read in one statement's time.
_STATEMENT_TIMEOUT_MS: Final = 600_000


async def _tenants(relay_url: str) -> list[str]:
    connection = await asyncpg.connect(relay_url)
    try:
        rows = await connection.fetch("SELECT DISTINCT tenant_id FROM ledger.books ORDER BY 1")
    finally:
        await connection.close()
    return [row["tenant_id"] for row in rows]


async def _verify(url: str, tenants: list[str], kept: list[OldHead]) -> int:
    database = Database(url, schema="ledger", pool_size=2, statement_timeout_ms=_STATEMENT_TIMEOUT_MS)
    checked = wrong = 0
    try:
        for tenant in tenants:
            async for finding in verify_tenant(database, tenant, kept):
                checked += 1
                if finding.wrong is not None:
                    wrong += 1
                    sys.stdout.write(f"✗ {finding.subject}: {finding.check}: {finding.wrong}\n")
    finally:
        await database.close()
    verdict = "nothing wrong 账实相符" if not wrong else f"{wrong} WRONG 不符"
    sys.stdout.write(f"{len(tenants)} tenants, {checked} checks: {verdict}\n")
    return 1 if wrong else 0


def main() -> int:
    """Verify what the arguments and the environment name."""
    parser = argparse.ArgumentParser(prog="linli ledger verify", description="Compute the whole ledger anew")
    parser.add_argument("--tenant", help="one tenant; all by default")
    parser.add_argument("--head", action="append", default=[], type=Path, help="an older head that somebody has kept")
    options = parser.parse_args()
    try:
        kept = [read_old_head(path.read_text(encoding="utf-8-sig")) for path in options.head]
        url = os.environ["LINLI_LEDGER_DATABASE_URL"]
        tenants = [options.tenant] if options.tenant else asyncio.run(_tenants(os.environ["LINLI_RELAY_DATABASE_URL"]))
        return asyncio.run(_verify(url, tenants, kept))
    except (OSError, ValueError, KeyError, asyncpg.PostgresError) as problem:
        sys.stderr.write(f"cannot verify: {problem!r}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
