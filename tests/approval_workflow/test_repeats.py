"""The same call again with the same idempotency key."""

import pytest

from approval_workflow.exceptions import IdempotencyKeyReused, InvalidInput
from approval_workflow.models import ApprovalInstance
from approval_workflow.services import advance_flow, start_flow
from tests.approval_workflow.flows import by, kinds, last_event, make_flow, the_current
from tests.factories import make_role
from tests.faults import dump

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["approved", "rejected", "resubmission", "delegated"])
def call(request, ann, bob, cid):
    """A call that acts on the first step of a flow, the same each time."""
    flow = make_flow(ann, cid)
    step = the_current(flow)
    arguments = {
        "approved": {},
        "rejected": {},
        "resubmission": {"resubmission_steps": [{"assigned_to": bob}]},
        "delegated": {"delegate_to": bob},
    }[request.param]

    def make_call(*, target=step, key="k-1"):
        return advance_flow(target, request.param, ann, idempotency_key=key, **arguments)

    make_call.flow = flow
    make_call.step = step
    return make_call


def test_repeated_call_returns_the_first_outcome_and_changes_nothing(call):
    first = call()
    before = dump()
    assert call() == first
    assert dump() == before


def test_repeated_call_on_the_object_returns_the_first_outcome(call):
    first = call(target=call.flow.target)
    before = dump()
    assert call(target=call.flow.target) == first
    assert dump() == before


def test_stale_instance_is_brought_up_to_date_by_the_repeated_call(call):
    stale = ApprovalInstance.objects.get(pk=call.step.pk)
    call()
    call(target=stale)
    assert stale.status == call.step.status != "current"


def test_key_is_on_the_event_of_the_act(call):
    call()
    keyed = call.flow.events.exclude(idempotency_key=None)
    assert list(keyed.values_list("idempotency_key", flat=True)) == ["k-1"]
    assert keyed.get().instance == call.step


def test_other_key_is_another_call(call):
    call()
    with pytest.raises(ValueError, match="decided already"):
        call(key="k-2")


@pytest.mark.parametrize("other", ["rejected", "delegated"])
def test_key_that_served_another_action_is_refused(ann, bob, other):
    flow = make_flow(ann, ann)
    advance_flow(flow.target, "approved", ann, idempotency_key="k-1")
    before = dump()
    with pytest.raises(IdempotencyKeyReused) as caught:
        advance_flow(flow.target, other, ann, idempotency_key="k-1", delegate_to=bob)
    assert (caught.value.code, caught.value.details["action"]) == (
        "idempotency_key_reused",
        "approved",
    )
    assert dump() == before


def test_key_of_another_person_is_refused(ann, bob):
    flow = make_flow(ann, bob)
    advance_flow(flow.target, "approved", ann, idempotency_key="k-1")
    with pytest.raises(IdempotencyKeyReused):
        advance_flow(flow.target, "approved", bob, idempotency_key="k-1")


def test_key_that_served_another_step_is_refused(ann):
    """The step named is not decided by an approval of the one before."""
    flow = make_flow(ann, ann)
    second = advance_flow(flow.target, "approved", ann, idempotency_key="k-1")
    with pytest.raises(IdempotencyKeyReused):
        advance_flow(instance=second, action="approved", user=ann, idempotency_key="k-1")
    assert the_current(flow) == second


def test_keys_of_one_flow_do_not_disturb_another(ann):
    flow, other = make_flow(ann, ann), make_flow(ann, ann)
    first = advance_flow(flow.target, "approved", ann, idempotency_key="k-1")
    second = advance_flow(other.target, "approved", ann, idempotency_key="k-1")
    assert (first.flow, second.flow) == (flow, other)


def test_call_repeated_after_the_object_got_a_new_flow_does_not_act_on_that(document, ann):
    """The answer to the last approval was lost; meanwhile the next flow has started."""
    start_flow(document, [{"assigned_to": ann}])
    assert advance_flow(document, "approved", ann, idempotency_key="k-1") is None
    again = start_flow(document, [{"assigned_to": ann}])
    assert advance_flow(document, "approved", ann, idempotency_key="k-1") is None
    assert kinds(again) == ["flow_started", "step_opened"]


def test_repeated_vote_counts_once():
    role = make_role(2)
    first, _second = role.users.order_by("pk")
    flow = make_flow(by(role, "consensus"))
    for _call in range(2):
        advance_flow(flow.target, "approved", first, idempotency_key="k-1")
    assert flow.instances.filter(status="approved").count() == 1
    assert flow.instances.filter(status="current").count() == 1


def test_repeated_check_in_does_not_decide(ann):
    flow = make_flow({"assigned_to": ann, "approval_type": "check_in_verify"})
    for _call in range(2):
        row = advance_flow(flow.target, "approved", ann, idempotency_key="k-1")
    assert row.status == "current"
    assert last_event(flow).kind == "checked_in"


def test_failed_call_leaves_its_key_free(ann, bob):
    flow = make_flow(ann)
    with pytest.raises(PermissionError):
        advance_flow(flow.target, "approved", bob, idempotency_key="k-1")
    assert advance_flow(flow.target, "approved", ann, idempotency_key="k-1") is None


def test_repeated_call_does_not_ask_for_the_version_again(ann):
    flow = make_flow(ann, ann)
    keys = {"idempotency_key": "k-1", "expected_version": flow.version}
    first = advance_flow(flow.target, "approved", ann, **keys)
    assert advance_flow(flow.target, "approved", ann, **keys) == first


@pytest.mark.parametrize("key", ["", "x" * 201, 5, b"k", "k\x00"])
def test_key_must_be_a_text_of_at_most_200_characters(ann, key):
    flow = make_flow(ann)
    with pytest.raises(InvalidInput, match="1 to 200 characters"):
        advance_flow(flow.target, "approved", ann, idempotency_key=key)
    assert the_current(flow).status == "current"


def test_calls_without_a_key_do_not_collide(ann):
    flow = make_flow(ann, ann, ann)
    for _step in range(3):
        advance_flow(flow.target, "approved", ann)
    assert flow.events.filter(idempotency_key=None).count() == flow.events.count()


def test_repeated_call_on_the_flow_returns_the_first_outcome(call):
    first = call(target=call.flow)
    before = dump()
    assert call(target=call.flow) == first
    assert dump() == before


def test_key_of_an_earlier_flow_is_not_that_of_the_next(ann):
    ended = make_flow(ann)
    advance_flow(ended, "approved", ann, idempotency_key="k-1")
    following = start_flow(ended.target, [{"assigned_to": ann}])
    with pytest.raises(IdempotencyKeyReused):
        advance_flow(following, "approved", ann, idempotency_key="k-1")
    assert the_current(following).status == "current"
