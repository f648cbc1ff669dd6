"""Handlers: which are called, in what order, with what; and the seam for further steps."""

import pytest
from django.db.models import Q

from approval_workflow.choices import FlowStatus
from approval_workflow.exceptions import (
    ApprovalMisconfigured,
    ApprovalPermissionDenied,
    Conflict,
    FlowAlreadyOpen,
    InvalidSteps,
    NobodyEligible,
    VersionConflict,
)
from approval_workflow.handlers import (
    BaseApprovalHandler,
    handler_by_convention,
    handlers_for,
    register_handler,
)
from approval_workflow.inbox import waiting_for
from approval_workflow.models import ApprovalFlow
from approval_workflow.permissions import can_act
from approval_workflow.services import (
    advance_flow,
    cancel_flow,
    extend_flow,
    start_flow,
)
from approval_workflow.types import Barrier
from approval_workflow.utils import get_approval_flow
from tests.approval_workflow.flows import (
    by,
    kinds,
    last_event,
    make_document,
    make_flow,
    statuses,
    the_current,
    verified,
)
from tests.factories import make_role
from tests.faults import dump
from tests.testapp.approval import SlugDocumentApprovalHandler
from tests.testapp.models import Document, SlugDocument, UuidDocument

pytestmark = pytest.mark.django_db

HERE = "tests.approval_workflow.test_handlers"
calls: list[tuple[str, str]] = []


class Listed(BaseApprovalHandler):
    """Hears of every flow."""

    def on_approve(self, instance):
        calls.append(("Listed", "on_approve"))


class AlsoListed(BaseApprovalHandler):
    """Hears of every flow, after the other."""

    def on_approve(self, instance):
        calls.append(("AlsoListed", "on_approve"))


class OnlyDocuments(Listed):
    """Wants flows on documents, and names the model."""

    models = (Document,)


class OnlyUuidDocuments(Listed):
    """Wants flows on other objects, and names their model by its label."""

    models = ("testapp.UuidDocument",)


class Choosy(Listed):
    """Declines flows that it does not like."""

    def handles(self, flow):
        return flow.target.title != "dull"


class NoHandler:
    """Not a subclass."""


@pytest.fixture(autouse=True)
def nothing_heard():
    calls.clear()
    SlugDocumentApprovalHandler.told.clear()


def hooks(told):
    return [hook for hook, _argument in told]


# Order


def test_hooks_of_an_approval_with_more_to_come(ann, told):
    advance_flow(make_flow(ann, ann).target, "approved", ann)
    assert hooks(told) == ["before_approve", "on_approve", "on_step_approved", "after_approve"]


def test_hooks_of_the_last_approval(ann, told):
    """S0-52"""
    advance_flow(make_flow(ann).target, "approved", ann)
    assert hooks(told) == [
        "before_approve",
        "on_approve",
        "on_step_approved",
        "next_steps",
        "on_final_approve",
        "after_approve",
    ]


def test_hooks_of_a_vote_that_goes_on(told):
    """S0-51: on_approve hears of every approval, on_step_approved of the one that satisfied."""
    role = make_role(2)
    first, second = role.users.order_by("pk")
    flow = make_flow(by(role, "consensus"), first)
    advance_flow(flow.target, "approved", first)
    assert hooks(told) == ["before_approve", "on_approve", "after_approve"]
    told.clear()
    advance_flow(flow.target, "approved", second)
    assert hooks(told) == ["before_approve", "on_approve", "on_step_approved", "after_approve"]


def test_next_steps_is_not_asked_while_a_track_is_open(ann, bob, told):
    flow = make_flow(
        {"step": 1, "assigned_to": ann, "parallel_group": "a"},
        {"step": 1, "assigned_to": bob, "parallel_group": "b"},
    )
    advance_flow(flow.target, "approved", ann)
    assert "next_steps" not in hooks(told)


def test_starting_extending_and_failing_call_nobody(ann, bob, told):
    flow = make_flow(ann)
    extend_flow(flow, [{"assigned_to": ann}])
    with pytest.raises(PermissionError):
        advance_flow(flow.target, "approved", bob)
    assert told == []


# What hooks see


def seen_by(hook, model=Document):
    """Register a handler that keeps what the hook saw: values, as they were at that moment."""
    seen = {}

    def note(self, instance):
        seen.update(
            status=instance.status,
            in_database=type(instance).objects.get(pk=instance.pk).status,
            action_user=instance.action_user,
            comment=instance.comment,
            flow=instance.flow.status,
            target=instance.flow.target,
        )
        return ()

    register_handler(model)(type("Watcher", (BaseApprovalHandler,), {hook: note}))
    return seen


@pytest.mark.parametrize(
    ("hook", "status", "flow_status"),
    [
        ("before_approve", "current", "in_progress"),
        ("on_approve", "approved", "in_progress"),
        ("on_step_approved", "approved", "in_progress"),
        ("next_steps", "approved", "in_progress"),
        ("on_final_approve", "approved", "completed"),
        ("after_approve", "approved", "completed"),
    ],
)
def test_what_hooks_of_an_approval_see(ann, hook, status, flow_status):
    seen = seen_by(hook)
    document = make_flow(ann).target
    advance_flow(document, "approved", ann, comment="Fine")
    assert (seen["status"], seen["in_database"], seen["flow"]) == (status, status, flow_status)
    assert (seen["action_user"], seen["target"]) == (ann, document)


def test_hook_after_the_act_sees_the_comment(ann):
    seen = seen_by("on_approve")
    advance_flow(make_flow(ann).target, "approved", ann, comment="Fine")
    assert seen["comment"] == "Fine"


@pytest.mark.parametrize(
    ("hook", "status", "flow_status"),
    [
        ("before_reject", "current", "in_progress"),
        ("on_reject", "rejected", "rejected"),
        ("after_reject", "rejected", "rejected"),
    ],
)
def test_what_hooks_of_a_rejection_see(ann, hook, status, flow_status):
    """S0-53"""
    seen = seen_by(hook)
    advance_flow(make_flow(ann).target, "rejected", ann)
    assert (seen["status"], seen["flow"], seen["action_user"]) == (status, flow_status, ann)


def test_hooks_of_one_action_share_one_handler_object(ann):
    @register_handler(Document)
    class Rememberer(BaseApprovalHandler):
        def before_approve(self, instance):
            self.remembered = instance.step_number

        def after_approve(self, instance):
            calls.append(("remembered", self.remembered))

    flow = make_flow(ann, ann)
    advance_flow(flow.target, "approved", ann)
    advance_flow(flow.target, "approved", ann)
    assert calls == [("remembered", 1), ("remembered", 2)]


def test_printed_handler_can_change_the_target(ann):
    @register_handler(Document)
    class MyDocumentApprovalHandler(BaseApprovalHandler):
        def on_final_approve(self, instance):
            instance.flow.target.status = "approved"
            instance.flow.target.save()

    document = make_flow(ann).target
    advance_flow(document, "approved", ann)
    document.refresh_from_db()
    assert document.status == "approved"


# Which handlers are called (L22, K9)


def test_all_listed_handlers_are_called_in_order(settings, ann):
    settings.APPROVAL_HANDLERS = [f"{HERE}.Listed", f"{HERE}.AlsoListed"]
    advance_flow(make_flow(ann).target, "approved", ann)
    assert calls == [("Listed", "on_approve"), ("AlsoListed", "on_approve")]


@pytest.mark.parametrize("model", [Document, UuidDocument])
@pytest.mark.parametrize(
    ("name", "wanted"), [("OnlyDocuments", Document), ("OnlyUuidDocuments", UuidDocument)]
)
def test_listed_handler_declines_models_that_it_does_not_name(settings, ann, name, wanted, model):
    settings.APPROVAL_HANDLERS = [f"{HERE}.{name}"]
    obj = model.objects.create()
    start_flow(obj, [{"assigned_to": ann}])
    advance_flow(obj, "approved", ann)
    assert bool(calls) is (model is wanted)


@pytest.mark.parametrize(("title", "heard"), [("lively", 1), ("dull", 0)])
def test_listed_handler_declines_by_handles(settings, ann, title, heard):
    settings.APPROVAL_HANDLERS = [f"{HERE}.Choosy"]
    document = make_document(title)
    start_flow(document, [{"assigned_to": ann}])
    advance_flow(document, "approved", ann)
    assert len(calls) == heard


def test_registered_handler_is_called_for_its_model_only(ann):
    register_handler(UuidDocument)(Listed)
    advance_flow(make_flow(ann).target, "approved", ann)
    assert calls == []
    other = UuidDocument.objects.create()
    start_flow(other, [{"assigned_to": ann}])
    advance_flow(other, "approved", ann)
    assert calls == [("Listed", "on_approve")]


def test_handler_may_be_registered_for_several_models_and_is_called_once(ann):
    decorated = register_handler(Document, UuidDocument)(Listed)
    register_handler(Document)(Listed)
    assert decorated is Listed
    advance_flow(make_flow(ann).target, "approved", ann)
    assert calls == [("Listed", "on_approve")]


def test_listed_come_first_then_registered_then_by_convention(settings, ann):
    """K9"""
    settings.APPROVAL_HANDLERS = [f"{HERE}.AlsoListed"]
    register_handler(SlugDocument)(Listed)
    flow = make_flow(ann, obj=SlugDocument.objects.create(slug="report"))
    found = [type(handler) for handler in handlers_for(flow)]
    assert found == [AlsoListed, Listed, SlugDocumentApprovalHandler]


def test_handler_that_is_listed_and_found_another_way_is_called_once(settings, ann):
    settings.APPROVAL_HANDLERS = ["tests.testapp.approval.SlugDocumentApprovalHandler"]
    register_handler(SlugDocument)(SlugDocumentApprovalHandler)
    flow = make_flow(ann, obj=SlugDocument.objects.create(slug="report"))
    assert [type(handler) for handler in handlers_for(flow)] == [SlugDocumentApprovalHandler]


def test_model_without_a_handler_in_its_module_has_none_by_convention():
    """S0-55"""
    assert handler_by_convention(Document) is None
    assert handler_by_convention(SlugDocument) is SlugDocumentApprovalHandler


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere.Handler", "cannot be imported"),
        (f"{HERE}.Missing", "cannot be imported"),
        (f"{HERE}.NoHandler", "is not a subclass"),
        (f"{HERE}.calls", "is not a subclass"),
    ],
)
def test_path_that_leads_to_no_handler_stops_the_action(settings, ann, path, message):
    flow = make_flow(ann)
    settings.APPROVAL_HANDLERS = [path]
    before = dump()
    with pytest.raises(ApprovalMisconfigured, match=message):
        advance_flow(flow.target, "approved", ann)
    assert dump() == before


# next_steps: the seam


def answer(*answers, name="Planner", model=Document):
    """Register a handler whose next_steps returns these answers, one a call, then nothing."""
    left = list(answers)

    def next_steps(self, instance):
        calls.append((name, instance.step_number))
        return left.pop(0) if left else ()

    return register_handler(model)(type(name, (BaseApprovalHandler,), {"next_steps": next_steps}))


def test_steps_returned_are_appended_and_the_flow_goes_on(ann, bob):
    answer([{"assigned_to": bob}])
    flow = make_flow(ann)
    result = advance_flow(flow.target, "approved", ann)
    assert (result.step_number, result.status, result.assigned_to) == (2, "current", bob)
    assert ApprovalFlow.objects.get(pk=flow.pk).status == FlowStatus.IN_PROGRESS


def test_flow_is_completed_when_no_more_steps_come(ann, bob):
    answer([{"assigned_to": bob}])
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    assert advance_flow(flow.target, "approved", bob) is None
    assert calls == [("Planner", 1), ("Planner", 2)]
    assert ApprovalFlow.objects.get(pk=flow.pk).status == FlowStatus.COMPLETED


def test_added_steps_are_told(ann, bob):
    answer([{"assigned_to": bob}, {"assigned_to": ann}])
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    assert kinds(flow)[2:] == ["approved", "steps_added", "step_opened"]
    assert last_event(flow, "steps_added").data == {"steps": [2, 3]}
    assert statuses(flow) == [(1, "approved"), (2, "current"), (3, "pending")]


def test_final_approval_is_not_told_while_steps_come(ann, bob, told):
    answer([{"assigned_to": bob}])
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    assert "on_final_approve" not in hooks(told)
    assert hooks(told)[-1] == "after_approve"


def test_first_handler_with_steps_is_followed(ann, bob, cid):
    answer((), name="Empty")
    answer([{"assigned_to": bob}], name="Second")
    answer([{"assigned_to": cid}], name="Third")
    assert advance_flow(make_flow(ann).target, "approved", ann).assigned_to == bob
    assert [name for name, _step in calls] == ["Empty", "Second"]


def test_steps_may_come_from_a_generator(ann, bob):
    answer(step for step in [{"assigned_to": bob}])
    assert advance_flow(make_flow(ann).target, "approved", ann).assigned_to == bob


def test_steps_may_ask_roles_and_run_side_by_side(ann):
    role = make_role(2)
    answer([by(role, step=5, parallel_group="a"), by(role, step=5, parallel_group="b")])
    flow = make_flow(ann)
    advance_flow(flow.target, "approved", ann)
    assert flow.instances.current().filter(step_number=5).count() == 4


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ([{"step": 1, "assigned_to": "ann"}], InvalidSteps),
        ([{"assigned": 1}], InvalidSteps),
        (["role"], NobodyEligible),
    ],
)
def test_steps_that_cannot_be_opened_undo_the_approval(ann, steps, error):
    answer([by(make_role(0))] if steps == ["role"] else steps)
    flow = make_flow(ann)
    before = dump()
    with pytest.raises(error):
        advance_flow(flow.target, "approved", ann)
    assert dump() == before


def test_next_steps_is_asked_after_a_resubmission_too(ann, bob):
    answer([{"assigned_to": bob}])
    flow = make_flow(ann)
    advance_flow(flow.target, "resubmission", ann, resubmission_steps=[{"assigned_to": ann}])
    result = advance_flow(flow.target, "approved", ann)
    assert (result.assigned_to, result.round, result.step_number) == (bob, 2, 2)


# Handlers that act themselves


def test_handler_that_acts_on_its_own_flow_is_refused_and_everything_undone(ann, bob):
    @register_handler(Document)
    class Meddler(BaseApprovalHandler):
        def after_approve(self, instance):
            if instance.step_number == 1:
                advance_flow(instance.flow.target, "approved", bob)

    flow = make_flow(ann, bob, ann)
    before = dump()
    with pytest.raises(VersionConflict, match="must not act on the flow"):
        advance_flow(flow.target, "approved", ann)
    assert dump() == before


def test_handler_that_cancels_its_own_flow_is_refused(ann):
    @register_handler(Document)
    class Quitter(BaseApprovalHandler):
        def on_approve(self, instance):
            cancel_flow(instance.flow)

    flow = make_flow(ann, ann)
    before = dump()
    with pytest.raises(Conflict):
        advance_flow(flow.target, "approved", ann)
    assert dump() == before


def test_handler_may_start_and_act_on_another_flow(ann, bob):
    other = make_document("Follow-up")

    @register_handler(Document)
    class Starter(BaseApprovalHandler):
        def on_final_approve(self, instance):
            if instance.flow.target != other:
                start_flow(other, [{"assigned_to": bob}])

    flow = make_flow(ann)
    assert advance_flow(flow.target, "approved", ann) is None
    assert the_current(get_approval_flow(other)).assigned_to == bob


# What ends a flow, and the hooks that are called then.
ENDINGS = {
    "on_final_approve": lambda flow, user: advance_flow(flow.target, "approved", user),
    "after_approve": lambda flow, user: advance_flow(flow.target, "approved", user),
    "on_reject": lambda flow, user: advance_flow(flow.target, "rejected", user),
    "after_reject": lambda flow, user: advance_flow(flow.target, "rejected", user),
    "on_cancel": cancel_flow,
}


def start_again_in(hook, user):
    """Register a handler that starts another flow on the object."""

    def start_again(self, about):
        start_flow(getattr(about, "flow", about).target, [{"assigned_to": user}])

    register_handler(Document)(type("Again", (BaseApprovalHandler,), {hook: start_again}))


@pytest.mark.parametrize("hook", ENDINGS)
def test_handler_may_start_the_next_flow_on_the_object_once_this_one_has_ended(ann, bob, hook):
    start_again_in(hook, bob)
    flow = make_flow(ann)
    ENDINGS[hook](flow, ann)
    following = get_approval_flow(flow.target)
    assert following != flow
    assert the_current(following).assigned_to == bob
    assert ApprovalFlow.objects.get(pk=flow.pk).status != FlowStatus.IN_PROGRESS
    assert verified(flow)
    assert verified(following)


def test_handler_cannot_start_another_flow_on_the_object_before(ann, bob):
    start_again_in("on_step_approved", bob)
    flow = make_flow(ann)
    before = dump()
    with pytest.raises(FlowAlreadyOpen):
        advance_flow(flow.target, "approved", ann)
    assert dump() == before


def test_next_flow_goes_with_the_end_of_this_one_when_a_handler_fails(ann, bob):
    start_again_in("on_final_approve", bob)

    @register_handler(Document)
    class Broken(BaseApprovalHandler):
        def after_approve(self, instance):
            raise RuntimeError("broken")

    flow = make_flow(ann)
    before = dump()
    with pytest.raises(RuntimeError, match="broken"):
        advance_flow(flow.target, "approved", ann)
    assert dump() == before


def test_flow_whose_model_is_gone_has_listed_handlers_only(settings, ann, retired_type):
    settings.APPROVAL_HANDLERS = [f"{HERE}.Listed", f"{HERE}.OnlyDocuments"]
    flow = make_flow(ann)
    flow.content_type = retired_type
    assert [type(handler) for handler in handlers_for(flow)] == [Listed]


class Closed(BaseApprovalHandler):
    """Keeps everybody called bob from the first steps of flows."""

    def barrier(self, user):
        if user.username != "bob":
            return None
        return Barrier(Q(step_number=1), "closed", "Bob waits for the second step.")


def test_a_barrier_holds_for_the_helper_the_inbox_and_the_service(settings, ann, bob):
    settings.APPROVAL_HANDLERS = [f"{HERE}.Closed"]
    document = make_document()
    flow = start_flow(document, [{"assigned_to": bob}, {"assigned_to": bob}])
    refused = can_act(the_current(flow), bob)
    assert (refused.allowed, refused.code) == (False, "closed")
    assert not waiting_for(bob).exists()
    with pytest.raises(ApprovalPermissionDenied, match="second step"):
        advance_flow(document, "approved", bob)


def test_a_barrier_is_about_the_steps_that_it_names(settings, ann, bob):
    settings.APPROVAL_HANDLERS = [f"{HERE}.Closed"]
    document = make_document()
    start_flow(document, [{"assigned_to": ann}, {"assigned_to": bob}])
    step = advance_flow(document, "approved", ann)
    assert can_act(step, bob)
    assert list(waiting_for(bob)) == [step]
