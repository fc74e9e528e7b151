"""Bookings and payments as the API shows them: plain values in the shapes of the outer contract."""

from datetime import datetime
from typing import Any

from aurapark.booking.models import Booking, BookingState, Passenger, Ticket
from aurapark.checkout.queries import Sale
from aurapark.payments.models import Payment
from aurapark.web.api import moment


def held_json(booking: Booking, token: str, seats: list[str]) -> dict[str, Any]:
    """Return a new hold, with the token that opens it."""
    return {
        "bookingRef": booking.reference,
        "bookingToken": token,
        "state": booking.state,
        "holdExpiresAt": _utc(booking.hold_expires_at),
        "seats": seats,
        "amount": booking.total,
        "currency": booking.currency,
    }


def booking_json(sale: Sale) -> dict[str, Any]:
    """Return a booking with its passengers, tickets, payments and refunds."""
    booking, view = sale.view.booking, sale.view
    names = {passenger.id: passenger.name for passenger in view.passengers}
    return {
        "bookingRef": booking.reference,
        "state": _state(sale),
        "holdExpiresAt": _utc(booking.hold_expires_at) if booking.state == BookingState.HELD else None,
        "seats": view.seats,
        "amount": booking.total,
        "currency": booking.currency,
        "passengers": [_passenger(passenger) for passenger in view.passengers],
        "tickets": [_ticket(ticket, names.get(ticket.passenger_id)) for ticket in view.tickets],
        "payments": [{"txRef": payment.tx_ref, "state": payment.state} for payment in sale.payments],
        "refunds": [{"amount": r.amount, "currency": r.currency, "state": r.state} for r in sale.refunds],
    }


def opened_json(payment: Payment) -> dict[str, Any]:
    """Return an attempt that was just opened: where the payer pays, and until when."""
    return {
        "paymentId": payment.public_id,
        "txRef": payment.tx_ref,
        "link": payment.link,
        "expiresAt": _utc(payment.session_ends_at) if payment.session_ends_at else None,
        "amount": payment.expected_amount,
        "currency": payment.currency,
    }


def payment_json(payment: Payment, reference: str) -> dict[str, Any]:
    """Return one attempt and how it stands."""
    return {
        "txRef": payment.tx_ref,
        "state": payment.state,
        "amount": payment.expected_amount,
        "currency": payment.currency,
        "bookingRef": reference,
    }


def _passenger(passenger: Passenger) -> dict[str, Any]:
    return {
        "seat": passenger.seat,
        "name": passenger.name,
        "category": passenger.category,
        "lapChildren": passenger.lap_children,
    }


def _ticket(ticket: Ticket, passenger: str | None) -> dict[str, Any]:
    return {
        "ticketCode": ticket.code,
        "seat": ticket.seat,
        "passenger": passenger,
        "state": ticket.state,
        "qr": ticket.qr,
    }


def _state(sale: Sale) -> BookingState:
    """A hold whose time is over has expired, whether or not anybody has tidied it; unless a payment is open."""
    booking = sale.view.booking
    lapsed = booking.state == BookingState.HELD and not sale.view.live and sale.open_payment is None
    return BookingState.EXPIRED if lapsed else booking.state


def _utc(at: datetime) -> str:
    return moment(at, "UTC")
