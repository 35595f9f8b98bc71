"""Platforms, languages, quiet hours, and what reaches a person. Pure."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final

from shared.clock import CHINA

__all__ = ["DEFAULTS", "DEVICES_MAX", "Language", "Platform", "Reach", "Wishes", "quiet_until"]

# Beyond it the device that has been silent for the longest makes room: a lost telephone never comes to sign out.
DEVICES_MAX: Final = 10


class Platform(StrEnum):
    """What kind of device a push token belongs to; the provider's bridge chooses the service by it."""

    IOS = "ios"
    ANDROID = "android"
    HARMONY = "harmony"
    WEB = "web"
    MINI_PROGRAM = "mini_program"


class Language(StrEnum):
    """In which language a device is spoken to."""

    ZH = "zh"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Wishes:
    """How somebody wants to be reached; quiet hours are on the clock of China, both ends or neither."""

    push: bool
    sms: bool
    quiet_from: time | None
    quiet_to: time | None


@dataclass(frozen=True, slots=True)
class Reach:
    """By what somebody can be reached outside the inbox."""

    push: bool
    sms: bool


DEFAULTS: Final = Wishes(push=True, sms=False, quiet_from=time(22), quiet_to=time(7))


def quiet_until(wishes: Wishes, now: datetime) -> datetime | None:
    """Return when the quiet hours end that `now` lies in; None outside of them. Their end is not quiet any more."""
    start, end = wishes.quiet_from, wishes.quiet_to
    if start is None or end is None:
        return None
    local = now.astimezone(CHINA)
    clock = local.time()
    over_night = start > end
    is_quiet = (clock >= start or clock < end) if over_night else start <= clock < end
    if not is_quiet:
        return None
    day = local.date() + timedelta(days=1 if over_night and clock >= start else 0)
    return datetime.combine(day, end, CHINA).astimezone(now.tzinfo)
