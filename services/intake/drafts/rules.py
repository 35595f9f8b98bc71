"""What can be wrong with a draft."""

from datetime import timedelta
from typing import Final

from shared.problems import Conflict, Invalid, TooLarge
from shared.texts import Text

__all__ = [
    "BODY_MAX_BYTES",
    "DRAFTS_MAX",
    "KEPT_FOR",
    "DraftFiled",
    "DraftIncomplete",
    "DraftTooLarge",
    "TooManyDrafts",
]

DRAFTS_MAX: Final = 50
BODY_MAX_BYTES: Final = 64 * 1024
KEPT_FOR: Final = timedelta(days=30)


class DraftTooLarge(TooLarge):
    """More than 64 kB of JSON."""

    code = "draft_too_large"


class TooManyDrafts(Conflict):
    """One person has many drafts; `most` says how many they may have."""

    code = "too_many_drafts"
    title = Text(zh="草稿过多，请先提交或删除一些", en="Too many drafts: file or remove some first")


class DraftFiled(Conflict):
    """A case of this id exists: the draft was filed."""

    code = "draft_filed"
    title = Text(zh="该草稿已提交", en="The draft was filed already")


class DraftIncomplete(Invalid):
    """It is no case yet; `errors` says what is missing or wrong."""

    code = "draft_incomplete"
    title = Text(zh="草稿尚不完整", en="The draft is not complete yet")
