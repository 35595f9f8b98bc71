"""Opening a mediation: who is asked to take part, and how those without an account are reached."""

from typing import Final
from uuid import UUID

import orjson

from services.intake.cases.locking import lock_case
from services.intake.cases.models import Case
from services.intake.cases.moving import Move, move
from services.intake.cases.problems import WrongIdVersion
from services.intake.contacts.models import ContactDisclosure
from services.intake.mediation import repository
from services.intake.mediation.models import Mediation, MediationParty
from services.intake.mediation.problems import MediationIsOpen, MediatorIsRelated, PartyHasAccount, PartyIsPseudonym
from services.intake.mediation.recording import facts_of, record, tell_all
from services.intake.mediation.rules import OFFICERS, leads
from services.intake.mediation.schemas import ContactIn, MediationIn, PartyIn
from services.intake.mediation.service import MEDIABLE, UUID7, At, propose_mediator
from services.intake.mediation.terms import MediationAction, MediationState
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import Forbidden, IdTaken, NotFound, WrongState
from shared.vault import Place, Vault

__all__ = ["add_party", "open_mediation", "read_contact"]

_COLUMN: Final = "mediation_parties.contact"


async def open_mediation(
    session: WriteSession, vault: Vault, caller: Principal, case_id: UUID, wanted: MediationIn
) -> tuple[At, bool]:
    """Propose to the parties of a dispute that it be mediated.

    Returns:
        The mediation and whether it is new: the same id with the same parties is the same mediation.

    Raises:
        IdTaken: the id names another mediation.
        MediationIsOpen: one is under way.
        MediatorIsRelated, PartyIsPseudonym, WrongIdVersion: see there.
    """
    case = await lock_case(session, caller, case_id)
    if case is None:
        raise NotFound
    caller.must(*OFFICERS, at=case.area_path, rule="officers_of_the_area")
    if wanted.id is not None and wanted.id.version != UUID7:
        raise WrongIdVersion(pointer="/id")
    earlier = await repository.any_mediation(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if earlier.case_id != case.id or not await _is_same(session, earlier, wanted):
            raise IdTaken(pointer="/id")
        return At(earlier, case), False
    if caller.subject_id in {party.person_id for party in wanted.parties}:
        raise Forbidden(rule="no_party_leads")
    if case.state not in MEDIABLE:
        raise WrongState(state=case.state, next_actions=[])
    if await repository.open_mediation_of(session, case.id) is not None:
        raise MediationIsOpen
    mediation = await _new(session, caller, case, wanted)
    at = At(mediation, case)
    for position, party in enumerate(wanted.parties, 1):
        await _write_party(session, vault, at, party, position, f"/parties/{position - 1}")
    await move(session, case, Move("mediation_opened", caller.actor, data={"mediation_id": str(mediation.id)}))
    await tell_all(session, case, mediation, "mediation_proposed", actor=caller.actor)
    if wanted.mediator_id is not None:
        await propose_mediator(session, caller, at, wanted.mediator_id)
    return at, True


async def _is_same(session: WriteSession, earlier: Mediation, wanted: MediationIn) -> bool:
    parties = await repository.parties_of(session, earlier.id)
    kept = [(party.role, party.person_id) for party in parties]
    return kept[: len(wanted.parties)] == [(party.role, party.person_id) for party in wanted.parties]


async def _new(session: WriteSession, caller: Principal, case: Case, wanted: MediationIn) -> Mediation:
    now = utc_now()
    mediation = Mediation(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        case_id=case.id,
        area_path=case.area_path,
        state=MediationState.PROPOSED.value,
        declared=False,
        sessions_held=0,
        revision=0,
        opened_by=caller.actor,
        opened_at=now,
        updated_at=now,
        version=0,
    )
    session.add(mediation)
    await session.flush()
    await record(session, mediation, "open", caller.actor, note=wanted.note)
    return mediation


async def _write_party(
    session: WriteSession, vault: Vault, at: At, wanted: PartyIn, position: int, pointer: str
) -> MediationParty:
    if at.case.anonymous and wanted.person_id == at.case.requester_id:
        raise PartyIsPseudonym(pointer=f"{pointer}/person_id")
    party_id = new_id()
    contact = None
    if wanted.contact is not None:
        said = orjson.dumps(wanted.contact.model_dump()).decode()
        contact = vault.seal(said, Place(session.tenant, _COLUMN, party_id))
    party = MediationParty(
        tenant_id=session.tenant,
        id=party_id,
        mediation_id=at.mediation.id,
        position=position,
        role=wanted.role.value,
        person_id=wanted.person_id,
        contact=contact,
    )
    session.add(party)
    await session.flush()
    return party


async def add_party(session: WriteSession, vault: Vault, caller: Principal, at: At, wanted: PartyIn) -> None:
    """Ask one more party; a dispute often has more sides than it was told with.

    Raises:
        PartyHasAccount: it is there already.
        MediatorIsRelated: it is the mediator.
        Forbidden: an officer adds itself, and would then lead its own dispute.
    """
    if wanted.person_id is not None and wanted.person_id == caller.subject_id:
        raise Forbidden(rule="no_party_leads")
    parties = await repository.parties_of(session, at.mediation.id)
    if wanted.person_id is not None and wanted.person_id in {party.person_id for party in parties}:
        raise PartyHasAccount(pointer="/person_id")
    if wanted.person_id is not None and wanted.person_id == at.mediation.mediator_id:
        raise MediatorIsRelated(pointer="/person_id")
    party = await _write_party(session, vault, at, wanted, len(parties) + 1, "")
    await record(session, at.mediation, MediationAction.ADD_PARTY, caller.actor, data={"party_id": str(party.id)})
    heard = [party.person_id] if party.person_id is not None else []
    await tell_all(session, at.case, at.mediation, "mediation_proposed", actor=caller.actor, to=heard)


async def read_contact(
    session: WriteSession, vault: Vault, caller: Principal, mediation_id: UUID, party_id: UUID, purpose: str
) -> ContactIn:
    """Open a party's contact for whoever leads; who did so and why is written in the same transaction.

    Raises:
        NotFound: no such mediation, party or contact.
        Forbidden: the caller does not lead.
    """
    mediation = await repository.find_mediation(session, caller, mediation_id)
    if mediation is None:
        raise NotFound
    case = await lock_case(session, None, mediation.case_id)
    mediation = await repository.lock_mediation(session, mediation_id)
    parties = await repository.parties_of(session, mediation_id)
    denial = leads(facts_of(mediation, parties), caller)
    if denial is not None:
        raise Forbidden(denial.detail, rule=denial.rule)
    party = next((one for one in parties if one.id == party_id), None)
    if case is None or party is None or party.contact is None:
        raise NotFound
    disclosure = ContactDisclosure(
        tenant_id=session.tenant,
        id=new_id(),
        case_id=case.id,
        purpose=purpose,
        actor=caller.actor,
        disclosed_at=utc_now(),
    )
    session.add(disclosure)
    await record(session, mediation, "read_contact", caller.actor, note=purpose, data={"party_id": str(party_id)})
    opened = vault.unseal(party.contact, Place(session.tenant, _COLUMN, party_id))
    return ContactIn.model_validate_json(opened)
