"""Words of messages that people have changed: every version is kept, the newest counts."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Integer, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime, one_of
from aurapark.extensions import Model

LANGUAGES = ("fr", "en")


class MessageWords(Model):
    """One version of one template in one language. `words` holds what was changed, by the English sentence that was
    shipped; none of it means the words that were shipped. The number makes two who change at once one."""

    __tablename__ = "message_words"
    __table_args__ = (
        one_of("language", LANGUAGES),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("jsonb_typeof(words) = 'object'", name="words"),
        Index("uq_message_words_template_language_number", "template", "language", "number", unique=True),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    template: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    number: Mapped[int] = mapped_column(Integer)
    words: Mapped[dict[str, Any]] = mapped_column(JSONB)
    written_by: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
