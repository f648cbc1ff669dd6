"""What other workflow packages can do, done here: see docs/reference/other-packages.md."""

import uuid
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from approval_workflow import signals
from approval_workflow.handlers import BaseApprovalHandler, register_handler
from approval_workflow.inbox import waiting_for
from approval_workflow.services import claim, reassign, release
from django_workflow_engine import workflows
from django_workflow_engine.actions.runner import run_due
from django_workflow_engine.models import Stage, WorkFlow, WorkflowAttachment
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    cancel_workflow,
    get_workflow_attachment,
    hold_workflow,
    resume_workflow,
    update_stage_status,
)
from tests.django_workflow_engine.admin_pages import Page, address_of, superuser_client
from tests.factories.objects import PurchaseRequestFactory
from tests.factories.people import UserFactory, make_role
from tests.factories.workflows import asking, by_role, by_user, make_staged
from tests.testapp.models import Document, SlugDocument, UuidDocument
from tests.testapp.workflow_actions import score

pytestmark = pytest.mark.django_db

CLAIM = {
    "submit_claim": {
        "kind": "status",
        "statuses": [{"name": "Submitted", "completes": True}],
    },
    "review_claim": {
        "kind": "status",
        "statuses": [
            {"name": "Under Review", "default": True},
            {"name": "Approved", "completes": True},
            {"name": "Rejected", "rejects": True},
        ],
    },
    "approve_or_reject": {
        "kind": "status",
        "statuses": [
            {"name": "Approved", "completes": True},
            {"name": "Rejected", "rejects": True},
        ],
        "routes": [{"to": "end"}],
    },
}


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


# T-1
def test_each_notion_is_stored():
    workflow = make_staged(CLAIM)
    stage = Stage.objects.get(code="approve_or_reject")
    assert stage.stage_info["routes"] == [{"to": "end"}]
    assert [status["name"] for status in stage.stage_info["statuses"]] == ["Approved", "Rejected"]
    attachment = attach_workflow_to_object(PurchaseRequestFactory.create(), workflow)
    assert WorkflowAttachment.objects.get().pk == attachment.pk


# T-2 T-7
def test_a_claim_goes_from_the_initial_to_the_final_step(ann):
    make_staged(CLAIM, name_en="Claim Processing", slug="claim-processing")
    claim_ = PurchaseRequestFactory.create(amount=Decimal(123))
    template = WorkFlow.objects.templates().get(name_en="Claim Processing")
    attachment = attach_workflow_to_object(claim_, template, ann)
    assert attachment.current_stage.code == "submit_claim"
    for status in ("Submitted", "Approved", "Approved"):
        update_stage_status(claim_, status, ann)
    assert get_workflow_attachment(claim_).status == "completed"


# T-9
def test_a_claim_is_held_resumed_and_cancelled():
    claim_ = PurchaseRequestFactory.create()
    attach_workflow_to_object(claim_, make_staged(CLAIM))
    assert hold_workflow(claim_, reason="Waiting for papers").status == "on_hold"
    assert resume_workflow(claim_).status == "in_progress"
    assert cancel_workflow(claim_).status == "cancelled"


# T-10 V-5
@pytest.mark.parametrize(
    "make",
    [
        lambda: Document.objects.create(title="a"),
        lambda: UuidDocument.objects.create(id=uuid.uuid4()),
        lambda: SlugDocument.objects.create(slug="a/b c"),
    ],
)
def test_objects_of_any_model_run(ann, make):
    obj = make()
    attach_workflow_to_object(
        obj, make_staged({"a": asking(by_user(ann))}), ann, metadata={"text": "hello"}
    )
    act_on_object(obj, "approve", ann)
    attachment = get_workflow_attachment(obj)
    assert (attachment.status, attachment.metadata) == ("completed", {"text": "hello"})
    assert attachment.target == obj


# T-11
def test_the_same_workflow_from_the_admin_and_from_code(ann):
    class Leave(workflows.Workflow):
        check = workflows.Stage(
            "Check",
            color="#3498db",
            approvals=[
                # The page writes down what is so by default, too.
                workflows.person(
                    "ann",
                    step_approval_type="approve",
                    rejection_policy="first",
                    allow_higher_level=True,
                )
            ],
        )

    page = Page(superuser_client(), address_of(WorkFlow, "add"), "workflow_form")
    page.set(name_en="Leave").row("pipelines-0", name_en="Leave")
    page.row("pipelines-0-stages-0", name_en="Check", color="#3498db")
    page.row("pipelines-0-stages-0-approvals-0", approval_type="USER", approval_user=ann.pk)
    assert page.send().status_code == 302
    [imported] = workflows.sync_workflows([Leave], dry_run=True)
    assert [str(change) for change in imported.changes] == [
        "Leave / Check / code: nothing becomes check"
    ]


# V-1
def test_views_signals_and_models_are_a_projects_own(
    ann, monkeypatch, django_capture_on_commit_callbacks
):
    told = []
    monkeypatch.setattr("approval_workflow.handlers._registered", {})

    @register_handler(Document)
    class Handler(BaseApprovalHandler):
        def on_final_approve(self, instance):
            told.append(("handler", instance.flow.target))

    def receiver(sender, flow, **kwargs):
        told.append(("signal", flow.target))

    signals.flow_completed.connect(receiver)
    try:
        document = Document.objects.create(title="a")
        attach_workflow_to_object(document, make_staged({"a": asking(by_user(ann))}), ann)
        with django_capture_on_commit_callbacks(execute=True):
            act_on_object(document, "approve", ann)
    finally:
        signals.flow_completed.disconnect(receiver)
    assert told == [("handler", document), ("signal", document)]


# V-4
def test_urls_are_there_and_closed():
    client = APIClient()
    for name in ("workflow-list", "attachment-list", "execution-list"):
        assert client.get(reverse(f"django_workflow_engine:{name}")).status_code in (401, 403)


# V-6
def test_hello_world(ann, django_capture_on_commit_callbacks):
    class HelloWorld(workflows.Workflow):
        approve = workflows.Stage(
            "Approve",
            approvals=[workflows.person("ann")],
            routes=[
                workflows.Route("send", when="document.status == 'approved'"),
                workflows.Route(workflows.END),
            ],
        )
        send = workflows.JobStage("Send", job=score, parameters={"score": 1})

    workflows.sync_workflows([HelloWorld])
    outcomes = {}
    for status in ("approved", "refused"):
        request = Document.objects.create(title="Hello, world!", status=status)
        attachment = HelloWorld.start(request, ann)
        with django_capture_on_commit_callbacks(execute=True):
            act_on_object(request, "approve", ann)
            run_due()
        runs = attachment.stage_runs.order_by("pk").values_list("stage__code", "outcome")
        outcomes[status] = list(runs)
        assert get_workflow_attachment(request).status == "completed"
    assert outcomes == {
        "approved": [("approve", "approved"), ("send", "done")],
        "refused": [("approve", "approved")],
    }


# V-8
def test_a_process_is_locked_while_it_is_acted_on(ann):
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, make_staged({"a": asking(by_user(ann))}), ann)
    with CaptureQueriesContext(connection) as queries:
        act_on_object(request, "approve", ann)
    statements = [query["sql"] for query in queries]
    # Where rows cannot be locked, the flow is written first.
    locks = "FOR UPDATE" if connection.features.has_select_for_update else "UPDATE"
    locked = next(n for n, sql in enumerate(statements) if locks in sql and "approvalflow" in sql)
    decided = next(
        n for n, sql in enumerate(statements) if sql.startswith("UPDATE") and "instance" in sql
    )
    assert locked < decided


# V-9
def test_processes_tasks_and_queue_are_query_sets():
    board = make_role(1)
    ann = board.users.get()
    other = UserFactory.create()
    request = PurchaseRequestFactory.create()
    workflow = make_staged({"a": asking(by_role(board)), "b": asking(by_user(other))})
    attachment = attach_workflow_to_object(request, workflow, ann)
    assert [row.pk for row in WorkflowAttachment.objects.visible_to(ann)] == [attachment.pk]
    [task] = waiting_for(ann)
    assert task.flow.target == request
    assert not waiting_for(other).exists()
    unclaimed = waiting_for(ann).filter(claimed_at=None)
    assert unclaimed.count() == 1
    claim(task, ann)
    assert unclaimed.count() == 0


# V-11
def test_a_task_is_claimed_released_and_reassigned():
    board = make_role(2)
    ann, bob = board.users.order_by("pk")
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, make_staged({"a": asking(by_role(board))}), ann)
    task = waiting_for(ann).get()
    claim(task, ann)
    assert not waiting_for(bob).exists()
    release(task, ann)
    assert waiting_for(bob).exists()
    cid = UserFactory.create()
    reassign(waiting_for(bob).get(), None, assign_to=cid, reason="On leave")
    assert waiting_for(cid).exists()
