"""Starting a flow on an object, whatever its key."""

import uuid

import pytest
from django.db import IntegrityError, transaction

from approval_workflow.choices import FlowStatus
from approval_workflow.exceptions import FlowAlreadyOpen, InvalidInput, NobodyEligible
from approval_workflow.models import ApprovalFlow
from approval_workflow.services import advance_flow, cancel_flow, start_flow
from approval_workflow.utils import (
    get_approval_flow,
    get_current_approval,
    get_full_approvals,
    get_next_approval,
)
from tests.approval_workflow.flows import by, kinds, last_event, make_flow, verified
from tests.factories import make_role
from tests.faults import dump
from tests.testapp.models import Document, SlugDocument, UuidDocument

pytestmark = pytest.mark.django_db


def test_flow_is_in_progress_and_open(ann):
    flow = make_flow(ann)
    assert (flow.status, flow.is_open, flow.completed_at) == (FlowStatus.IN_PROGRESS, True, None)


def test_flow_returned_is_as_stored(ann):
    flow = make_flow(ann)
    stored = ApprovalFlow.objects.get(pk=flow.pk)
    for field in ("version", "history_length", "history_digest", "status", "is_open"):
        assert getattr(flow, field) == getattr(stored, field)


def test_start_tells_who_and_who_is_asked(document, ann, bob):
    flow = start_flow(document, [{"assigned_to": bob}], started_by=ann)
    assert kinds(flow) == ["flow_started", "step_opened"]
    started, opened = flow.events.in_order()
    assert (started.actor, started.to_status, started.data) == (ann, "in_progress", {"steps": 1})
    assert (opened.instance, opened.data["asked"]) == (flow.instances.get(), [str(bob.pk)])
    assert verified(flow)


def test_every_track_that_opens_is_told(ann, bob):
    flow = make_flow(
        {"step": 1, "assigned_to": ann, "parallel_group": "law"},
        {"step": 1, "assigned_to": bob, "parallel_group": "money"},
        {"step": 2, "assigned_to": bob},
    )
    assert kinds(flow) == ["flow_started", "step_opened", "step_opened"]


def test_role_step_opens_for_every_holder():
    role = make_role(3)
    flow = make_flow(by(role), by(role))
    first = flow.instances.filter(step_number=1)
    assert {row.assigned_to for row in first} == set(role.users.all())
    assert set(first.values_list("status", flat=True)) == {"current"}


def test_role_step_to_come_waits_as_one_row_of_the_role(ann):
    role = make_role(3)
    flow = make_flow(ann, by(role))
    waiting = flow.instances.get(step_number=2)
    assert (waiting.assigned_to, waiting.assigned_role, waiting.status) == (None, role, "pending")


def test_role_that_nobody_holds_is_an_error_and_starts_nothing(document):
    steps = [by(make_role(0))]
    before = dump()
    with pytest.raises(NobodyEligible) as caught:
        start_flow(document, steps)
    assert (caught.value.code, caught.value.details["step"]) == ("nobody_eligible", 1)
    assert dump() == before


def test_second_flow_on_an_object_is_refused_while_the_first_is_open(document, ann):
    start_flow(document, [{"assigned_to": ann}])
    before = dump()
    with pytest.raises(FlowAlreadyOpen) as caught:
        start_flow(document, [{"assigned_to": ann}])
    assert caught.value.code == "flow_already_open"
    assert dump() == before


def test_database_refuses_a_second_open_flow(document, ann):
    """S0-49"""
    flow = start_flow(document, [{"assigned_to": ann}])
    twin = ApprovalFlow(content_type=flow.content_type, object_id=flow.object_id)
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()


@pytest.mark.parametrize("end", ["approved", "rejected", "cancelled"])
def test_new_flow_may_start_when_the_last_one_has_ended(document, ann, end):
    first = start_flow(document, [{"assigned_to": ann}])
    cancel_flow(first) if end == "cancelled" else advance_flow(document, end, ann)
    second = start_flow(document, [{"assigned_to": ann}])
    assert second.pk != first.pk
    assert get_approval_flow(document) == second
    assert ApprovalFlow.objects.for_object(document).count() == 2


def test_ended_flow_is_found_until_a_new_one_starts(document, ann):
    flow = start_flow(document, [{"assigned_to": ann}])
    advance_flow(document, "approved", ann)
    assert get_approval_flow(document) == flow
    assert get_current_approval(document) is None


@pytest.mark.parametrize("obj", [None, "document", 5, Document(title="not saved"), Document])
def test_flow_starts_on_a_saved_object_only(ann, obj):
    with pytest.raises(InvalidInput) as caught:
        start_flow(obj, [{"assigned_to": ann}])
    assert caught.value.code == "invalid_input"


@pytest.mark.parametrize("starter", ["ann", 5, Document(pk=1)])
def test_starter_must_be_a_user(document, ann, starter):
    with pytest.raises(InvalidInput, match="started_by"):
        start_flow(document, [{"assigned_to": ann}], started_by=starter)


# Keys of every kind (S0-13, S0-39)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Document.objects.create(title="x"),
        UuidDocument.objects.create,
        lambda: SlugDocument.objects.create(slug="annual report/2026 ü"),
    ],
    ids=["integer", "uuid", "text"],
)
def test_flow_runs_on_objects_with_any_kind_of_key(ann, bob, make):
    obj = make()
    flow = start_flow(obj, [{"assigned_to": ann}, {"assigned_to": bob}])
    assert flow.object_id == str(obj.pk)
    assert ApprovalFlow.objects.get(pk=flow.pk).target == obj
    assert advance_flow(obj, "approved", ann).assigned_to == bob
    assert advance_flow(type(obj).objects.get(pk=obj.pk), "approved", bob) is None


@pytest.mark.parametrize(
    ("model", "spelled"),
    [(Document, "17"), (UuidDocument, "6f1c30a5c3b94f4c9dbb0b6a8ad4f1a7")],
    ids=["integer", "uuid"],
)
def test_key_spelled_otherwise_by_its_creator_leads_to_the_same_flow(ann, model, spelled):
    """A new object keeps the key as it was handed in; one from the database has it in its kind."""
    created = model.objects.create(pk=spelled)
    flow = start_flow(created, [{"assigned_to": ann}])
    stored = model.objects.get(pk=spelled)
    assert get_approval_flow(stored) == flow
    assert advance_flow(stored, "approved", ann) is None


def test_objects_of_two_models_with_the_same_key_are_told_apart(ann):
    """S0-35, S0-36, S0-37, S0-38, S0-39"""
    document, other = Document.objects.create(pk=17), SlugDocument.objects.create(slug="17")
    flow = start_flow(document, [{"assigned_to": ann}, {"assigned_to": ann}])
    for obj, found in ((document, [flow, 1, 2, [1, 2]]), (other, [None, None, None, []])):
        current, following = get_current_approval(obj), get_next_approval(obj)
        assert [
            get_approval_flow(obj),
            current and current.step_number,
            following and following.step_number,
            [step.step_number for step in get_full_approvals(obj)],
        ] == found


def test_object_that_is_not_saved_has_no_flow(ann):
    """Not even that of the object whose key is the word None."""
    start_flow(SlugDocument.objects.create(slug="None"), [{"assigned_to": ann}])
    assert get_approval_flow(SlugDocument(slug=None)) is None
    assert get_current_approval(SlugDocument(slug=None)) is None


def test_object_that_is_gone_leaves_a_flow_without_target(ann):
    document = UuidDocument.objects.create(id=uuid.uuid4())
    flow = start_flow(document, [{"assigned_to": ann}])
    document.delete()
    assert ApprovalFlow.objects.get(pk=flow.pk).target is None
    assert last_event(flow).kind == "step_opened"
