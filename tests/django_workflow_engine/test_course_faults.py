"""A fault between any two writes of what moves objects leaves everything as it was."""

from datetime import timedelta

import pytest
from django.db import transaction

from django_workflow_engine.actions import outbox
from django_workflow_engine.models import ActionExecution
from django_workflow_engine.services import (
    act_on_object,
    add_approver,
    attach_workflow_to_object,
    get_workflow_attachment,
    hold_workflow,
    jump_to_stage,
    resume_workflow,
    skip_stage,
    undo_last_decision,
    update_stage_status,
)
from django_workflow_engine.services._going_on import visit_done
from tests.factories.objects import PurchaseRequestFactory
from tests.factories.people import UserFactory
from tests.factories.workflows import asking, by_user, make_staged
from tests.faults import Fault, count_writes, dump, failing_at_write

pytestmark = pytest.mark.django_db

GROUP = {"parallel_group": "g", "join": "any"}
JOB = {"kind": "job", "job": {"function": "tests.testapp.workflow_actions.score"}}


@pytest.fixture
def ann(settings, monkeypatch):
    settings.APPROVAL_UNDO_PERIOD = timedelta(hours=1)
    monkeypatch.setattr(outbox, "_after_commit", lambda path, transition, using: None)
    return UserFactory.create(username="ann")


@pytest.fixture
def obj(ann):
    """Before branches: a person, a job, a timer; then a stage with statuses, and a last one."""
    statuses = [{"name": "Open", "default": True}, {"name": "Done", "completes": True}]
    workflow = make_staged(
        {
            "first": asking(by_user(ann)),
            "law": asking(by_user(ann), by_user(ann), **GROUP),
            "work": {**JOB, **GROUP},
            "cool": {"kind": "timer", "timer": {"duration": "P1D"}, **GROUP},
            "small": asking(by_user(ann), approve_when="object.amount > 0.0"),
            "choice": {"kind": "status", "statuses": statuses},
            "last": asking(by_user(ann)),
        }
    )
    request = PurchaseRequestFactory.create(requester=ann)
    attach_workflow_to_object(request, workflow, ann)
    return request


def split(obj, ann):
    return lambda: act_on_object(obj, "approve", ann)


def next_turn(obj, ann):
    split(obj, ann)()
    return lambda: act_on_object(obj, "approve", ann)


def join(obj, ann):
    next_turn(obj, ann)()
    return lambda: act_on_object(obj, "approve", ann)


def job_done(obj, ann):
    split(obj, ann)()
    task = ActionExecution.objects.get(action_type="job")
    return lambda: visit_done(task.attachment_id, task.visit_id)


def set_status(obj, ann):
    join(obj, ann)()
    return lambda: update_stage_status(obj, "Done", ann)


def hold(obj, ann):
    split(obj, ann)()
    return lambda: hold_workflow(obj, reason="audit")


def resume(obj, ann):
    hold(obj, ann)()
    return lambda: resume_workflow(obj)


def jump(obj, ann):
    split(obj, ann)()
    return lambda: jump_to_stage(obj, "last", reason="x")


def skip(obj, ann):
    split(obj, ann)()
    return lambda: skip_stage(obj, reason="x", stage_id="work")


def ask_one_more(obj, ann):
    split(obj, ann)()
    person = UserFactory.create()
    return lambda: add_approver(obj, person, reason="x", stage_id="law")


def undo_a_join(obj, ann):
    join(obj, ann)()
    return lambda: undo_last_decision(obj, ann)


def send_back_from_a_branch(obj, ann):
    split(obj, ann)()
    workflow = get_workflow_attachment(obj).workflow
    first = workflow.pipelines.get().stages.get(code="first")
    return lambda: act_on_object(obj, "resubmission", ann, stage_id=first.pk)


ACTS = [
    split,
    next_turn,
    join,
    job_done,
    set_status,
    hold,
    resume,
    jump,
    skip,
    ask_one_more,
    undo_a_join,
    send_back_from_a_branch,
]


@pytest.mark.parametrize("act", ACTS)
def test_a_fault_between_any_two_writes_leaves_everything_as_it_was(obj, ann, act):
    action = act(obj, ann)
    before = dump()
    with transaction.atomic():
        total = count_writes(action)
        transaction.set_rollback(True)
    assert total >= 3
    assert dump() == before
    for number in range(1, total + 1):
        with pytest.raises(Fault), failing_at_write(number), transaction.atomic():
            action()
        assert dump() == before, number
    action()
    assert dump() != before
