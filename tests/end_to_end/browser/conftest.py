"""A real Chromium, and a school in the running system: an instructor, an admin, a published course, students."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, async_playwright

from tests.end_to_end.browser.people import People
from tests.end_to_end.browser.school import School, found_school

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DEVICES = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)
MISSING = "Browser tests need Chromium or Chrome on the PATH; on Debian: apt-get install chromium"


def find_chromium() -> str:
    """The path of an installed browser. Skips the test when there is none, but fails it where CI=true."""
    for name in NAMES:
        path = shutil.which(name)
        if path is not None:
            return path
    if os.environ.get("CI") == "true":
        pytest.fail(MISSING)
    pytest.skip(MISSING)


@asynccontextmanager
async def browser_with(*flags: str) -> AsyncIterator[Browser]:
    """A browser that has these flags besides; closed at the end."""
    path = find_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, headless=True, args=[*FLAGS, *flags])
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all tests; each person gets a context of their own."""
    async with browser_with() as browser:
        yield browser


@pytest.fixture(scope="module")
async def chromium_with_devices() -> AsyncIterator[Browser]:
    """A browser with a camera and a microphone that are not real; tests of video have it as their `chromium`."""
    async with browser_with(*DEVICES) as browser:
        yield browser


@pytest.fixture(scope="session")
async def school(lyceum: Any) -> School:
    """The people and the course that all browser tests share; each makes classes of its own."""
    # The name that the system itself uses: cookies and the socket's origin belong to it.
    url = f"http://localhost:{urlsplit(lyceum.http_url).port}"
    return await found_school(lyceum, url)


@pytest.fixture
async def people(chromium: Browser, school: School) -> AsyncIterator[People]:
    """Opens windows for people. Afterwards no page may have raised an error that nobody caught."""
    found = People(chromium, school)
    yield found
    await found.go_home()
    assert found.errors == []
