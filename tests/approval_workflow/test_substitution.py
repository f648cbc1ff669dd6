"""Stand-ins: for a period, for everything or for some models, both names in the history."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from approval_workflow.exceptions import (
    ApprovalPermissionDenied,
    InvalidInput,
    InvalidSubstitution,
)
from approval_workflow.models import Substitution
from approval_workflow.services import end_substitution, substitute
from approval_workflow.testing import (
    FlowDriver,
    assert_flow_status,
    assert_history_intact,
    assert_may_act,
    assert_may_not_act,
    assert_waiting_on,
    frozen_time,
    make_flow,
    role_step,
    user_step,
)
from approval_workflow.utils import waiting_for
from purchasing.models import User
from tests.approval_workflow.flows import last_event, row_of
from tests.factories import UserFactory, make_role
from tests.testapp.models import Document, UuidDocument

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def clock():
    with frozen_time(MONDAY) as clock:
        yield clock


@pytest.fixture
def flow(document, ann, clock):
    """A step that waits for Ann."""
    return make_flow(document, ann)


def test_stand_in_sees_and_decides_what_waits(document, flow, ann, bob):
    substitute(ann, bob, ends_at=MONDAY + DAY)
    assert waiting_for(bob).get() == row_of(flow, ann)
    permission = FlowDriver(document).as_user(bob).permission
    assert (permission.code, permission.on_behalf_of) == ("substitute", ann)
    FlowDriver(document).as_user(bob).approve()
    assert_flow_status(document, "completed")


def test_person_may_still_act_themselves(document, flow, ann, bob):
    substitute(ann, bob, ends_at=MONDAY + DAY)
    assert_may_act(document, ann)
    assert_waiting_on(document, ann)


@pytest.mark.parametrize(
    ("action", "arguments", "kind"),
    [
        ("approve", {}, "approved"),
        ("reject", {}, "rejected"),
        ("request_resubmission", {"steps": True}, "resubmission_requested"),
        ("delegate", {"to": True}, "delegated"),
        ("escalate", {"to": True}, "escalated"),
    ],
)
def test_history_has_both_names(document, flow, ann, bob, cid, action, arguments, kind):
    substitute(ann, bob, ends_at=MONDAY + DAY)
    given = {"steps": [user_step(cid)], "to": cid}
    actor = FlowDriver(document).as_user(bob)
    getattr(actor, action)(**{key: given[key] for key in arguments})
    event = last_event(flow, kind)
    assert (event.actor, event.on_behalf_of) == (bob, ann)
    assert row_of(flow, ann).action_user == bob
    assert_history_intact(document)


def test_it_begins_and_ends_by_itself(document, flow, ann, bob, clock):
    substitute(ann, bob, starts_at=MONDAY + DAY, ends_at=MONDAY + 2 * DAY)
    may = {}
    for hours in (0, 23, 24, 47, 48, 100):
        clock.move_to(MONDAY + timedelta(hours=hours))
        may[hours] = bool(FlowDriver(document).as_user(bob).permission)
        assert waiting_for(bob).exists() == may[hours]
    assert may == {0: False, 23: False, 24: True, 47: True, 48: False, 100: False}


def test_inbox_of_another_moment(flow, ann, bob):
    substitute(ann, bob, starts_at=MONDAY + DAY, ends_at=MONDAY + 2 * DAY)
    assert not waiting_for(bob).exists()
    assert waiting_for(bob, at=MONDAY + DAY).exists()


def test_it_can_be_ended_at_once(document, flow, ann, bob, clock):
    substitution = substitute(ann, bob, ends_at=MONDAY + DAY)
    clock.move_by(timedelta(hours=1))
    end_substitution(substitution)
    assert_may_not_act(document, bob, code="not_assigned")
    assert Substitution.objects.get().ends_at == clock.now


def test_one_that_has_not_begun_goes_away(ann, bob, clock):
    later = substitute(ann, bob, starts_at=MONDAY + DAY, ends_at=MONDAY + 2 * DAY)
    end_substitution(later)
    assert not Substitution.objects.exists()


def test_one_that_has_ended_stays_as_it_was(ann, bob, clock):
    substitution = substitute(ann, bob, ends_at=MONDAY + DAY)
    clock.move_by(3 * DAY)
    end_substitution(substitution)
    assert Substitution.objects.get().ends_at == MONDAY + DAY


# For some models


@pytest.mark.parametrize(
    ("models", "stands_in"),
    [((), True), ((Document,), True), ((UuidDocument, Document), True), ((UuidDocument,), False)],
)
def test_it_may_be_for_some_models_only(document, flow, ann, bob, models, stands_in):
    substitute(ann, bob, ends_at=MONDAY + DAY, models=models)
    assert bool(FlowDriver(document).as_user(bob).permission) is stands_in
    assert waiting_for(bob).exists() is stands_in


@pytest.mark.parametrize("models", [["Document"], [object], [None]])
def test_models_must_be_models(ann, bob, clock, models):
    with pytest.raises(InvalidInput, match="models: expected models"):
        substitute(ann, bob, ends_at=MONDAY + DAY, models=models)
    assert not Substitution.objects.exists()


# Roles and votes


def test_stand_in_votes_in_the_persons_place(document, clock, ann):
    role = make_role(2)
    first, second = role.users.order_by("pk")
    substitute(first, ann, ends_at=MONDAY + DAY)
    driver = FlowDriver.start(document, [role_step(role, "consensus")])
    driver.as_user(ann).approve()
    assert_waiting_on(document, second)
    assert_may_not_act(document, first, code="not_assigned")


def test_stand_in_who_is_asked_too_has_one_vote(document, clock):
    role = make_role(3)
    first, second, _third = role.users.order_by("pk")
    substitute(first, second, ends_at=MONDAY + DAY)
    driver = FlowDriver.start(document, [role_step(role, "consensus")])
    driver.as_user(second).approve()
    assert row_of(driver.flow, second).status == "approved"
    with pytest.raises(ApprovalPermissionDenied) as caught:
        driver.as_user(second, step=row_of(driver.flow, first)).approve()
    assert caught.value.details["reason"] == "already_voted"


def test_nobody_stands_in_for_whoever_has_left_the_role(document, clock, ann):
    role = make_role(1)
    holder = role.users.get()
    substitute(holder, ann, ends_at=MONDAY + DAY)
    FlowDriver.start(document, [role_step(role, "consensus")])
    User.objects.filter(pk=holder.pk).update(role=None)
    assert_may_not_act(document, ann, code="left_role")
    assert not waiting_for(ann).exists()


def test_stand_in_may_claim_for_the_person(document, clock, ann):
    role = make_role(2)
    first, second = role.users.order_by("pk")
    substitute(first, ann, ends_at=MONDAY + DAY)
    driver = FlowDriver.start(document, [role_step(role)])
    driver.as_user(ann).claim()
    assert_may_not_act(document, second, code="claimed")
    driver.as_user(ann).approve()
    assert_flow_status(document, "completed")


def test_stand_in_decides_for_whoever_was_deactivated(document, flow, ann, bob):
    """Somebody has left the house; the stand-in named for the time finishes the work."""
    substitute(ann, bob, ends_at=MONDAY + DAY)
    User.objects.filter(pk=ann.pk).update(is_active=False)
    assert waiting_for(bob).exists()
    assert_may_act(document, bob)


def test_stand_in_who_is_deactivated_may_not_act(document, flow, ann, bob):
    substitute(ann, bob, ends_at=MONDAY + DAY)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert_may_not_act(document, bob, code="inactive")


def test_it_is_not_handed_on(document, flow, ann, bob, cid):
    """Cid stands in for Bob, and so not for Ann."""
    substitute(ann, bob, ends_at=MONDAY + DAY)
    substitute(bob, cid, ends_at=MONDAY + DAY)
    assert_may_not_act(document, cid, code="not_assigned")
    assert not waiting_for(cid).exists()


def test_two_may_stand_in_for_the_same_person(document, flow, ann, bob, cid):
    for stand_in in (bob, cid):
        substitute(ann, stand_in, ends_at=MONDAY + DAY)
    assert_may_act(document, bob)
    assert_may_act(document, cid)


# Who cannot, and when


def refused(message, *arguments, error=InvalidSubstitution, **keys):
    before = Substitution.objects.count()
    with pytest.raises(error, match=message):
        substitute(*arguments, **keys)
    assert Substitution.objects.count() == before


def test_nobody_stands_in_for_themselves(ann, clock):
    refused("for themselves", ann, ann, ends_at=MONDAY + DAY)


def test_stand_in_must_be_active(ann, clock):
    gone = UserFactory.create(is_active=False)
    refused("not active", ann, gone, ends_at=MONDAY + DAY)


def test_stand_in_deactivated_since_they_were_loaded_is_refused(ann, bob, clock):
    User.objects.filter(pk=bob.pk).update(is_active=False)
    refused("not active", ann, bob, ends_at=MONDAY + DAY)


@pytest.mark.parametrize("nobody", [None, "bob", 7])
def test_both_must_be_users(ann, clock, nobody):
    refused("by: expected a user", ann, nobody, ends_at=MONDAY + DAY, error=InvalidInput)
    refused("person: expected a user", nobody, ann, ends_at=MONDAY + DAY, error=InvalidInput)


def test_users_must_be_saved(ann, clock):
    refused("expected a user", ann, UserFactory.build(), ends_at=MONDAY + DAY, error=InvalidInput)


@pytest.mark.parametrize(
    ("starts", "ends"), [(0, 0), (2, 1), (-2, -1), (-2, 0)], ids=["empty", "back", "past", "over"]
)
def test_period_must_end_after_it_begins_and_after_now(ann, bob, clock, starts, ends):
    refused(
        "ends_at: expected a moment after",
        ann,
        bob,
        starts_at=MONDAY + starts * DAY,
        ends_at=MONDAY + ends * DAY,
    )


@pytest.mark.parametrize("moment", [datetime(2027, 1, 1), "2027-01-01", None])  # noqa: DTZ001
def test_end_must_be_a_moment_with_its_time_zone(ann, bob, clock, moment):
    refused("ends_at: expected a moment with", ann, bob, ends_at=moment, error=InvalidInput)


def test_beginning_must_be_a_moment_with_its_time_zone(ann, bob, clock):
    naive = MONDAY.replace(tzinfo=None)
    refused(
        "starts_at: expected a moment with",
        ann,
        bob,
        starts_at=naive,
        ends_at=MONDAY + DAY,
        error=InvalidInput,
    )


@pytest.mark.parametrize("size", [2, 3, 5])
def test_no_circles(ann, clock, size):
    ring = [ann, *UserFactory.create_batch(size - 1)]
    for person, stand_in in pairwise(ring):
        substitute(person, stand_in, ends_at=MONDAY + DAY)
    refused("round in a circle", ring[-1], ann, ends_at=MONDAY + DAY)


def test_the_other_way_round_at_another_time_is_no_circle(document, flow, ann, bob, clock):
    substitute(ann, bob, ends_at=MONDAY + DAY)
    substitute(bob, ann, starts_at=MONDAY + DAY, ends_at=MONDAY + 2 * DAY)
    assert Substitution.objects.count() == 2


def test_circle_elsewhere_does_not_matter(ann, bob, cid, clock):
    """Rows that go round in a circle by other ways (the admin, an import) end the search too."""
    everything = {"starts_at": MONDAY, "ends_at": MONDAY + DAY}
    Substitution.objects.create(person=bob, substitute=cid, **everything)
    Substitution.objects.create(person=cid, substitute=bob, **everything)
    assert substitute(ann, bob, ends_at=MONDAY + DAY)


def test_substitution_names_both(ann, bob, clock):
    substitution = substitute(ann, bob, ends_at=MONDAY + DAY)
    assert str(substitution) == "bob instead of ann"
    assert substitution.holds_at(MONDAY)
    assert not substitution.holds_at(MONDAY + DAY)
