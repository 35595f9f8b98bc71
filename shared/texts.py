"""Bilingual texts: everything that a person reads exists in Chinese and in English, and the caller's header chooses."""

from dataclasses import dataclass

__all__ = ["Text", "preferred_language"]


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages of the system."""

    zh: str
    en: str

    def into(self, language: str) -> str:
        """Return the sentence in `zh` or `en`."""
        return self.en if language == "en" else self.zh

    def format(self, **values: object) -> "Text":
        """Fill the same placeholders of both languages."""
        return Text(zh=self.zh.format(**values), en=self.en.format(**values))


def preferred_language(accept_language: str | None) -> str:
    """Choose `zh` or `en` by an Accept-Language header (RFC 9110 §12.5.4); Chinese when it names neither or is
    malformed.
    """
    best, best_quality = "zh", 0.0
    for part in (accept_language or "")[:256].split(","):
        tag, _, parameter = part.strip().partition(";")
        language = tag.strip().lower().split("-")[0]
        if language not in {"zh", "en"}:
            continue
        name, _, value = parameter.strip().partition("=")
        try:
            quality = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            quality = 0.0
        if quality > best_quality:
            best, best_quality = language, quality
    return best
