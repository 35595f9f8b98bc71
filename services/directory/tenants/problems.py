"""Refusals that concern the tenant itself."""

from shared.problems import Conflict
from shared.texts import Text

__all__ = ["TenantMissing"]


class TenantMissing(Conflict):
    """The token's tenant has not been set up here."""

    code = "tenant_missing"
    title = Text(zh="该区县尚未建立", en="This tenant has not been set up")
