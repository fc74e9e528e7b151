"""A model of sales beside the real ones: buyers, payers, the gateway, the clock and cut commits in any order.

Short in the normal run; `make faults` is 500 examples of 50 steps.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import hypothesis.strategies as st
import psycopg
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.engine import make_url

from aurapark.booking.queries import get_booking
from aurapark.checkout.cancel import cancel_booking, get_cancel_offer
from aurapark.checkout.confirm import check_payment
from aurapark.checkout.hold import extend_hold
from aurapark.checkout.release import release_hold
from aurapark.devstack.servers import EmbeddedServers
from aurapark.extensions import db
from aurapark.payments.gateway import GatewayRefused, GatewayUncertain, RefundOutcome
from tests.conftest import admin_connection
from tests.faults.proxy import Cut
from tests.faults.world import FAULT_SCALE, World, a_fault_may_stop_it, make_network
from tests.stories import PAYMENT_TERMS, hold, signer, start

EXAMPLES, STEPS = (10, 20) if FAULT_SCALE == 1 else (50 * FAULT_SCALE, 50)
GRID = "XS\nSS\nSS"  # five seats: the bus is full soon
SEATS = [str(number) for number in range(1, 6)]
LEGS = [("DLA", "YAO"), ("DLA", "EDA"), ("EDA", "YAO")]
AMOUNTS = {"right": 0, "under": -1, "over": 700}
REFUNDING = [None, GatewayUncertain("lost"), GatewayRefused("no")]
ROOM = """
    SELECT b.id, (SELECT count(*) FROM passenger WHERE booking_id = b.id)::int,
        %(seats)s - (SELECT count(DISTINCT seat) FROM seat_claim c WHERE c.trip_id = b.trip_id AND c.booking_id <> b.id
            AND segment >= board_segment AND segment < alight_segment
            AND (c.state <> 'held' OR expires_at > now()))::int
    FROM booking b JOIN payment p ON p.booking_id = b.id WHERE tx_ref = %(tx_ref)s
"""
any_index = st.integers(0, 1000)


class Sales(RuleBasedStateMachine):
    """`world` is set by the test. What the model knows: what was paid, and what each traveller was told is theirs."""

    world: World
    renew: Callable[[], None]

    def __init__(self) -> None:
        super().__init__()
        self.begun = False
        self.references: list[str] = []
        self.tx_refs: list[str] = []
        self.pages: list[str] = []
        self.confirmed: set[str] = set()
        self.let_go: set[str] = set()
        self.given_up: set[str] = set()

    @initialize()
    def begin(self) -> None:
        type(self).renew()
        self.begun = True

    def act(self, work: Callable[[], Any]) -> Any:
        """Do one thing; a cut commit or a rule of the house may stop it."""
        with a_fault_may_stop_it():
            return work()

    def pick(self, things: list[str], index: int) -> str:
        return things[index % len(things)]

    @rule(seats=st.lists(st.sampled_from(SEATS), min_size=1, max_size=2, unique=True), leg=st.sampled_from(LEGS))
    def hold(self, seats: list[str], leg: tuple[str, str]) -> None:
        self.act(lambda: hold(self.world.network, *seats, start=leg[0], end=leg[1]))

    @precondition(lambda self: self.references)
    @rule(index=any_index)
    def extend(self, index: int) -> None:
        self.act(lambda: extend_hold(self.pick(self.references, index)))

    @precondition(lambda self: self.references)
    @rule(index=any_index, answer=st.sampled_from([None, None, None, GatewayUncertain("lost"), GatewayRefused("no")]))
    def start_to_pay(self, index: int, answer: Any) -> None:
        self.world.let_pass(timedelta(seconds=11))
        self.world.gateway.opening = answer
        reference = self.pick(self.references, index)
        self.act(lambda: start(get_booking(reference), self.world.gateway))
        self.world.gateway.opening = None

    @precondition(lambda self: self.pages)
    @rule(index=any_index, amount=st.sampled_from(list(AMOUNTS)), currency=st.sampled_from(["XAF"] * 4 + ["NGN"]))
    def pay(self, index: int, amount: str, currency: str) -> None:
        """On any page that was ever opened: late, again, too little, too much, in other money."""
        tx_ref = self.pick(self.pages, index)
        ((total,),) = self.world.ask_all("SELECT expected_amount FROM payment WHERE tx_ref = %s", tx_ref)
        self.world.gateway.charge(tx_ref, total + AMOUNTS[amount], currency=currency)

    @precondition(lambda self: self.tx_refs)
    @rule(index=any_index)
    def fail_to_pay(self, index: int) -> None:
        self.world.gateway.charge(self.pick(self.tx_refs, index), 1000, status="failed")

    @precondition(lambda self: self.tx_refs)
    @rule(index=any_index)
    def webhook(self, index: int) -> None:
        self.act(lambda: self.world.deliver(self.pick(self.tx_refs, index)))

    @precondition(lambda self: self.tx_refs)
    @rule(index=any_index)
    def look(self, index: int) -> None:
        """The worker asks about one attempt; no seat is refused to money while seats enough are free."""
        tx_ref, world = self.pick(self.tx_refs, index), self.world
        ((booking_id, wanted, free),) = world.ask_all(ROOM, {"tx_ref": tx_ref, "seats": len(SEATS)})
        gone = "SELECT count(*) FROM payment WHERE booking_id = %s AND disposition_reason = 'seats_gone'"
        before = world.ask_all(gone, booking_id)
        ask = partial(check_payment, gateway=world.gateway, signer=signer(), terms=PAYMENT_TERMS)
        self.act(lambda: ask(tx_ref))
        assert free < wanted or world.ask_all(gone, booking_id) == before

    @rule()
    def sweep(self) -> None:
        self.world.sweep()

    @rule(minutes=st.sampled_from([1, 6, 16, 31]))
    def time_passes(self, minutes: int) -> None:
        self.world.let_pass(timedelta(minutes=minutes))

    @precondition(lambda self: self.references)
    @rule(index=any_index)
    def release(self, index: int) -> None:
        reference, world = self.pick(self.references, index), self.world
        given = self.act(
            lambda: release_hold(reference, gateway=world.gateway, signer=signer(), terms=PAYMENT_TERMS).state
        )
        if given == "released":
            self.let_go.add(reference)

    @precondition(lambda self: self.references)
    @rule(index=any_index, one=st.booleans())
    def cancel(self, index: int, one: bool) -> None:
        reference = self.pick(self.references, index)

        self.given_up.add(reference)

        def work() -> None:
            offer = get_cancel_offer(reference)
            seats = offer.seats[:1] if one else None
            offer = get_cancel_offer(reference, seats)
            cancel_booking(reference, expected_refund=offer.refund.amount, seats=seats)

        self.act(work)

    @rule(answer=st.sampled_from(REFUNDING), done=st.booleans())
    def refunds_answer(self, answer: Any, done: bool) -> None:
        self.world.gateway.refunding = answer
        self.world.gateway.refunding_done = done and isinstance(answer, GatewayUncertain)

    @rule(outcome=st.sampled_from([RefundOutcome.SUCCEEDED, RefundOutcome.SUCCEEDED, RefundOutcome.FAILED]))
    def refunds_end(self, outcome: RefundOutcome) -> None:
        self.world.gateway.end_refunds(outcome)

    @rule(silent=st.booleans())
    def gateway_is_silent(self, silent: bool) -> None:
        self.world.gateway.listing = GatewayUncertain("silent") if silent else None

    @rule(number=st.integers(1, 4), how=st.sampled_from(list(Cut)))
    def crash(self, number: int, how: Cut) -> None:
        """At one of the next commits, whoever makes it."""
        self.world.proxy.cut_at(number, how)

    @invariant()
    def nothing_is_wrong(self) -> None:
        """Doctor is content, and nothing that a traveller was told is theirs was taken back without their deed."""
        if not self.begun:
            return
        self.world.require_clean(in_a_jump=True)
        rows = self.world.ask_all("SELECT reference, state FROM booking ORDER BY id")
        self.references = [row[0] for row in rows]
        self.tx_refs = [
            row[0] for row in self.world.ask_all("SELECT tx_ref FROM payment WHERE ordinal = 1 ORDER BY id")
        ]
        opened = "SELECT tx_ref FROM payment WHERE ordinal = 1 AND failure IS DISTINCT FROM 'refused' ORDER BY id"
        self.pages = [row[0] for row in self.world.ask_all(opened)]
        by_state = dict(rows)
        assert all(by_state[kept] == "confirmed" for kept in self.confirmed - self.given_up)
        assert all(by_state[kept] in ("confirmed", "cancelled") for kept in self.confirmed)
        assert all(by_state[reference] == "released" for reference in self.let_go)
        self.confirmed |= {reference for reference, state in rows if state == "confirmed"}

    def teardown(self) -> None:
        """Drained: each charge has its fate, and what payers did not get back is what the tickets cost."""
        if not self.begun:
            return
        world = self.world
        world.proxy.heal()
        world.gateway.listing = world.gateway.refunding = None
        world.let_pass(timedelta(hours=26))  # a page that was paid already is looked at once a day
        world.drain()
        world.require_clean()
        world.require_true_to_the_gateway()
        self.require_money_where_it_belongs()

    def require_money_where_it_belongs(self) -> None:
        """A ticket's price stays, all else goes back, save what failed there and waits for a person."""
        waiting = dict(
            self.world.ask_all("""
            SELECT b.reference, sum(r.amount)::int FROM refund r JOIN payment p ON p.id = payment_id
            JOIN booking b ON b.id = booking_id WHERE r.state IN ('failed', 'unknown') GROUP BY 1
        """)
        )
        seats = """
            SELECT reference, state, coalesce((SELECT sum(amount) FROM passenger
                WHERE booking_id = booking.id AND removed_at IS NULL), 0)::int FROM booking
        """
        for reference, state, price in self.world.ask_all(seats):
            due = price if state == "confirmed" else 0
            assert self.world.kept_of(reference) == due + waiting.get(reference, 0), (reference, state)
        paid = self.world.ask_all("""
            SELECT b.reference FROM booking b JOIN payment p ON p.booking_id = b.id WHERE b.state = 'expired'
            AND p.paid_amount >= b.total AND p.paid_currency = b.currency AND p.disposition_reason <> 'seats_gone'
        """)
        assert paid == []


def test_sales_beside_a_model(
    app: Flask, world: World, servers: EmbeddedServers, template_database: str, database_url: str
) -> None:
    plain, name = database_url.replace("+psycopg", ""), str(make_url(database_url).database)

    def renew() -> None:
        """A new database under the same name, a gateway that knows nothing, and a small bus."""
        db.session.remove()
        db.engine.dispose()
        world.direct.close()
        world.proxy.heal()
        with admin_connection(servers) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY FILE_COPY")
        world.direct = psycopg.connect(plain, autocommit=True)
        world.gateway.__init__()  # type: ignore[misc]
        world.network = make_network(GRID)

    Sales.world, Sales.renew = world, staticmethod(renew)  # type: ignore[assignment]
    form = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Sales, settings=form)
    world.direct.close()
