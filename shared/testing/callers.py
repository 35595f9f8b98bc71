"""Who is calling, in tests: the same internal tokens that the gateway sends, for whatever grants a test needs."""

from uuid import UUID

from shared.auth import Grant, Principal, Role, SigningKey, mint_internal
from shared.ids import new_id

__all__ = ["Callers"]


class Callers:
    """Makes request headers for principals of one tenant."""

    def __init__(self, key: SigningKey, tenant: str) -> None:
        self._key = key
        self.tenant = tenant

    def __call__(
        self,
        service: str,
        *grants: Grant | tuple[Role, str] | tuple[Role, str, UUID],
        person: UUID | None = None,
        tenant: str | None = None,
    ) -> dict[str, str]:
        """Return the headers of somebody signed in at a service.

        Args:
            service: the audience of the token.
            grants: as `Grant`, or short as `(role, path)` or `(role, path, unit_id)`.
            person: who; somebody new by default.
            tenant: another tenant than the test's own.
        """
        held = tuple(
            item if isinstance(item, Grant) else Grant(item[0], item[1], item[2] if len(item) > 2 else None)  # noqa: PLR2004
            for item in grants
        )
        principal = Principal(tenant or self.tenant, person or new_id(), "person", held)
        return {"Authorization": f"Bearer {mint_internal(principal, service, self._key)}"}

    def anonymous(self, service: str) -> dict[str, str]:
        """Return the headers of somebody who is not signed in."""
        principal = Principal("", None, "anonymous")
        return {"Authorization": f"Bearer {mint_internal(principal, service, self._key)}"}
