"""What tests of pages do in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.chromium import Browser

NARROW, WIDE = 390, 1440
"""Pixels of a phone, and of a screen."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all tests here. Its absence is a failure: a page that nobody has opened may not open."""
    made = Browser()
    yield made
    made.close()


def text(browser: Browser, place: str) -> str:
    return str(browser.run(f"document.querySelector({place!r}).innerText"))


def after(browser: Browser, event: str, script: str) -> Any:
    """Do something, and wait for what the page says then; its detail."""
    return browser.run(
        f"new Promise((done) => {{ document.addEventListener('{event}', (one) => done(one.detail), {{ once: true }}); "
        f"{script} }})"
    )
