"""Two people at once on one template, one object or one step: one of them is first."""

import threading
from functools import partial

import pytest

from approval_workflow.exceptions import Conflict, NoCurrentStep, StepAlreadyProcessed
from approval_workflow.models import ApprovalFlow, ApprovalInstance
from approval_workflow.services import advance_flow, cancel_flow
from django_workflow_engine.models import ActionExecution, StageRun, WorkFlow, WorkflowAttachment
from django_workflow_engine.services import attach as attaching
from django_workflow_engine.services import attach_workflow_to_object, publish_version
from django_workflow_engine.versions import delete_unused_snapshots
from tests.contention import at_once
from tests.factories.objects import PurchaseRequestFactory
from tests.factories.people import UserFactory, make_role
from tests.factories.workflows import by_role, by_user, make_workflow, stages_of

pytestmark = [pytest.mark.contention, pytest.mark.django_db(transaction=True)]

ROUNDS = 100


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


@pytest.fixture(autouse=True)
def no_default_actions(settings):
    settings.WORKFLOW_AUTO_CREATE_ACTIONS = False


def test_two_attach_one_template_at_once_and_share_one_snapshot(ann):
    template = make_workflow([[by_user(ann), by_user(ann)]])
    first_stage = stages_of(template)[0]
    for number in range(1, ROUNDS + 1):
        first_stage.name_en = f"Changed {number}"
        first_stage.save()
        requests = PurchaseRequestFactory.create_batch(2, requester=ann)
        made = at_once(*[partial(attach_workflow_to_object, each, template) for each in requests])
        assert {attachment.workflow_id for attachment in made} == {made[0].workflow_id}
        assert WorkFlow.objects.snapshots().count() == number


def test_two_attach_one_object_at_once_and_get_one_attachment(ann):
    template = make_workflow([[by_user(ann)]])
    for _number in range(ROUNDS):
        request = PurchaseRequestFactory.create(requester=ann)
        made = at_once(*[partial(attach_workflow_to_object, request, template)] * 2)
        assert made[0].pk == made[1].pk
        assert WorkflowAttachment.objects.filter(object_id=str(request.pk)).count() == 1
        assert ApprovalFlow.objects.filter(object_id=str(request.pk)).count() == 1


def test_two_approve_one_step_at_once_and_the_object_moves_once(ann):
    template = make_workflow([[by_user(ann)] * 3])
    for _number in range(ROUNDS):
        request = PurchaseRequestFactory.create(requester=ann)
        attachment = attach_workflow_to_object(request, template)
        step = ApprovalInstance.objects.get(flow=attachment.flow, status="current")
        outcomes = at_once(*[partial(advance_flow, step, "approved", ann) for _two in range(2)])
        refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert [type(error) for error in refused] == [StepAlreadyProcessed]
        assert StageRun.objects.filter(attachment=attachment).count() == 2
        assert ApprovalInstance.objects.filter(flow=attachment.flow, status="current").count() == 1


def test_the_last_two_votes_of_a_consensus_move_the_object_once(ann):
    board = make_role(2)
    template = make_workflow([[by_role(board, "consensus"), by_user(ann)]])
    for _number in range(ROUNDS):
        request = PurchaseRequestFactory.create(requester=ann)
        attachment = attach_workflow_to_object(request, template)
        voters = list(board.users.all())
        outcomes = at_once(*[partial(advance_flow, request, "approved", one) for one in voters])
        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        attachment.refresh_from_db()
        assert attachment.current_stage.name_en == "Stage 1.2"
        assert StageRun.objects.filter(attachment=attachment).count() == 2


def test_approving_and_cancelling_at_once_leaves_one_story(ann):
    template = make_workflow([[by_user(ann), by_user(ann)]])
    for _number in range(ROUNDS):
        request = PurchaseRequestFactory.create(requester=ann)
        attachment = attach_workflow_to_object(request, template)
        outcomes = at_once(
            partial(advance_flow, request, "approved", ann),
            partial(cancel_flow, attachment.flow, ann),
        )
        assert isinstance(outcomes[0], ApprovalInstance | Conflict | NoCurrentStep)
        assert not isinstance(outcomes[1], Exception)
        attachment.refresh_from_db()
        assert attachment.status == "cancelled"
        assert not ApprovalInstance.objects.filter(
            flow=attachment.flow, status__in=("current", "pending")
        ).exists()
        assert not StageRun.objects.filter(attachment=attachment, left_at=None).exists()
    assert not ActionExecution.objects.exists()


def test_attaching_a_version_that_is_cleaned_up_before_commit_takes_the_newest(ann, monkeypatch):
    """PostgreSQL refuses the first try when it commits; MariaDB lets the clean-up see the lock."""
    template = make_workflow([[by_user(ann)]])
    superseded = publish_version(template)
    attached, deleted = threading.Event(), threading.Event()
    attach_once = attaching._attach

    def attach_slowly(*arguments):
        made = attach_once(*arguments)
        attached.set()
        deleted.wait(timeout=30)
        return made

    def change_and_clean_up():
        attached.wait(timeout=30)
        try:
            template.save()
            publish_version(template)
            return delete_unused_snapshots()
        finally:
            deleted.set()

    monkeypatch.setattr(attaching, "_attach", attach_slowly)
    request = PurchaseRequestFactory.create(requester=ann)
    attachment, number = at_once(
        partial(attach_workflow_to_object, request, template), change_and_clean_up
    )
    assert (attachment.workflow_id == superseded.pk) == (number == 0)
    assert attachment.workflow.version == 1 + number
    assert ApprovalInstance.objects.filter(status="current").count() == 1
