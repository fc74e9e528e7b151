"""The network: cities and stops, an agency's routes, the schedules that generate trips, and the trips that are sold."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Identity, Index, Integer, Text, Time, func
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime, Word, one_of
from aurapark.extensions import Model
from aurapark.fleet.models import ServiceClass

ALL_DAYS = 0b1111111


class DepartureMode(StrEnum):
    SCHEDULED = "scheduled"
    WHEN_FULL = "when_full"


class TripState(StrEnum):
    SCHEDULED = "scheduled"
    BOARDING = "boarding"
    DEPARTED = "departed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class City(Model):
    """A place on the map; `rank` 1 is offered first, NULL comes after all others."""

    __tablename__ = "city"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    region: Mapped[str] = mapped_column(Text)
    latitude: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    longitude: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    rank: Mapped[int | None] = mapped_column(Integer)


class Stop(Model):
    """A park or terminal where people board or alight. Its place is the city's: no invented coordinates."""

    __tablename__ = "stop"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    city_code: Mapped[str] = mapped_column(ForeignKey("city.code"), index=True)


class Route(Model):
    """An agency's ordered list of stops, in one direction."""

    __tablename__ = "route"
    __table_args__ = (Index("uq_route_agency_id_code", "agency_id", "code", unique=True),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    code: Mapped[str] = mapped_column(Text)


class RouteStop(Model):
    """One stop of a route: kilometres and planned minutes from its first stop, by day and by night."""

    __tablename__ = "route_stop"
    __table_args__ = (
        CheckConstraint("position >= 0 AND km >= 0 AND minutes_day >= 0 AND minutes_night >= minutes_day", name="plan"),
    )

    route_id: Mapped[int] = mapped_column(ForeignKey("route.id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    stop_id: Mapped[int] = mapped_column(ForeignKey("stop.id"))
    km: Mapped[int] = mapped_column(Integer)
    minutes_day: Mapped[int] = mapped_column(Integer)
    minutes_night: Mapped[int] = mapped_column(Integer)


class Schedule(Model):
    """A recurring departure by one bus; `days` has bit 0 for Monday to bit 6 for Sunday; times are the agency's."""

    __tablename__ = "schedule"
    __table_args__ = (
        one_of("service_class", ServiceClass),
        one_of("departure_mode", DepartureMode),
        CheckConstraint(f"days BETWEEN 1 AND {ALL_DAYS}", name="days"),
        CheckConstraint("valid_until IS NULL OR valid_until >= valid_from", name="validity"),
        Index("uq_schedule_route_id_departs", "route_id", "departs", "service_class", "vehicle_id", unique=True),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    route_id: Mapped[int] = mapped_column(ForeignKey("route.id"))
    departs: Mapped[time] = mapped_column(Time)
    days: Mapped[int] = mapped_column(Integer, server_default=str(ALL_DAYS))
    service_class: Mapped[ServiceClass] = mapped_column(Word(ServiceClass))
    vehicle_id: Mapped[int] = mapped_column(ForeignKey("vehicle.id"))
    departure_mode: Mapped[DepartureMode] = mapped_column(Word(DepartureMode), server_default=DepartureMode.SCHEDULED)
    valid_from: Mapped[date] = mapped_column(Date)
    valid_until: Mapped[date | None] = mapped_column(Date)


class Trip(Model):
    """One run on one date with one bus: what is sold. Nothing in the sale writes this row."""

    __tablename__ = "trip"
    __table_args__ = (
        one_of("state", TripState),
        one_of("service_class", ServiceClass),
        one_of("departure_mode", DepartureMode),
        CheckConstraint("arrives_at > departs_at", name="times"),
        CheckConstraint("delay_minutes >= 0", name="delay_minutes"),
        CheckConstraint("(state = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled_at"),
        Index("uq_trip_schedule_id_service_date", "schedule_id", "service_date", unique=True),
        Index("ix_trip_departs_at", "departs_at"),
        Index("ix_trip_agency_id_departs_at", "agency_id", "departs_at"),
        Index("ix_trip_agency_id_route_id_departs_at", "agency_id", "route_id", "departs_at"),
    )
    MOVES: ClassVar = {
        TripState.SCHEDULED: frozenset({TripState.BOARDING, TripState.CANCELLED}),
        TripState.BOARDING: frozenset({TripState.DEPARTED, TripState.CANCELLED}),
        TripState.DEPARTED: frozenset({TripState.COMPLETED}),
    }

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    route_id: Mapped[int] = mapped_column(ForeignKey("route.id"))
    schedule_id: Mapped[int | None] = mapped_column(ForeignKey("schedule.id"))
    vehicle_id: Mapped[int] = mapped_column(ForeignKey("vehicle.id"))
    seat_map_id: Mapped[int] = mapped_column(ForeignKey("seat_map.id"))
    service_class: Mapped[ServiceClass] = mapped_column(Word(ServiceClass))
    departure_mode: Mapped[DepartureMode] = mapped_column(Word(DepartureMode), server_default=DepartureMode.SCHEDULED)
    service_date: Mapped[date] = mapped_column(Date)
    state: Mapped[TripState] = mapped_column(Word(TripState), server_default=TripState.SCHEDULED)
    departs_at: Mapped[datetime] = mapped_column(UtcDateTime)
    arrives_at: Mapped[datetime] = mapped_column(UtcDateTime)
    delay_minutes: Mapped[int] = mapped_column(Integer, server_default="0")
    delay_reason: Mapped[str | None] = mapped_column(Text)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancel_reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())


class TripStop(Model):
    """A trip's planned time at one stop. Segment n lies between positions n and n + 1."""

    __tablename__ = "trip_stop"
    __table_args__ = (
        CheckConstraint("position >= 0", name="position"),
        Index("ix_trip_stop_stop_id_departs_at", "stop_id", "departs_at"),
    )

    trip_id: Mapped[int] = mapped_column(ForeignKey("trip.id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    stop_id: Mapped[int] = mapped_column(ForeignKey("stop.id"))
    departs_at: Mapped[datetime] = mapped_column(UtcDateTime)


ON_SALE_STATES = (TripState.SCHEDULED, TripState.BOARDING)
