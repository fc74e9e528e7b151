"""The whole site with its gateway, for tests in a browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from aurapark.devstack.servers import EmbeddedServers
from tests.browser.stories import Stage, running_stage


@pytest.fixture(scope="session")
def stage(
    browser: Browser, servers: EmbeddedServers, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """The whole site with its gateway; tests share it, so each takes seats of its own."""
    with running_stage(servers, template_database, tmp_path_factory.mktemp("stage")) as running:
        yield running
