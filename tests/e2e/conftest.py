"""The browser, the server and the street scenes that the tests of this folder share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.domains import street_scenes
from tests.e2e.site import PATIENCE_MS, serving
from tests.services.browser import chromium_arguments
from tests.services.slowness import slow_line


# Playwright's event loop bars those of other tests from its thread, so it ends with this folder.
@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright, slow_line() as line:
        arguments = [*chromium_arguments(), *line]
        started = playwright.chromium.launch(executable_path=chromium, args=arguments)
        expect.set_options(timeout=PATIENCE_MS)
        yield started
        started.close()


@pytest.fixture(scope="package")
def address(
    tmp_path_factory: pytest.TempPathFactory, forked_processes: dict[str, str]
) -> Iterator[str]:
    """Of a server without projects and without a worker; each test makes its own projects."""
    with serving(tmp_path_factory.mktemp("site"), forked_processes) as started:
        yield started


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Pictures of streets, 480 x 360."""
    return street_scenes(tmp_path_factory).images
