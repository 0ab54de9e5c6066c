"""A person signs in at an OpenID provider, by the page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.test_sign_in import guarded, visitor  # noqa: F401 — fixtures
from tests.npm.provider import OpenIDProvider
from tests.stack import Stack


@pytest.fixture
def provider(guarded: Stack, tmp_path: Path) -> Iterator[OpenIDProvider]:  # noqa: F811
    provider = OpenIDProvider(tmp_path, f"{guarded.url}/sign-in/oidc/callback").start()
    guarded.settings |= provider.settings()
    guarded.kill("web")
    guarded.start("web")
    yield provider
    provider.kill()


def test_a_person_signs_in_and_out(visitor: Person, provider: OpenIDProvider) -> None:  # noqa: F811
    page, where = visitor.page, "/rows/orders?sort=sku"
    button = page.get_by_role("link", name="Sign in with 127.0.0.1")
    page.goto(where)
    expect(button).to_be_visible()
    visitor.check_width(320)
    visitor.check_accessible()
    button.click()
    page.get_by_role("link", name="carl").click()
    expect(page.get_by_role("alert")).to_contain_text("none of the groups that may come in here")
    page.context.clear_cookies()
    page.goto(where)
    button.click()
    page.get_by_role("link", name="anna").click()
    page.wait_for_url(f"**{where}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()  # the strict cookie came along
    page.get_by_role("button", name="Sign out").click()
    expect(button).to_be_visible()
    visitor.requests[:] = [url for url in visitor.requests if not url.startswith(provider.issuer)]
