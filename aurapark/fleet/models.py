"""Seat maps and vehicles. A seat map never changes once a trip uses it: an edit makes a new one."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import Word, one_of
from aurapark.extensions import Model


class ServiceClass(StrEnum):
    CLASSIQUE = "classique"
    VIP = "vip"
    VVIP = "vvip"


class SeatMap(Model):
    """The drawing as text: one line per row, front first; letters in `rules.read_grid`."""

    __tablename__ = "seat_map"
    __table_args__ = (CheckConstraint("seats > 0", name="seats"),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(Text, unique=True)
    name_fr: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    grid: Mapped[str] = mapped_column(Text)
    seats: Mapped[int] = mapped_column(Integer)


class Vehicle(Model):
    """A bus of an agency, with the plate and the name painted on it."""

    __tablename__ = "vehicle"
    __table_args__ = (one_of("service_class", ServiceClass),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"), index=True)
    plate: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    service_class: Mapped[ServiceClass] = mapped_column(Word(ServiceClass))
    seat_map_id: Mapped[int] = mapped_column(ForeignKey("seat_map.id"))
