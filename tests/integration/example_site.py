"""What the tests of the example project share: its settings, its people, and how to sign in."""

import copy
from pathlib import Path
from typing import Any

from django.http import HttpRequest
from django.test import Client
from rest_framework.test import APIClient

from config import settings as example
from demo.mailbox import FILE_BACKEND
from purchasing.models import User

PURCHASE = "purchasing.PurchaseRequest"


def use_example(settings: Any, mail_directory: Path) -> None:
    """Run a test under the settings of the example; its mails go to the directory given."""
    settings.ROOT_URLCONF = "config.urls"
    settings.LOGIN_URL = example.LOGIN_URL
    settings.LOCALE_PATHS = example.LOCALE_PATHS
    settings.APPROVAL_FORM_SCHEMA_FIELD = example.APPROVAL_FORM_SCHEMA_FIELD
    settings.DJANGO_WORKFLOW_ENGINE = copy.deepcopy(example.DJANGO_WORKFLOW_ENGINE)
    settings.EMAIL_BACKEND = FILE_BACKEND
    settings.EMAIL_FILE_PATH = mail_directory


def person(username: str) -> User:
    return User.objects.get(username=username)


def request_of(user: User) -> HttpRequest:
    request = HttpRequest()
    request.user = user
    return request


def api_of(username: str) -> APIClient:
    client = APIClient()
    client.force_login(person(username))
    return client


def page_of(username: str) -> Client:
    client = Client()
    client.force_login(person(username))
    return client
