"""The API is closed by default, whatever the project's own defaults are."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from approval_workflow.api.permissions import IsActivePerson
from approval_workflow.api.urls import router
from tests.approval_workflow.api.calls import get
from tests.approval_workflow.flows import make_flow
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_no_view_relies_on_the_defaults_of_the_project() -> None:
    for _prefix, view_set, _name in router.registry:
        assert view_set.permission_classes == (IsActivePerson,)
        for action in view_set.get_extra_actions():
            assert "permission_classes" not in action.kwargs
        assert view_set.pagination_class.max_page_size == 200


def test_nobody_is_told_to_sign_in(ann: Any) -> None:
    make_flow(ann)
    response = get(None, "flow-list")
    assert response.status_code in {401, 403}
    assert response.json()["code"] == "not_authenticated"


@pytest.mark.parametrize("name", ["flow-list", "approval-list", "substitution-list"])
def test_an_inactive_account_is_refused(name: str, ann: Any) -> None:
    make_flow(ann)
    ann.is_active = False
    client = APIClient()
    client.force_authenticate(ann)
    assert get(client, name).status_code == 403


def test_being_staff_alone_shows_nothing(ann: Any) -> None:
    flow = make_flow(ann)
    staff = UserFactory.create(is_staff=True)
    assert get(staff, "flow-list").json()["count"] == 0
    assert get(staff, "flow-detail", flow.pk).status_code == 404


def test_a_page_that_changes_something_needs_the_token_of_the_session(ann: Any) -> None:
    flow = make_flow(ann)
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(ann)
    response = client.post(f"/api/approvals/{flow.instances.get().pk}/approve/")
    assert response.status_code == 403
    assert flow.instances.get().status == "current"
