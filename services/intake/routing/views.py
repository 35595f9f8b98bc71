"""From rule sets, explanations and dry runs to their representations."""

from uuid import UUID

from services.intake.cases.models import Case
from services.intake.routing.dry_run import DryRun
from services.intake.routing.models import RoutingSet
from services.intake.routing.rules import Difference, Rule, SetState
from services.intake.routing.schemas import (
    CaseRoutingOut,
    ChangedCaseOut,
    ChangeOut,
    DifferenceOut,
    DryRunOut,
    ExplanationOut,
    FactsOut,
    GoneOut,
    RuleOut,
    RuleSetOut,
    RuleSetSummary,
    TestOut,
    UnitCountOut,
    VerdictOut,
)
from services.intake.routing.service import Explanation, RuleSet, Tried

__all__ = ["case_routing_out", "difference_out", "dry_run_out", "explanation_out", "set_out", "set_summary"]


def set_summary(head: RoutingSet) -> RuleSetSummary:
    """Show a line of the list of sets."""
    return RuleSetSummary.model_validate(head)


def _rule_out(rule: Rule) -> RuleOut:
    return RuleOut.model_validate(rule)


def _test_out(tried: Tried) -> TestOut:
    columns = {name: getattr(tried.test, name) for name in TestOut.model_fields if hasattr(tried.test, name)}
    return TestOut.model_validate({**columns, "found_unit_id": tried.found, "passes": tried.passes})


def set_out(loaded: RuleSet) -> RuleSetOut:
    """Show a set with everything in it."""
    gone = [
        GoneOut(pointer=item.pointer, code=item.code, detail_zh=item.detail.zh, detail_en=item.detail.en)
        for item in loaded.gone
    ]
    return RuleSetOut(
        **set_summary(loaded.head).model_dump(),
        rules=[_rule_out(rule) for rule in loaded.rules],
        tests=[_test_out(tried) for tried in loaded.tried],
        gone=gone,
    )


def difference_out(draft: RoutingSet, published: RoutingSet | None, changes: Difference) -> DifferenceOut:
    """Show what the draft says otherwise."""
    return DifferenceOut(
        draft=draft.number,
        published=published.number if published else None,
        added=[_rule_out(rule) for rule in changes.added],
        removed=[_rule_out(rule) for rule in changes.removed],
        changed=[ChangeOut(before=_rule_out(old), after=_rule_out(new)) for old, new in changes.changed],
    )


def explanation_out(told: Explanation) -> ExplanationOut:
    """Show every rule's part in a decision."""
    facts, winner = told.facts, told.winner
    return ExplanationOut(
        set_number=told.head.number,
        state=SetState(told.head.state),
        facts=FactsOut(
            area_path=facts.area_path, category=facts.category, parent_category=facts.parent, level=facts.level
        ),
        unit_id=winner.unit_id if winner else None,
        auto=winner.auto if winner else False,
        note=winner.note if winner else None,
        verdicts=[
            VerdictOut(
                rule=_rule_out(item.rule),
                wins=item.wins,
                matched=item.failed is None,
                failed=item.failed,
                detail_zh=item.detail.zh,
                detail_en=item.detail.en,
            )
            for item in told.verdicts
        ],
    )


def case_routing_out(case: Case, told: Explanation) -> CaseRoutingOut:
    """Show how a case is routed, beside who has it."""
    return CaseRoutingOut(**explanation_out(told).model_dump(), case_id=case.id, handled_by=case.unit_id)


def dry_run_out(run: DryRun) -> DryRunOut:
    """Show what a draft would have done; the units with the most cases first."""
    units = [
        UnitCountOut(unit_id=unit_id, handled=handled, published=published, draft=draft)
        for unit_id, (handled, published, draft) in run.units.items()
    ]
    return DryRunOut(
        cases=run.cases,
        is_complete=run.is_complete,
        handled=run.handled,
        would_change=run.would_change,
        units=sorted(units, key=lambda item: (-item.handled, -item.draft, str(item.unit_id))),
        changed=[_changed_out(case, unit_id) for case, unit_id in run.changed],
    )


def _changed_out(case: Case, unit_id: UUID | None) -> ChangedCaseOut:
    columns = {name: getattr(case, name) for name in ChangedCaseOut.model_fields if hasattr(case, name)}
    return ChangedCaseOut.model_validate(
        {**columns, "case_id": case.id, "handled_by": case.unit_id, "draft_unit_id": unit_id}
    )
