"""What the directory does when nobody asks: it listens to nobody, and clears its old rows whenever it adds one."""

from shared.messaging import Consumers, Schedule

__all__ = ["consumers", "schedules"]

consumers = Consumers("directory")
schedules: tuple[Schedule, ...] = ()
