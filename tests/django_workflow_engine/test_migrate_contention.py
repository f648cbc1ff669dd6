"""Objects that are moved while people decide on them: one of both is first, and nothing is lost."""

from functools import partial

import pytest

from approval_workflow.exceptions import Conflict
from approval_workflow.models import ApprovalInstance
from approval_workflow.services import advance_flow
from django_workflow_engine.models import StageRun, WorkflowAttachment
from django_workflow_engine.services import (
    attach_workflow_to_object,
    cancel_workflow,
    migrate_running,
    publish_version,
)
from django_workflow_engine.versions import delete_unused_snapshots
from tests.approval_workflow.flows import verified
from tests.contention import at_once
from tests.factories import PurchaseRequestFactory, UserFactory, by_user, make_workflow, stages_of

pytestmark = [pytest.mark.contention, pytest.mark.django_db(transaction=True)]

ROUNDS = 10


@pytest.fixture
def people(settings):
    settings.WORKFLOW_AUTO_CREATE_ACTIONS = False
    return [UserFactory.create(username=name) for name in ("ann", "bob", "cid")]


def changed(template, *people):
    stage = stages_of(template)[0]
    stage.stage_info = {"approvals": [by_user(person) for person in people]}
    stage.save()
    publish_version(template)


def is_whole(attachment):
    """Whether the object, its flow and its visits tell one story; return the attachment."""
    attachment = WorkflowAttachment.objects.select_related("flow", "workflow").get(pk=attachment.pk)
    visits = StageRun.objects.filter(attachment=attachment, left_at=None)
    assert visits.count() == bool(attachment.is_open)
    if attachment.is_open:
        assert visits.get().stage_id == attachment.current_stage_id
        assert attachment.current_stage.pipeline.workflow_id == attachment.workflow_id
        for row in ApprovalInstance.objects.filter(flow=attachment.flow, status="current"):
            assert row.extra_fields["stage_id"] == attachment.current_stage_id
    assert verified(attachment.flow)
    return attachment


def test_approval_counts_or_is_refused_and_nobody_is_asked_twice(people):
    ann, bob, cid = people
    for _number in range(ROUNDS):
        template = make_workflow([[[by_user(ann), by_user(bob)]]])
        attachment = attach_workflow_to_object(PurchaseRequestFactory.create(), template)
        changed(template, cid, ann)
        approved, report = at_once(
            partial(advance_flow, attachment.target, "approved", ann),
            partial(migrate_running, template),
        )
        assert isinstance(approved, ApprovalInstance), approved
        assert [row.left_alone for row in report.attachments] == [""]
        moved = is_whole(attachment)
        assert moved.workflow.version == 2
        current = ApprovalInstance.objects.get(flow=moved.flow, status="current")
        assert current.assigned_to == cid
        assert ApprovalInstance.objects.filter(flow=moved.flow, assigned_to=ann).count() == 1


def test_step_that_is_gone_is_decided_before_or_refused(people):
    ann, bob, _cid = people
    for _number in range(ROUNDS):
        template = make_workflow([[by_user(ann), by_user(bob)]])
        attachment = attach_workflow_to_object(PurchaseRequestFactory.create(), template)
        row = ApprovalInstance.objects.get(flow=attachment.flow)
        changed(template, bob)
        approved, report = at_once(
            partial(advance_flow, row, "approved", ann), partial(migrate_running, template)
        )
        assert isinstance(approved, ApprovalInstance | Conflict), approved
        assert [row.left_alone for row in report.attachments] == [""]
        moved = is_whole(attachment)
        place = "Stage 1.1" if isinstance(approved, Conflict) else "Stage 1.2"
        assert moved.current_stage.name_en == place
        current = ApprovalInstance.objects.get(flow=moved.flow, status="current")
        assert current.assigned_to == bob


def test_two_who_move_the_same_objects_move_each_once(people):
    ann, bob, _cid = people
    for _number in range(ROUNDS):
        template = make_workflow([[by_user(ann)]])
        made = [
            attach_workflow_to_object(PurchaseRequestFactory.create(), template)
            for _object in range(3)
        ]
        changed(template, bob)
        reports = at_once(*[partial(migrate_running, template)] * 2)
        moved = [row.attachment_id for report in reports for row in report.moved]
        assert sorted(moved) == [attachment.pk for attachment in made]
        for attachment in made:
            assert is_whole(attachment).flow.events.filter(kind="steps_replaced").count() == 1


def test_objects_that_end_meanwhile_are_left_alone(people):
    ann, bob, _cid = people
    for _number in range(ROUNDS):
        template = make_workflow([[by_user(ann)]])
        attachment = attach_workflow_to_object(PurchaseRequestFactory.create(), template)
        changed(template, bob)
        cancelled, report = at_once(
            partial(cancel_workflow, attachment.target), partial(migrate_running, template)
        )
        assert cancelled.status == "cancelled"
        assert {row.left_alone for row in report.attachments} <= {"", "It has ended meanwhile."}
        assert is_whole(attachment).is_open is None


def test_version_that_objects_move_to_is_not_cleaned_up(people):
    ann, bob, _cid = people
    for _number in range(ROUNDS):
        template = make_workflow([[by_user(ann)]])
        changed(template, bob)
        changed(template, ann)
        attachment = attach_workflow_to_object(PurchaseRequestFactory.create(), template)
        report, _deleted = at_once(
            partial(migrate_running, template, 1), partial(delete_unused_snapshots)
        )
        if isinstance(report, Exception):
            assert report.code == "unknown_version"
        else:
            assert [row.left_alone for row in report.attachments] in (
                [""],
                ["The version has been deleted."],
            )
        is_whole(attachment)
