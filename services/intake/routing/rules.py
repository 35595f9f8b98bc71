"""Which rule wins, pure: the deepest area, then category over its parent over any, then a level over any.

A rule that says nothing of the category or the level fits all of them. Within one area two rules of equal precedence
have the same area, category and level, so a set that holds no such pair leaves nothing to chance.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from services.intake.cases.terms import Level
from shared.texts import Text

__all__ = [
    "RULES_MAX",
    "TESTS_MAX",
    "Condition",
    "Decision",
    "Difference",
    "Facts",
    "RoutingIndex",
    "Rule",
    "SetState",
    "Verdict",
    "collisions",
    "compile_rules",
    "difference",
    "explain",
    "first_failed",
    "in_order",
    "prefixes",
    "route",
]

RULES_MAX: Final = 2_000
TESTS_MAX: Final = 500

# What makes two rules the same rule: area, category, level.
Key = tuple[UUID, str | None, Level | None]


class SetState(StrEnum):
    """Where a rule set is in its life."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


class Condition(StrEnum):
    """What a rule asks, in the order in which it is asked."""

    AREA = "area"
    CATEGORY = "category"
    LEVEL = "level"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a set; `position` counts from 0, as in the request that saved it."""

    position: int
    area_id: UUID
    area_path: str
    category: str | None
    level: Level | None
    unit_id: UUID
    note: str | None
    auto: bool

    @property
    def key(self) -> Key:
        """Return what no two rules of a set may share."""
        return (self.area_id, self.category, self.level)

    @property
    def outcome(self) -> tuple[UUID, str | None, bool]:
        """Return what the rule decides."""
        return (self.unit_id, self.note, self.auto)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a case; a case that was not triaged has no level and fits only rules for any level."""

    area_path: str
    category: str
    parent: str | None
    level: Level | None


@dataclass(frozen=True, slots=True)
class Decision:
    """The rule that wins, and so the unit; `auto` assigns without asking."""

    rule: Rule

    @property
    def unit_id(self) -> UUID:
        """Return the unit."""
        return self.rule.unit_id

    @property
    def note(self) -> str | None:
        """Return what the unit should know."""
        return self.rule.note

    @property
    def auto(self) -> bool:
        """Tell whether nobody needs to be asked."""
        return self.rule.auto


@dataclass(frozen=True, slots=True)
class RoutingIndex:
    """A set made for looking up: the rules of each area by category and level."""

    by_area: Mapping[str, Mapping[tuple[str | None, Level | None], Rule]]


def prefixes(path: str) -> Iterator[str]:
    """Yield a path and everything above it, the deepest first."""
    while path:
        yield path
        path = path.rpartition(".")[0]


def compile_rules(rules: Sequence[Rule]) -> RoutingIndex:
    """Make the index of a set that holds no collision."""
    by_area: dict[str, dict[tuple[str | None, Level | None], Rule]] = {}
    for rule in rules:
        by_area.setdefault(rule.area_path, {})[rule.category, rule.level] = rule
    return RoutingIndex(MappingProxyType(by_area))


def route(index: RoutingIndex, facts: Facts) -> Decision | None:
    """Return the most specific rule that fits, or nothing: a few look-ups, however many rules there are."""
    categories = (facts.category, facts.parent, None) if facts.parent is not None else (facts.category, None)
    levels = (facts.level, None) if facts.level is not None else (None,)
    for path in prefixes(facts.area_path):
        here = index.by_area.get(path)
        if here is None:
            continue
        for category in categories:
            for level in levels:
                rule = here.get((category, level))
                if rule is not None:
                    return Decision(rule)
    return None


def first_failed(rule: Rule, facts: Facts) -> Condition | None:
    """Return the first condition of a rule that the facts do not meet; None when it fits."""
    if not f"{facts.area_path}.".startswith(f"{rule.area_path}."):
        return Condition.AREA
    if rule.category is not None and rule.category not in (facts.category, facts.parent):
        return Condition.CATEGORY
    if rule.level is not None and rule.level is not facts.level:
        return Condition.LEVEL
    return None


def in_order(rules: Sequence[Rule], parents: Mapping[str, str | None]) -> list[Rule]:
    """Return the rules in order of precedence: whichever fits first wins.

    Args:
        rules: of one set.
        parents: of each category the code of its parent, if it has one.
    """

    def rank(rule: Rule) -> tuple[int, int, int, str, str, str]:
        of_category = 2 if rule.category is None else 1 if parents.get(rule.category) is None else 0
        of_level = 1 if rule.level is None else 0
        depth = rule.area_path.count(".")
        return (-depth, of_category, of_level, rule.area_path, rule.category or "", rule.level or "")

    return sorted(rules, key=rank)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule's part in an explanation."""

    rule: Rule
    failed: Condition | None
    detail: Text
    wins: bool


_FITS: Final = Text(zh="全部条件符合，但已有更优先的规则", en="It fits, and a rule before it wins")
_WINS: Final = Text(zh="全部条件符合，采用此规则", en="It fits and wins")
_AREA: Final = Text(
    zh="区域不符：该规则只适用于 {wanted} 及其下级", en="Another area: the rule is for {wanted} and below"
)
_CATEGORY: Final = Text(
    zh="分类不符：该规则只适用于 {wanted}，诉求为 {found}",
    en="Another category: the rule is for {wanted}, the case is {found}",
)
_LEVEL: Final = Text(
    zh="级别不符：该规则只适用于 {wanted}，诉求为 {found}",
    en="Another level: the rule is for {wanted}, the case is {found}",
)


def _why(rule: Rule, failed: Condition, facts: Facts) -> Text:
    if failed is Condition.AREA:
        return _AREA.format(wanted=rule.area_path)
    if failed is Condition.CATEGORY:
        return _CATEGORY.format(wanted=rule.category, found=facts.category)
    if facts.level is None:
        return Text(zh=f"尚未定级：该规则只适用于 {rule.level}", en=f"No level yet: the rule is for {rule.level}")
    return _LEVEL.format(wanted=rule.level, found=facts.level)


def explain(rules: Sequence[Rule], facts: Facts, parents: Mapping[str, str | None]) -> list[Verdict]:
    """Return every rule in order of precedence, each with the first condition that failed; the first that fits wins."""
    told = []
    is_decided = False
    for rule in in_order(rules, parents):
        failed = first_failed(rule, facts)
        wins = failed is None and not is_decided
        is_decided = is_decided or wins
        detail = _WINS if wins else _FITS if failed is None else _why(rule, failed, facts)
        told.append(Verdict(rule, failed, detail, wins))
    return told


def collisions(rules: Sequence[Rule]) -> list[tuple[Rule, Rule]]:
    """Return the pairs of rules that nothing could decide between, the earlier of each first."""
    seen: dict[Key, Rule] = {}
    found = []
    for rule in rules:
        earlier = seen.setdefault(rule.key, rule)
        if earlier is not rule:
            found.append((earlier, rule))
    return found


@dataclass(frozen=True, slots=True)
class Difference:
    """What one set says otherwise than another."""

    added: list[Rule]
    removed: list[Rule]
    changed: list[tuple[Rule, Rule]]

    @property
    def areas(self) -> set[str]:
        """Return the paths of all areas that the difference is about."""
        both = [rule for pair in self.changed for rule in pair]
        return {rule.area_path for rule in (*self.added, *self.removed, *both)}


def difference(before: Sequence[Rule], after: Sequence[Rule]) -> Difference:
    """Compare two sets rule by rule; a change is the same area, category and level with another outcome."""
    old, new = {rule.key: rule for rule in before}, {rule.key: rule for rule in after}
    return Difference(
        added=[rule for key, rule in new.items() if key not in old],
        removed=[rule for key, rule in old.items() if key not in new],
        changed=[(old[key], rule) for key, rule in new.items() if key in old and old[key].outcome != rule.outcome],
    )
