"""Runs the seeds against a house, as any other client: a program of its own that knows an address and some secrets."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from services.stack.home import project_root
from services.stack.house import run_python
from shared.embedded import launched

__all__ = ["Wanted", "mint_tokens", "root_path", "run_seeds", "seed_tenants", "seeds_environment"]

_SEED_TTL_S = 3600


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token to be minted: whose, for which role, at which area's path, for how long."""

    tenant: str
    role: str
    at: str
    ttl_s: int = _SEED_TTL_S


def seed_tenants() -> list[str]:
    """Return the tenants that there are packs for."""
    packs = project_root() / "seeds" / "packs"
    return sorted(folder.name for folder in packs.glob("*") if (folder / "areas.json").is_file())


def root_path(tenant: str) -> str:
    """Return the path of a pack's root area; the tenant's own code where there is no pack."""
    try:
        content = (project_root() / "seeds" / "packs" / tenant / "areas.json").read_text(encoding="utf-8")
    except OSError:
        return tenant
    areas: list[dict[str, Any]] = json.loads(content)
    return next((str(area["key"]) for area in areas if not area.get("parent")), tenant)


async def mint_tokens(environment: Mapping[str, str], wanted: Sequence[Wanted]) -> list[str]:
    """Mint tokens with the signing key that stands in an environment; RuntimeError tells why not."""
    request = json.dumps([asdict(one) for one in wanted])
    printed = await run_python("-m", "services.stack.minting", request, environment=environment)
    return printed.split()


async def seeds_environment(environment: Mapping[str, str], *, url: str, code_log: Path | None) -> dict[str, str]:
    """Return what the seeds are told: the door, operator tokens, the staff's password and where codes are shown."""
    told = {**environment, "LINLI_URL": url}
    if code_log is not None:
        told["LINLI_CODE_LOG"] = str(code_log)
    if not environment.get("LINLI_SEED_TOKENS") and environment.get("LINLI_TOKEN_SIGNING_KEY"):
        tenants = seed_tenants()
        tokens = await mint_tokens(environment, [Wanted(tenant, "operator", root_path(tenant)) for tenant in tenants])
        told["LINLI_SEED_TOKENS"] = json.dumps(dict(zip(tenants, tokens, strict=True)))
    return told


async def run_seeds(environment: Mapping[str, str], *arguments: str) -> int:
    """Run `python -m seeds …`, its output going where ours goes; returns its exit code."""
    process = await asyncio.create_subprocess_exec(
        *launched([sys.executable, "-m", "seeds", *arguments]),
        env=dict(environment),
        cwd=project_root(),
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
