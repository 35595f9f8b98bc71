"""From a row of cells to a case as it will be filed, or to what is wrong with it. Pure."""

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from services.intake.cases.terms import Level, Outcome, State
from services.intake.imports.rules import Complaint, complain
from shared.reference.names import AreaNames, KnownArea
from shared.tables import Cell, Moment, Row, as_key, as_moment, as_text

__all__ = ["Judged", "KnownUnit", "Lookup", "WantedCase", "judge", "levels", "states"]

_OLDEST: Final = timedelta(days=3_653)
_MOST: Final = {"external_ref": 80, "title": 200, "description": 4_000, "place_text": 200, "note": 4_000}

# A case that is done is closed: of an imported one nobody is asked any more.
_STATES: Final[dict[str, str]] = {
    **dict.fromkeys(("", "未受理", "待受理", "已提交", "filed"), "filed"),
    **dict.fromkeys(("已受理", "accepted"), "accepted"),
    **dict.fromkeys(("办理中", "处理中", "在办", "in progress", "in_progress"), "in_hand"),
    **dict.fromkeys(("已办结", "办结", "已完成", "resolved"), "done"),
    **dict.fromkeys(("已评价", "已关闭", "closed"), "judged"),
    **dict.fromkeys(("不予受理", "不受理", "declined"), "declined"),
    **dict.fromkeys(("已撤回", "已撤销", "withdrawn"), "withdrawn"),
}
_ENDS: Final = frozenset({"done", "judged", "declined", "withdrawn"})
_LEVELS: Final[dict[str, Level]] = {
    **dict.fromkeys(("小事", "grid"), Level.GRID),
    **dict.fromkeys(("大事", "council"), Level.COUNCIL),
    **dict.fromkeys(("难事", "joint"), Level.JOINT),
}
_OUTCOMES: Final[dict[str, Outcome]] = {
    **dict.fromkeys(("满意", "非常满意", "satisfied"), Outcome.SATISFIED),
    **dict.fromkeys(("基本满意", "部分满意", "partly satisfied", "partly_satisfied"), Outcome.PARTLY_SATISFIED),
    **dict.fromkeys(("不满意", "not satisfied", "not_satisfied"), Outcome.NOT_SATISFIED),
}
states: Final = ("未受理", "已受理", "办理中", "已办结", "已评价", "不予受理", "已撤回")
levels: Final = ("小事", "大事", "难事")


@dataclass(frozen=True, slots=True)
class KnownUnit:
    """A unit."""

    id: UUID
    name: str
    active: bool


class Lookup:
    """Finds what cells name: categories, areas and units of a tenant, and where the importer may file.

    Args:
        categories: code and names of what is in use.
        areas: all areas, closed ones too.
        units: all units.
        reach: the paths at which the importer holds a role that may import.
        now: the moment of the import.
    """

    def __init__(
        self,
        *,
        categories: Iterable[tuple[str, str, str]],
        areas: Iterable[KnownArea],
        units: Iterable[KnownUnit],
        reach: Sequence[str],
        now: datetime,
    ) -> None:
        self.now = now
        self._codes: set[str] = set()
        self._categories: defaultdict[str, set[str]] = defaultdict(set)
        for code, *names in categories:
            self._codes.add(code)
            for name in names:
                self._categories[as_key(name)].add(code)
        self._areas = AreaNames(areas, reach)
        self._units: defaultdict[str, dict[UUID, KnownUnit]] = defaultdict(dict)
        for unit in units:
            self._units[as_key(unit.name)][unit.id] = unit
            self._units[str(unit.id)][unit.id] = unit

    def category(self, text: str) -> str:
        """Return the code of a category, or the code of a complaint with a `!` in front."""
        key = as_key(text)
        if key in self._codes:
            return key
        found = self._categories.get(key, set())
        return next(iter(found)) if len(found) == 1 else "!category_ambiguous" if found else "!unknown_category"

    def area(self, text: str) -> KnownArea | str:
        """Return an area that the importer may file in, or the code of a complaint."""
        return self._areas.find(text)

    def unit(self, text: str, *, closed: bool) -> UUID | str:
        """Return the id of a unit, or the code of a complaint; only what is closed may name one of former times."""
        found = [unit for unit in self._units.get(as_key(text), {}).values() if unit.active or closed]
        active = [unit for unit in found if unit.active]
        if len(active or found) == 1:
            return (active or found)[0].id
        return "unit_ambiguous" if found else "unknown_unit"


@dataclass(frozen=True, slots=True)
class WantedCase:
    """A case as a row describes it. `filed_day` and `closed_day` say that only the day of a time is known."""

    category: str
    title: str
    description: str
    area: KnownArea
    place_text: str | None
    state: State
    level: Level | None
    outcome: Outcome | None
    unit_id: UUID | None
    filed_at: datetime
    closed_at: datetime | None
    note: str | None
    filed_day: bool
    closed_day: bool

    def content_hash(self) -> bytes:
        """Return the hash of what the row says, however it was written down."""
        facts = [
            self.category,
            self.title,
            self.description,
            str(self.area.id),
            self.place_text,
            self.state,
            self.level,
            self.outcome,
            str(self.unit_id) if self.unit_id else None,
            self.filed_at.astimezone(UTC).isoformat(),
            self.closed_at.astimezone(UTC).isoformat() if self.closed_at else None,
            self.note,
            self.filed_day,
            self.closed_day,
        ]
        return hashlib.sha256(orjson.dumps(facts)).digest()


@dataclass(frozen=True, slots=True)
class Judged:
    """A row with its judgement: a case, or complaints."""

    line: int
    external_ref: str | None
    wanted: WantedCase | None
    complaints: list[Complaint]

    @property
    def row_hash(self) -> bytes:
        """The hash of what the row says."""
        return self.wanted.content_hash() if self.wanted else b""

    @property
    def key(self) -> str:
        """By what the row is known within its source: its reference, else its content."""
        return f"ref:{self.external_ref}" if self.external_ref is not None else f"row:{self.row_hash.hex()}"


def judge(row: Row, lookup: Lookup) -> Judged:
    """Judge a row: everything that is wrong is told at once."""
    reader = _Reader(row, lookup)
    wanted = reader.read()
    return Judged(row.line, reader.reference, None if reader.complaints else wanted, reader.complaints)


class _Reader:
    """Reads one row and gathers complaints."""

    def __init__(self, row: Row, lookup: Lookup) -> None:
        self._cells: dict[str, Cell] = row.cells
        self._texts = {name: as_text(cell) for name, cell in row.cells.items()}
        self._lookup = lookup
        self.complaints: list[Complaint] = []
        # A reference is the same in full-width digits; in capitals it may be another one.
        self._texts["external_ref"] = unicodedata.normalize("NFKC", self._texts.get("external_ref", "")).strip()
        self.reference = self._text("external_ref") or None

    def read(self) -> WantedCase | None:
        """Read the row; None, or something incomplete, when there are complaints."""
        for name, text in self._texts.items():
            if "\x00" in text:
                self._complain(name, "bad_text")
        title = self._text("title", required=True)
        area = self._area()
        word = self._word("state", _STATES, "unknown_state", "filed")
        filed = self._moment("filed_at", required=True)
        closed = self._closing(word, filed)
        unit_id = self._unit(closed=word in _ENDS)
        category = self._category()
        level: Level | None = self._word("level", _LEVELS, "unknown_level", None)
        outcome = self._outcome(word)
        place, note, text = self._text("place_text"), self._text("note"), self._text("description")
        if self.complaints or area is None or filed is None:
            return None
        return WantedCase(
            category=category,
            title=title,
            description=text or title,
            area=area,
            place_text=place or None,
            state=_state_of(word, level, unit_id),
            level=level,
            outcome=outcome,
            unit_id=unit_id,
            filed_at=filed.at,
            closed_at=_closing_time(filed, closed),
            note=note or None,
            filed_day=filed.is_day,
            closed_day=closed is not None and closed.is_day,
        )

    def _complain(self, column: str, code: str, **filled: object) -> None:
        self.complaints.append(complain(column, code, self._texts.get(column, ""), filled))

    def _text(self, name: str, *, required: bool = False) -> str:
        text = self._texts.get(name, "")
        if required and not text:
            self._complain(name, "missing")
        elif len(text) > _MOST.get(name, 4_000):
            self._complain(name, "too_long", most=_MOST[name])
        return text

    def _word(self, name: str, words: dict[str, Any], unknown: str, otherwise: Any) -> Any:  # noqa: ANN401
        text = self._texts.get(name, "")
        if not text:
            return otherwise
        found = words.get(as_key(text))
        if found is None:
            self._complain(name, unknown)
        return found

    def _category(self) -> str:
        text = self._text("category", required=True)
        found = self._lookup.category(text) if text else ""
        if found.startswith("!"):
            self._complain("category", found[1:])
        return found

    def _area(self) -> KnownArea | None:
        text = self._text("area", required=True)
        found = self._lookup.area(text) if text else None
        if isinstance(found, str):
            self._complain("area", found)
            return None
        return found

    def _unit(self, *, closed: bool) -> UUID | None:
        text = self._texts.get("unit", "")
        found = self._lookup.unit(text, closed=closed) if text else None
        if isinstance(found, str):
            self._complain("unit", found)
            return None
        return found

    def _moment(self, name: str, *, required: bool = False) -> Moment | None:
        if not self._texts.get(name):
            if required:
                self._complain(name, "missing")
            return None
        moment = as_moment(self._cells[name])
        if moment is None:
            self._complain(name, "bad_time")
        elif moment.at > self._lookup.now:
            self._complain(name, "in_the_future")
        elif moment.at < self._lookup.now - _OLDEST:
            self._complain(name, "too_old")
        else:
            return moment
        return None

    def _closing(self, word: str | None, filed: Moment | None) -> Moment | None:
        given = bool(self._texts.get("closed_at"))
        if word is not None and given is not (word in _ENDS):
            self._complain("closed_at", "closed_at_unexpected" if given else "closed_at_missing")
            return None
        closed = self._moment("closed_at")
        if closed is not None and filed is not None and _is_before(closed, filed):
            self._complain("closed_at", "closed_before_filed")
        return closed

    def _outcome(self, word: str | None) -> Outcome | None:
        given: Outcome | None = self._word("outcome", _OUTCOMES, "unknown_outcome", None)
        if self._texts.get("outcome"):
            if word is not None and word not in {"done", "judged"}:
                self._complain("outcome", "outcome_unexpected")
            return given
        if word == "judged":
            self._complain("outcome", "outcome_missing")
        ends = {"done": Outcome.NO_ANSWER, "declined": Outcome.DECLINED, "withdrawn": Outcome.WITHDRAWN}
        return ends.get(word or "")


def _is_before(closed: Moment, filed: Moment) -> bool:
    """Tell whether a case would end before it began; where one is only a day, days are compared."""
    if closed.is_day or filed.is_day:
        return closed.at.date() < filed.at.date()
    return closed.at < filed.at


def _closing_time(filed: Moment, closed: Moment | None) -> datetime | None:
    """Return when it was closed; on the day of its filing, if only the day is known, not before that."""
    return None if closed is None else max(filed.at, closed.at)


def _state_of(word: str, level: Level | None, unit_id: UUID | None) -> State:
    """Return where the case is: in hand is with its unit, else where its level is known, else taken in."""
    if word in _ENDS:
        return State.CLOSED
    if word == "in_hand":
        return State.ASSIGNED if unit_id else State.TRIAGED if level else State.ACCEPTED
    return State(word)
