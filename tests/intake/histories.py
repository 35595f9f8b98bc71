"""Random histories of cases, as the rules would let them happen, without any server."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Final

from services.intake.calendar.rules import DEFAULT_HOURS, DayKind, WorkCalendar
from services.intake.cases.drawing import edges
from services.intake.cases.rules import clock_ops
from services.intake.cases.terms import Action, Level, Outcome, State
from services.intake.clocks.rules import AROUND_THE_CLOCK, Clock, ClockKind, ClockOp, Verb
from services.intake.facts.calendars import BEGINNING, Calendars
from services.intake.facts.rules import CaseRow, StepRow
from shared.ids import new_id

EPOCH: Final = datetime(2026, 1, 5, 1, tzinfo=UTC)
WAYS: Final = sorted((edge for edge in edges() if edge[0] is not None), key=str)
# An import is the second step of its case, if at all.
_ONLY_FIRST: Final = {"import", "import_close"}
UNIT: Final = new_id()


def random_calendars(chance: random.Random) -> Calendars:
    """Return some versions of a calendar; each may free a day to come, or change the hours of all weeks."""
    versions = [(BEGINNING, WorkCalendar(DEFAULT_HOURS, {}))]
    days: dict[date, DayKind] = {}
    hours = dict(DEFAULT_HOURS)
    since = EPOCH
    for number in range(1, chance.randint(1, 4)):
        since += timedelta(days=12 * chance.random())
        if chance.random() < 0.7:
            days[(since + timedelta(days=chance.randint(1, 9))).date()] = chance.choice(list(DayKind))
        else:
            hours = {day: parts for day, parts in DEFAULT_HOURS.items() if day != chance.randrange(5)}
        versions.append((since, WorkCalendar(dict(hours), dict(days), number)))
    return Calendars(versions)


class Walk:
    """One case on its way."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.case_id = new_id()
        self.steps: list[StepRow] = []
        self._clocks: dict[ClockKind, Clock] = {}
        self._take("file", None, State.FILED, EPOCH + timedelta(days=4 * chance.random()))

    def step(self) -> None:
        """Take one of the ways that lead on, some time later."""
        last = self.steps[-1]
        ways = [way for way in WAYS if way[0] == last.to_state and (last.position == 1 or way[1] not in _ONLY_FIRST)]
        source, name, target = self.chance.choice(ways)
        later = self.chance.choice([1e-6, 600, 86_400, 400_000]) * self.chance.random()
        self._take(name, source, target, last.at + timedelta(seconds=later, microseconds=1))

    def _take(self, name: str, source: State | None, target: State, at: datetime) -> None:
        moves = target if target is not source else None
        level = self.chance.choice([None, *Level])
        ops = clock_ops(name, moves, lambda _: self.chance.choice([60, 7_200, 25_200, 126_000]), "weather")
        self.steps.append(
            StepRow(
                position=len(self.steps) + 1,
                step=name,
                from_state=source.value if source else None,
                to_state=target.value,
                level=level.value if level else None,
                unit_id=self.chance.choice([None, UNIT]),
                actor=self.chance.choice(["person/1", "system", "client/2"]),
                at=at,
                ops=tuple(op for op in ops if self._acts(op, at)),
            )
        )

    def _acts(self, op: ClockOp, at: datetime) -> bool:
        """Let a clock follow, and tell whether it did: only that stands in a history."""
        known = self._clocks.get(op.kind)
        if op.verb is Verb.START and (known is None or not known.is_open):
            known = self._clocks[op.kind] = Clock(AROUND_THE_CLOCK)
        return known is not None and known.apply(op, at)

    def case(self, until: int | None = None) -> tuple[CaseRow, list[StepRow]]:
        """Return the case as it was after some of its steps; after all by default."""
        steps = self.steps[:until]
        last = steps[-1]
        is_closed = last.to_state == State.CLOSED
        closings = [step.at for step in steps if step.to_state == State.CLOSED and step.from_state != State.CLOSED]
        row = CaseRow(
            id=self.case_id,
            area_path="county.north",
            category="drainage",
            channel="app",
            anonymous=False,
            collective=False,
            joiners=0,
            state=last.to_state,
            level=last.level,
            unit_id=last.unit_id,
            outcome=Outcome.NO_ANSWER.value if is_closed else None,
            reopened=sum(_reopens(step) for step in steps),
            hand_overs=sum(step.step == Action.HAND_ON for step in steps),
            filed_at=steps[0].at,
            closed_at=closings[-1] if is_closed else None,
            version=last.position,
        )
        return row, steps


def _reopens(step: StepRow) -> bool:
    return step.to_state == State.REOPENED != step.from_state and step.step != Action.UNMERGE


def walked(chance: random.Random, steps: int) -> Walk:
    """Return a case that has taken so many steps."""
    walk = Walk(chance)
    for _ in range(steps):
        walk.step()
    return walk
