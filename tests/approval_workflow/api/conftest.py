"""Fixtures of the API's tests."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission

from tests.factories import UserFactory


@pytest.fixture
def manager(db: None) -> Any:
    """Somebody who may view all flows, and change flows and steps."""
    codenames = ("view_approvalflow", "change_approvalflow", "change_approvalinstance")
    user = UserFactory.create(username="manager")
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user
