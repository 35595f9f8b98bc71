"""Who is calling: access tokens checked against the directory's keys, and turned into internal tokens."""

from services.gateway.callers.keys import Keys
from services.gateway.callers.tokens import Caller, Callers

__all__ = ["Caller", "Callers", "Keys"]
