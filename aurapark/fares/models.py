"""The fare: what one seat costs on a leg of a route, in a class, for each passenger category."""

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, ForeignKey, Identity, Index, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import Word, one_of
from aurapark.extensions import Model
from aurapark.fleet.models import ServiceClass
from aurapark.money import XAF


class Category(StrEnum):
    ADULT = "adult"
    YOUTH = "youth"
    CHILD = "child"
    REDUCED_MOBILITY = "reduced_mobility"


class Fare(Model):
    """Integer XAF per seat. The fare with the latest `valid_from` on or before the trip's date counts."""

    __tablename__ = "fare"
    __table_args__ = (
        one_of("service_class", ServiceClass),
        CheckConstraint("adult > 0 AND youth > 0 AND child > 0 AND reduced_mobility > 0", name="amounts"),
        CheckConstraint("board_position >= 0 AND alight_position > board_position", name="leg"),
        Index(
            "uq_fare_leg",
            "route_id",
            "service_class",
            "board_position",
            "alight_position",
            "valid_from",
            unique=True,
        ),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    route_id: Mapped[int] = mapped_column(ForeignKey("route.id"))
    service_class: Mapped[ServiceClass] = mapped_column(Word(ServiceClass))
    board_position: Mapped[int] = mapped_column(Integer)
    alight_position: Mapped[int] = mapped_column(Integer)
    valid_from: Mapped[date] = mapped_column(Date)
    adult: Mapped[int] = mapped_column(Integer)
    youth: Mapped[int] = mapped_column(Integer)
    child: Mapped[int] = mapped_column(Integer)
    reduced_mobility: Mapped[int] = mapped_column(Integer)
    currency: Mapped[str] = mapped_column(Text, server_default=XAF)
