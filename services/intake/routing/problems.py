"""What can be wrong with a rule set."""

from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = ["BadRules", "NoDraft", "NothingPublished", "RulesCollide", "TestsFail"]


class BadRules(Invalid):
    """Rules or tests name what is not there any more: `errors` says which and what."""

    code = "routing_rules_invalid"
    title = Text(
        zh="规则或用例引用了不存在、已撤销或停用的对象",
        en="Rules or tests name what does not exist, is closed or inactive",
    )


class RulesCollide(Invalid):
    """Two rules of one set have the same area, category and level: `errors` names both."""

    code = "rules_collide"
    title = Text(zh="两条规则的区域、分类和级别完全相同", en="Two rules have the same area, category and level")


class TestsFail(Invalid):
    """The tests beside the rules do not come out as expected: `errors` names each."""

    __test__ = False

    code = "routing_tests_fail"
    title = Text(zh="规则旁的用例未通过，不能发布", en="The tests beside the rules fail: it cannot be published")


class NoDraft(Conflict):
    """There is no draft to work on."""

    code = "no_routing_draft"
    title = Text(zh="没有草稿，请先新建", en="There is no draft: make one first")


class NothingPublished(Conflict):
    """No rule set has been published yet."""

    code = "no_routing_published"
    title = Text(zh="尚未发布派单规则", en="No routing rules have been published yet")
