"""The browser that the tests of this folder share."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.e2e.site import PATIENCE_MS
from tests.services.browser import chromium_arguments


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=chromium_arguments())
        expect.set_options(timeout=PATIENCE_MS)
        yield started
        started.close()
