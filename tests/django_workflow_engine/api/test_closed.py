"""Every URL of the router, as nobody, as a stranger, and as a company: each sees their own."""

from collections.abc import Iterator
from typing import Any

import pytest

from approval_workflow.api.permissions import IsActivePerson
from approval_workflow.services import advance_flow
from django_workflow_engine.models import (
    ActionExecution,
    Stage,
    StageRun,
    WorkFlow,
    WorkflowAttachment,
)
from django_workflow_engine.urls import router
from tests.django_workflow_engine.api.calls import attached, client_of, get, grant
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

# In the name of every template, stage and object of the other company.
SECRET = "zq7secret"
MODELS = (ActionExecution, Stage, StageRun, WorkFlow, WorkflowAttachment)


def company_with_a_run(name: str) -> Any:
    """A company that may write workflows, and a run with an execution on one of its own."""
    company = UserFactory.create(username=name)
    worker = UserFactory.create(username=f"{name} worker")
    attachment = attached(worker, worker, company=company, metadata={"name": name})
    WorkFlow.objects.filter(pk=attachment.workflow.cloned_from_id).update(name_en=name)
    advance_flow(attachment.target, "approved", worker)
    return grant(company, "add_workflow", "change_workflow", "delete_workflow")


@pytest.fixture
def acme(db: None) -> Any:
    return company_with_a_run("acme")


@pytest.fixture
def other(db: None) -> Any:
    return company_with_a_run(SECRET)


def requests(owner: Any) -> Iterator[tuple[str, str, bool]]:
    """Method, path and whether it names a row, for every end point; the rows are the owner's."""
    keys = {
        "workflows": WorkFlow.objects.templates().get(company=owner).pk,
        "attachments": WorkflowAttachment.objects.get(workflow__company=owner).pk,
        "executions": ActionExecution.objects.filter(attachment__workflow__company=owner)
        .latest("pk")
        .pk,
    }
    for pattern in router.urls:
        path = str(pattern.pattern).strip("^$")
        named = "(?P<pk>[^/]+)" in path
        path = path.replace("(?P<pk>[^/]+)", str(keys[path.split("/")[0]]))
        for method in list(pattern.callback.actions):
            yield method, f"/api/{path}", named


def send(user: Any, method: str, path: str) -> Any:
    sent = {} if method in {"get", "head"} else {"data": "{}", "content_type": "application/json"}
    return getattr(client_of(user), method)(path, **sent)


def stored() -> list[Any]:
    return [list(model._default_manager.order_by("pk").values()) for model in MODELS]


def test_no_view_relies_on_the_defaults_of_the_project() -> None:
    for _prefix, view_set, _name in router.registry:
        assert view_set.permission_classes == (IsActivePerson,)
        for action in view_set.get_extra_actions():
            assert "permission_classes" not in action.kwargs
        assert view_set.pagination_class.max_page_size == 200


def test_nobody_gets_anything(acme: Any) -> None:
    before = stored()
    for method, path, _named in requests(acme):
        assert send(None, method, path).status_code in {401, 403}, (method, path)
    assert stored() == before


def test_a_stranger_finds_nothing(acme: Any) -> None:
    stranger = UserFactory.create(is_staff=True)
    before = stored()
    for method, path, named in requests(acme):
        response = send(stranger, method, path)
        if named:
            assert response.status_code == 404, (method, path)
        elif method == "get" and "statistics" not in path:
            assert response.json()["count"] == 0, path
        assert b"acme" not in response.content
    assert stored() == before


def test_a_company_does_not_reach_what_is_of_another(acme: Any, other: Any) -> None:
    before = stored()
    for method, path, named in requests(other):
        if not named:
            continue
        assert send(acme, method, path).status_code == 404, (method, path)
    assert stored() == before


def test_a_company_sees_its_own_and_nothing_of_another(acme: Any, other: Any) -> None:
    shown = 0
    for method, path, _named in requests(acme):
        if method != "get" or path.startswith("/api/executions/"):
            continue
        response = send(acme, method, path)
        # A preview is of an object that has to be named.
        assert response.status_code == (400 if path.endswith("/preview/") else 200), path
        assert SECRET.encode() not in response.content, path
        shown += b"acme" in response.content
    assert shown >= 5
    assert get(acme, "workflow-list").json()["count"] == 1
    assert get(acme, "attachment-list").json()["count"] == 1
