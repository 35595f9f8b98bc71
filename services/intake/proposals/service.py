"""Use cases of proposals: candidates with reasons for a text, and what people say against them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from services.intake.cases.problems import UnknownArea, UnknownCategory, WrongIdVersion
from services.intake.cases.repository import find_case, visible_among
from services.intake.categories.models import Category
from services.intake.categories.repository import get_category
from services.intake.models import reference
from services.intake.proposals import repository
from services.intake.proposals.keeping import Held, loaded, own_words, unlearned
from services.intake.proposals.lexical import Lexical
from services.intake.proposals.models import CategoryKeywords, CategoryLabel, ProposalModel
from services.intake.proposals.rules import (
    CANDIDATES,
    UNLEARNED,
    UNLEARNED_WEIGHT,
    Learned,
    NoCategories,
    Scorer,
    Shares,
    Why,
    blend,
    ranked,
    shares,
    why_abstain,
)
from services.intake.proposals.schemas import KeywordsIn, LabelIn, ProposeIn
from services.intake.proposals.similar import CASES_LOOKED_AT, Group, find_similar, group, marks
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.encoders import LEXICAL, Encoder, identity, live_encoder
from shared.ids import new_id
from shared.problems import IdTaken, NotFound
from shared.reference import find_area
from shared.texts import Text

__all__ = ["Candidate", "Mode", "Proposal", "label_case", "propose", "set_keywords"]

_SHARED_TOLD: Final = 5
_UNITS_FROM: Final = 3
_UNITS_LEAD: Final = 0.2
_UUID7: Final = 7
_FEW_CASES: Final = Why("few_cases", Text(zh="相似的已办诉求太少", en="Too few cases like it have been resolved"))

_learned: Held[Learned] = Held()


@dataclass(frozen=True, slots=True)
class Mode:
    """What proposes."""

    encoder: str
    model: int | None
    meaning: str


@dataclass(frozen=True, slots=True)
class Scoring:
    """What scores a text: by words, by meaning, how much the latter counts, and below which lead to abstain."""

    words: Lexical
    meaning: Scorer | None
    weight: float
    threshold: float
    mode: Mode


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something proposed, with its share and its reasons. `subject` is a category, or a unit's id and name."""

    subject: Any
    score: float
    by_words: float
    by_meaning: float | None
    shared: list[tuple[str, float]]
    similar: Group


@dataclass(frozen=True, slots=True)
class Proposal:
    """Candidates for the category and the unit of a text."""

    mode: Mode
    threshold: float
    categories: list[Candidate]
    why: Why | None
    units: list[Candidate]
    units_why: Why | None
    visible: dict[UUID, str]


async def propose(session: Session, caller: Principal, wanted: ProposeIn) -> Proposal:
    """Propose categories for a text by words and meaning, and units by who resolved cases like it."""
    area = await find_area(session, reference, wanted.area_id) if wanted.area_id else None
    if wanted.area_id is not None and area is None:
        raise UnknownArea(pointer="/area_id")
    categories = await repository.active_categories(session)
    if not categories:
        raise NoCategories
    encoder = live_encoder()
    scoring = await _scoring(session, categories, encoder)
    by_words = scoring.words.scores(wanted.text)
    by_meaning = None
    if encoder is not None and scoring.meaning is not None:
        (vector,) = await asyncio.to_thread(encoder.embed, [wanted.text])
        by_meaning = scoring.meaning.scores(vector)
    known = {category.code: by_words.get(category.code, 0.0) for category in categories}
    found = blend(known, by_meaning, scoring.weight)
    rows = await repository.similar_cases(session, marks(wanted.text, scoring.words.idf), CASES_LOOKED_AT)
    alike = find_similar(wanted.text, rows, area.path if area else None)
    units, units_why = _units([item for item in alike if item.case.unit is not None])
    seen = await visible_among(session, caller, [item.case.id for item in alike]) if alike else set()
    return Proposal(
        mode=scoring.mode,
        threshold=scoring.threshold,
        categories=_categories(wanted.text, categories, scoring, (known, by_meaning, found), group(alike, "category")),
        why=why_abstain(found, scoring.threshold),
        units=units,
        units_why=units_why,
        visible={item.case.id: item.case.number for item in alike if item.case.id in seen},
    )


async def _scoring(session: Session, categories: Sequence[Category], encoder: Encoder | None) -> Scoring:
    """Choose what scores: labels before words, and meaning beside either where an encoder is live."""
    words = own_words(categories, await repository.all_keywords(session))
    head = await repository.latest_model(session)
    name = identity(encoder) or LEXICAL
    if head is None:
        by_words, by_meaning = await unlearned(session.tenant, words, encoder)
        mode = Mode(name, None, "words" if by_meaning else "none")
        return Scoring(by_words, by_meaning, UNLEARNED_WEIGHT, UNLEARNED[by_meaning is not None], mode)
    knows_meaning = encoder is not None and head.encoder == identity(encoder)
    learned = await _load(session, head, knows_meaning=knows_meaning)
    if encoder is None:
        return Scoring(learned.words, None, 0.0, learned.words_cut.threshold, Mode(name, head.number, "none"))
    if learned.meaning is not None:
        mode = Mode(name, head.number, "labels")
        return Scoring(learned.words, learned.meaning, learned.weight, learned.cut.threshold, mode)
    # Learned where no encoder was, or another one: the labels speak by words, the encoder by the categories' own.
    _, by_meaning = await unlearned(session.tenant, words, encoder)
    return Scoring(learned.words, by_meaning, UNLEARNED_WEIGHT, UNLEARNED[True], Mode(name, head.number, "words"))


async def _load(session: Session, head: ProposalModel, *, knows_meaning: bool) -> Learned:
    key = (head.number, head.learned_at, knows_meaning)
    held = _learned.get(session.tenant, key)
    if held is not None:
        return held
    kept = await repository.find_model(session, head.number)
    if kept is None:
        raise NotFound
    return _learned.put(session.tenant, key, loaded(kept.content, with_meaning=knows_meaning))


def _categories(
    text: str,
    categories: Sequence[Category],
    scoring: Scoring,
    scores: tuple[dict[str, float], dict[str, float] | None, Shares],
    alike: dict[str, Group],
) -> list[Candidate]:
    """Return the first three, each with its reasons."""
    by_code = {category.code: category for category in categories}
    by_words, by_meaning, found = shares(scores[0]), shares(scores[1]) if scores[1] else None, scores[2]
    return [
        Candidate(
            subject=by_code[code],
            score=score,
            by_words=by_words[code],
            by_meaning=by_meaning.get(code, 0.0) if by_meaning is not None else None,
            shared=scoring.words.shared(text, code, _SHARED_TOLD),
            similar=alike.get(code, Group()),
        )
        for code, score in ranked(found)[:CANDIDATES]
    ]


def _units(alike: Sequence[Any]) -> tuple[list[Candidate], Why | None]:
    """Return the three units that resolved most of what is alike, and why not to take the first."""
    names = {item.case.unit_id: item.case.unit for item in alike}
    groups = group(alike, "unit_id")
    found = shares({str(unit_id): one.likeness for unit_id, one in groups.items()})
    told = []
    for unit, score in ranked(found)[:CANDIDATES]:
        one = groups[UUID(unit)]
        shared = [(gram, 0.0) for gram in one.told()]
        told.append(Candidate((UUID(unit), names[UUID(unit)]), score, score, None, shared, one))
    if len(alike) < _UNITS_FROM:
        return told, _FEW_CASES
    return told, why_abstain(found, _UNITS_LEAD)


async def set_keywords(session: WriteSession, caller: Principal, code: str, wanted: KeywordsIn) -> CategoryKeywords:
    """Set the words that a category is recognised by; the same ones again change nothing."""
    caller.must(Role.ADMINISTRATOR, rule="administrators_keep_categories")
    if await get_category(session, code) is None:
        raise NotFound
    row = {
        "category": code,
        "keywords": list(dict.fromkeys(wanted.keywords)),
        "set_by": caller.actor,
        "set_at": utc_now(),
    }
    await repository.put_keywords(session, row)
    kept = await repository.find_keywords(session, code)
    if kept is None:
        raise NotFound
    return kept


async def label_case(
    session: WriteSession, caller: Principal, case_id: UUID, wanted: LabelIn
) -> tuple[CategoryLabel, bool]:
    """Say what a case is about; the last word counts. Returns the label and whether it is new."""
    case = await find_case(session, caller, case_id)
    if case is None:
        raise NotFound
    caller.must(Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY, at=case.area_path, rule="staff_of_the_area")
    if wanted.id is not None and wanted.id.version != _UUID7:
        raise WrongIdVersion(pointer="/id")
    category = await get_category(session, wanted.category)
    if category is None or not category.active:
        raise UnknownCategory(pointer="/category")
    label_id = wanted.id or new_id()
    row = {"id": label_id, "case_id": case_id, "category": wanted.category, "labelled_by": caller.actor}
    is_new = await repository.add_label(session, {**row, "labelled_at": utc_now()})
    label = await repository.find_label(session, label_id)
    if label is None:
        raise NotFound
    if any(getattr(label, name) != value for name, value in row.items()):
        raise IdTaken(pointer="/id")
    return label, is_new
