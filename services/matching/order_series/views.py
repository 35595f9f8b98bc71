"""From rows to representations of recurring orders."""

from typing import Final

from services.matching.order_series.models import Series
from services.matching.order_series.rules import STEPS
from services.matching.order_series.schemas import SeriesOut
from services.matching.order_series.service import facts_of
from shared.auth import Principal
from shared.steps import next_actions

__all__ = ["series_out"]

_COMPUTED: Final = frozenset({"next_actions", "starts_at", "lasts_minutes", "skip_on"})


def series_out(series: Series, caller: Principal) -> SeriesOut:
    """Show a recurring order with what the caller may do next."""
    told = next_actions(STEPS, facts_of(series), caller)
    columns = {name: getattr(series, name) for name in SeriesOut.model_fields if name not in _COMPUTED}
    return SeriesOut.model_validate(
        {
            **columns,
            "starts_at": f"{series.opens:%H:%M}",
            "lasts_minutes": series.lasts_min,
            "skip_on": series.skips,
            "next_actions": told,
        }
    )
