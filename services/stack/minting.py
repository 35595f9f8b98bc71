"""Tokens for trying things out, minted with the directory's own signing key: whoever holds that key is the operator.

`python -m services.stack.minting '[{"tenant": …, "role": …, "at": …, "ttl_s": …}]'` prints one token a line.
A program of its own, so that the supervisor does not carry the services' libraries.
"""

import json
import os
import sys
from typing import Any
from uuid import UUID

from shared.auth import Grant, Principal, Role, mint_access, read_signing_key
from shared.db import check_tenant
from shared.ids import new_id

__all__ = ["mint"]


def mint(signing_keys: str, tenant: str, role: Role, *, at: str, ttl_s: int, unit_id: UUID | None = None) -> str:
    """Mint an access token.

    Args:
        signing_keys: the directory's seeds; the first signs.
        tenant: whose.
        role: what its bearer is.
        at: the path of the area at which.
        ttl_s: for how long.
        unit_id: the unit that it acts for, if any.
    """
    principal = Principal(check_tenant(tenant), new_id(), "person", (Grant(role, at, unit_id),), None)
    return mint_access(principal, read_signing_key(signing_keys.split(",", maxsplit=1)[0].strip()), ttl_s)


def main() -> int:
    """Mint what the argument asks for; 2 when that is not possible."""
    wanted: list[dict[str, Any]] = json.loads(sys.argv[1])
    try:
        keys = os.environ["LINLI_TOKEN_SIGNING_KEY"]
        tokens = [mint(keys, one["tenant"], Role(one["role"]), at=one["at"], ttl_s=one["ttl_s"]) for one in wanted]
    except (KeyError, ValueError) as problem:
        sys.stderr.write(f"no token: {problem}\n")
        return 2
    sys.stdout.write("".join(f"{token}\n" for token in tokens))
    return 0


if __name__ == "__main__":
    sys.exit(main())
