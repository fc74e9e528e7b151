"""A confirmed booking as schema.org BusReservation, which mail programs turn into a card with the departure.

Gmail's documentation wants number, status and name of the reservation, and of the trip the company, both stops by name
and both times with their offset. It reads `busCompany`; schema.org itself says `provider`: both are there.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aurapark.booking.models import Passenger, Ticket
from aurapark.booking.queries import BookingView
from aurapark.timetable.rules import StopOnTrip


def bus_reservation(view: BookingView, *, link: str) -> dict[str, Any]:
    """Return the booking as JSON-LD: one reservation with a ticket for each seat; times are the agency's."""
    booking, trip = view.booking, view.trip
    agency = {"@type": "Organization", "name": trip.agency.name}
    return {
        "@context": "https://schema.org",
        "@type": "BusReservation",
        "reservationNumber": booking.reference,
        "reservationStatus": "https://schema.org/ReservationConfirmed",
        "url": link,
        "underName": _person(booking.payer_name or next(iter(view.passengers)).name or ""),
        "reservationFor": {
            "@type": "BusTrip",
            "busName": trip.vehicle_name,
            "busNumber": trip.plate,
            "provider": agency,
            "busCompany": agency,
            "departureBusStop": _stop(trip.board),
            "departureTime": _local(trip.board.at, trip.agency.timezone),
            "arrivalBusStop": _stop(trip.alight),
            "arrivalTime": _local(trip.alight.at, trip.agency.timezone),
        },
        "totalPrice": str(booking.total),
        "priceCurrency": booking.currency,
        "reservedTicket": [
            _ticket(passenger, ticket)
            for passenger in view.passengers
            if (ticket := view.ticket_of(passenger)) is not None
        ],
    }


def _ticket(passenger: Passenger, ticket: Ticket) -> dict[str, Any]:
    return {
        "@type": "Ticket",
        "ticketNumber": ticket.code,
        "ticketToken": f"qrCode:{ticket.qr}",
        "underName": _person(passenger.name or ""),
        "ticketedSeat": {"@type": "Seat", "seatNumber": ticket.seat},
    }


def _stop(stop: StopOnTrip) -> dict[str, Any]:
    return {"@type": "BusStop", "name": stop.name, "address": {"@type": "PostalAddress", "addressLocality": stop.city}}


def _local(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).isoformat()


def _person(name: str) -> dict[str, Any]:
    return {"@type": "Person", "name": name}
