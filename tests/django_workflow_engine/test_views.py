"""The two actions that a project's own view sets get (D-101, D-102, D-103, L24)."""

import os
import subprocess
import sys

import pytest
from django.contrib.auth.models import Permission
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.serializers import ModelSerializer
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.viewsets import ModelViewSet

from approval_workflow.models import ApprovalInstance
from django_workflow_engine import views
from django_workflow_engine.services import attach_workflow_to_object, hold_workflow
from django_workflow_engine.views import WorkflowMixin
from purchasing.models import PurchaseRequest
from tests.factories.objects import PurchaseRequestFactory
from tests.factories.people import UserFactory
from tests.factories.workflows import by_user, make_staged, make_workflow

pytestmark = pytest.mark.django_db


class Serializer(ModelSerializer):
    class Meta:
        model = PurchaseRequest
        fields = ["id", "title"]


class Nobody(BasePermission):
    def has_permission(self, request, view):
        return False


class Open(WorkflowMixin, ModelViewSet):
    """A view set that lets everybody in."""

    queryset = PurchaseRequest.objects.all()
    serializer_class = Serializer
    permission_classes = [AllowAny]


class Closed(Open):
    permission_classes = [Nobody]


class OpenToApprovers(Closed):
    workflow_permission_classes = [AllowAny]


class Narrow(Open):
    queryset = PurchaseRequest.objects.filter(title="Mine")


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


@pytest.fixture
def request_(ann):
    made = PurchaseRequestFactory.create()
    attach_workflow_to_object(made, make_workflow([[by_user(ann), by_user(ann)]]))
    return made


def call(view_set, name, pk, user=None, data=None):
    factory = APIRequestFactory()
    request = factory.get("/") if data is None else factory.post("/", data, format="json")
    if user is not None:
        force_authenticate(request, user)
    methods = {"get": name} if data is None else {"post": name}
    # The routers pass on what the decorator of the action says.
    options = getattr(view_set, name).kwargs
    return view_set.as_view(methods, **options)(request, pk=pk)


def test_the_status_tells_where_the_object_stands(request_, ann):  # D-101
    data = call(Open, "workflow_status", request_.pk, ann).data
    assert data["current_stage"] == "Stage 1.1"
    assert data["progress_percentage"] == 0
    assert data["status"] == "in_progress"
    assert data["can_act"] is True


def test_the_status_of_an_object_without_workflow(ann):  # D-101
    data = call(Open, "workflow_status", PurchaseRequestFactory.create().pk, ann).data
    assert (data["status"], data["current_stage"], data["can_act"]) == ("not_started", None, False)


def test_who_is_not_asked_cannot_act(request_):
    assert call(Open, "workflow_status", request_.pk, UserFactory.create()).data["can_act"] is False


@pytest.mark.parametrize("word", ["approved", "APPROVED"])
def test_an_action_moves_the_object_and_answers_with_its_status(request_, ann, word):
    """D-101, D-102."""
    data = {"action": word, "form_data": {"note": "seen"}, "reason": "Fair"}
    response = call(Open, "workflow_action", request_.pk, ann, data)
    assert response.status_code == 200
    assert response.data["current_stage"] == "Stage 1.2"
    assert response.data["progress_percentage"] == 50
    decided = ApprovalInstance.objects.get(status="approved")
    assert (decided.comment, decided.form_data) == ("Fair", {"note": "seen"})


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"action": "approve it"}, 400),
        ({}, 400),
        ({"action": "resubmission"}, 400),
        ({"action": "delegated", "user_id": 0}, 400),
    ],
)
def test_what_is_wrong_is_told_and_nothing_happens(request_, ann, data, status):
    assert call(Open, "workflow_action", request_.pk, ann, data).status_code == status
    assert ApprovalInstance.objects.get().status == "current"


# T-8
def test_a_status_is_set_by_who_may_control_workflows_alone(ann):
    statuses = [{"name": "Open", "default": True}, {"name": "Signed", "completes": True}]
    workflow = make_staged({"sign": {"kind": "status", "statuses": statuses}})
    obj = PurchaseRequestFactory.create()
    attach_workflow_to_object(obj, workflow)
    assert call(Open, "workflow_action", obj.pk, ann, {"status": "Signed"}).status_code == 403
    ann.user_permissions.add(Permission.objects.get(codename="control_workflow"))
    ann = type(ann).objects.get(pk=ann.pk)
    unknown = call(Open, "workflow_action", obj.pk, ann, {"status": "Sgned"})
    assert (unknown.status_code, list(unknown.data)) == (400, ["status"])
    answer = call(Open, "workflow_action", obj.pk, ann, {"status": "Signed"})
    assert answer.data["status"] == "completed"


def test_the_status_tells_why_it_is_on_hold(request_, ann):
    hold_workflow(request_, reason="audit")
    data = call(Open, "workflow_status", request_.pk, ann).data
    assert (data["status"], data["hold_reason"], data["can_act"]) == ("on_hold", "audit", False)


def test_who_is_not_asked_is_refused(request_):
    response = call(
        Open, "workflow_action", request_.pk, UserFactory.create(), {"action": "approved"}
    )
    assert response.status_code == 403


@pytest.mark.parametrize(("name", "data"), [("workflow_status", None), ("workflow_action", {})])
def test_anonymous_users_are_refused_where_the_view_set_is_open(request_, name, data):
    """L24."""
    assert call(Open, name, request_.pk, None, data).status_code in (401, 403)


@pytest.mark.parametrize(("name", "data"), [("workflow_status", None), ("workflow_action", {})])
def test_the_permissions_of_the_view_set_hold(request_, ann, name, data):  # D-103
    assert call(Closed, name, request_.pk, ann, data).status_code == 403


def test_approvers_may_have_permissions_of_their_own(request_, ann):
    assert call(OpenToApprovers, "workflow_status", request_.pk, ann).status_code == 200


@pytest.mark.parametrize(
    ("name", "data"), [("workflow_status", None), ("workflow_action", {"action": "approved"})]
)
def test_objects_that_the_view_set_hides_are_not_found(request_, ann, name, data):
    """D-103."""
    assert call(Narrow, name, request_.pk, ann, data).status_code == 404
    assert ApprovalInstance.objects.get().status == "current"


def test_the_end_points_are_found_where_the_mixin_is():
    for name in views.END_POINTS:
        assert getattr(views, name).__name__ == name
    with pytest.raises(AttributeError, match="Nothing"):
        views.Nothing  # noqa: B018


def test_the_mixin_needs_nothing_of_the_extra():
    blocked = "import sys; sys.modules.update(dict.fromkeys(['drf_spectacular', 'django_filters']))"
    code = f"{blocked}; import django; django.setup(); import django_workflow_engine.views"
    apps = ["drf_spectacular", "django_filters"]
    settings = f"from tests.settings.sqlite import *; [INSTALLED_APPS.remove(a) for a in {apps}]"
    made = f"import types, sys; m = types.ModuleType('bare'); exec({settings!r}, m.__dict__)"
    run = f"{made}; sys.modules['bare'] = m; {code}"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "bare"}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    subprocess.run([sys.executable, "-c", run], env=environment, check=True)  # noqa: S603
