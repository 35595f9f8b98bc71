"""From spot checks to representations."""

from services.intake.spotchecks.models import SpotCheck
from services.intake.spotchecks.schemas import SpotCheckOut

__all__ = ["check_out"]


def check_out(check: SpotCheck, found: tuple[int, int]) -> SpotCheckOut:
    """Show a spot check with how many cases were looked at and how many are really solved."""
    plain = {name: getattr(check, name) for name in SpotCheckOut.model_fields if name not in {"checked", "solved"}}
    return SpotCheckOut.model_validate({**plain, "checked": found[0], "solved": found[1]})
