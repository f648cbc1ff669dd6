"""Pages beside the builder: preview, versions, moving, cancelling; and who made a change."""

import pytest
from django.urls import reverse
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from django_workflow_engine.choices import ActionType, ExecutionStatus
from django_workflow_engine.models import (
    ActionExecution,
    Stage,
    WorkFlow,
    WorkflowAction,
    WorkflowAttachment,
    WorkflowConfiguration,
)
from django_workflow_engine.services import attach_workflow_to_object
from tests.django_workflow_engine.admin_pages import (
    Page,
    address_of,
    staff_client,
    superuser_client,
)
from tests.factories import (
    PurchaseRequestFactory,
    RoleFactory,
    UserFactory,
    by_role,
    by_user,
    make_role,
    make_workflow,
    stages_of,
)

pytestmark = pytest.mark.django_db

PURCHASE = {"model": "purchasing.purchaserequest"}


@pytest.fixture
def client():
    return superuser_client()


def page_of(workflow, name):
    return address_of(WorkFlow, name, workflow.pk)


# Preview


def test_the_preview_shows_who_would_be_asked_and_why(client):
    layla = UserFactory.create(username="layla")
    holder = make_role(name="Board").users.get()
    requester = UserFactory.create(username="requester")
    obj = PurchaseRequestFactory.create(requester=requester, title="Desk lamps")
    workflow = make_workflow([[by_user(layla), by_role(holder.role)], [{"approval_type": "SELF"}]])

    page = client.get(page_of(workflow, "preview"), {**PURCHASE, "key": obj.pk})

    found = {place: [row.people for row in rows] for place, rows in page.context["places"]}
    assert found == {
        "Pipeline 1 / Stage 1.1": [(layla,)],
        "Pipeline 1 / Stage 1.2": [(holder,)],
        "Pipeline 2 / Stage 2.1": [(requester,)],
    }
    assertContains(page, "Desk lamps")
    assert not WorkflowAttachment.objects.exists()


def test_the_preview_says_where_nobody_would_be_asked(client):
    obj = PurchaseRequestFactory.create()
    workflow = make_workflow([[by_role(RoleFactory.create()), []]])

    page = client.get(page_of(workflow, "preview"), {**PURCHASE, "key": obj.pk})

    (_place, [nobody]), (_other, [empty]) = page.context["places"]
    assert (nobody.people, empty.people) == ((), ())
    assertContains(page, "Nobody is asked here yet.")


@pytest.mark.parametrize("key", ["0", "nonsense", "9" * 40])
def test_a_key_of_nothing_is_an_error_at_its_field(client, key):
    page = client.get(page_of(make_workflow(), "preview"), {**PURCHASE, "key": key})

    assert set(page.context["form"].errors) == {"key"}


def test_objects_that_somebody_may_not_see_are_not_previewed():
    workflow, obj = make_workflow(), PurchaseRequestFactory.create()
    address = page_of(workflow, "preview")

    page = staff_client("view_workflow").get(address, {**PURCHASE, "key": obj.pk})

    assert "model" in page.context["form"].errors
    assert staff_client().get(address).status_code == 403


def test_the_page_of_a_workflow_leads_to_its_preview(client):
    workflow = make_workflow()

    assertContains(client.get(page_of(workflow, "change")), page_of(workflow, "preview"))


# Moving running objects


@pytest.fixture
def moved_on():
    """A template that has changed since an object was attached to it."""
    workflow = make_workflow([[by_user(UserFactory.create()), by_user(UserFactory.create())]])
    attachment = attach_workflow_to_object(PurchaseRequestFactory.create(), workflow)
    Stage.objects.filter(pk=stages_of(workflow)[1].pk).update(name_en="Renamed")
    workflow.refresh_from_db()
    return workflow, attachment


def test_moving_is_shown_before_it_is_done(client, moved_on):
    workflow, attachment = moved_on
    before = attachment.workflow_id

    page = client.post(page_of(workflow, "migrate"), {"reason": "New names"})

    assert len(page.context["report"].moved) == 1
    assertContains(page, "Move these objects")
    attachment.refresh_from_db()
    assert attachment.workflow_id == before
    assert WorkFlow.objects.snapshots().count() == 1


def test_objects_are_moved_once_that_is_confirmed(client, moved_on):
    workflow, attachment = moved_on

    page = client.post(
        page_of(workflow, "migrate"), {"reason": "New names", "confirmed": "x"}, follow=True
    )

    assertContains(page, "1 object was moved.")
    attachment.refresh_from_db()
    assert attachment.workflow.version == 2


def test_a_place_that_is_gone_is_asked_for(client):
    workflow = make_workflow([[by_user(UserFactory.create()), by_user(UserFactory.create())]])
    attachment = attach_workflow_to_object(PurchaseRequestFactory.create(), workflow)
    stages_of(workflow)[0].delete()
    address, gone = page_of(workflow, "migrate"), "Pipeline 1 / Stage 1.1"

    refused = client.post(address, {"reason": "Gone", "confirmed": "x"})
    assertContains(refused, gone)
    assert refused.context["problems"]
    client.post(
        address,
        {"reason": "Gone", "confirmed": "x", f"place-{gone}": "Pipeline 1 / Stage 1.2"},
    )

    attachment.refresh_from_db()
    assert attachment.current_stage.name_en == "Stage 1.2"


@pytest.mark.parametrize(
    ("permissions", "status"),
    [
        (["change_workflow", "view_workflow"], 403),
        (["change_workflow", "view_workflow", "change_workflowattachment"], 200),
    ],
)
def test_moving_takes_permissions_and_a_reason(moved_on, permissions, status):
    workflow, attachment = moved_on
    before = attachment.workflow_id
    client = staff_client(*permissions)

    assert client.get(page_of(workflow, "migrate")).status_code == status
    page = client.post(page_of(workflow, "migrate"), {"reason": "", "confirmed": "x"})

    assert page.status_code == status
    attachment.refresh_from_db()
    assert attachment.workflow_id == before


# Versions


def test_versions_say_when_and_by_whom(client):
    workflow = make_workflow()
    Page(client, page_of(workflow, "change"), "workflow_form").set(name_en="Mine").send()
    attach_workflow_to_object(PurchaseRequestFactory.create(), WorkFlow.objects.templates().get())

    page = client.get(page_of(workflow, "change"))

    (version,) = page.context["versions"]
    assert (version.number, version.is_current) == (1, True)
    assert version.changed_by == page.wsgi_request.user


def test_differences_between_versions_are_told_in_words(client, moved_on):
    workflow, _attachment = moved_on
    address = page_of(workflow, "versions")

    since, first = client.get(address).context["rows"]
    assert (since.version, first.is_compared) == (None, False)
    attach_workflow_to_object(PurchaseRequestFactory.create(), workflow)
    page = client.get(address)

    second, first = page.context["rows"]
    assert (second.version.number, first.version.number) == (2, 1)
    assertContains(page, "Renamed")
    assert staff_client().get(address).status_code == 403


def test_each_way_of_changing_a_template_names_who_did_it(client):
    workflow = make_workflow()
    action = workflow.actions.first()

    def author():
        return WorkFlow.objects.get(pk=workflow.pk).changed_by

    assert author() is None
    address = address_of(WorkflowAction, "change", action.pk)
    Page(client, address, "workflowaction_form").set(subject="Hello").send()
    first = author()
    WorkFlow.objects.filter(pk=workflow.pk).update(name_ar="")
    assert (first is not None, author()) == (True, None)
    client.post(address_of(WorkflowAction, "delete", action.pk), {"post": "yes"})
    assert author() == first
    WorkFlow.objects.filter(pk=workflow.pk).update(name_ar="")
    others = list(workflow.actions.values_list("pk", flat=True))
    client.post(
        address_of(WorkflowAction, "changelist"),
        {"action": "delete_selected", "_selected_action": others, "post": "yes"},
    )
    assert author() == first


# Attachments and executions


@pytest.fixture
def running():
    obj = PurchaseRequestFactory.create(title="Desk lamps")
    return attach_workflow_to_object(obj, make_workflow())


def cancel(client, *keys, **data):
    data = {"action": "cancel", "_selected_action": keys, **data}
    return client.post(address_of(WorkflowAttachment, "changelist"), data, follow=True)


def test_a_workflow_is_cancelled_with_a_reason(client, running):
    asked = cancel(client, running.pk)
    assertContains(asked, "Desk lamps")
    assert cancel(client, running.pk, confirmed="x", reason="").context["errors"]

    cancel(client, running.pk, confirmed="x", reason="Not needed")

    running.refresh_from_db()
    assert running.status == "cancelled"
    page = client.get(address_of(WorkflowAttachment, "change", running.pk))
    assertContains(page, "Not needed")
    assertNotContains(page, "Cancel this workflow")


def test_cancelling_takes_a_permission(running):
    client = staff_client("view_workflowattachment")

    assert cancel(client, running.pk, confirmed="x", reason="Mine").status_code == 403
    page = client.get(address_of(WorkflowAttachment, "change", running.pk))
    assertNotContains(page, "Cancel this workflow")
    running.refresh_from_db()
    assert running.is_open


@pytest.mark.parametrize(
    ("model", "action"),
    [
        (WorkFlow, "delete_selected"),
        (WorkflowAction, "delete_selected"),
        (WorkflowAttachment, "cancel"),
        (ActionExecution, "run_again"),
    ],
)
def test_keys_that_cannot_be_are_a_bad_request(client, model, action):
    data = {"action": action, "_selected_action": "1 OR 1"}

    assert client.post(address_of(model, "changelist"), data).status_code == 400


@pytest.mark.parametrize("strategy", ["pipeline", "workflow"])
def test_visits_of_every_structure_are_shown(client, strategy):
    info = {"approvals": [{"approval_type": "SELF"}]}
    workflow = WorkFlow.objects.create(
        name_en="Leave", strategy=strategy, workflow_info=info if strategy == "workflow" else {}
    )
    if strategy == "pipeline":
        workflow.pipelines.create(name_en="Only pipeline", pipeline_info=info)
    attachment = attach_workflow_to_object(PurchaseRequestFactory.create(), workflow)

    page = client.get(address_of(WorkflowAttachment, "change", attachment.pk))

    assert len(page.context["visits"]) == 1
    assertContains(page, "here now")


def test_an_execution_is_shown_in_words(client, running):
    row = ActionExecution.objects.create(
        attachment=running,
        action_type=ActionType.AFTER_APPROVE,
        function_path="django_workflow_engine.action_handlers.call_webhook",
        parameters={"url": "https://example.org", "headers": {"X-Token": "abc"}},
        status=ExecutionStatus.DEAD,
        transition="7f0ff6ab-8a5b-4a4c-8f6a-0b7f6d6f5c11",
        position=100,
        run_after=timezone.now(),
        log=[
            {
                "attempt": 1,
                "started_at": "10:00",
                "finished_at": "10:01",
                "outcome": "failed",
                "error": "No answer",
            }
        ],
    )

    page = client.get(address_of(ActionExecution, "change", row.pk))

    for text in ("Tell another system", "headers.X-Token abc", "No answer", "Run again"):
        assertContains(page, text)
    assertNotContains(page, "{&quot;")


# Look-ups


def look_up(client, kind, **query):
    address = reverse("admin:django_workflow_engine_workflow_look_up", args=[kind])
    return client.get(address, query)


def test_a_look_up_answers_in_pages_with_the_same_statements(client, statements):
    for number in range(25):
        RoleFactory.create(name=f"Role {number:02}")
    look_up(client, "role")
    with statements() as first:
        found = look_up(client, "role").json()
    with statements() as second:
        rest = look_up(client, "role", page="2").json()

    assert (len(found["results"]), found["pagination"]["more"]) == (20, True)
    assert (len(rest["results"]), rest["pagination"]["more"]) == (5, False)
    assert first.count == second.count


def test_a_look_up_finds_by_a_part_of_the_name(client):
    RoleFactory.create(name="Treasurers")
    RoleFactory.create(name="Board")

    found = look_up(client, "role", term="easur").json()["results"]

    assert [row["text"] for row in found] == ["Treasurers"]


def test_look_ups_are_for_those_who_build():
    assert look_up(staff_client("view_workflow"), "role").status_code == 403
    assert look_up(staff_client("add_workflow"), "role").status_code == 200


def test_without_roles_there_is_nothing_to_look_up(client, settings):
    settings.APPROVAL_ROLE_MODEL = None

    assert look_up(client, "role").status_code == 404


# Where the pages are


def test_pages_are_found_where_the_documentation_says(client):  # D-83, D-104, D-116
    page = client.get(reverse("admin:app_list", args=["django_workflow_engine"]))

    (app,) = page.context["app_list"]
    assert app["name"] == "Django Workflow Engine"
    found = {entry["name"]: entry["admin_url"] for entry in app["models"]}
    for name, model in (
        ("Workflow actions", WorkflowAction),
        ("Workflow configurations", WorkflowConfiguration),
        ("Workflows", WorkFlow),
        ("Stages", Stage),
    ):
        assert found[name] == address_of(model, "changelist")
