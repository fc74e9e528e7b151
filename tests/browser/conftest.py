"""A headless Chromium for the whole run. Without one the tests say so, or fail where REQUIRE_BROWSER=1."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from aurapark.devstack.servers import EmbeddedServers
from tests.browser.stories import Stage, running_stage

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser; each test opens pages of its own."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None and os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail("REQUIRE_BROWSER=1, but no Chromium was found")
    if path is None:
        pytest.skip("no Chromium on this machine: install chromium to run the browser tests")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def stage(
    browser: Browser, servers: EmbeddedServers, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """The whole site with its gateway; tests share it, so each takes seats of its own."""
    with running_stage(servers, template_database, tmp_path_factory.mktemp("stage")) as running:
        yield running
