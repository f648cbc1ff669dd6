"""Everything that can be done, each as a function that prepares it and returns the deed itself."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from approval_workflow.models import ApprovalFlow
from approval_workflow.services import (
    advance_flow,
    cancel_flow,
    continue_flow,
    extend_flow,
    hold_flow,
    purge_flows,
    reassign,
    replace_steps,
    resume_flow,
    start_flow,
    undo_decision,
)
from approval_workflow.types import Continuation
from tests.approval_workflow.flows import by, current, make_document, make_flow, the_current
from tests.factories import DynamicFormFactory, UserFactory, make_role

Deed = Callable[[], Any]


def start(ann: Any, bob: Any) -> Deed:
    document, role = make_document(), make_role(2)
    steps = [by(role, "round_robin"), {"assigned_to": ann}]
    return lambda: start_flow(document, steps, started_by=bob)


def approve(ann: Any, bob: Any) -> Deed:
    flow = make_flow(ann, bob)
    return lambda: advance_flow(flow.target, "approved", ann, comment="Fine")


def approve_with_form(ann: Any, bob: Any) -> Deed:
    flow = make_flow({"assigned_to": ann, "form": DynamicFormFactory.create()}, bob)
    return lambda: advance_flow(flow.target, "approved", ann, form_data={"note": "x"})


def approve_into_role(ann: Any, bob: Any) -> Deed:
    flow = make_flow(ann, by(make_role(3), "consensus"))
    return lambda: advance_flow(flow.target, "approved", ann)


def approve_into_turn(ann: Any, bob: Any) -> Deed:
    flow = make_flow(ann, by(make_role(3), "round_robin"))
    return lambda: advance_flow(flow.target, "approved", ann)


def approve_into_tracks(ann: Any, bob: Any) -> Deed:
    role = make_role(2)
    flow = make_flow(
        ann,
        by(role, step=2, parallel_group="a"),
        {"step": 2, "assigned_to": bob, "parallel_group": "b"},
    )
    return lambda: advance_flow(flow.target, "approved", ann)


def approve_in_role(ann: Any, bob: Any) -> Deed:
    role = make_role(3)
    flow = make_flow(by(role), ann)
    return lambda: advance_flow(flow.target, "approved", role.users.first())


def approve_last(ann: Any, bob: Any) -> Deed:
    flow = make_flow(ann)
    return lambda: advance_flow(flow.target, "approved", ann)


def check_in(ann: Any, bob: Any) -> Deed:
    flow = make_flow({"assigned_to": ann, "approval_type": "check_in_verify"})
    return lambda: advance_flow(flow.target, "approved", ann)


def reject(ann: Any, bob: Any) -> Deed:
    flow = make_flow(ann, bob)
    return lambda: advance_flow(flow.target, "rejected", ann)


def reject_a_vote(ann: Any, bob: Any) -> Deed:
    role = make_role(3)
    flow = make_flow(by(role, rejection_policy="out_of_reach"))
    return lambda: advance_flow(flow.target, "rejected", role.users.first())


def resubmit(ann: Any, bob: Any) -> Deed:
    flow = make_flow(ann, bob)
    steps = [by(make_role(2), "consensus"), {"assigned_to": bob}]
    return lambda: advance_flow(flow.target, "resubmission", ann, resubmission_steps=steps)


def delegate(ann: Any, bob: Any) -> Deed:
    flow = make_flow(ann)
    return lambda: advance_flow(flow.target, "delegated", ann, delegate_to=bob)


def cancel(ann: Any, bob: Any) -> Deed:
    flow = make_flow(ann, bob)
    return lambda: cancel_flow(flow.target, bob)


def extend(ann: Any, bob: Any) -> Deed:
    flow, role = make_flow(ann), make_role(2)
    return lambda: extend_flow(flow, [{"assigned_to": bob}, by(role)], user=bob)


def replace(ann: Any, bob: Any) -> Deed:
    role = make_role(2)
    flow = make_flow(ann, by(role, "consensus"), bob, ann)
    advance_flow(flow.target, "approved", ann)
    advance_flow(flow.target, "approved", role.users.first())
    steps = [{"assigned_to": ann}, by(role, "majority"), by(role), {"assigned_to": bob}]
    return lambda: replace_steps(flow, steps, bob, reason="New rule")


def replace_what_is_open(ann: Any, bob: Any) -> Deed:
    flow, role = make_flow(ann, bob), make_role(2)
    return lambda: replace_steps(flow, [by(role), {"assigned_to": bob}])


def escalate(ann: Any, bob: Any) -> Deed:
    flow = make_flow(ann)
    return lambda: advance_flow(flow.target, "escalated", ann, escalate_to=bob)


def claim_as_newcomer(ann: Any, bob: Any) -> Deed:
    role = make_role(2)
    flow = make_flow(by(role))
    newcomer = UserFactory.create(role=role)
    return lambda: advance_flow(flow.target, "claimed", newcomer)


def give_to_another(ann: Any, bob: Any) -> Deed:
    step = the_current(make_flow(ann))
    return lambda: reassign(step, ann, assign_to=bob, reason="On leave")


def hold(ann: Any, bob: Any) -> Deed:
    flow = make_flow({"assigned_to": ann, "sla_duration": timedelta(days=1)}, bob)
    return lambda: hold_flow(flow, bob, reason="Not yet")


def resume(ann: Any, bob: Any) -> Deed:
    flow = make_flow({"assigned_to": ann, "sla_duration": timedelta(days=1)}, bob)
    hold_flow(flow)
    return lambda: resume_flow(flow, bob)


def go_on(ann: Any, bob: Any) -> Deed:
    role = make_role(2)
    flow = make_flow(ann, bob)
    steps = [by(role, "consensus"), {"assigned_to": bob}]
    answer = Continuation(steps=steps, hold="Not yet", notes=[{"job": 1}])
    return lambda: continue_flow(flow, answer, afresh=True)


def approve_a_track(ann: Any, bob: Any) -> Deed:
    flow = make_flow(
        {"step": 1, "assigned_to": ann, "parallel_group": "a"},
        {"step": 1, "assigned_to": bob, "parallel_group": "b"},
    )
    return lambda: advance_flow(flow.target, "approved", ann)


def undo_into_role(ann: Any, bob: Any) -> Deed:
    flow = make_flow(ann, by(make_role(2), "consensus"))
    advance_flow(flow.target, "approved", ann)
    return lambda: undo_decision(flow, ann)


def undo_the_end(ann: Any, bob: Any) -> Deed:
    flow = make_flow(by(make_role(2)), bob)
    holder = current(flow)[0].assigned_to
    advance_flow(flow.target, "rejected", holder)
    return lambda: undo_decision(flow, holder)


def purge(ann: Any, bob: Any) -> Deed:
    flow = make_flow(ann)
    advance_flow(flow.target, "delegated", ann, delegate_to=bob)
    cancel_flow(flow)
    return lambda: purge_flows(ApprovalFlow.objects.filter(pk=flow.pk))


DEEDS = [
    start,
    approve,
    approve_with_form,
    approve_into_role,
    approve_into_turn,
    approve_into_tracks,
    approve_in_role,
    approve_last,
    check_in,
    reject,
    reject_a_vote,
    resubmit,
    delegate,
    cancel,
    extend,
    replace,
    replace_what_is_open,
    escalate,
    claim_as_newcomer,
    give_to_another,
    hold,
    resume,
    go_on,
    approve_a_track,
    undo_into_role,
    undo_the_end,
    purge,
]
