"""By which channel who may write down a case for somebody else."""

from collections.abc import Mapping
from typing import Final

from services.intake.cases.terms import Channel
from shared.auth import Role

__all__ = ["RECORDERS"]

_OFFICERS: Final = (Role.OFFICER, Role.SECRETARY)

# The app is the requester's own; tables and civic apps have doors of their own.
RECORDERS: Final[Mapping[Channel, tuple[Role, ...]]] = {
    Channel.VISIT: (Role.GRID_WORKER, *_OFFICERS),
    Channel.HOTLINE: _OFFICERS,
    Channel.ENTERPRISE: (Role.GRID_WORKER, *_OFFICERS),
    Channel.COUNCIL: (Role.CONVENOR, *_OFFICERS),
}
