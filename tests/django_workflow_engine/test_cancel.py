"""Cancelling one run, whether it has begun or not, and whether its object is there or not."""

from typing import Any

import pytest

from approval_workflow.exceptions import FlowEnded, VersionConflict
from django_workflow_engine.exceptions import NotAttached
from django_workflow_engine.models import WorkflowAttachment
from django_workflow_engine.services import (
    attach_workflow_to_object,
    cancel_attachment,
    cancel_workflow,
)
from tests.factories import PurchaseRequestFactory, UserFactory, make_workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> Any:
    return UserFactory.create(username="ann")


@pytest.fixture
def request_() -> Any:
    return PurchaseRequestFactory.create()


def test_a_run_is_cancelled_with_its_flow(request_: Any, ann: Any) -> None:
    attachment = attach_workflow_to_object(request_, make_workflow(), ann)
    assert cancel_attachment(attachment, ann, reason="Not needed").status == "cancelled"
    event = attachment.flow.events.latest("sequence")
    assert (event.actor, event.comment) == (ann, "Not needed")


def test_a_run_whose_object_is_gone_is_cancelled(request_: Any, ann: Any) -> None:
    attachment = attach_workflow_to_object(request_, make_workflow(), ann)
    request_.delete()
    assert cancel_attachment(attachment, ann).status == "cancelled"


def test_a_run_that_waits_to_be_started_is_cancelled_and_says_why(request_: Any, ann: Any) -> None:
    attach_workflow_to_object(request_, make_workflow(), ann, auto_start=False)
    attachment = cancel_workflow(request_, ann, reason="A mistake")
    assert (attachment.status, attachment.is_open) == ("cancelled", None)
    assert attachment.metadata == {"cancelled": {"by": str(ann.pk), "reason": "A mistake"}}
    assert attach_workflow_to_object(request_, make_workflow(), ann).status == "in_progress"


def test_what_has_ended_stays_as_it_is(request_: Any, ann: Any) -> None:
    attachment = cancel_attachment(attach_workflow_to_object(request_, make_workflow(), ann), ann)
    with pytest.raises(FlowEnded):
        cancel_attachment(attachment, ann)
    with pytest.raises(NotAttached):
        cancel_workflow(request_, ann)


def test_what_was_started_meanwhile_is_not_cancelled_as_if_it_waited(
    request_: Any, ann: Any
) -> None:
    seen = attach_workflow_to_object(request_, make_workflow(), ann, auto_start=False)
    WorkflowAttachment.objects.filter(pk=seen.pk).update(status="in_progress")
    with pytest.raises(NotAttached):
        cancel_attachment(seen, ann)


def test_what_has_changed_since_it_was_read_is_not_cancelled(request_: Any, ann: Any) -> None:
    attachment = attach_workflow_to_object(request_, make_workflow(), ann)
    with pytest.raises(VersionConflict):
        cancel_attachment(attachment, ann, expected_version=attachment.flow.version + 1)
    attachment.refresh_from_db()
    assert attachment.status == "in_progress"


def test_who_attached_without_starting_is_on_record_until_somebody_starts(
    request_: Any, ann: Any
) -> None:
    attachment = attach_workflow_to_object(request_, make_workflow(), ann, auto_start=False)
    assert (attachment.started_by, attachment.started_at) == (ann, None)
