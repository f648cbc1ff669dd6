"""A fault between any two writes, or in any hook, leaves everything as it was."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import transaction

from approval_workflow.handlers import BaseApprovalHandler
from approval_workflow.services import cancel_flow
from django_workflow_engine.models import WorkflowAction, WorkflowAttachment
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    hold_workflow,
    register_model_for_workflow,
    resume_workflow,
    start_workflow_for_object,
    undo_last_decision,
)
from purchasing.models import PurchaseRequest
from tests.factories.objects import PurchaseRequestFactory
from tests.factories.people import UserFactory, make_role
from tests.factories.workflows import (
    by_role,
    by_user,
    make_flat_workflow,
    make_pipeline_workflow,
    make_workflow,
    stages_of,
)
from tests.faults import Fault, count_writes, dump, failing_at_write

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(settings):
    """A template whose first stage asks one person and whose second asks a role of three."""
    settings.APPROVAL_UNDO_PERIOD = timedelta(hours=1)
    ann, bob = UserFactory.create(username="ann"), UserFactory.create(username="bob")
    board = make_role(3)
    template = make_workflow([[by_user(ann), by_role(board, "consensus")], [by_user(ann)]])
    configuration = register_model_for_workflow(
        PurchaseRequest, status_field="workflow_status", stage_field="current_stage"
    )
    configuration.completion_status_value = "approved"
    configuration.rejection_status_value = "denied"
    configuration.start_status_value = "running"
    configuration.save()
    return {"ann": ann, "bob": bob, "board": board, "template": template}


def attached(world):
    request = PurchaseRequestFactory.create(requester=world["bob"])
    attach_workflow_to_object(request, world["template"], user=world["bob"])
    return request


def at_last_stage(world):
    request = attached(world)
    for person in (world["ann"], *world["board"].users.all()):
        act_on_object(request, "approved", person)
    return request


def attach_first(world):
    request = PurchaseRequestFactory.create()
    return lambda: attach_workflow_to_object(request, world["template"], user=world["bob"])


def start_later(world):
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, world["template"], auto_start=False)
    return lambda: start_workflow_for_object(request, world["bob"])


def move(world):
    request = attached(world)
    return lambda: act_on_object(request, "approved", world["ann"])


def reject(world):
    request = attached(world)
    return lambda: act_on_object(request, "rejected", world["ann"], reason="No")


def resubmit(world):
    request = attached(world)
    first = stages_of(world["template"])[0]
    return lambda: act_on_object(request, "resubmission", world["ann"], stage_id=first.pk)


def delegate(world):
    request = attached(world)
    return lambda: act_on_object(request, "delegated", world["ann"], user_id=world["bob"].pk)


def complete(world):
    request = at_last_stage(world)
    return lambda: act_on_object(request, "approved", world["ann"])


def cancel(world):
    request = attached(world)
    flow = WorkflowAttachment.objects.get(object_id=str(request.pk)).flow
    return lambda: cancel_flow(flow, world["bob"])


def hold(world):
    request = attached(world)
    return lambda: hold_workflow(request, reason="audit")


def resume(world):
    request = attached(world)
    hold_workflow(request, reason="audit")
    return lambda: resume_workflow(request)


def undo(world):
    request = attached(world)
    act_on_object(request, "approved", world["ann"])
    return lambda: undo_last_decision(request, world["ann"])


def move_of(make):
    """The move from the first to the second place of a structure, people of every kind found."""

    def prepare(world):
        template = make(world)
        request = PurchaseRequestFactory.create(requester=world["bob"])
        attach_workflow_to_object(request, template, user=world["bob"])
        return lambda: act_on_object(request, "approved", world["ann"])

    prepare.__name__ = f"move_{make.__name__}"
    return prepare


def in_pipelines(world):
    """Tracks side by side, looked up each in a way of its own."""
    asked = {"assigned_field": "requester", "parallel_group": "a", "sla_duration": "P1D"}
    return make_pipeline_workflow(
        [
            by_user(world["ann"]),
            [
                {"approval_type": "ASSIGNED", **asked},
                {"approval_type": "SELF", "parallel_group": "b"},
                by_role(world["board"], "quorum", quorum_count=2, parallel_group="c"),
            ],
        ]
    )


def in_the_workflow(world):
    return make_flat_workflow(by_user(world["ann"]), {"approval_type": "SELF"})


def start_in_the_workflow(world):
    request = PurchaseRequestFactory.create(requester=world["bob"])
    template = in_the_workflow(world)
    return lambda: attach_workflow_to_object(request, template, user=world["bob"])


def complete_the_workflow(world):
    request = PurchaseRequestFactory.create(requester=world["bob"])
    attach_workflow_to_object(request, make_flat_workflow(by_user(world["ann"])))
    return lambda: act_on_object(request, "approved", world["ann"])


def resubmit_to_a_pipeline(world):
    request = PurchaseRequestFactory.create(requester=world["bob"])
    template = in_pipelines(world)
    attach_workflow_to_object(request, template, user=world["bob"])
    act_on_object(request, "approved", world["ann"])
    first = template.pipelines.get(order=1)
    return lambda: act_on_object(request, "resubmission", world["bob"], pipeline_id=first.pk)


def reject_in_a_pipeline(world):
    request = PurchaseRequestFactory.create(requester=world["bob"])
    attach_workflow_to_object(request, in_pipelines(world), user=world["bob"])
    return lambda: act_on_object(request, "rejected", world["ann"])


STRUCTURES = [
    move_of(in_pipelines),
    move_of(in_the_workflow),
    start_in_the_workflow,
    complete_the_workflow,
    resubmit_to_a_pipeline,
    reject_in_a_pipeline,
]
INTERVENING = [hold, resume, undo]
ACTS = [
    *(attach_first, start_later, move, reject, resubmit, delegate, complete, cancel),
    *INTERVENING,
    *STRUCTURES,
]


def try_in_savepoint(action):
    with transaction.atomic():
        action()


def writes_of(action):
    """How many statements the action writes; it is undone."""
    with transaction.atomic():
        counted = count_writes(action)
        transaction.set_rollback(True)
    return counted


@pytest.mark.parametrize("act", ACTS)
def test_a_fault_between_any_two_writes_leaves_everything_as_it_was(
    world, act, django_capture_on_commit_callbacks
):
    action = act(world)
    before = dump()
    total = writes_of(action)
    assert total >= 5
    assert dump() == before
    for number in range(1, total + 1):
        with (
            django_capture_on_commit_callbacks(execute=True) as callbacks,
            pytest.raises(Fault),
            failing_at_write(number),
        ):
            try_in_savepoint(action)
        assert dump() == before, number
        assert not callbacks
    assert not mail.outbox
    action()
    assert dump() != before


HOOKS = [
    name for name in vars(BaseApprovalHandler) if name.split("_")[0] in ("before", "on", "after")
]


class Raising(BaseApprovalHandler):
    """Raises in the hook that the test names."""

    hook = ""
    reached = False


def _raiser(name):
    def hook(self, argument):
        if type(self).hook == name:
            type(self).reached = True
            raise Fault(name)

    return hook


for _name in HOOKS:
    setattr(Raising, _name, _raiser(_name))


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    "act",
    [
        *(move, reject, resubmit, delegate, complete, cancel),
        *INTERVENING,
        *STRUCTURES[:2],
        *STRUCTURES[3:],
    ],
)
def test_a_handler_that_raises_undoes_all_of_it(world, act, hook, settings):
    action = act(world)
    settings.APPROVAL_HANDLERS = [*settings.APPROVAL_HANDLERS, f"{__name__}.Raising"]
    Raising.hook, Raising.reached = hook, False
    before = dump()
    try:
        try_in_savepoint(action)
    except Fault:
        assert dump() == before
    assert Raising.reached == (dump() == before)


class Recording(BaseApprovalHandler):
    """Remembers which hooks were called."""

    called: set[str] = set()


for _name in HOOKS:
    setattr(Recording, _name, lambda self, argument, name=_name: self.called.add(name))


def test_the_acts_above_reach_every_hook_but_those_of_escalation(world, settings):
    settings.APPROVAL_HANDLERS = [*settings.APPROVAL_HANDLERS, f"{__name__}.Recording"]
    Recording.called.clear()
    for act in (move, reject, resubmit, delegate, complete, cancel, *INTERVENING):
        act(world)()
    assert {name for name in HOOKS if "escalate" not in name} == Recording.called


@pytest.mark.parametrize("act", [move, reject, resubmit, delegate, complete])
def test_an_inline_action_that_fails_does_not_undo_the_decision(world, act, settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"ACTION_EXECUTION": "inline"}
    for event in ("after_approve", "after_reject", "after_resubmission", "after_delegate"):
        WorkflowAction.objects.create(
            workflow=world["template"],
            action_type=event,
            function_path="tests.testapp.workflow_actions.fail",
        )
    action = act(world)
    before = dump()
    action()
    assert dump() != before
