"""Pictures of workflows in the admin, and the way of an object played in thought."""

import pytest
from pytest_django.asserts import assertContains, assertNotContains

from approval_workflow.models import ApprovalFlow
from django_workflow_engine.admin.simulation import arguments_of
from django_workflow_engine.models import ActionExecution, Stage, WorkFlow, WorkflowAttachment
from django_workflow_engine.services import attach_workflow_to_object
from tests.django_workflow_engine.admin_pages import (
    Page,
    address_of,
    staff_client,
    superuser_client,
)
from tests.factories import PurchaseRequestFactory, UserFactory
from tests.factories.workflows import asking, by_user, make_staged

pytestmark = pytest.mark.django_db

JOB = {"kind": "job", "job": {"function": "tests.testapp.workflow_actions.score"}}


@pytest.fixture
def client():
    return superuser_client()


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


@pytest.fixture
def workflow(ann):
    return make_staged(
        {
            "check": {**JOB, "routes": [{"to": "board", "when": "results.check.score > 5"}]},
            "small": {**asking(by_user(ann)), "skip_when": "metadata.known == true"},
            "board": asking(by_user(ann)),
        }
    )


@pytest.fixture
def obj():
    return PurchaseRequestFactory.create(title="Desk lamps")


def way_of(client, workflow, obj, **given):
    """The page of a simulation with these rows of what is taken to be so: name=(kind, value)."""
    address = address_of(WorkFlow, "simulate", workflow.pk)
    rows = {"given-TOTAL_FORMS": len(given), "given-INITIAL_FORMS": 0}
    for place, (name, (kind, value)) in enumerate(given.items()):
        row = {"name": name.replace("__", "."), "kind": kind, "value": value}
        rows |= {f"given-{place}-{field}": text for field, text in row.items()}
    return client.get(address, {"model": obj._meta.label_lower, "key": obj.pk, **rows})


def steps_of(page):
    return [(step.place.code, step.kind.value) for step, _label in page.context["steps"]]


# The way of an object


def test_the_way_follows_what_is_taken_to_be_so(client, workflow, obj):
    page = way_of(client, workflow, obj, results__check__score=("number", "9"))

    assert steps_of(page) == [("check", "job"), ("board", "approval")]
    assertContains(page, "It would come to the end.")
    assertContains(page, "results.check.score &gt; 5")


def test_a_stage_that_is_passed_over_says_why(client, workflow, obj):
    page = way_of(
        client,
        workflow,
        obj,
        results__check__score=("number", "1"),
        metadata__known=("yes_no", "yes"),
    )

    assert ("small", "passed_over") in steps_of(page)
    assertContains(page, "metadata.known == true")


def test_where_something_is_not_known_the_way_stops_with_its_reason(client, workflow, obj):
    page = way_of(client, workflow, obj)

    assertContains(page, "It would stop here:")
    assertContains(page, "results.check.score")


def test_nothing_is_stored(client, workflow, obj):
    way_of(client, workflow, obj, results__check__score=("number", "9"))

    for model in (WorkflowAttachment, ApprovalFlow, ActionExecution):
        assert not model.objects.exists()


def test_mistakes_are_told_at_their_fields(client, workflow, obj):
    page = way_of(client, workflow, obj, score=("number", "many"))

    assert "value" in page.context["given"].forms[0].errors
    assert page.context["steps"] is None


def test_an_address_without_the_rows_is_answered(client, workflow, obj):
    address = address_of(WorkFlow, "simulate", workflow.pk)

    page = client.get(address, {"model": obj._meta.label_lower, "key": obj.pk})

    assert steps_of(page) == [("check", "job")]


def test_the_page_has_rows_for_browsers_without_scripts(client, workflow):
    page = Page(client, address_of(WorkFlow, "simulate", workflow.pk), "")

    assertContains(page.response, 'name="given-1-name"')


@pytest.mark.parametrize(
    ("values", "arguments"),
    [
        ({"metadata.a.b": 1, "metadata.a.c": 2}, {"metadata": {"a": {"b": 1, "c": 2}}}),
        ({"form.x": 1, "results.y": 2}, {"form_data": {"x": 1}, "results": {"y": 2}}),
        (
            {"claim.amount": 1, "urgent": True},
            {"context_data": {"claim": {"amount": 1}, "urgent": True}},
        ),
        ({"metadata": 1}, {"context_data": {"metadata": 1}}),
        ({"a": 1, "a.b": 2}, {"context_data": {"a": {"b": 2}}}),
    ],
)
def test_names_say_where_values_belong(values, arguments):
    assert arguments_of(values) == arguments


# Pictures


def test_a_workflow_is_shown_as_a_picture(client, workflow):
    page = client.get(address_of(WorkFlow, "diagram", workflow.pk))

    assertContains(page, "<svg")
    assertContains(page, "Board")


@pytest.mark.parametrize(
    ("wanted", "begins", "content_type"),
    [
        ("svg", "<svg", "image/svg+xml"),
        ("mermaid", "flowchart", "text/plain"),
        ("bpmn", "<?xml", "application/xml"),
    ],
)
def test_a_picture_is_sent_as_a_file(client, workflow, wanted, begins, content_type):
    address = address_of(WorkFlow, "diagram", workflow.pk)

    response = client.get(address, {"format": wanted})

    assert response.content.decode().startswith(begins)
    assert response.headers["Content-Type"].startswith(content_type)
    assert response.headers["Content-Disposition"].startswith("attachment")


def test_a_name_stays_text_in_the_picture(client, workflow):
    Stage.objects.filter(code="board").update(name_en="<script>alert(1)</script>")

    page = client.get(address_of(WorkFlow, "diagram", workflow.pk))

    assertNotContains(page, "<script>alert(1)")


def test_what_cannot_be_drawn_is_told(client, workflow):
    Stage.objects.filter(code="board").update(stage_info={"kind": "dance"})
    address = address_of(WorkFlow, "diagram", workflow.pk)

    assertContains(client.get(address), "Pipeline 1 / Board")
    assertContains(client.get(address, {"format": "svg"}), "Pipeline 1 / Board")


def test_the_page_of_an_object_shows_where_it_is(client, workflow, obj, ann):
    attachment = attach_workflow_to_object(obj, workflow, ann)

    page = client.get(address_of(WorkflowAttachment, "change", attachment.pk))

    assertContains(page, "<svg")
    # The colour of the stage where the object is.
    assertContains(page, "#fff3cd")


@pytest.mark.parametrize("name", ["simulate", "diagram"])
def test_only_who_may_look_at_the_workflow_sees_the_page(workflow, name):
    address = address_of(WorkFlow, name, workflow.pk)

    assert staff_client().get(address).status_code == 403
    assert staff_client("view_workflow").get(address).status_code == 200
