"""Use cases of spot checks."""

from services.intake.cases.models import Case
from services.intake.cases.moving import Move
from services.intake.cases.problems import UnknownArea
from services.intake.cases.terms import Action, Outcome, State
from services.intake.models import reference
from services.intake.spotchecks import repository
from services.intake.spotchecks.models import SpotCheck, SpotCheckItem
from services.intake.spotchecks.rules import AlreadyChecked, NothingToCheck, PeriodBackwards, sample_size
from services.intake.spotchecks.schemas import FindingIn, SpotCheckIn
from services.intake.supervision.service import order_by_system
from services.intake.verdicts.service import open_again
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import Forbidden, IdTaken
from shared.reference import find_area
from shared.texts import Text

__all__ = ["draw_sample", "record_finding"]

_NOT_SOLVED = Text(
    zh="抽查发现诉求未真正解决，已重新打开。请书面说明办结依据。",
    en="A spot check found the case not solved, and it is open again. Say in writing on what grounds it was closed.",
)


async def draw_sample(session: WriteSession, caller: Principal, wanted: SpotCheckIn) -> tuple[SpotCheck, bool]:
    """Draw a share of the cases that were closed in a time.

    Returns:
        The spot check and whether it is new: the same id with the same wish is the same sample.

    Raises:
        IdTaken: the id names another sample.
        NothingToCheck: no case was closed there in that time.
    """
    if wanted.until <= wanted.since:
        raise PeriodBackwards(pointer="/until")
    area = await find_area(session, reference, wanted.area_id)
    if area is None:
        raise UnknownArea(pointer="/area_id")
    caller.must(Role.OFFICER, Role.SECRETARY, at=area.path, rule="officers_check")
    earlier = await repository.find_check(session, None, wanted.id) if wanted.id else None
    if earlier is not None:
        asked = (area.path, wanted.since, wanted.until, wanted.percent, wanted.seed or earlier.seed)
        if asked != (earlier.area_path, earlier.since, earlier.until, earlier.percent, earlier.seed):
            raise IdTaken(pointer="/id")
        return earlier, False
    check_id = wanted.id or new_id()
    seed = wanted.seed or new_id().hex
    closed = await repository.closed_cases(session, area.path, wanted.since, wanted.until, seed)
    if not closed:
        raise NothingToCheck
    drawn = closed[: sample_size(len(closed), wanted.percent)]
    check = SpotCheck(
        tenant_id=session.tenant,
        id=check_id,
        area_path=area.path,
        since=wanted.since,
        until=wanted.until,
        percent=wanted.percent,
        seed=seed,
        closed_cases=len(closed),
        drawn=len(drawn),
        drawn_by=caller.actor,
        drawn_at=utc_now(),
    )
    session.add(check)
    await session.flush()
    await repository.add_items(session, check.id, drawn)
    return check, True


async def record_finding(
    session: WriteSession, caller: Principal, item: SpotCheckItem, case: Case, wanted: FindingIn
) -> None:
    """Write down what was found; what is not solved is opened again, and its unit is asked in writing.

    Raises:
        AlreadyChecked: somebody has looked at it.
        Forbidden: the caller acts for the unit that handled the case.
    """
    if item.checked_at is not None:
        raise AlreadyChecked
    if case.unit_id is not None and case.unit_id in caller.units():
        raise Forbidden(rule="nobody_checks_the_own_unit")
    item.solved, item.note = wanted.solved, wanted.note
    item.checked_by, item.checked_at = caller.actor, utc_now()
    if wanted.solved or case.state != State.CLOSED:
        return
    unit_id = case.unit_id
    again = Move(Action.CHECK, caller.actor, note=wanted.note, data={"check_id": str(item.check_id)})
    await open_again(session, case, again, Outcome.NOT_SATISFIED)
    await order_by_system(session, case, unit_id=unit_id, cause="spot_check", demand=_NOT_SOLVED)
