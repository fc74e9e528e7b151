"""Everybody who may come, and a way to let them do anything that is taken back afterwards."""

from collections.abc import Iterator

import pytest
from flask import Flask

from aurapark.checkout import api_routes, payment_routes
from tests.factories import Network
from tests.security.cast import Cast, Once, make_cast, rewinding


@pytest.fixture
def cast(app: Flask, network: Network, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """Everybody, and one thing of each kind; the site pays at a gateway of the test's own."""
    everybody = make_cast(app, network)
    for routes in (api_routes, payment_routes):
        monkeypatch.setattr(routes, "gateway_for", lambda _settings: everybody.gateway)
    return everybody


@pytest.fixture
def once(app: Flask, cast: Cast) -> Iterator[Once]:
    """Do something and take it back."""
    with rewinding(app) as works:
        yield works
