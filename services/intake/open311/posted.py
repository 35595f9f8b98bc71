"""What a client posts: `application/x-www-form-urlencoded` in UTF-8, with `attribute[CODE]` and `attribute[CODE][]`.

An empty argument is one that was not sent, as the specification asks.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from services.intake.open311.rules import BadArguments
from shared.texts import Text

__all__ = ["BODY_MAX_BYTES", "Posted", "read_posted", "several"]

# 4 000 characters of description in UTF-8, percent-encoded, are 36 kB; nobody fills in more than twice of that.
BODY_MAX_BYTES: Final = 96 * 1024
_FIELDS_MAX: Final = 500
# Old clients number the values of a list.
_ATTRIBUTE: Final = re.compile(r"attribute\[([^\[\]]{1,80})\](?:\[\d{0,4}\])?")


@dataclass(frozen=True, slots=True)
class Posted:
    """The arguments of a request, as texts."""

    plain: Mapping[str, str]
    attributes: Mapping[str, list[str]] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        """Return an argument; None when it is missing or empty."""
        return self.plain.get(name)


def read_posted(body: bytes, query: Iterable[tuple[str, str]] = ()) -> Posted:
    """Read a form; what the body does not say, the query may.

    Raises:
        BadArguments: not UTF-8, too many fields, or a character that no text has.
    """
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, max_num_fields=_FIELDS_MAX, errors="strict", encoding="utf-8"
        )
    except ValueError:
        raise BadArguments(
            Text(
                zh="请求体须为 UTF-8 的 application/x-www-form-urlencoded",
                en="The body is application/x-www-form-urlencoded in UTF-8",
            )
        ) from None
    plain: dict[str, str] = {}
    attributes: dict[str, list[str]] = {}
    for name, value in (*pairs, *query):
        if "\x00" in name + value:
            raise BadArguments(Text(zh="文本中含有空字符", en="A text holds the character U+0000"))
        if not value.strip():
            continue
        found = _ATTRIBUTE.fullmatch(name)
        if found is not None:
            attributes.setdefault(found.group(1), []).append(value.strip())
        else:
            plain.setdefault(name, value.strip())
    return Posted(plain, attributes)


def several(values: Iterable[str]) -> list[str]:
    """Read an argument that may come several times and be divided by commas."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()]
