"""All that is kept about one person and that they may have: their account, their bookings, where they signed in."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select

from aurapark.accounts.factor_models import Passkey, TotpSecret
from aurapark.accounts.models import LoginSession, Membership
from aurapark.accounts.people import get_user
from aurapark.booking.models import Booking, Passenger, Ticket
from aurapark.extensions import db
from aurapark.payments.models import Payment
from aurapark.refunds.models import Refund
from aurapark.timetable.queries import list_booked_legs
from aurapark.timetable.rules import Leg, TripLeg

Row = TypeVar("Row")


def collect_own_data(user_id: int) -> dict[str, Any]:
    """Return everything about this person as plain values, times in ISO 8601 (ten statements, however much there is).

    Nothing that opens anything: no password, token or secret, nor their fingerprints.
    """
    user = get_user(user_id)
    return {
        "account": {
            "name": user.name,
            "email": user.email,
            "emailProvedAt": _iso(user.email_verified_at),
            "phone": user.phone,
            "phoneProvedAt": _iso(user.phone_verified_at),
            "language": user.language,
            "createdAt": _iso(user.created_at),
        },
        "roles": [
            {"role": one.role.value, "from": _iso(one.created_at), "until": _iso(one.ended_at)}
            for one in _of(Membership, user_id)
        ],
        "sessions": [
            {
                "device": one.device,
                "network": one.network,
                "startedAt": _iso(one.created_at),
                "lastSeenAt": _iso(one.last_seen_at),
                "endedAt": _iso(one.revoked_at),
            }
            for one in _of(LoginSession, user_id)
        ],
        "secondFactors": [
            *[{"kind": "app", "name": None, "since": _iso(one.created_at)} for one in _of(TotpSecret, user_id)],
            *[{"kind": "passkey", "name": one.name, "since": _iso(one.created_at)} for one in _of(Passkey, user_id)],
        ],
        "bookings": _bookings(user_id),
    }


def _bookings(user_id: int) -> list[dict[str, Any]]:
    bookings = db.session.scalars(select(Booking).where(Booking.user_id == user_id).order_by(Booking.id)).all()
    ids = [booking.id for booking in bookings]
    legs = list_booked_legs({(one.trip_id, Leg(one.board_segment, one.alight_segment)) for one in bookings})
    passengers, tickets, payments = (_by_booking(table, ids) for table in (Passenger, Ticket, Payment))
    refunds = _refunds(ids)
    return [
        {
            "reference": one.reference,
            "state": one.state.value,
            **_trip(legs[one.trip_id, Leg(one.board_segment, one.alight_segment)]),
            "amount": one.total,
            "currency": one.currency,
            "madeAt": _iso(one.created_at),
            "network": one.network,
            "payer": {"name": one.payer_name, "phone": one.payer_phone, "email": one.payer_email},
            "passengers": [
                {"seat": p.seat, "name": p.name, "category": p.category.value} for p in passengers.get(one.id, [])
            ],
            "tickets": [
                {"code": t.code, "seat": t.seat, "state": t.state.value, "boardedAt": _iso(t.boarded_at)}
                for t in tickets.get(one.id, [])
            ],
            "payments": [
                {"txRef": p.tx_ref, "state": p.state.value, "amount": p.paid_amount, "at": _iso(p.verified_at)}
                for p in payments.get(one.id, [])
            ],
            "refunds": refunds.get(one.id, []),
        }
        for one in bookings
    ]


def _trip(leg: TripLeg) -> dict[str, Any]:
    places = {"from": f"{leg.board.city}, {leg.board.name}", "to": f"{leg.alight.city}, {leg.alight.name}"}
    return {"agency": leg.agency.name, **places, "departsAt": _iso(leg.board.at)}


def _refunds(ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    statement = select(Payment.booking_id, Refund).join(Payment, Payment.id == Refund.payment_id)
    found: dict[int, list[dict[str, Any]]] = {}
    for booking_id, one in db.session.execute(statement.where(Payment.booking_id.in_(ids)).order_by(Refund.id)):
        line = {"amount": one.amount, "currency": one.currency, "state": one.state.value, "at": _iso(one.succeeded_at)}
        found.setdefault(booking_id, []).append(line)
    return found


def _of(table: type[Row], user_id: int) -> Sequence[Row]:
    columns: Any = table
    by = columns.created_at
    return db.session.scalars(select(table).where(columns.user_id == user_id).order_by(by)).all()


def _by_booking(table: Any, ids: Sequence[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in db.session.scalars(select(table).where(table.booking_id.in_(ids)).order_by(table.id)):
        found.setdefault(row.booking_id, []).append(row)
    return found


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
