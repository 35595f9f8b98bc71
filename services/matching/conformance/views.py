"""From rows to representations."""

from collections.abc import Sequence

from services.matching.conformance.models import ConformanceRun, ConformanceStep
from services.matching.conformance.rules import HOW, REASONS, Step
from services.matching.conformance.schemas import RunOut, StepOut

__all__ = ["run_out"]


def _step_out(step: ConformanceStep) -> StepOut:
    how, why = HOW[Step(step.step)], REASONS.get(step.reason or "")
    columns = ("step", "message_id", "state", "reason", "tries", "seen_at")
    texts = {
        "how_zh": how.zh,
        "how_en": how.en,
        "reason_zh": why.zh if why else None,
        "reason_en": why.en if why else None,
    }
    return StepOut.model_validate({name: getattr(step, name) for name in columns} | texts)


def run_out(run: ConformanceRun, steps: Sequence[ConformanceStep]) -> RunOut:
    """Show a run with its steps."""
    columns = {name: getattr(run, name) for name in RunOut.model_fields if name != "steps"}
    return RunOut.model_validate({**columns, "steps": [_step_out(step) for step in steps]})
