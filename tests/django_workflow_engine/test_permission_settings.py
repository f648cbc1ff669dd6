"""PERMISSIONS holds in every way in: services, serializer, both APIs, many at once (D-10, L12)."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import include, path
from rest_framework.routers import DefaultRouter
from rest_framework.viewsets import ModelViewSet

from approval_workflow.exceptions import ApprovalPermissionDenied
from approval_workflow.inbox import waiting_for
from approval_workflow.models import ApprovalEvent, ApprovalInstance
from approval_workflow.permissions import can_act
from approval_workflow.services import advance_flow, advance_many, claim, start_flow
from django_workflow_engine.exceptions import WorkflowPermissionDenied
from django_workflow_engine.models import WorkflowAttachment
from django_workflow_engine.serializers import WorkflowApprovalSerializer
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    start_workflow_for_object,
)
from django_workflow_engine.views import WorkflowMixin
from purchasing.models import PurchaseRequest
from purchasing.serializers import PurchaseRequestSerializer
from tests.factories import (
    PurchaseRequestFactory,
    UserFactory,
    by_role,
    by_user,
    make_role,
    make_workflow,
)

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

START = "REQUIRE_PERMISSION_TO_START"
APPROVE = "REQUIRE_PERMISSION_TO_APPROVE"


class PurchaseRequests(WorkflowMixin, ModelViewSet):
    queryset = PurchaseRequest.objects.all()
    serializer_class = PurchaseRequestSerializer


router = DefaultRouter()
router.register("requests", PurchaseRequests)
urlpatterns = [
    path("api/", include(router.urls)),
    path("core/", include("approval_workflow.api.urls")),
    path("engine/", include("django_workflow_engine.urls")),
]


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


@pytest.fixture
def bob():
    return UserFactory.create(username="bob")


@pytest.fixture
def workflow(ann):
    return make_workflow([[by_user(ann), by_user(ann)]])


@pytest.fixture
def item(workflow):
    item = PurchaseRequestFactory.create()
    attach_workflow_to_object(item, workflow)
    return item


@pytest.fixture
def required(settings):
    def require(name):
        settings.DJANGO_WORKFLOW_ENGINE = {"PERMISSIONS": {name: True}}

    return require


def grant(user, codename):
    user.user_permissions.add(Permission.objects.get(codename=codename))


# How a workflow can be started.
def attached(item, workflow, user):
    attach_workflow_to_object(item, workflow, user)


def started(item, workflow, user):
    attach_workflow_to_object(item, workflow, auto_start=False)
    start_workflow_for_object(item, user)


@pytest.mark.parametrize("start", [attached, started])
@pytest.mark.parametrize("granted", [False, True])
def test_starting(required, workflow, ann, start, granted):
    required(START)
    item = PurchaseRequestFactory.create()
    if granted:
        grant(ann, "start_workflow")
        start(item, workflow, ann)
        assert WorkflowAttachment.objects.get().status == "in_progress"
        return
    with pytest.raises(WorkflowPermissionDenied):
        start(item, workflow, ann)
    assert not ApprovalInstance.objects.exists()


# How a person can decide.
def service(item, ann, bob):
    act_on_object(item, "approved", ann)


def core_service(item, ann, bob):
    advance_flow(item, "rejected", ann)


def sent_back(item, ann, bob):
    stage = item.workflow_attachment.current_stage_id
    act_on_object(item, "resubmission", ann, stage_id=stage)


def delegated(item, ann, bob):
    act_on_object(item, "delegated", ann, user_id=bob.pk)


def escalated(item, ann, bob):
    advance_flow(item, "escalated", ann, escalate_to=bob)


@pytest.mark.parametrize("act", [service, core_service, sent_back, delegated, escalated])
@pytest.mark.parametrize("granted", [False, True])
def test_deciding_by_a_service(required, item, ann, bob, act, granted):
    required(APPROVE)
    if granted:
        grant(ann, "approve_workflow")
        act(item, ann, bob)
        assert (
            not ApprovalInstance.objects.current()
            .filter(assigned_to=ann, acted_at=None)
            .filter(step_number=1, round=1)
        )
        return
    before = ApprovalEvent.objects.count()
    with pytest.raises(ApprovalPermissionDenied, match="approve_workflow"):
        act(item, ann, bob)
    assert ApprovalInstance.objects.current().get().assigned_to == ann
    assert ApprovalEvent.objects.count() == before


@pytest.mark.parametrize("granted", [False, True])
def test_what_people_are_told_is_what_the_services_do(required, item, ann, granted):
    """S0-34: the helper and the inbox agree with `advance_flow`."""
    required(APPROVE)
    if granted:
        grant(ann, "approve_workflow")
    step = ApprovalInstance.objects.current().get()
    assert can_act(step, ann).allowed is granted
    assert list(waiting_for(ann)) == ([step] if granted else [])


def test_steps_outside_workflows_need_no_permission(required, ann):
    required(APPROVE)
    step = start_flow(PurchaseRequestFactory.create(), [{"assigned_to": ann}]).instances.get()
    assert can_act(step, ann)
    assert list(waiting_for(ann)) == [step]


def test_a_step_of_a_role_is_not_taken_without_the_permission(required):
    role = make_role(2)
    attach_workflow_to_object(PurchaseRequestFactory.create(), make_workflow([[by_role(role)]]))
    required(APPROVE)
    step = ApprovalInstance.objects.current().first()
    with pytest.raises(ApprovalPermissionDenied, match="approve_workflow"):
        claim(step, step.assigned_to)


@pytest.mark.parametrize("granted", [False, True])
def test_deciding_many_at_once(required, item, ann, granted):
    required(APPROVE)
    if granted:
        grant(ann, "approve_workflow")
    (result,) = advance_many([item], "approved", ann)
    assert result.succeeded is granted
    if not granted:
        assert result.error.code == "permission_denied"


@pytest.mark.parametrize("granted", [False, True])
def test_deciding_through_the_serializer(required, item, ann, rf, granted):
    required(APPROVE)
    request = rf.post("/")
    request.user = ann
    serializer = WorkflowApprovalSerializer(
        instance=item, data={"action": "approved"}, context={"request": request}
    )
    if granted:
        grant(ann, "approve_workflow")
        assert serializer.save().current_stage.name_en == "Stage 1.2"
        return
    with pytest.raises(Exception, match="approve_workflow") as caught:
        serializer.save()
    assert caught.value.status_code == 403


# The URLs by which a person can decide, with what is sent there.
def mixin(item, step, bob):
    return f"/api/requests/{item.pk}/workflow_action/", {"action": "approved"}


def approve(item, step, bob):
    return f"/core/approvals/{step.pk}/approve/", {}


def reject(item, step, bob):
    return f"/core/approvals/{step.pk}/reject/", {}


def resubmit(item, step, bob):
    return f"/core/approvals/{step.pk}/resubmit/", {"steps": [{"assigned_to": bob.pk}]}


def delegate(item, step, bob):
    return f"/core/approvals/{step.pk}/delegate/", {"delegate_to": bob.pk}


def escalate(item, step, bob):
    return f"/core/approvals/{step.pk}/escalate/", {"escalate_to": bob.pk}


def act(item, step, bob):
    key = item.workflow_attachment.pk
    return f"/engine/attachments/{key}/act/", {"action": "approve"}


URLS = [mixin, act, approve, reject, resubmit, delegate, escalate]


@pytest.mark.parametrize("url", URLS)
def test_every_url_that_decides_is_closed(required, item, ann, bob, url):
    required(APPROVE)
    answer = posted(ann, *url(item, ApprovalInstance.objects.current().get(), bob))
    assert answer.status_code == 403, answer.content
    assert ApprovalInstance.objects.current().get().assigned_to == ann


@pytest.mark.parametrize("url", URLS)
def test_every_url_that_decides_opens_with_the_permission(required, item, ann, bob, url):
    required(APPROVE)
    grant(ann, "approve_workflow")
    step = ApprovalInstance.objects.current().get()
    answer = posted(ann, *url(item, step, bob))
    assert answer.status_code == 200, answer.content
    step.refresh_from_db()
    assert step.status != "current"


def test_the_bulk_url_tells_it_for_each_item(required, item, ann):
    required(APPROVE)
    step = ApprovalInstance.objects.current().get()
    body = {"action": "approve", "ids": [step.pk]}
    (result,) = posted(ann, "/core/approvals/bulk/", body).json()["results"]
    assert (result["succeeded"], result["error"]["code"]) == (False, "permission_denied")
    step.refresh_from_db()
    assert step.status == "current"


def create_run(item, workflow):
    given = {"object_type": "purchasing.purchaserequest", "object_id": str(item.pk)}
    return "/engine/attachments/", {"workflow": workflow.pk, **given}


def start_run(item, workflow):
    attachment = attach_workflow_to_object(item, workflow, auto_start=False)
    return f"/engine/attachments/{attachment.pk}/start/", {}


@pytest.mark.parametrize(("url", "done"), [(create_run, 201), (start_run, 200)])
def test_every_url_that_starts(required, workflow, ann, url, done):
    required(START)
    item = PurchaseRequestFactory.create()
    for codename in ("view_purchaserequest", "view_workflow", "view_workflowattachment"):
        grant(ann, codename)
    call = url(item, workflow)
    assert posted(ann, *call).status_code == 403
    assert not ApprovalInstance.objects.exists()
    grant(ann, "start_workflow")
    assert posted(ann, *call).status_code == done
    assert ApprovalInstance.objects.current().get().assigned_to == ann


def posted(user, url, body):
    client = Client()
    client.force_login(user)
    return client.post(url, body, content_type="application/json")
