"""Judging a posted request: every argument that is wrong is told, before anything is looked up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.intake.contacts.service import CONTACT_FIELDS
from services.intake.open311.posted import Posted
from services.intake.open311.rules import BadArguments
from shared.texts import Text

__all__ = ["Submission", "checked"]

_DESCRIPTION_MAX: Final = 4_000
_LINE_MAX: Final = 200
_URL_MAX: Final = 2_000
_TITLE_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Submission:
    """A request whose arguments can be what they say. `point` is latitude and longitude in WGS 84 degrees."""

    service_code: str
    point: tuple[float, float] | None
    address_string: str | None
    address_id: str | None
    description: str | None
    media_url: str | None
    contact: Mapping[str, str]

    @property
    def area_id(self) -> UUID | None:
        """The address id as the id of an area, if it has the form of one."""
        try:
            return UUID(self.address_id or "")
        except ValueError:
            return None

    @property
    def title(self) -> str | None:
        """The first line of the description, cut."""
        if self.description is None:
            return None
        first = self.description.splitlines()[0].strip()
        return first if len(first) <= _TITLE_MAX else first[: _TITLE_MAX - 1] + "…"


def checked(posted: Posted) -> Submission:
    """Judge what was posted.

    Raises:
        BadArguments: with everything that is wrong.
    """
    wrong: list[Text] = []
    if posted.get("service_code") is None:
        wrong.append(Text(zh="缺少 service_code", en="service_code was not provided"))
    point = _point(posted, wrong)
    if not any(posted.get(name) for name in ("lat", "long", "address_string", "address_id")):
        wrong.append(
            Text(
                zh="缺少位置：lat 和 long、address_string 或 address_id",
                en="A location was not provided: lat and long, or address_string, or address_id",
            )
        )
    limits = {"description": _DESCRIPTION_MAX, "media_url": _URL_MAX, "address_string": _LINE_MAX}
    limits |= dict.fromkeys(("address_id", *CONTACT_FIELDS), _LINE_MAX)
    for name, limit in limits.items():
        if len(posted.get(name) or "") > limit:
            wrong.append(Text(zh=f"{name} 最多 {limit} 个字符", en=f"{name} has at most {limit} characters"))
    media_url = posted.get("media_url")
    if media_url is not None and not media_url.lower().startswith(("http://", "https://")):
        wrong.append(Text(zh="media_url 不是网址", en="media_url is not an address of the web"))
    if wrong:
        raise BadArguments(*wrong)
    return Submission(
        service_code=posted.get("service_code") or "",
        point=point,
        address_string=posted.get("address_string"),
        address_id=posted.get("address_id"),
        description=posted.get("description"),
        media_url=media_url,
        contact={name: said for name in CONTACT_FIELDS if (said := posted.get(name)) is not None},
    )


def _point(posted: Posted, wrong: list[Text]) -> tuple[float, float] | None:
    degrees = [_degrees(posted.get(name), name, limit, wrong) for name, limit in (("lat", 90.0), ("long", 180.0))]
    if (posted.get("lat") is None) != (posted.get("long") is None):
        wrong.append(Text(zh="lat 和 long 须同时提供", en="lat and long both need to be sent"))
    latitude, longitude = degrees
    return (latitude, longitude) if latitude is not None and longitude is not None else None


def _degrees(text: str | None, name: str, limit: float, wrong: list[Text]) -> float | None:
    if text is None:
        return None
    try:
        found = float(text)
    except ValueError:
        found = float("nan")
    # Also false of NaN.
    if abs(found) <= limit:
        return found
    wrong.append(Text(zh=f"{name} 应在 ±{limit:g} 之间", en=f"{name} is a number of degrees within ±{limit:g}"))
    return None
