"""Which rule wins: the index says what reading all rules says, and precedence is what it is told to be."""

import timeit
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.intake.cases.terms import Level
from services.intake.routing.rules import (
    Condition,
    Facts,
    Rule,
    collisions,
    compile_rules,
    difference,
    explain,
    first_failed,
    route,
)

PATHS = ["a", "a.b", "a.bb", "a.b.c", "a.b.c.d", "a.x", "a.x.c"]
# Two trees of categories: roads with two children, and one without any.
PARENTS: dict[str, str | None] = {"roads": None, "lamp": "roads", "hole": "roads", "noise": None}
UNITS = [UUID(int=n + 1) for n in range(4)]


def rule(
    position: int,
    path: str,
    category: str | None = None,
    level: Level | None = None,
    unit: int = 0,
    *,
    auto: bool = False,
) -> Rule:
    return Rule(position, UUID(int=1000 + PATHS.index(path)), path, category, level, UNITS[unit], None, auto)


keys = st.tuples(st.sampled_from(PATHS), st.sampled_from([None, *PARENTS]), st.sampled_from([None, *Level]))
sets = st.lists(keys, unique=True, max_size=40).map(
    lambda some: [rule(n, *key, unit=n % len(UNITS)) for n, key in enumerate(some)]
)
facts = st.builds(
    lambda path, category, level: Facts(path, category, PARENTS[category], level),
    st.sampled_from([*PATHS, "a.b.c.d.e", "z"]),
    st.sampled_from(sorted(PARENTS)),
    st.sampled_from([None, *Level]),
)


def naive(rules: list[Rule], known: Facts) -> Rule | None:
    """Read all rules, as the words of the rule say it."""
    fitting = [
        item
        for item in rules
        if (known.area_path == item.area_path or known.area_path.startswith(item.area_path + "."))
        and item.category in (None, known.category, known.parent)
        and item.level in (None, known.level)
    ]

    def specific(item: Rule) -> tuple[int, int, int]:
        of_category = 0 if item.category is None else 2 if item.category == known.category else 1
        return (len(item.area_path.split(".")), of_category, 0 if item.level is None else 1)

    return max(fitting, key=specific, default=None)


@given(sets, facts)
def test_the_index_decides_as_a_reading_of_all_rules_does(rules: list[Rule], known: Facts) -> None:
    decision = route(compile_rules(rules), known)
    assert (decision.rule if decision else None) == naive(rules, known)


@given(sets, facts)
def test_the_explanation_names_the_same_winner_and_every_rule_once(rules: list[Rule], known: Facts) -> None:
    told = explain(rules, known, PARENTS)
    assert sorted(item.rule.position for item in told) == list(range(len(rules)))
    assert [item.rule for item in told if item.wins] == [winner for winner in [naive(rules, known)] if winner]
    for item in told:
        assert item.failed is first_failed(item.rule, known)
        assert item.detail.zh
        assert item.detail.en
        assert not (item.wins and item.failed)
    fitting = [n for n, item in enumerate(told) if item.failed is None]
    # Whoever wins stands before all others that fit.
    assert [n for n, item in enumerate(told) if item.wins] == fitting[:1]


@given(sets)
def test_a_set_of_different_keys_holds_no_collision_and_differs_in_nothing_from_itself(rules: list[Rule]) -> None:
    assert collisions(rules) == []
    same = difference(rules, list(reversed(rules)))
    assert (same.added, same.removed, same.changed) == ([], [], [])


@given(sets, sets)
def test_a_difference_leads_from_one_set_to_the_other(before: list[Rule], after: list[Rule]) -> None:
    told = difference(before, after)
    made = {item.key: item.outcome for item in before}
    for item in told.removed:
        del made[item.key]
    for item in (*told.added, *(new for _, new in told.changed)):
        made[item.key] = item.outcome
    assert made == {item.key: item.outcome for item in after}


def test_each_condition_is_told_in_its_order() -> None:
    known = Facts("a.b.c", "lamp", "roads", None)
    assert first_failed(rule(0, "a.bb", "noise", Level.JOINT), known) is Condition.AREA
    assert first_failed(rule(0, "a.b", "noise", Level.JOINT), known) is Condition.CATEGORY
    assert first_failed(rule(0, "a.b", "roads", Level.JOINT), known) is Condition.LEVEL
    assert first_failed(rule(0, "a.b", "roads"), known) is None
    # A path that only begins with the same letters is another place.
    assert first_failed(rule(0, "a.b"), Facts("a.bb", "lamp", "roads", None)) is Condition.AREA


def test_depth_beats_category_and_category_beats_level() -> None:
    known = Facts("a.b.c", "lamp", "roads", Level.GRID)
    ladder = [
        rule(0, "a.b.c"),
        rule(1, "a.b", "lamp", Level.GRID),
        rule(2, "a.b", "lamp"),
        rule(3, "a.b", "roads", Level.GRID),
        rule(4, "a.b", "roads"),
        rule(5, "a.b", None, Level.GRID),
        rule(6, "a.b"),
        rule(7, "a", "lamp", Level.GRID),
    ]
    for first in range(len(ladder)):
        decision = route(compile_rules(list(reversed(ladder[first:]))), known)
        assert decision is not None
        assert decision.rule.position == first
    assert [item.rule.position for item in explain(ladder[::-1], known, PARENTS)] == list(range(len(ladder)))


def test_two_rules_of_one_key_collide_and_both_are_named() -> None:
    one, two, other = rule(0, "a.b", "lamp", unit=1), rule(1, "a.b", "lamp", unit=2), rule(2, "a.b", "roads")
    assert collisions([one, other, two]) == [(one, two)]


def test_a_decision_takes_microseconds_however_many_rules_there_are() -> None:
    many = [Rule(n, UUID(int=n), f"a.b{n % 50}.c{n}", None, None, UNITS[0], None, auto=False) for n in range(2_000)] + [
        rule(2_000, "a", "noise", Level.JOINT)
    ]
    index = compile_rules(many)
    known = Facts("a.b7.c7.d.e.f", "noise", None, Level.JOINT)
    best = min(timeit.repeat(lambda: route(index, known), number=1_000, repeat=5)) / 1_000
    # A hundred times what it takes, and a hundredth of reading all rules.
    assert best < 200e-6
