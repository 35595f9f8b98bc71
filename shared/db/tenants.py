"""How a transaction is bound to one tenant.

The tenant is set by SET LOCAL in the same message that begins the transaction: it costs no round trip, ends with the
transaction, and is carried to the workers of a Citus cluster, which set_config() is not. SET takes no parameters,
so the code is checked against a pattern that needs no quoting before it is written into the statement.
"""

import re
from typing import Final

__all__ = ["TENANT_PATTERN", "begin_statement", "check_tenant"]

TENANT_PATTERN: Final = r"^[a-z0-9_]{1,32}$"
_TENANT = re.compile(r"[a-z0-9_]{1,32}")


def check_tenant(tenant: str) -> str:
    """Return the tenant code, or raise ValueError when it is not one."""
    if not _TENANT.fullmatch(tenant):
        message = "a tenant code is 1 to 32 of a-z, 0-9 and _"
        raise ValueError(message)
    return tenant


def begin_statement(tenant: str, *, read_only: bool = False) -> str:
    """Return the message that begins a transaction of this tenant."""
    begin = "BEGIN READ ONLY" if read_only else "BEGIN"
    return f"{begin}; SET LOCAL linli.tenant = '{check_tenant(tenant)}'"
