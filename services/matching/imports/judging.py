"""From a row of cells to an offer as it is sent, or to what is wrong with it. Pure; everything is told at once."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from pydantic import ValidationError

from services.matching.imports.rules import KIND_WORDS, Complaint, complain
from services.matching.offers.schemas import OfferItem
from shared.reference.names import AreaNames
from shared.tables import Cell, Row, as_key, as_moment, as_text

__all__ = ["Judged", "fen_of", "judge", "rule_of_days"]

_MONEY: Final = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,2}))?", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,16}", re.ASCII)
_CLOCK: Final = re.compile(r"([01]?[0-9]|2[0-3])[:：]([0-5][0-9])(?:[:：]00)?", re.ASCII)
_LIST: Final = re.compile(r"[、,，;；\s]+")
_DAYS: Final = {"一": "MO", "二": "TU", "三": "WE", "四": "TH", "五": "FR", "六": "SA", "日": "SU", "天": "SU"}
_WORK: Final = "MO,TU,WE,TH,FR"
_FLAGS: Final = {
    **dict.fromkeys(("是", "有效", "yes", "true"), True),
    **dict.fromkeys(("否", "无效", "no", "false"), False),
}
# A weekly rule is the same whenever it began; a fixed day keeps the same table the same.
_SINCE: Final = date(2020, 1, 1)
# Where a member of an offer stands in the table.
_COLUMN_OF: Final = {"price_fen": "price", "amount_fen": "amount", "eligibility": "entitlements", "hours": "open_days"}


@dataclass(frozen=True, slots=True)
class Judged:
    """A row with its judgement: an offer as it is sent, or complaints."""

    line: int
    external_id: str
    title: str
    item: OfferItem | None
    complaints: list[Complaint] = field(default_factory=list)


def fen_of(text: str) -> int | None:
    """Return an amount in yuan as fen, exactly; None for anything else."""
    found = _MONEY.fullmatch(as_key(text).removesuffix("元").strip())
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else None


def rule_of_days(text: str) -> str | None:
    """Return the recurrence of days in words: 每天, 工作日, 周一、周三, or MO,WE; None for anything else."""
    key = as_key(text)
    if key in {"每天", "每日", "daily"}:
        return "FREQ=DAILY"
    if key in {"工作日", "weekdays"}:
        return f"FREQ=WEEKLY;BYDAY={_WORK}"
    days = []
    for word in filter(None, _LIST.split(key)):
        short = word.removeprefix("星期").removeprefix("周")
        day = _DAYS.get(short, short.upper() if short.upper() in _DAYS.values() else None)
        if day is None:
            return None
        days.append(day)
    return f"FREQ=WEEKLY;BYDAY={','.join(dict.fromkeys(days))}" if days else None


def judge(row: Row, areas: AreaNames, versions: Mapping[str, int]) -> Judged:
    """Judge a row.

    Args:
        row: as it was read.
        areas: where the partner may offer.
        versions: of the offers that are known, by their ids; a row without a version is the newest word.
    """
    reader = _Reader(row, areas, versions)
    item = reader.read()
    title = reader.text("title")[:200]
    return Judged(row.line, reader.text("external_id")[:100], title, item, reader.complaints)


class _Reader:
    """Reads one row and gathers complaints."""

    def __init__(self, row: Row, areas: AreaNames, versions: Mapping[str, int]) -> None:
        self._cells: dict[str, Cell] = row.cells
        self._texts = {name: as_text(cell) for name, cell in row.cells.items()}
        self._areas, self._versions = areas, versions
        self.complaints: list[Complaint] = []

    def text(self, name: str) -> str:
        """Return what a cell says."""
        return self._texts.get(name, "").replace("\x00", "\ufffd")

    def read(self) -> OfferItem | None:
        """Read the row; None when there are complaints."""
        members: dict[str, Any] = {
            "external_id": self._needed("external_id"),
            "external_version": self._version(),
            "kind": self._word("kind", KIND_WORDS.get, "unknown_kind", needed=True),
            "category": self._needed("category"),
            "title": self._needed("title"),
            "description": self.text("description") or self.text("title"),
            "area_id": self._area(),
            "place_text": self.text("place_text") or None,
            "quantity": self._number("quantity") if self.text("quantity") else 1,
            "capacity_per_day": self._number("capacity_per_day"),
            "price_fen": self._word("price", fen_of, "bad_money"),
            "amount_fen": self._word("amount", fen_of, "bad_money"),
            "skills": self._list("skills"),
            "eligibility": {
                "entitlements": self._list("entitlements"),
                "min_age": self._number("min_age"),
                "max_age": self._number("max_age"),
            },
            "hours": self._hours(),
            "valid_from": self._moment("valid_from"),
            "valid_until": self._moment("valid_until"),
            "active": self._word("active", _FLAGS.get, "bad_flag") is not False,
        }
        return None if self.complaints else self._item(members)

    def _item(self, members: dict[str, Any]) -> OfferItem | None:
        """Let the shape of an offer judge what the cells could not."""
        try:
            return OfferItem.model_validate(members)
        except ValidationError as error:
            for found in error.errors():
                name = str(found["loc"][0])
                column = _COLUMN_OF.get(name, "area" if name == "area_id" else name)
                is_code = found["type"] == "string_pattern_mismatch" and name in {"category", "skills", "eligibility"}
                is_text = isinstance(found["input"], str) and not is_code
                self._complain(column, "bad_code" if is_code else "bad_text" if is_text else "bad_number")
            return None

    def _complain(self, column: str, code: str) -> None:
        self.complaints.append(complain(column, code, self._texts.get(column, "")))

    def _needed(self, name: str) -> str:
        if not self.text(name):
            self._complain(name, "missing")
        return self._texts.get(name, "")

    def _version(self) -> int:
        if self.text("external_version"):
            return self._number("external_version") or 0
        return self._versions.get(self.text("external_id"), 0) + 1

    def _word(self, name: str, read: Callable[[str], Any], code: str, *, needed: bool = False) -> Any:  # noqa: ANN401
        text = self._needed(name) if needed else self.text(name)
        if not text:
            return None
        found = read(as_key(text))
        if found is None:
            self._complain(name, code)
        return found

    def _number(self, name: str) -> int | None:
        text = as_key(self.text(name))
        if not text:
            return None
        if not _NUMBER.fullmatch(text):
            self._complain(name, "bad_number")
            return None
        return int(text)

    def _list(self, name: str) -> list[str]:
        return [word for word in _LIST.split(as_key(self.text(name))) if word]

    def _area(self) -> Any:  # noqa: ANN401 - an id, or whatever when there is a complaint
        text = self._needed("area")
        found = self._areas.find(text) if text else None
        if isinstance(found, str):
            self._complain("area", found)
            return None
        return found.id if found is not None else None

    def _moment(self, name: str) -> Any:  # noqa: ANN401 - a time, or nothing
        if not self.text(name):
            return None
        moment = as_moment(self._cells[name])
        if moment is None:
            self._complain(name, "bad_time")
            return None
        return moment.at

    def _hours(self) -> dict[str, Any] | None:
        given = [name for name in ("open_days", "opens", "closes") if self.text(name)]
        if not given:
            return None
        if len(given) < 3:  # noqa: PLR2004 - all three
            self._complain(given[0], "hours_incomplete")
            return None
        rule = self._word("open_days", rule_of_days, "bad_days")
        opens, closes = self._clock("opens"), self._clock("closes")
        if rule is None or opens is None or closes is None:
            return None
        opening = {"rrule": rule, "starts_on": _SINCE, "opens": opens, "closes": closes}
        return {"openings": [opening]}

    def _clock(self, name: str) -> str | None:
        found = _CLOCK.fullmatch(as_key(self.text(name)))
        if found is None:
            self._complain(name, "bad_clock_time")
            return None
        return f"{int(found[1]):02}:{found[2]}"
