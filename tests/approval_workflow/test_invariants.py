"""Whatever people do, in whatever order: what always holds of a flow."""

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approval_workflow.choices import ApprovalStatus
from approval_workflow.exceptions import ApprovalError
from approval_workflow.models import ApprovalFlow
from approval_workflow.permissions import can_user_approve
from approval_workflow.services import advance_flow, cancel_flow, extend_flow, replace_steps
from purchasing.models import Role
from tests.approval_workflow.flows import by, make_flow, verified
from tests.factories import UserFactory, make_role

pytestmark = pytest.mark.django_db

User = get_user_model()

DECIDED = (ApprovalStatus.APPROVED, ApprovalStatus.REJECTED)


class World:
    """A flow, the people around it, and what they can do."""

    def __init__(self) -> None:
        boss_role = Role.objects.create(name="Boss")
        self.role = make_role(0, parent=boss_role)
        self.boss = UserFactory.create(role=boss_role)
        self.named = UserFactory.create()
        self.holders = [UserFactory.create(role=self.role) for _holder in range(3)]
        self.people = [self.boss, self.named, *self.holders, UserFactory.create()]
        self.flow: ApprovalFlow

    def step(self, kind: str, policy: str) -> dict:
        if kind == "named":
            return {"assigned_to": self.named, "rejection_policy": policy}
        return by(self.role, kind, rejection_policy=policy)

    def steps(self, kinds: list[tuple[str, str]], *, tracks: bool) -> list[dict]:
        """Steps of these kinds; with tracks, the first two run side by side."""
        steps = [self.step(kind, policy) for kind, policy in kinds]
        numbers = range(1, len(steps) + 1)
        if tracks and len(steps) > 1:
            numbers = [1, *range(1, len(steps))]
            steps[1].update(parallel_group="beside", parallel_required=False)
        return [{**step, "step": number} for step, number in zip(steps, numbers, strict=True)]


KINDS = st.sampled_from(["named", "anyone", "consensus", "round_robin"])
POLICIES = st.sampled_from(["first", "out_of_reach"])
PLANS = st.lists(st.tuples(KINDS, POLICIES), min_size=1, max_size=4)
PERSON = st.integers(0, 5)
DEEDS = st.one_of(
    st.tuples(st.just("approved"), PERSON),
    st.tuples(st.just("approved"), PERSON),
    st.tuples(st.just("rejected"), PERSON),
    st.tuples(st.just("delegated"), PERSON, PERSON),
    st.tuples(st.just("resubmission"), PERSON, KINDS),
    st.tuples(st.just("leaves"), PERSON),
    st.tuples(st.just("joins"), PERSON),
    st.tuples(st.just("deactivated"), PERSON),
    st.tuples(st.just("activated"), PERSON),
    st.tuples(st.just("extend"), KINDS),
    st.tuples(st.just("replace"), PLANS, st.booleans(), st.booleans()),
    st.tuples(st.just("cancel")),
)


def do(world, deed):
    """Do the deed; what the core refuses, it refuses with an error of its own."""
    name, *rest = deed
    try:
        _do(world, name, rest)
    except ApprovalError:
        return


def _do(world, name, rest):
    if name == "cancel":
        cancel_flow(world.flow)
    elif name == "extend":
        extend_flow(world.flow, [world.step(rest[0], "first")])
    elif name == "replace":
        plan, tracks, afresh = rest
        replace_steps(world.flow, world.steps(plan, tracks=tracks), afresh=afresh)
    elif name in ("leaves", "joins"):
        role = world.role if name == "joins" else None
        User.objects.filter(pk=world.people[rest[0]].pk).exclude(pk=world.boss.pk).update(role=role)
    elif name in ("deactivated", "activated"):
        user = world.people[rest[0]]
        User.objects.filter(pk=user.pk).update(is_active=name == "activated")
    else:
        act(world, name, *rest)


def act(world, action, who, other=None):
    user = User.objects.get(pk=world.people[who].pk)
    keys = {}
    if action == "delegated":
        keys["delegate_to"] = world.people[other]
    if action == "resubmission":
        keys["resubmission_steps"] = [world.step(other, "first")]
    rows = list(world.flow.instances.current())
    may = any(can_user_approve(row, user) for row in rows)
    acted = False
    try:
        advance_flow(world.flow.target, action, user, **keys)
        acted = True
    except PermissionError:
        assert not may or action == "delegated"
        raise
    finally:
        assert may or not acted


def check(world):
    flow = ApprovalFlow.objects.get(pk=world.flow.pk)
    rows = list(flow.instances.all())
    current = [row for row in rows if row.status == ApprovalStatus.CURRENT]
    unfinished = [row for row in rows if row.status in ("current", "pending")]
    assert bool(unfinished) is bool(flow.is_open)
    assert bool(current) is bool(flow.is_open)
    assert one_number_per_track(current)
    assert len({row.round for row in unfinished}) <= 1
    assert nobody_acted_twice(rows)
    assert all(row.action_user_id and row.acted_at for row in rows if row.status in DECIDED)
    assert all(row.assigned_to_id for row in current)
    assert verified(flow)


def one_number_per_track(current):
    tracks = {}
    for row in current:
        tracks.setdefault(row.parallel_group, set()).add(row.step_number)
    return all(len(numbers) == 1 for numbers in tracks.values())


def nobody_acted_twice(rows):
    votes = [(row.step_key, row.action_user_id) for row in rows if row.status in DECIDED]
    return len(votes) == len(set(votes))


@given(plan=PLANS, tracks=st.booleans(), deeds=st.lists(DEEDS, max_size=14))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_flow_is_whole_after_every_deed(db, plan, tracks, deeds):
    with transaction.atomic():
        world = World()
        world.flow = make_flow(*world.steps(plan, tracks=tracks))
        check(world)
        for deed in deeds:
            do(world, deed)
            check(world)
        transaction.set_rollback(True)
