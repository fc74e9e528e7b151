"""What the tests of pages share: the sandbox as gateway, a traveller, and the way to a paid booking."""

from collections.abc import Iterator
from contextvars import Context
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from aurapark.checkout.confirm import check_payment
from aurapark.checkout.gateways import gateway_for, signer_for, terms_for
from aurapark.devstack.sandbox.running import RunningSandbox, running_sandbox
from aurapark.settings import current_settings
from tests.factories import Network
from tests.pages.traveller import Page, Traveller

NAMES = {"12": "Aïssatou Ngo Bell", "13": "Jean-Paul M’Bida"}


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """The Flutterwave sandbox; its webhooks go nowhere, tests have the gateway asked themselves."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
def environment(sandbox: RunningSandbox) -> dict[str, str]:
    """The site pays at the sandbox."""
    host = sandbox.base_url.split("/")[2]
    return {
        "FLUTTERWAVE_BASE_URL": sandbox.base_url,
        "FLUTTERWAVE_CHECKOUT_HOSTS": f"{host},localhost:{host.rpartition(':')[2]}",
    }


class FreshClient(FlaskClient):
    """Each request in a context of its own, as on a server; the tests' own context would keep the first language."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return Context().run(lambda: super(FreshClient, self).open(*args, **kwargs))


@pytest.fixture
def app(app: Flask) -> Flask:
    """The application, asked as by a browser."""
    app.test_client_class = FreshClient
    return app


@pytest.fixture
def traveller(app: Flask) -> Traveller:
    """Somebody who reads English."""
    return Traveller(app.test_client())


@pytest.fixture
def stranger(app: Flask) -> Traveller:
    """Somebody else, with a browser of their own."""
    return Traveller(app.test_client())


class Way:
    """The way of one traveller on one trip, as far as a test wants to go."""

    def __init__(self, traveller: Traveller, network: Network, sandbox: RunningSandbox) -> None:
        self.traveller, self.network, self.sandbox = traveller, network, sandbox
        self.seats_url = f"/trips/{network.trip.id}/seats?from=DLA&to=YAO&passengers=2"

    def hold(self, *seats: str, passengers: int | None = None) -> Page:
        """Choose seats and continue: the checkout, or what came instead."""
        url = self.seats_url.replace("passengers=2", f"passengers={passengers or len(seats)}")
        form = self.traveller.get(url).form(f"/trips/{self.network.trip.id}/seats")
        return self.traveller.post(url, {**form, "seat": list(seats)})

    def fill(self, page: Page) -> dict[str, str]:
        """The checkout's fields with names and a phone."""
        fields = page.form(page.url, containing="phone")
        for name, value in list(fields.items()):
            if name.endswith("-seat"):
                fields[name.replace("-seat", "-name")] = NAMES.get(value, "Awa Kamga")
        return {**fields, "phone": "6 71 23 45 67"}

    def pay(self, *seats: str, **how: str) -> str:
        """Go through the gateway's page and come back; returns the reference. The worker's question is asked here."""
        page = self.hold(*seats)
        paid = self.traveller.post(page.url, self.fill(page))
        link = paid.response.headers["Location"]
        self.sandbox.admin.pay(link=link, method="mtn", outcome="approve", **how)
        settings = current_settings()
        tx_ref = self.sandbox.admin.links()[-1]["tx_ref"]
        check_payment(tx_ref, gateway=gateway_for(settings), signer=signer_for(settings), terms=terms_for(settings))
        return page.url.split("/")[2]


@pytest.fixture
def way(traveller: Traveller, network: Network, sandbox: RunningSandbox) -> Way:
    """The traveller's way on the network's trip."""
    return Way(traveller, network, sandbox)
