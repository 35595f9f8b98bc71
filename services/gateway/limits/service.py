"""The two budgets: one for whoever is signed in, one for each address that is not."""

from functools import lru_cache
from ipaddress import ip_network

from services.gateway.limits.rules import Budgets, Policy
from services.gateway.problems import RateLimited
from services.gateway.settings import GatewaySettings

__all__ = ["Limits"]


@lru_cache(maxsize=4096)
def _address_key(address: str) -> str:
    """Return what counts as one address: an IPv6 network of /64, since whoever has one address has all of these."""
    if ":" not in address:
        return address
    try:
        return str(ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address


class Limits:
    """Admits or refuses at once; see `Sharing` for how several gateways agree."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.callers = Budgets(
            Policy(settings.gateway_caller_rate_per_s, settings.gateway_caller_burst),
            keys_max=settings.gateway_limit_keys_max,
        )
        self.addresses = Budgets(
            Policy(settings.gateway_anonymous_rate_per_s, settings.gateway_anonymous_burst),
            keys_max=settings.gateway_limit_keys_max,
        )

    def take_caller(self, key: str, now: float) -> None:
        """Spend one request of a caller's budget, or raise RateLimited."""
        wait_s = self.callers.take(key, now)
        if wait_s:
            raise self._refusal(self.callers, key, wait_s, now)

    def take_anonymous(self, address: str, now: float) -> None:
        """Spend one request of an address's budget, or raise RateLimited."""
        key = _address_key(address)
        wait_s = self.addresses.take(key, now)
        if wait_s:
            raise self._refusal(self.addresses, key, wait_s, now)

    @staticmethod
    def _refusal(budgets: Budgets, key: str, wait_s: float, now: float) -> RateLimited:
        return RateLimited(wait_s=wait_s, burst=budgets.policy.burst, full_s=budgets.debt_s(key, now))
