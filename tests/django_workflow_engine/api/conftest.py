"""Fixtures of the tests of the engine's API."""

from typing import Any

import pytest

from tests.django_workflow_engine.api.calls import grant
from tests.factories import UserFactory


@pytest.fixture
def ann(db: None) -> Any:
    return UserFactory.create(username="ann")


@pytest.fixture
def bob(db: None) -> Any:
    return UserFactory.create(username="bob")


@pytest.fixture
def company(db: None) -> Any:
    """The account of a company."""
    return UserFactory.create(username="acme")


@pytest.fixture
def builder(db: None) -> Any:
    """Somebody who builds workflows for everybody."""
    names = ("view_workflow", "add_workflow", "change_workflow", "delete_workflow")
    return grant(UserFactory.create(username="builder"), *names)
