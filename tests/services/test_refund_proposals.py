"""Refunds outside the policy: one proposes, another approves, never more than is left, and the agency bears it."""

from collections.abc import Callable

import pytest
from flask import Flask

from aurapark.audit import ReasonNeeded
from aurapark.booking.models import Booking
from aurapark.checkout.cancel import cancel_booking, get_cancel_offer
from aurapark.checkout.refund_proposals import (
    approve_refund,
    decline_refund,
    get_proposal,
    propose_refund,
    withdraw_proposal,
)
from aurapark.payments.errors import PaymentNotFound
from aurapark.refunds.errors import (
    AlreadyProposed,
    NothingToRefund,
    ProposalDecided,
    ProposalNotFound,
    RefundTooLarge,
    TwoPersons,
)
from aurapark.refunds.proposal_models import ProposalState
from tests.factories import Network
from tests.fakes import FakeGateway
from tests.office import logged
from tests.refunding import ask, balance, findings, refunds
from tests.stories import check, confirm, hold, payments_of, race, start

ONE, OTHER, WHY = "user:1", "user:2", "the bus had no air"


@pytest.fixture
def sale(network: Network) -> Booking:
    """A booking for 4,000, a tenth of it commission."""
    return confirm(network)


def payment_id(booking: Booking) -> int:
    return payments_of(booking)[0].id


def propose(booking: Booking, amount: int = 1000) -> int:
    return propose_refund(payment_id(booking), amount, actor=ONE, reason=WHY).id


def test_a_proposal_that_another_person_approves_goes_back_at_the_agencys_cost(sale: Booking) -> None:
    number = propose(sale)
    assert (refunds(), balance("refunds_payable")) == ([], 0)
    owed = balance(f"agency_payable:{sale.agency_id}")
    decided = approve_refund(number, actor=OTHER, reason="agreed")
    refund = refunds()[0]
    assert (decided.state, decided.refund_id, decided.decided_by) == (ProposalState.APPROVED, refund.id, OTHER)
    assert (refund.amount, refund.reason, refund.requested_by) == (1000, "agency", OTHER)
    assert balance(f"agency_payable:{sale.agency_id}") - owed == 1000 - 100  # and its part of the commission is back
    assert [one.actor for one in (*logged("refund.propose"), *logged("refund.approve"))] == [ONE, OTHER]
    assert findings() == []


@pytest.mark.parametrize("decide", [approve_refund, decline_refund])
def test_nobody_decides_their_own_proposal(sale: Booking, decide: Callable[..., object]) -> None:
    number = propose(sale)
    for own in (ONE, "USER:1", " user:1 "):
        with pytest.raises(TwoPersons):
            decide(number, actor=own, reason="mine")
    assert (get_proposal(number).state, refunds()) == (ProposalState.PROPOSED, [])


def test_only_the_one_who_proposed_takes_it_back(sale: Booking) -> None:
    number = propose(sale)
    with pytest.raises(TwoPersons):
        withdraw_proposal(number, actor=OTHER, reason="no")
    withdraw_proposal(number, actor=ONE, reason="a mistake")
    again = propose(sale)  # a new one may follow
    decline_refund(again, actor=OTHER, reason="no")
    for decided in (number, again):
        with pytest.raises(ProposalDecided):
            approve_refund(decided, actor=OTHER, reason="yes")
    assert refunds() == []


def test_never_more_than_is_left_of_the_payment(sale: Booking) -> None:
    for amount in (0, -1, 4001):
        with pytest.raises(RefundTooLarge):
            propose(sale, amount)
    number = propose(sale, 4000)
    with pytest.raises(AlreadyProposed):
        propose(sale, 1)
    ask(sale, 1)  # the traveller cancelled meanwhile
    with pytest.raises(RefundTooLarge):
        approve_refund(number, actor=OTHER, reason="yes")
    assert get_proposal(number).state == ProposalState.PROPOSED
    decline_refund(number, actor=OTHER, reason="too much by now")
    approve_refund(propose(sale, 3999), actor=OTHER, reason="the rest")
    with pytest.raises(NothingToRefund):
        propose(sale, 1)
    assert findings() == []


def test_money_without_a_sale_is_no_matter_of_proposals(network: Network, sale: Booking) -> None:
    gateway = FakeGateway()
    other = hold(network, "20")
    open_attempt = start(other, gateway)
    gateway.charge(open_attempt.tx_ref, 100)  # too little: it goes back by its rule
    check(open_attempt, gateway)
    with pytest.raises(NothingToRefund):
        propose_refund(open_attempt.id, 1, actor=ONE, reason=WHY)
    with pytest.raises(PaymentNotFound):
        propose_refund(10**9, 1, actor=ONE, reason=WHY)
    with pytest.raises(ProposalNotFound):
        approve_refund(10**9, actor=ONE, reason=WHY)
    for actor, reason in (("", WHY), (ONE, " ")):
        with pytest.raises(ReasonNeeded):
            propose_refund(payment_id(sale), 1, actor=actor, reason=reason)


def test_what_went_back_outside_the_policy_does_not_come_back_by_it(sale: Booking) -> None:
    """Without the cap the traveller could not cancel any more: the sum would be refused."""
    approve_refund(propose(sale, 3000), actor=OTHER, reason="agreed")
    offer = get_cancel_offer(sale.reference)
    assert offer.refund.amount <= 1000
    cancel_booking(sale.reference, expected_refund=offer.refund.amount)
    assert sum(one.amount for one in refunds()) <= 4000
    assert findings() == []


def test_two_who_decide_at_once_decide_once(app: Flask, sale: Booking) -> None:
    number = propose(sale)
    done = race(
        app,
        lambda: approve_refund(number, actor=OTHER, reason="yes").state,
        lambda: decline_refund(number, actor="user:3", reason="no").state,
        lambda: approve_refund(number, actor="user:4", reason="yes").state,
    )
    assert len([one for one in done if isinstance(one, ProposalDecided)]) == 2
    assert len(refunds()) == (get_proposal(number).state == ProposalState.APPROVED)
