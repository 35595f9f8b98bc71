"""Use case of doing what was done offline: operations in their order, each whole or not at all."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson
from pydantic import ValidationError

from services.intake.cases import filing_service
from services.intake.cases.filing_service import Desk
from services.intake.cases.locking import lock_case, lock_cases
from services.intake.cases.schemas import FileCaseIn
from services.intake.cases.service import join_open_case
from services.intake.cases.terms import Action
from services.intake.cases.viewing import check_case_step, view_case
from services.intake.handling.service import handling_of
from services.intake.hazards.repository import cases_of_hazards, lock_hazards
from services.intake.sync import repository
from services.intake.sync.entities import show_case, show_row
from services.intake.sync.field_work import FIELD_KINDS, RECORD, FieldKind
from services.intake.sync.models import SyncOperation
from services.intake.sync.operations import CASE_ACTIONS, FILE, JOIN, NothingIn
from services.intake.sync.problems import IdsDiffer, OperationTaken, UnknownAction
from services.intake.sync.schemas import OperationIn
from services.intake.sync.terms import Status
from services.intake.visits.repository import lock_visits
from services.intake.visits.work import FieldWork
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import WriteSession
from shared.problems import NotFound, Problem, Unavailable, accident_problem, is_away, validation_problem
from shared.vault import Vault
from shared.web import InputModel

__all__ = ["Batch", "Outcome"]

# A case that came of a visit has two steps: its filing, and where it comes from.
_BORN_VERSION: Final = 2
Body = TypeVar("Body", bound=InputModel)


class Outcome:
    """What came of one operation."""

    __slots__ = ("current", "problem", "status", "version")

    def __init__(
        self,
        status: Status,
        *,
        version: int | None = None,
        current: dict[str, Any] | None = None,
        problem: Problem | None = None,
    ) -> None:
        self.status = status
        self.version = version
        self.current = current
        self.problem = problem


class _MovedOnError(Exception):
    """The case is not in the version that the operation is based on."""

    def __init__(self, version: int, current: dict[str, Any]) -> None:
        super().__init__("moved on")
        self.version = version
        self.current = current


class Batch:
    """The operations of one request.

    A phone knows only the versions that it has fetched. What it builds upon an operation of its own names the version
    that it held before: `_led_to` tells where its own operations have led from there, as long as nobody else came in
    between.
    """

    def __init__(self, session: WriteSession, caller: Principal, desk: Desk, vault: Vault) -> None:
        self._session = session
        self._caller = caller
        self._desk = desk
        self._work = FieldWork(session, caller, desk, vault)
        self._failed: set[tuple[str, UUID]] = set()
        self._led_to: dict[tuple[str, UUID], dict[int, int]] = {}
        self._known: dict[UUID, SyncOperation] = {}

    async def run(self, operations: Sequence[OperationIn]) -> list[Outcome]:
        """Do the operations in their order; those after a failed one on the same object are skipped."""
        session = self._session
        # Who sends a batch twice at a time waits here for the first one.
        await repository.one_batch_at_a_time(session, self._caller.actor)
        await self._lock(operations)
        known = await repository.known_operations(session, {operation.op_id for operation in operations})
        self._known = dict(known)
        # The desk then knows the rules of the tenant, and needs no second connection for them.
        await handling_of(session)
        session.expunge_all()
        return [await self._one(operation) for operation in operations]

    async def _lock(self, operations: Sequence[OperationIn]) -> None:
        """Lock kind by kind and in the order of ids: two batches never wait for each other in a circle."""
        named: dict[str, set[UUID]] = {"case": set(), "visit": set(), "hazard": set()}
        for operation in operations:
            if operation.action != FILE:
                named.setdefault(operation.entity, set()).add(operation.id)
        session = self._session
        if named["hazard"]:
            named["case"] |= await cases_of_hazards(session, named["hazard"])
        await lock_cases(session, named["case"])
        if named["visit"]:
            await lock_visits(session, named["visit"])
        if named["hazard"]:
            await lock_hazards(session, named["hazard"])

    async def _one(self, operation: OperationIn) -> Outcome:
        key = (operation.entity, operation.id)
        if key in self._failed:
            return Outcome(Status.SKIPPED)
        try:
            return await self._done_before(operation) or await self._do(operation)
        except _MovedOnError as moved:
            outcome = Outcome(Status.CONFLICT, version=moved.version, current=moved.current)
        except Problem as problem:
            outcome = Outcome(Status.REFUSED, problem=problem)
        except Exception as error:
            # A poisoned operation must not keep all later ones on the phone for ever.
            if is_away(error):
                raise
            outcome = Outcome(Status.REFUSED, problem=accident_problem(error))
        self._session.expunge_all()
        self._work.forget()
        self._failed.add(key)
        return outcome

    async def _done_before(self, operation: OperationIn) -> Outcome | None:
        earlier = self._known.get(operation.op_id)
        if earlier is None:
            return None
        if earlier.actor != self._caller.actor or earlier.fingerprint != _fingerprint(operation):
            raise OperationTaken(pointer="/op_id")
        self._lead(operation, earlier.base_version or 0, earlier.version)
        return Outcome(Status.ALREADY, version=earlier.version)

    async def _do(self, operation: OperationIn) -> Outcome:
        """Do an operation, and note that it is done, in a savepoint of its own."""
        async with self._session.begin_nested():
            before, version = await self._effect(operation)
            row = SyncOperation(
                tenant_id=self._session.tenant,
                op_id=operation.op_id,
                actor=self._caller.actor,
                fingerprint=_fingerprint(operation),
                entity=operation.entity,
                object_id=operation.id,
                action=operation.action,
                base_version=before,
                version=version,
                made_at=operation.made_at,
                done_at=utc_now(),
            )
            await repository.add_operation(self._session, row)
        self._known[operation.op_id] = row
        self._lead(operation, before, version)
        return Outcome(Status.DONE, version=version)

    async def _effect(self, operation: OperationIn) -> tuple[int, int]:
        """Return the versions of the object before and after."""
        kind = FIELD_KINDS.get(operation.entity)
        if kind is not None:
            return await self._field_work(kind, operation)
        if operation.entity != "case":
            raise UnknownAction(pointer="/entity")
        if operation.action == FILE:
            return 0, await self._file(operation)
        if operation.action == JOIN:
            _read(NothingIn, operation.body)
            case = await join_open_case(self._session, self._caller, operation.id)
            await self._session.flush()
            return case.version - 1, case.version
        return await self._step(operation)

    async def _file(self, operation: OperationIn) -> int:
        wanted = _read(FileCaseIn, operation.body)
        if wanted.id not in (None, operation.id):
            raise IdsDiffer(pointer="/id")
        wanted = wanted.model_copy(update={"id": operation.id})
        # Once more when the tenant has changed its rules since this process last looked, and no more than that.
        for _ in range(2):
            filed = await filing_service.file_case(self._session, self._desk, self._caller, wanted)
            if filed is not None:
                return 1
            earlier = await filing_service.why_not_filed(self._session, self._caller, wanted)
            if earlier is not None:
                return earlier.version
        raise Unavailable

    async def _step(self, operation: OperationIn) -> tuple[int, int]:
        action = CASE_ACTIONS.get(operation.action)
        if action is None:
            raise UnknownAction(pointer="/action")
        wanted = _read(action.schema, operation.body)
        session, caller = self._session, self._caller
        case = await lock_case(session, caller, operation.id)
        if case is None:
            raise NotFound
        before = case.version
        if action.overwrites and self._expected(operation) != before:
            shown = show_case(await view_case(session, caller, case))
            raise _MovedOnError(shown.version, shown.body)
        await check_case_step(session, caller, case, Action(operation.action))
        await action.run(session, caller, case, wanted)
        await session.flush()
        return before, case.version

    async def _field_work(self, kind: FieldKind, operation: OperationIn) -> tuple[int, int]:
        if operation.action == kind.made_by:
            if operation.body.get("id") not in (None, str(operation.id)):
                raise IdsDiffer(pointer="/id")
            wanted = _read(kind.schema, operation.body | {"id": str(operation.id)})
            return 0, await kind.make(self._work, wanted)
        step = kind.steps.get(operation.action)
        if step is None or kind.lock is None or kind.show is None:
            raise UnknownAction(pointer="/action")
        wanted = _read(step.schema, operation.body)
        session, caller = self._session, self._caller
        row = await kind.lock(session, caller, operation.id)
        if row is None:
            raise NotFound
        before = row.version
        if self._expected(operation) != before:
            shown = show_row(before, await kind.show(session, caller, row))
            raise _MovedOnError(shown.version, shown.body)
        step.check(row, caller)
        await step.run(self._work, row, wanted)
        await session.flush()
        return before, row.version

    def _expected(self, operation: OperationIn) -> int:
        base = operation.base_version or 0
        return self._led_to.get((operation.entity, operation.id), {}).get(base, base)

    def _lead(self, operation: OperationIn, before: int, version: int) -> None:
        """Remember where the phone's own operation has led: from `before`, and from what had led there."""
        if before == 0 and version > 1:
            # It was made before by other ways, and somebody has changed it since.
            return
        if (operation.entity, operation.action) == ("visit", RECORD):
            self._lead_cases(operation)
        led = self._led_to.setdefault((operation.entity, operation.id), {})
        for start in [start for start, end in led.items() if end == before]:
            led[start] = version
        led[before] = version

    def _lead_cases(self, operation: OperationIn) -> None:
        """Let the phone go on with the cases that came of a visit: filed, and told of the visit."""
        for line in operation.body.get("heard", ()):
            if isinstance(line, dict) and isinstance(line.get("case_id"), str):
                self._led_to.setdefault(("case", UUID(line["case_id"])), {})[0] = _BORN_VERSION


def _read(schema: type[Body], body: dict[str, Any]) -> Body:
    """Read a body as its endpoint would."""
    try:
        return schema.model_validate(body)
    except ValidationError as error:
        raise validation_problem(error.errors()) from error


def _fingerprint(operation: OperationIn) -> bytes:
    """Return what makes two sendings the same operation; the version that it is based on may be known by now."""
    said = [operation.entity, operation.id, operation.action, operation.body]
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()
