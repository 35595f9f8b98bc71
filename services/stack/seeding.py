"""Runs the seeds against a house, as any other client: a program of its own that knows an address and some secrets."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

from services.stack.home import project_root
from services.stack.tokens import seed_tokens

__all__ = ["run_seeds", "seeds_environment"]


def seeds_environment(environment: Mapping[str, str], *, url: str, code_log: Path | None) -> dict[str, str]:
    """Return what the seeds are told: the door, operator tokens, the staff's password and where codes are shown."""
    log = {"LINLI_CODE_LOG": str(code_log)} if code_log is not None else {}
    return {
        **environment,
        **log,
        "LINLI_URL": url,
        "LINLI_SEED_TOKENS": seed_tokens(environment["LINLI_TOKEN_SIGNING_KEY"]),
    }


async def run_seeds(environment: Mapping[str, str], *arguments: str) -> int:
    """Run `python -m seeds …`, its output going where ours goes; returns its exit code."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "seeds", *arguments, env=dict(environment), cwd=project_root()
    )
    try:
        return await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
