"""The words of GeoReport v2: which of our states are closed, how times are written, and what can be wrong.

After https://wiki.open311.org/GeoReport_v2 (frozen): 404 for what does not exist, 403 for a wrong or missing api_key,
400 for nearly everything else; several errors of one request are told together.
"""

import re
from datetime import datetime, time, timedelta
from typing import ClassVar, Final

from services.intake.cases.terms import ENDED, Outcome, State
from shared.clock import CHINA
from shared.problems import Problem
from shared.texts import Text

__all__ = [
    "BadArguments",
    "NotThere",
    "TooFast",
    "TooLong",
    "WrongKey",
    "date_range",
    "notes_of",
    "read_time",
    "said_time",
    "status_of",
]

SPAN_DAYS_MAX: Final = 90
_SPAN: Final = timedelta(days=SPAN_DAYS_MAX)
_NOTES: Final = {
    State.FILED: Text(zh="已收到", en="Received"),
    State.ACCEPTED: Text(zh="已受理", en="Accepted"),
    State.TRIAGED: Text(zh="已研判，等待承办", en="Judged; waiting for a unit to take it"),
    State.ASSIGNED: Text(zh="已指派承办单位", en="Assigned to a unit"),
    State.CLAIMED: Text(zh="承办单位办理中", en="A unit is working on it"),
    State.RESOLVED: Text(zh="已办结，等待评价", en="Resolved; waiting for the requester's verdict"),
    State.REOPENED: Text(zh="未解决，重新办理", en="Not solved; opened again"),
    State.CLOSED: Text(zh="已办结", en="Closed"),
}
_SATISFIED: Final = Text(zh="已办结，诉求人认可", en="Closed; the requester says it is solved")
# Closed, and not because it was solved.
_UNSOLVED: Final = {
    Outcome.DECLINED: Text(zh="未予受理", en="Declined"),
    Outcome.WITHDRAWN: Text(zh="诉求人已撤回", en="Withdrawn by the requester"),
    Outcome.MERGED: Text(zh="已与同类诉求合并", en="Merged into one about the same"),
}
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class Refused(Problem):
    """A refusal in the words of the specification: one or more things that are wrong."""

    code = "open311_refused"
    status: ClassVar[int] = 400

    def __init__(self, *said: Text, headers: dict[str, str] | None = None) -> None:
        super().__init__(said[0], headers=headers)
        self.said = said


class BadArguments(Refused):
    """Anything that is wrong with what was sent."""

    code = "open311_bad_arguments"


class WrongKey(Refused):
    """The api_key is missing, unknown, revoked, or of another jurisdiction."""

    code = "open311_wrong_key"
    status = 403


class NotThere(Refused):
    """No such jurisdiction, service, token or request, or it is not shown."""

    code = "open311_not_found"
    status = 404


class TooLong(Refused):
    """The body is larger than any request of a person."""

    code = "open311_too_large"
    status = 413


class TooFast(Refused):
    """The key's budget is spent for the moment."""

    code = "open311_too_fast"
    status = 429

    def __init__(self, wait_s: float) -> None:
        seconds = max(1, round(wait_s + 0.5))
        said = Text(zh="该密钥提交过于频繁，请 {s} 秒后再试", en="This key files too fast; try again in {s} s")
        super().__init__(said.format(s=seconds), headers={"Retry-After": str(seconds)})


def status_of(state: str) -> str:
    """Return `open`, or `closed`: "it has been resolved", which its requester may contradict."""
    return "closed" if state in ENDED else "open"


def notes_of(state: str, outcome: str | None, said: str | None = None) -> Text:
    """Return what is said of a state: fixed words, since notes of officers may name people, and what is `said` to all.

    Args:
        state: of the case.
        outcome: of a closed case.
        said: what was written for everybody when the case was solved.
    """
    words = _words_of(state, outcome)
    if said is None or state not in ENDED or outcome in _UNSOLVED:
        return words
    return Text(zh=f"{words.zh}：{said}", en=f"{words.en}: {said}")


def _words_of(state: str, outcome: str | None) -> Text:
    if state == State.CLOSED and outcome == Outcome.SATISFIED:
        return _SATISFIED
    if state == State.CLOSED and outcome in _UNSOLVED:
        return _UNSOLVED[Outcome(outcome)]
    return _NOTES[State(state)]


def said_time(instant: datetime | None) -> str | None:
    """Write an instant in the W3C profile of ISO 8601, with the offset of China."""
    return instant.astimezone(CHINA).isoformat(timespec="seconds") if instant is not None else None


def read_time(text: str) -> datetime | None:
    """Read an instant of the W3C profile; a day alone is its first moment in China. None when it is neither.

    A `+` that a client has not encoded arrives as a blank, and means a `+`.
    """
    try:
        if _DAY.fullmatch(text):
            return datetime.combine(datetime.fromisoformat(text).date(), time(), CHINA)
        found = datetime.fromisoformat(text.replace(" ", "+"))
        return found if found.tzinfo is not None and abs(found.utcoffset() or timedelta()) < timedelta(days=1) else None
    except ValueError:
        return None


def date_range(start: str | None, end: str | None, now: datetime) -> tuple[datetime, datetime]:
    """Return the first and the last instant that are asked for: the most recent 90 days, unless told otherwise.

    Raises:
        BadArguments: not a time of the W3C profile, the wrong way round, or more than 90 days.
    """
    wrong = [
        Text(zh=f"{name} 不是带时区的 W3C 时间", en=f"{name} is not a time in W3C format with a timezone")
        for name, text in (("start_date", start), ("end_date", end))
        if text is not None and read_time(text) is None
    ]
    if wrong:
        raise BadArguments(*wrong)
    try:
        first, last = read_time(start or ""), read_time(end or "")
        last = last or (min(now, first + _SPAN) if first is not None and first <= now else now)
        first = first or last - _SPAN
        span = last - first
    except OverflowError:
        raise BadArguments(Text(zh="日期超出范围", en="The dates are out of range")) from None
    if span > _SPAN or span < timedelta(0):
        raise BadArguments(
            Text(
                zh=f"起止日期不得超过 {SPAN_DAYS_MAX} 天", en=f"start_date to end_date spans 0 to {SPAN_DAYS_MAX} days"
            )
        )
    return first, last
