"""Tables of what people said against slots, and of texts as encoders place them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from services.matching.slots.rules import Subject
from shared.db import TenantRow

__all__ = ["LearnedTreeWord", "SlotCorrections", "SlotLabel", "TextVector"]

_SUBJECTS = f"subject IN ({', '.join(repr(item.value) for item in Subject)})"


class SlotCorrections(Base):
    """The slots of a need or an offer that a person has corrected; all others are read from its words."""

    __tablename__ = "slot_corrections"
    __table_args__ = (CheckConstraint(_SUBJECTS, name="subject"),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    subject: Mapped[str] = mapped_column(String(5), primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    corrected: Mapped[dict[str, Any]] = mapped_column(JSONB)
    corrected_by: Mapped[str] = mapped_column(String(80))
    corrected_at: Mapped[datetime]
    version: Mapped[int]


class SlotLabel(TenantRow, Base):
    """One correction, with the words that it is about: what a classifier learns from. Written once."""

    __tablename__ = "slot_labels"
    __table_args__ = (
        CheckConstraint(_SUBJECTS, name="subject"),
        Index("slot_labels_slot_idx", "tenant_id", "slot", "labelled_at"),
    )
    subject: Mapped[str] = mapped_column(String(5))
    subject_id: Mapped[UUID]
    slot: Mapped[str] = mapped_column(String(20))
    words: Mapped[str] = mapped_column(Text)
    proposed: Mapped[Any] = mapped_column(JSONB)
    corrected: Mapped[Any] = mapped_column(JSONB)
    labelled_by: Mapped[str] = mapped_column(String(80))
    labelled_at: Mapped[datetime]


class LearnedTreeWord(Base):
    """A word that corrections have taught to tell a leaf, and by how many texts; written anew as a whole."""

    __tablename__ = "learned_words"
    __table_args__ = (CheckConstraint("texts > 0", name="texts"),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    leaf: Mapped[str] = mapped_column(String(40), primary_key=True)
    word: Mapped[str] = mapped_column(String(8), primary_key=True)
    texts: Mapped[int]
    learned_at: Mapped[datetime]


class TextVector(Base):
    """A text as an encoder places it, in half precision; another version of an encoder makes its own."""

    __tablename__ = "text_vectors"
    __table_args__ = (CheckConstraint(_SUBJECTS, name="subject"),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    subject: Mapped[str] = mapped_column(String(5), primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    encoder: Mapped[str] = mapped_column(String(80), primary_key=True)
    text_hash: Mapped[str] = mapped_column(String(32))
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]
