"""Helpers for tests against the real thing: real servers in temporary folders, real tokens, the real pipe run to
rest.
"""

from shared.testing.callers import Callers
from shared.testing.pipe import Pipe
from shared.testing.places import Places
from shared.testing.servers import TestServers, start_servers

__all__ = ["Callers", "Pipe", "Places", "TestServers", "start_servers"]
