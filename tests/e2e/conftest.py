"""A real browser. Chromium and its driver come from the system; selenium fetches nothing."""

import shutil
from collections.abc import Iterator

import pytest
from django.test import Client
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from tests.factories import UserFactory


@pytest.fixture
def browser() -> Iterator[Chrome]:
    options = ChromeOptions()
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--window-size=1400,1000",
        "--lang=en",
    ):
        options.add_argument(argument)
    options.binary_location = shutil.which("chromium") or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=ChromeService(shutil.which("chromedriver")))
    driver.implicitly_wait(5)
    yield driver
    driver.quit()


@pytest.fixture
def signed_in(browser: Chrome, live_server) -> Chrome:
    """The browser of somebody who may do everything."""
    client = Client()
    client.force_login(UserFactory.create(username="admin", is_staff=True, is_superuser=True))
    browser.get(f"{live_server.url}/admin/login/")
    cookie = client.cookies["sessionid"]
    browser.add_cookie({"name": "sessionid", "value": cookie.value, "path": "/"})
    # What the page of signing in has logged is not asked about.
    browser.get_log("browser")
    return browser
