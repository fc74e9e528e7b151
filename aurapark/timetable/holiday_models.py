"""Public holidays: the days on which more people travel than on others."""

from datetime import date

from sqlalchemy import CheckConstraint, Date, Identity, Index, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.extensions import Model

LONGEST_NAME = 60


class Holiday(Model):
    """One public holiday of one year. Two may fall on one day; the same one does so once."""

    __tablename__ = "holiday"
    __table_args__ = (
        CheckConstraint(
            f"char_length(name_fr) BETWEEN 1 AND {LONGEST_NAME} AND char_length(name_en) BETWEEN 1 AND {LONGEST_NAME}",
            name="names",
        ),
        Index("uq_holiday_day_name_fr", "day", "name_fr", unique=True),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    name_fr: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)

    def name(self, language: str) -> str:
        """Return its name in a language."""
        return self.name_fr if language == "fr" else self.name_en
