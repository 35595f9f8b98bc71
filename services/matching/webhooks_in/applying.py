"""What an item does: on the resource list, or in a partner's sandbox, by the same rules of versions."""

from typing import Any, Protocol

from services.matching.offers.content import columns_of
from services.matching.offers.models import Offer
from services.matching.offers.repository import lock_external, one_external_id_at_a_time
from services.matching.offers.rules import NotForThisKind, OfferKind, QuantityInUse
from services.matching.offers.service import upsert_offer
from services.matching.partners.models import Partner
from services.matching.partners.rules import PartnerState
from services.matching.webhook_secrets.rules import Mode, PartnerNotVetted
from services.matching.webhooks_in.models import SandboxOffer
from services.matching.webhooks_in.reading import ConfirmItem, Item, QuantityItem, UpsertItem
from services.matching.webhooks_in.repository import lock_sandbox_offer
from services.matching.webhooks_in.rules import Fate, UnknownOffer, VersionNotHere, fate_of
from shared.clock import utc_now
from shared.db import WriteSession

__all__ = ["Applied", "Applying", "applying"]

# An item's fate, and in the sandbox how it was understood.
Applied = tuple[Fate, dict[str, Any] | None]
_NAMES = {"action", "external_id", "external_version"}


class Applying(Protocol):
    """Takes items in, one after the other."""

    async def apply(self, item: Item) -> Applied:
        """Take one item in.

        Raises:
            Problem: what is wrong with it, with a pointer from where the item begins; nothing was written then.
        """


def applying(mode: Mode, session: WriteSession, partner: Partner) -> Applying:
    """Return what takes a partner's items in."""
    return _Live(session, partner) if mode is Mode.LIVE else _Sandbox(session, partner)


def _fate(known: int, item: Item, *, changes: bool) -> Fate:
    """Tell an item's fate; a version cannot be confirmed before it has come."""
    if isinstance(item, ConfirmItem) and item.external_version > known:
        raise VersionNotHere(pointer="/external_version")
    return fate_of(known, item.external_version, changes=changes)


def _check_quantity(kind: str, item: QuantityItem, in_use: int) -> None:
    if kind == OfferKind.MONEY and item.quantity != 1:
        # A pledge is given as a whole: its size is its amount.
        raise NotForThisKind(pointer="/quantity", kind=kind)
    if item.quantity < in_use:
        raise QuantityInUse(pointer="/quantity")


class _Live:
    """On the resource list."""

    def __init__(self, session: WriteSession, partner: Partner) -> None:
        self._session = session
        self._partner = partner

    async def apply(self, item: Item) -> Applied:
        """Take one item in."""
        if self._partner.state != PartnerState.VETTED:
            raise PartnerNotVetted
        if isinstance(item, UpsertItem):
            return Fate((await upsert_offer(self._session, self._partner, item)).value), None
        await one_external_id_at_a_time(self._session, self._partner.id, item.external_id)
        offer = await lock_external(self._session, self._partner.id, item.external_id)
        if offer is None:
            raise UnknownOffer(pointer="/external_id")
        return await self._change(offer, item), None

    async def _change(self, offer: Offer, item: Item) -> Fate:
        changed = _changes(item)
        differs = any(getattr(offer, name) != value for name, value in changed.items())
        fate = _fate(offer.external_version or 0, item, changes=differs)
        if fate is Fate.OUTDATED:
            return fate
        if isinstance(item, QuantityItem):
            _check_quantity(offer.kind, item, offer.in_use)
        for name, value in changed.items():
            setattr(offer, name, value)
        offer.external_version, offer.confirmed_at, offer.asked_at = item.external_version, utc_now(), None
        offer.version += 1
        await self._session.flush()
        return fate


def _changes(item: Item) -> dict[str, Any]:
    """Return what an item that is no whole offer changes of one."""
    if isinstance(item, QuantityItem):
        return {"quantity": item.quantity}
    return {} if isinstance(item, ConfirmItem) else {"active": False}


class _Sandbox:
    """In a memory that no list is made of. Everything is checked as for real but whether the partner is vetted."""

    def __init__(self, session: WriteSession, partner: Partner) -> None:
        self._session = session
        self._partner = partner

    async def apply(self, item: Item) -> Applied:
        """Take one item in."""
        kept = await lock_sandbox_offer(self._session, self._partner.id, item.external_id)
        if isinstance(item, UpsertItem):
            # Reads only: what it would write is what was understood.
            await columns_of(self._session, self._partner, item)
            content = item.model_dump(mode="json", exclude=_NAMES)
        elif kept is None:
            raise UnknownOffer(pointer="/external_id")
        else:
            content = kept.content | _changes(item)
            if isinstance(item, QuantityItem):
                _check_quantity(content["kind"], item, 0)
        if kept is None:
            self._session.add(self._new(item, content))
            await self._session.flush()
            return Fate.CREATED, content
        fate = _fate(kept.external_version, item, changes=content != kept.content)
        if fate is not Fate.OUTDATED:
            kept.external_version, kept.content, kept.seen_at = item.external_version, content, utc_now()
            await self._session.flush()
        return fate, content

    def _new(self, item: Item, content: dict[str, Any]) -> SandboxOffer:
        return SandboxOffer(
            tenant_id=self._session.tenant,
            partner_id=self._partner.id,
            external_id=item.external_id,
            external_version=item.external_version,
            content=content,
            seen_at=utc_now(),
        )
