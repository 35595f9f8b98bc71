"""Tokens for trying things out, minted with the directory's own signing key: whoever holds that key is the operator."""

import json
from typing import Any

from services.stack.home import project_root
from shared.auth import Grant, Principal, Role, mint_access, read_signing_key
from shared.db import check_tenant
from shared.ids import new_id

__all__ = ["mint", "root_path", "seed_tenants", "seed_tokens"]


def seed_tenants() -> list[str]:
    """Return the tenants that there are packs for."""
    packs = project_root() / "seeds" / "packs"
    return sorted(folder.name for folder in packs.iterdir() if (folder / "areas.json").is_file())


def root_path(tenant: str) -> str:
    """Return the path of a pack's root area; the tenant's own code where there is no pack."""
    try:
        content = (project_root() / "seeds" / "packs" / tenant / "areas.json").read_text(encoding="utf-8")
    except OSError:
        return tenant
    areas: list[dict[str, Any]] = json.loads(content)
    return next((str(area["key"]) for area in areas if not area.get("parent")), tenant)


def mint(signing_keys: str, tenant: str, role: Role, *, at: str | None = None, ttl_s: int = 900) -> str:
    """Mint an access token.

    Args:
        signing_keys: the directory's seeds; the first signs.
        tenant: whose.
        role: what its bearer is.
        at: the path of the area at which; the tenant's root by default.
        ttl_s: for how long.
    """
    grant = Grant(role, at or root_path(tenant))
    principal = Principal(check_tenant(tenant), new_id(), "person", (grant,), None)
    return mint_access(principal, read_signing_key(signing_keys.split(",", maxsplit=1)[0].strip()), ttl_s)


def seed_tokens(signing_keys: str) -> str:
    """Return the operator tokens that the seeds load the packs with, as JSON by tenant."""
    return json.dumps({tenant: mint(signing_keys, tenant, Role.OPERATOR, ttl_s=3600) for tenant in seed_tenants()})
