"""What people correct teaches: words that several corrected texts of one leaf share tell that leaf from then on."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.matching.slots.jobs import learn_tree_words
from services.matching.slots.learned import LEAST_TEXTS, LearnedWord, learn_words
from services.matching.slots.leaves import leaf_shares
from services.matching.slots.tree import BRANCHES, branch_of, leaves_of
from shared.db import Database
from tests.matching.conftest import Quarter

BRANCH = next(branch for branch in BRANCHES if len(leaves_of(branch)) > 1)
ONE, OTHER = leaves_of(BRANCH)[:2]
TEXTS = ("社区老人想学太极剑", "社区太极剑队要排练", "社区周末有太极剑课吗")
OTHERS = ("社区门口常有积水", "社区想要一面镜子", "社区晚上太吵")
LABELS = [*((text, ONE) for text in TEXTS), *((text, OTHER) for text in OTHERS)]


def test_a_word_counts_when_several_texts_of_a_leaf_say_it_and_no_others() -> None:
    # Everybody says where it is, so that tells nothing.
    assert learn_words(LABELS) == [LearnedWord(ONE, "太极剑", 3)]
    assert learn_words(LABELS[1:]) == []
    assert learn_words([*LABELS, ("太极剑坏了", OTHER)]) == []
    # Of one leaf alone nobody knows which of its words are its own.
    assert learn_words(LABELS[:3]) == learn_words([]) == []


@given(st.lists(st.tuples(st.text(alphabet="甲乙丙a1 ", max_size=8), st.sampled_from([ONE, OTHER])), max_size=40))
def test_every_learned_word_stands_in_as_many_texts_as_it_says(labels: list[tuple[str, str]]) -> None:
    words = learn_words(labels)
    for item in words:
        saying = [leaf for text, leaf in labels if item.word in text]
        assert saying.count(item.leaf) == item.texts >= LEAST_TEXTS
        assert saying.count(item.leaf) >= 0.9 * len(saying)
    assert len({(item.leaf, item.word) for item in words}) == len(words)
    assert words == learn_words(labels)


def test_a_learned_word_tells_its_leaf() -> None:
    before = leaf_shares(["小区太极剑"], BRANCH)[0]
    after = leaf_shares(["小区太极剑"], BRANCH, learned={OTHER: ("太极剑",)})[0]
    place = leaves_of(BRANCH).index(OTHER)
    assert after[place] > before[place]
    assert after.argmax() == place


async def taught(quarter: Quarter) -> list[dict[str, Any]]:
    """Let an officer correct the leaves of some needs."""
    needs = []
    for words, leaf in LABELS:
        need = await quarter.need(category=BRANCH, summary=words)
        corrected = await quarter.patch(f"/v1/needs/{need['id']}/slots", {"leaf": leaf}, version=1)
        assert corrected.status_code == 200, corrected.text
        needs.append(need)
    return needs


async def test_corrections_are_learned_shown_and_forgotten_when_taken_back(
    quarter: Quarter, database: Database
) -> None:
    assert branch_of(BRANCH) == BRANCH
    needs = await taught(quarter)
    assert await learn_tree_words(database, quarter.caller.tenant) == 1
    (word,) = (await quarter.get("/v1/learned-words")).json()
    assert (word["leaf"], word["word"], word["texts"]) == (ONE, "太极剑", 3)
    assert (await quarter.get("/v1/learned-words", by=quarter.resident)).status_code == 403
    path = f"/v1/needs/{needs[0]['id']}/slots"
    version = (await quarter.read(path))["version"]
    await quarter.patch(path, {"leaf": None}, version=version)
    assert await learn_tree_words(database, quarter.caller.tenant) == 0
    assert (await quarter.get("/v1/learned-words")).json() == []


async def test_what_one_tenant_teaches_no_other_learns(
    quarter: Quarter, elsewhere: Quarter, database: Database
) -> None:
    await taught(quarter)
    assert await learn_tree_words(database, elsewhere.caller.tenant) == 0
    assert await learn_tree_words(database, quarter.caller.tenant) == 1
