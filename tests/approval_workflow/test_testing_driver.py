"""The driver, the factories and the assertions that projects test their flows with."""

import pytest

from approval_workflow.choices import FlowStatus
from approval_workflow.exceptions import ApprovalPermissionDenied, InvalidFormData
from approval_workflow.handlers import BaseApprovalHandler, register_handler
from approval_workflow.models import ApprovalEvent, ApprovalInstance
from approval_workflow.testing import (
    FlowDriver,
    assert_flow_status,
    assert_history_intact,
    assert_may_act,
    assert_may_not_act,
    assert_waiting_on,
    make_flow,
    role_step,
    user_step,
)
from purchasing.models import User
from tests.factories import DynamicFormFactory, RoleFactory, UserFactory, make_role
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


def statuses(flow):
    return [row.status for row in flow.instances.in_order()]


def test_driver_starts_a_flow_and_shows_what_is_current(document, ann, bob):
    driver = FlowDriver.start(document, [user_step(ann), user_step(bob)], started_by=bob)
    assert [row.assigned_to for row in driver.current_steps] == [ann]
    assert (driver.flow.started_by, driver.status) == (bob, "in_progress")
    assert driver.history == ["flow_started", "step_opened"]


def test_driver_reads_the_flow_anew_at_every_access(document, ann, bob):
    driver = FlowDriver.start(document, [user_step(ann), user_step(bob)])
    version = driver.flow.version
    FlowDriver(document).as_user(ann).approve()
    assert [row.assigned_to for row in driver.current_steps] == [bob]
    assert driver.flow.version == version + 1


def test_approve_all_goes_through_every_step_to_the_end(document, ann, bob):
    role = make_role(3)
    driver = FlowDriver.start(
        document, [user_step(ann), role_step(role, "consensus"), role_step(role), user_step(bob)]
    )
    assert driver.approve_all(comment="fine").status == FlowStatus.COMPLETED
    assert driver.current_steps == []
    approvals = driver.flow.instances.filter(status="approved")
    assert [row.comment for row in approvals] == ["fine"] * 6


def test_approve_all_goes_through_tracks_and_both_acts_of_a_check_in(document, ann, bob):
    driver = FlowDriver.start(
        document,
        [
            user_step(ann, step=1, parallel_group="legal", approval_type="check_in_verify"),
            user_step(bob, step=1, parallel_group="money"),
            user_step(ann, step=2),
        ],
    )
    assert driver.approve_all().status == FlowStatus.COMPLETED
    assert driver.history.count("checked_in") == 1


def test_approve_all_gives_form_data_to_the_steps_that_have_a_form(document, ann):
    form = DynamicFormFactory.create()
    driver = FlowDriver.start(document, [user_step(ann), user_step(ann, form=form)])
    driver.approve_all(form_data={"note": "seen"})
    data = [row.form_data for row in driver.flow.instances.in_order()]
    assert data == [None, {"note": "seen"}]


def test_form_data_may_be_a_function_of_the_step(document, ann):
    form = DynamicFormFactory.create()
    driver = FlowDriver.start(document, [user_step(ann, form=form), user_step(ann, form=form)])
    driver.approve_all(form_data=lambda step: {"note": f"step {step.step_number}"})
    notes = [row.form_data["note"] for row in driver.flow.instances.in_order()]
    assert notes == ["step 1", "step 2"]


def test_function_for_form_data_is_given_only_steps_with_a_form(document, ann):
    form = DynamicFormFactory.create()
    driver = FlowDriver.start(document, [user_step(ann), user_step(ann, form=form)])
    driver.approve_all(form_data=lambda step: {"note": step.form.name})
    data = [row.form_data for row in driver.flow.instances.in_order()]
    assert data == [None, {"note": form.name}]


def test_approve_all_does_not_hide_what_the_services_raise(document, ann):
    driver = FlowDriver.start(document, [user_step(ann, form=DynamicFormFactory.create())])
    with pytest.raises(InvalidFormData):
        driver.approve_all()


def test_approve_all_follows_a_claim(document):
    role = make_role(2)
    second = role.users.order_by("pk")[1]
    driver = FlowDriver.start(document, [role_step(role)])
    driver.as_user(second).claim()
    driver.approve_all()
    assert driver.flow.instances.get(status="approved").action_user == second


def test_approve_all_says_who_keeps_the_flow_from_going_on(document, ann):
    driver = FlowDriver.start(document, [user_step(ann)])
    User.objects.filter(pk=ann.pk).update(is_active=False)
    with pytest.raises(AssertionError, match=r"Step 1: ann may not act \(inactive\)"):
        driver.approve_all()


def test_approve_all_ends_where_a_handler_asks_for_ever(document, ann, monkeypatch):
    @register_handler(Document)
    class Insatiable(BaseApprovalHandler):
        def next_steps(self, instance):
            return [user_step(ann)]

    monkeypatch.setattr("approval_workflow.testing.driver.MOST_ACTS", 5)
    driver = FlowDriver.start(document, [user_step(ann)])
    with pytest.raises(AssertionError, match="did not end in 5 acts"):
        driver.approve_all()
    assert driver.flow.instances.count() == 6


def test_approve_step_stops_when_the_open_steps_are_done(document, ann):
    role = make_role(3)
    driver = FlowDriver.start(document, [role_step(role, "consensus"), user_step(ann)])
    driver.approve_step()
    assert [row.step_number for row in driver.current_steps] == [2]
    assert_waiting_on(document, ann)


def test_reject_ends_the_flow(document, ann, bob):
    driver = FlowDriver.start(document, [user_step(ann), user_step(bob)])
    assert driver.reject(comment="no").status == FlowStatus.REJECTED
    assert driver.flow.instances.get(status="rejected").comment == "no"


def test_reject_goes_on_where_one_rejection_is_not_enough(document):
    role = make_role(3)
    step = role_step(role, "majority", rejection_policy="out_of_reach")
    FlowDriver.start(document, [step]).reject()
    assert_flow_status(document, "rejected")
    assert statuses(FlowDriver(document).flow).count("rejected") == 2


def test_actor_can_do_what_the_person_can(document, ann, bob, cid):
    driver = FlowDriver.start(document, [user_step(ann), user_step(cid)])
    driver.as_user(ann).delegate(bob, comment="away")
    assert_waiting_on(document, bob)
    driver.as_user(bob).request_resubmission([user_step(ann), user_step(cid)])
    assert_waiting_on(document, ann)
    driver.as_user(ann).escalate(cid)
    assert_waiting_on(document, cid)
    driver.as_user(cid).approve()
    driver.as_user(cid).reject()
    assert_flow_status(document, FlowStatus.REJECTED)


def test_actor_claims_and_releases(document):
    role = make_role(2)
    first, second = role.users.order_by("pk")
    driver = FlowDriver.start(document, [role_step(role)])
    driver.as_user(first).claim()
    assert_waiting_on(document, first)
    driver.as_user(first).release()
    assert_waiting_on(document, first, second)


def test_actor_is_refused_as_the_person_is(document, ann, bob):
    driver = FlowDriver.start(document, [user_step(ann)])
    with pytest.raises(ApprovalPermissionDenied):
        driver.as_user(bob).approve()
    assert driver.as_user(bob).permission.code == "not_assigned"
    assert driver.as_user(ann).permission.code == "assigned"


def test_actor_may_be_put_before_one_step(document, ann):
    tracks = [user_step(ann, step=1, parallel_group=name) for name in ("a", "b")]
    driver = FlowDriver.start(document, tracks)
    second = driver.current_steps[1]
    actor = driver.as_user(ann, step=second)
    assert actor.permission
    actor.approve()
    assert actor.permission.code == "already_processed"
    assert [row.parallel_group for row in driver.current_steps] == ["a"]


def test_permission_is_none_when_nothing_is_open(document, ann):
    driver = FlowDriver.start(document, [user_step(ann)])
    driver.approve_all()
    assert driver.as_user(ann).permission is None


def test_object_without_a_flow_is_named(document):
    with pytest.raises(AssertionError, match=r"Document.*has no approval flow"):
        FlowDriver(document).approve_all()


# Factories


@pytest.mark.parametrize("status", FlowStatus.values)
def test_make_flow_brings_a_flow_to_each_status(document, ann, bob, status):
    flow = make_flow(document, ann, bob, status=status, started_by=ann)
    assert (flow.status, flow.started_by) == (status, ann)
    assert_flow_status(document, status)
    assert_history_intact(flow)


def test_make_flow_approves_the_first_steps(document, ann, bob, cid):
    flow = make_flow(document, ann, role_step(make_role(2), "consensus"), bob, cid, approved=2)
    assert statuses(flow) == ["approved", "approved", "approved", "current", "pending"]
    assert_waiting_on(flow, bob)


def test_make_flow_gives_form_data(document, ann):
    step = user_step(ann, form=DynamicFormFactory.create())
    flow = make_flow(document, step, ann, approved=1, form_data={"note": "seen"})
    assert flow.instances.get(step_number=1).form_data == {"note": "seen"}


def test_make_flow_refuses_a_status_that_there_is_not(document, ann):
    with pytest.raises(ValueError, match="'done' is not a valid FlowStatus"):
        make_flow(document, ann, status="done")


# Assertions


def test_waiting_on_is_about_the_people_asked(document):
    top = RoleFactory.create()
    role = RoleFactory.create(parent=top)
    boss, asked = UserFactory.create(role=top), UserFactory.create(role=role)
    flow = make_flow(document, role_step(role))
    newcomer = UserFactory.create(role=role)
    assert_waiting_on(document, asked)
    assert_waiting_on(flow, asked)
    for user in (boss, newcomer):
        assert_may_act(document, user)


def test_waiting_on_leaves_out_who_has_left_the_role_or_has_voted(document):
    role = make_role(3)
    first, second, third = role.users.order_by("pk")
    make_flow(document, role_step(role, "consensus"))
    FlowDriver(document).as_user(first).approve()
    User.objects.filter(pk=second.pk).update(role=None)
    assert_waiting_on(document, third)
    assert_may_not_act(document, first, code="already_voted")
    assert_may_not_act(document, second, code="left_role")


def test_waiting_on_nobody(document, ann):
    make_flow(document, ann, status="completed")
    assert_waiting_on(document)


def test_waiting_on_names_who_was_expected_and_who_is_asked(document, ann, bob, cid):
    make_flow(document, user_step(ann, parallel_group="legal"))
    with pytest.raises(AssertionError) as caught:
        assert_waiting_on(document, cid, bob)
    lines = str(caught.value).splitlines()
    assert lines[0] == "Expected to wait on bob, cid."
    assert lines[2] == "Step 1 (legal): ann is asked."
    with pytest.raises(AssertionError, match="Expected to wait on nobody"):
        assert_waiting_on(document)


def test_may_act_says_why_not(document, ann, bob):
    make_flow(document, ann)
    with pytest.raises(AssertionError, match="bob may not act: This step is assigned to somebody"):
        assert_may_act(document, bob)


def test_may_act_on_nothing_open(document, ann):
    make_flow(document, ann, status="completed")
    with pytest.raises(AssertionError, match="nothing is open"):
        assert_may_act(document, ann)
    assert_may_not_act(document, ann)


def test_may_not_act_says_why_they_may_and_which_code_was_found(document, ann, bob):
    make_flow(document, ann)
    with pytest.raises(AssertionError, match="ann may act: This step is assigned to you"):
        assert_may_not_act(document, ann)
    with pytest.raises(AssertionError, match="refused by 'not_assigned', expected 'left_role'"):
        assert_may_not_act(document, bob, code="left_role")


def test_flow_status_tells_where_the_flow_stands(document, ann):
    make_flow(document, ann)
    with pytest.raises(AssertionError, match=r"to be completed\.\nThe flow of .* is in_progress"):
        assert_flow_status(document, FlowStatus.COMPLETED)


def test_history_that_was_changed_is_named(document, ann):
    flow = make_flow(document, ann)
    assert_history_intact(document)
    super(type(ApprovalEvent.objects.all()), flow.events.filter(sequence=2)).update(comment="x")
    with pytest.raises(AssertionError, match="event 2: the row was altered"):
        assert_history_intact(document)


def test_assertions_look_at_one_flow_of_several(document, ann, bob):
    first = make_flow(document, ann, status="rejected")
    make_flow(document, bob)
    assert_flow_status(first, "rejected")
    assert_flow_status(document, "in_progress")
    assert ApprovalInstance.objects.count() == 2
