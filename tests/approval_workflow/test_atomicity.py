"""All or nothing: a fault anywhere leaves everything as it was, and tells nobody."""

import pytest
from django.db import transaction

from approval_workflow import signals
from approval_workflow.handlers import BaseApprovalHandler, register_handler
from approval_workflow.models import ApprovalFlow
from approval_workflow.services import (
    advance_flow,
)
from tests.approval_workflow.deeds import (
    DEEDS,
    approve,
    approve_a_track,
    approve_in_role,
    approve_into_role,
    approve_last,
    cancel,
    delegate,
    escalate,
    go_on,
    hold,
    reject,
    reject_a_vote,
    resubmit,
    resume,
    undo_into_role,
    undo_the_end,
)
from tests.approval_workflow.flows import make_flow, the_current, verified
from tests.factories import UserFactory
from tests.faults import Fault, count_writes, dump, failing_at_write
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


@pytest.fixture
def signalled():
    """What is signalled while a test runs."""
    heard = []

    def listen(**kwargs):
        heard.append(kwargs["event"].kind)

    for signal in signals.BY_EVENT_KIND.values():
        signal.connect(listen)
    yield heard
    for signal in signals.BY_EVENT_KIND.values():
        signal.disconnect(listen)


def writes_of(deed):
    """How many writes the deed makes; what it did is undone."""
    with transaction.atomic():
        number = count_writes(deed)
        transaction.set_rollback(True)
    return number


@pytest.mark.parametrize("make", DEEDS, ids=lambda make: make.__name__)
def test_fault_between_any_two_writes_leaves_everything_as_it_was(
    make, ann, bob, signalled, django_capture_on_commit_callbacks
):
    deed = make(ann, bob)
    number_of_writes = writes_of(deed)
    assert number_of_writes >= 3
    before = dump()
    for number in range(1, number_of_writes + 1):
        with (
            django_capture_on_commit_callbacks(execute=True) as after_commit,
            failing_at_write(number),
            pytest.raises(Fault),
        ):
            deed()
        assert dump() == before, f"after a fault at write {number}"
        assert (after_commit, signalled) == ([], [])


@pytest.mark.parametrize("make", DEEDS, ids=lambda make: make.__name__)
def test_deed_succeeds_after_all_those_faults(make, ann, bob):
    """The faults left nothing in the way: no half-made turn, no stale version."""
    deed = make(ann, bob)
    for number in range(1, writes_of(deed) + 1):
        with failing_at_write(number), pytest.raises(Fault):
            deed()
    before = dump()
    deed()
    assert dump() != before
    assert all(verified(flow) for flow in ApprovalFlow.objects.all())


# Faults in hooks


OF_AN_APPROVAL = ("before_approve", "on_approve", "on_step_approved", "after_approve")

HOOKS_OF = {
    approve: OF_AN_APPROVAL,
    approve_in_role: OF_AN_APPROVAL,
    approve_into_role: OF_AN_APPROVAL,
    approve_last: (*OF_AN_APPROVAL, "next_steps", "on_final_approve"),
    reject: ("before_reject", "on_reject", "after_reject"),
    reject_a_vote: ("before_reject",),
    resubmit: ("before_resubmission", "on_resubmission", "after_resubmission"),
    delegate: ("before_delegate", "on_delegate", "after_delegate"),
    escalate: ("before_escalate", "on_escalate", "after_escalate"),
    cancel: ("on_cancel",),
    approve_a_track: ("next_in_track",),
    hold: ("on_hold",),
    go_on: ("on_hold",),
    resume: ("on_resume",),
    undo_into_role: ("on_undo",),
    undo_the_end: ("on_undo",),
}

HOOKED = [(make, hook) for make, hooks in HOOKS_OF.items() for hook in hooks]


@pytest.mark.parametrize(
    ("make", "hook"), HOOKED, ids=[f"{make.__name__}-{hook}" for make, hook in HOOKED]
)
def test_exception_in_a_hook_undoes_everything(
    make, hook, ann, bob, signalled, django_capture_on_commit_callbacks
):
    """Also what the hook itself, and a handler before it, had written."""

    def write_and_fail(self, argument):
        Document.objects.update(status="half-done")
        raise Fault(hook)

    def write(self, argument):
        Document.objects.create(title="By a handler")
        return ()

    register_handler(Document)(type("Writer", (BaseApprovalHandler,), {hook: write}))
    register_handler(Document)(type("Failer", (BaseApprovalHandler,), {hook: write_and_fail}))
    deed = make(ann, bob)
    before = dump()
    with (
        django_capture_on_commit_callbacks(execute=True) as after_commit,
        pytest.raises(Fault, match=hook),
    ):
        deed()
    assert dump() == before
    assert (after_commit, signalled) == ([], [])


@pytest.mark.parametrize(
    ("make", "hook"), HOOKED, ids=[f"{make.__name__}-{hook}" for make, hook in HOOKED]
)
def test_hook_is_really_called(make, hook, ann, bob):
    """Without this the tests above would say nothing."""
    heard = []

    def note(self, argument):
        heard.append(hook)
        return ()

    register_handler(Document)(type("Listener", (BaseApprovalHandler,), {hook: note}))
    make(ann, bob)()
    assert heard == [hook]


def test_every_hook_of_the_base_class_has_been_tried():
    """A hook that is added needs its fault, too."""
    names = {
        name
        for name in vars(BaseApprovalHandler)
        if name.startswith(("before_", "on_", "after_", "next_"))
    }
    assert names == {hook for _make, hook in HOOKED}


def test_instance_passed_in_is_untouched_when_the_action_failed(ann, bob):
    @register_handler(Document)
    class Failer(BaseApprovalHandler):
        def after_approve(self, instance):
            raise Fault

    step = the_current(make_flow(ann, bob))
    with pytest.raises(Fault):
        advance_flow(instance=step, action="approved", user=ann, comment="Fine")
    assert (step.status, step.comment, step.action_user) == ("current", "", None)


def test_action_inside_a_transaction_of_the_caller_goes_with_it(ann, bob):
    flow = make_flow(ann, bob)
    before = dump()
    with transaction.atomic():
        advance_flow(flow.target, "approved", ann)
        transaction.set_rollback(True)
    assert dump() == before


def test_failed_action_leaves_the_callers_transaction_usable(ann, bob):
    flow = make_flow(ann, bob)
    with transaction.atomic():
        UserFactory.create(username="kept")
        with pytest.raises(PermissionError):
            advance_flow(flow.target, "approved", bob)
        assert advance_flow(flow.target, "approved", ann).assigned_to == bob
    assert type(ann).objects.filter(username="kept").exists()
