"""The whole life of flows, played at random: whatever happens, some things are always true.

People come, go, stand in for each other, start, decide, undo, hand on, hold, resume and cancel, a
handler lets the flow wait and go on, and deadlines pass.
After each of these every person is asked what they may do, and takes every answer at its word.
The plays are the same while the sources and the choice of tests are (Hypothesis takes constants
from the modules that are loaded); `APPROVAL_PLAYS=500 pytest …` plays as many new ones.
"""

import logging
import os
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.db import transaction
from django.db.models import Case, When
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from approval_workflow.choices import ApprovalStatus, EventKind, FlowStatus
from approval_workflow.events import verify_flow
from approval_workflow.exceptions import (
    ApprovalError,
    ApprovalPermissionDenied,
    CannotUndo,
    Conflict,
    FlowOnHold,
    InvalidDelegate,
    InvalidSteps,
    InvalidSubstitution,
    NobodyEligible,
    StepAlreadyProcessed,
    StepNotOpen,
)
from approval_workflow.handlers import BaseApprovalHandler, register_handler
from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance, Substitution
from approval_workflow.permissions import can_act
from approval_workflow.services import (
    advance_flow,
    cancel_flow,
    continue_flow,
    end_substitution,
    extend_flow,
    hold_flow,
    process_deadlines,
    reassign,
    resume_flow,
    start_flow,
    substitute,
    undo_decision,
)
from approval_workflow.services.undo import DECISIONS
from approval_workflow.testing import frozen_time
from approval_workflow.types import Continuation
from approval_workflow.utils import can_user_approve, explain_approvers, waiting_for
from purchasing.models import User
from tests.factories import RoleFactory, UserFactory
from tests.testapp.models import Document

PLAYS = int(os.environ.get("APPROVAL_PLAYS", "0"))
# Without further plays there are as many as fit into less than a minute.
BOUNDS = settings(
    max_examples=PLAYS or 20,
    stateful_step_count=20,
    derandomize=not PLAYS,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

DAY = timedelta(days=1)
# What the plays should lead to: they would prove little if everything were refused. A few may be
# missing by chance.
OFTEN_DONE = {
    EventKind.FLOW_STARTED,
    EventKind.STEP_OPENED,
    EventKind.APPROVED,
    EventKind.REJECTED,
    EventKind.RESUBMISSION_REQUESTED,
    EventKind.DELEGATED,
    EventKind.ESCALATED,
    EventKind.REASSIGNED,
    EventKind.TIMED_OUT,
    EventKind.STEPS_ADDED,
    EventKind.FLOW_CANCELLED,
    EventKind.FLOW_HELD,
    EventKind.FLOW_RESUMED,
    EventKind.DECISION_UNDONE,
    EventKind.NOTED,
    "substituted",
}
VOTES = (ApprovalStatus.APPROVED, ApprovalStatus.REJECTED)
# Whom a play is about; the role of each, from the top of the tree to none.
CAST = {
    "chief": "top",
    "boss": "middle",
    "member0": "board",
    "member1": "board",
    "member2": "board",
    "clerk": None,
}
ROLES = ("top", "middle", "board")

persons = st.sampled_from(list(CAST))
# Of those who act, every second is the person asked: others are mostly refused.
actors = st.none() | persons
indexes = st.integers(0, 7)


# What steps may look like. They are words here, and objects once a play knows its people.

one_person = st.fixed_dictionaries({"assigned_to": persons})
for_anybody = st.fixed_dictionaries(
    {
        "assigned_role": st.sampled_from(["board", "middle"]),
        "role_selection_strategy": st.just("anyone"),
    }
)
of_a_role = st.fixed_dictionaries(
    {
        "assigned_role": st.sampled_from(["board", "board", "middle"]),
        "role_selection_strategy": st.sampled_from(
            [
                "consensus",
                "majority",
                "quorum",
                "percentage",
                "round_robin",
                "workload_balanced",
                "seniority_based",
            ]
        ),
        "quorum_count": st.just(2),
        "percentage_required": st.sampled_from(["50", "66.67"]),
        "rejection_policy": st.sampled_from(["first", "out_of_reach"]),
    }
)
above_somebody = st.fixed_dictionaries(
    {
        "role_selection_strategy": st.sampled_from(
            ["supervisor", "hierarchy_up", "hierarchy_chain", "management_path"]
        ),
        "hierarchy_base_user": persons,
        "hierarchy_levels": st.just(2),
    }
)
further_keys = st.fixed_dictionaries(
    {},
    optional={
        "allow_higher_level": st.booleans(),
        "exclude_starter": st.booleans(),
        "exclude_deciders": st.booleans(),
        "approval_type": st.sampled_from(["approve", "check_in_verify", "move"]),
        "max_escalation_level": st.just(1),
        "sla_duration": st.just(DAY),
    },
)
at_the_deadline = st.sampled_from(
    [
        {"timeout_action": "approve"},
        {"timeout_action": "reject"},
        {"timeout_action": "escalate"},
        {"timeout_action": "delegate", "timeout_delegate_to": "clerk"},
        {},
    ]
)


@st.composite
def step(draw):
    described = draw(one_person | for_anybody | of_a_role | above_somebody) | draw(further_keys)
    if "sla_duration" in described:
        described |= draw(at_the_deadline)
    return described


@st.composite
def numbered_steps(draw):
    """Up to three numbers, some of them with two tracks."""
    steps = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        tracks = draw(st.sampled_from([[""], [""], ["law", "money"]]))
        for track in tracks:
            required = track != "law" or draw(st.booleans())
            place = {"step": number, "parallel_group": track, "parallel_required": required}
            steps.append(draw(step()) | place)
    return steps


class Unexpected(logging.Handler):
    """Collects the errors of a sweep that are none of ours."""

    def __init__(self):
        super().__init__()
        self.errors = []

    def emit(self, record):
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, ApprovalError):
            self.errors.append(error)


class Waiting(BaseApprovalHandler):
    """Lets flows wait when nothing is left to ask, while a play says so."""

    now = False
    # Keys of the flows that were told to.
    told = set()

    def next_steps(self, instance):
        if not Waiting.now:
            return ()
        self.told.add(instance.flow.pk)
        return Continuation(waits=True, notes=[{"waits": True}])


class Play(RuleBasedStateMachine):
    """One document, its flows one after the other, and the people around it."""

    # What was done in all plays: kinds of events, and substitutions.
    happened = Counter()

    def __init__(self):
        super().__init__()
        self.stack = ExitStack()
        self.stack.enter_context(transaction.atomic())
        moment = datetime(2026, 3, 2, 9, tzinfo=UTC)
        self.clock = self.stack.enter_context(frozen_time(moment))
        self.unexpected = Unexpected()
        logging.getLogger("approval_workflow").addHandler(self.unexpected)
        role, self.roles = None, {None: None}
        for name in ROLES:
            role = self.roles[name] = RoleFactory.create(parent=role)
        self.keys = {
            name: UserFactory.create(username=name, role=self.roles[role]).pk
            for name, role in CAST.items()
        }
        self.document = Document.objects.create(title="Contract")
        self.substitutions = []
        self.moments = 0
        Waiting.now = False
        Waiting.told.clear()

    def teardown(self):
        self.happened.update(ApprovalEvent.objects.values_list("kind", flat=True))
        self.happened["substituted"] += Substitution.objects.count()
        logging.getLogger("approval_workflow").removeHandler(self.unexpected)
        transaction.set_rollback(True)
        self.stack.close()
        cache.clear()

    # Looking

    def person(self, name):
        return User.objects.get(pk=self.keys[name])

    def people(self):
        return list(User.objects.filter(pk__in=self.keys.values()).order_by("pk"))

    def flow(self):
        return ApprovalFlow.objects.for_object(self.document).newest_first().first()

    def is_running(self):
        flow = self.flow()
        return flow is not None and bool(flow.is_open)

    def is_asking(self):
        return bool(self.open_rows())

    def is_on_hold(self):
        return self.is_running() and self.flow().status == FlowStatus.ON_HOLD

    def is_waiting(self):
        return self.is_running() and not self.is_on_hold() and not self.is_asking()

    def open_rows(self):
        rows = ApprovalInstance.objects.for_object(self.document).current()
        return list(rows.select_related("flow", "assigned_to").order_by("pk"))

    def rows_not_open(self):
        """Those to come before those that are done with."""
        rows = ApprovalInstance.objects.for_object(self.document)
        not_open = rows.exclude(status=ApprovalStatus.CURRENT).select_related("flow", "assigned_to")
        return not_open.order_by(Case(When(status=ApprovalStatus.PENDING, then=0), default=1), "pk")

    def row_and_actor(self, index, who, rows=()):
        rows = rows or self.open_rows()
        row = rows[index % len(rows)]
        return row, self.person(who) if who else row.assigned_to

    def some_people(self):
        """Two of them, other ones at each moment: what they are asked takes long."""
        people = self.people()
        return [people[(self.moments + offset) % len(people)] for offset in (0, 3)]

    def described(self, steps):
        return [self.in_objects(words) for words in steps]

    def in_objects(self, words):
        people = ("assigned_to", "hierarchy_base_user", "timeout_delegate_to")
        found = {key: self.person(words[key]) for key in people if key in words}
        if "assigned_role" in words:
            found["assigned_role"] = self.roles[words["assigned_role"]]
        return words | found

    def fingerprint(self):
        rows = ApprovalInstance.objects.order_by("pk")
        return (
            list(rows.values_list("pk", "status", "claimed_at", "due_at", "checked_in_at")),
            list(ApprovalFlow.objects.order_by("pk").values_list("pk", "status", "version")),
        )

    def attempt(self, function, *refusals):
        """Call it; where it is refused, in one of these ways only, nothing must have changed."""
        before = self.fingerprint()
        try:
            return function()
        except refusals:
            assert self.fingerprint() == before
            return None

    # What may happen

    @initialize(steps=numbered_steps())
    def begin(self, steps):
        self.start(steps, None)

    @precondition(lambda self: not self.is_running())
    @rule(steps=numbered_steps(), by=st.none() | persons)
    def start(self, steps, by):
        starter = by and self.person(by)
        self.attempt(
            lambda: start_flow(self.document, self.described(steps), starter),
            NobodyEligible,
            InvalidSteps,
        )

    @precondition(is_asking)
    @rule(
        who=actors,
        index=indexes,
        action=st.sampled_from(["approved", "approved", "approved", "rejected"]),
        on_the_object=st.booleans(),
    )
    def decide(self, who, index, action, on_the_object):
        row, user = self.row_and_actor(index, who)
        target = self.document if on_the_object else row
        self.attempt(
            lambda: advance_flow(target, action, user),
            ApprovalPermissionDenied,
            NobodyEligible,
        )

    @precondition(is_asking)
    @precondition(lambda self: self.rows_not_open().exists())
    @rule(index=indexes, action=st.sampled_from(["approved", "rejected"]))
    def decide_what_is_not_open(self, index, action):
        """Not before its turn, whoever is to be asked then, and not once more."""
        rows = self.rows_not_open()
        row = rows[index % len(rows)]
        is_to_come = row.status == ApprovalStatus.PENDING
        user = row.assigned_to or self.person("member0")
        before = self.fingerprint()
        assert not can_user_approve(row, user)
        with pytest.raises(StepNotOpen if is_to_come else StepAlreadyProcessed):
            advance_flow(row, action, user)
        assert self.fingerprint() == before

    @precondition(is_asking)
    @rule(index=indexes)
    def person_asked_approves(self, index):
        row, user = self.row_and_actor(index, None)
        self.attempt(
            lambda: advance_flow(row, "approved", user),
            ApprovalPermissionDenied,
            NobodyEligible,
        )

    @precondition(is_asking)
    @rule(who=actors, index=indexes, to=persons)
    def delegate(self, who, index, to):
        row, user = self.row_and_actor(index, who)
        self.attempt(
            lambda: advance_flow(row, "delegated", user, delegate_to=self.person(to)),
            ApprovalPermissionDenied,
            InvalidDelegate,
        )

    @precondition(is_asking)
    @rule(who=actors, index=indexes, to=st.none() | persons)
    def escalate(self, who, index, to):
        row, user = self.row_and_actor(index, who)
        above = to and self.person(to)
        self.attempt(
            lambda: advance_flow(row, "escalated", user, escalate_to=above),
            ApprovalPermissionDenied,
            InvalidDelegate,
        )

    @precondition(is_asking)
    @rule(who=actors, index=indexes, changes=st.sampled_from([True, True, False]))
    def claim_or_release(self, who, index, changes):
        for_anybody = [row for row in self.open_rows() if row.role_selection_strategy == "anyone"]
        row, user = self.row_and_actor(index, who, for_anybody)
        is_claimed = row.claimed_at is not None
        action = "released" if is_claimed is changes else "claimed"
        self.attempt(
            lambda: advance_flow(row, action, user),
            ApprovalPermissionDenied,
            Conflict,
        )

    @precondition(is_asking)
    @rule(by=persons, index=indexes, to=persons)
    def reassign(self, by, index, to):
        row, user = self.row_and_actor(index, by)
        self.attempt(
            lambda: reassign(row, user, assign_to=self.person(to), reason="x"),
            InvalidDelegate,
        )

    @precondition(is_asking)
    @rule(who=actors, index=indexes, steps=numbered_steps())
    def ask_for_corrections(self, who, index, steps):
        row, user = self.row_and_actor(index, who)
        described = self.described(steps)
        self.attempt(
            lambda: advance_flow(row, "resubmission", user, resubmission_steps=described),
            ApprovalPermissionDenied,
            NobodyEligible,
            InvalidSteps,
        )

    @precondition(is_running)
    @rule(words=step())
    def extend(self, words):
        self.attempt(lambda: extend_flow(self.flow(), [self.in_objects(words)]), InvalidSteps)

    @precondition(is_running)
    @rule(by=persons, seldom=st.integers(0, 3))
    def cancel(self, by, seldom):
        if not seldom:
            cancel_flow(self.flow(), self.person(by))

    @precondition(is_asking)
    @rule(by=persons, seldom=st.integers(0, 3))
    def hold(self, by, seldom):
        if not seldom:
            hold_flow(self.flow(), self.person(by), reason="x")

    @precondition(is_on_hold)
    @rule(
        who=persons,
        index=indexes,
        action=st.sampled_from(["approved", "rejected", "claimed", "released", "escalated"]),
    )
    def try_to_act_on_hold(self, who, index, action):
        rows = list(self.flow().instances.unfinished().order_by("pk"))
        target = rows[index % len(rows)] if index % 2 else self.document
        before = self.fingerprint()
        with pytest.raises(FlowOnHold):
            advance_flow(target, action, self.person(who))
        assert self.fingerprint() == before

    @precondition(is_on_hold)
    @rule(by=persons)
    def resume(self, by):
        resume_flow(self.flow(), self.person(by))

    @precondition(lambda self: self.flow() is not None)
    @rule(who=st.none() | st.none() | persons)
    def undo(self, who):
        """By who decided last, or by anybody."""
        decisions = self.flow().events.filter(kind__in=DECISIONS).exclude(actor=None)
        last = decisions.order_by("sequence").last()
        user = last.actor if who is None and last is not None else self.person(who or "clerk")
        row = self.attempt(
            lambda: undo_decision(self.document, user),
            ApprovalPermissionDenied,
            CannotUndo,
            FlowOnHold,
        )
        assert row is None or row.pk in {open_row.pk for open_row in self.open_rows()}

    @rule(waits=st.booleans())
    def handler_lets_flows_wait(self, waits):
        Waiting.now = waits

    @precondition(lambda self: self.is_waiting() or (self.is_asking() and self.moments % 3 == 0))
    @rule(steps=st.just([]) | st.lists(step(), min_size=1, max_size=2), afresh=st.booleans())
    def what_it_waited_for_comes(self, steps, afresh):
        self.moments += 1
        described = [
            words | {"parallel_group": f"track {self.moments}.{number}"}
            for number, words in enumerate(self.described(steps))
        ]
        self.attempt(
            lambda: continue_flow(self.flow(), described, afresh=afresh and bool(steps)),
            NobodyEligible,
            InvalidSteps,
        )

    @rule(person=persons, by=persons, days=st.integers(1, 3), this_model=st.booleans())
    def name_a_stand_in(self, person, by, days, this_model):
        models = [Document] if this_model else [User]
        made = self.attempt(
            lambda: substitute(
                self.person(person),
                self.person(by),
                ends_at=self.clock.now + days * DAY,
                models=models if days == 1 else (),
            ),
            InvalidSubstitution,
        )
        self.substitutions += [made] if made else []

    @precondition(lambda self: self.substitutions)
    @rule()
    def end_a_substitution(self):
        end_substitution(self.substitutions.pop())

    @rule(hours=st.sampled_from([25, 1, 23, 50]))
    def time_passes_and_the_sweeper_comes(self, hours):
        self.clock.move_by(timedelta(hours=hours))
        process_deadlines()
        assert self.unexpected.errors == []
        again = process_deadlines()
        assert (again.timed_out, again.reminded) == (0, 0)

    @rule(who=persons, role=st.sampled_from([None, *ROLES]))
    def somebody_changes_roles(self, who, role):
        User.objects.filter(pk=self.keys[who]).update(role=self.roles[role])

    @rule(who=persons, is_active=st.sampled_from([False, True, True]))
    def somebody_leaves_or_comes_back(self, who, is_active):
        User.objects.filter(pk=self.keys[who]).update(is_active=is_active)

    # What is always true

    @invariant()
    def flow_is_open_or_has_ended(self):
        for flow in ApprovalFlow.objects.for_object(self.document):
            is_open = flow.status in FlowStatus.open()
            assert bool(flow.is_open) is is_open
            assert (flow.completed_at is None) is is_open
            assert (flow.held_at is not None) is (flow.status == FlowStatus.ON_HOLD)
            unfinished = flow.instances.unfinished()
            assert is_open or not unfinished.exists()
            assert flow.status == FlowStatus.IN_PROGRESS or not unfinished.current().exists()
            assert flow.status == FlowStatus.ON_HOLD or not unfinished.on_hold().exists()
            if is_open and flow.pk not in Waiting.told:
                assert unfinished.asked().exists()

    @invariant()
    def one_number_is_open_on_all_required_tracks(self):
        rows = self.open_rows()
        assert len({row.flow_id for row in rows}) <= 1
        required = {(row.round, row.step_number) for row in rows if row.parallel_required}
        assert len(required) <= 1

    @invariant()
    def what_is_to_come_comes_later_and_is_untouched(self):
        rows = self.open_rows()
        for row in ApprovalInstance.objects.for_object(self.document).pending():
            assert (row.action_user_id, row.acted_at, row.started_at) == (None, None, None)
            assert (row.form_data, row.comment, row.claimed_at) == (None, "", None)
            assert all(row.round == other.round for other in rows)
            assert all(row.step_number > other.step_number for other in rows)

    @invariant()
    def everybody_is_asked_once_and_votes_once(self):
        asked, cast = set(), set()
        for row in ApprovalInstance.objects.for_object(self.document):
            if row.status == ApprovalStatus.CURRENT:
                part = (row.step_key, row.assigned_to_id)
                assert part not in asked
                asked.add(part)
            if row.status in VOTES and row.action_user_id is not None:
                vote = (row.step_key, row.action_user_id)
                assert vote not in cast
                cast.add(vote)

    @invariant()
    def history_verifies(self):
        for flow in ApprovalFlow.objects.for_object(self.document):
            assert verify_flow(flow, flow.events.in_order()) is None

    @precondition(lambda self: self.moments % 2 == 0)
    @invariant()
    def helper_service_and_explanation_agree(self):
        rows, people = self.open_rows(), self.people()
        allowed = {(row.step_key, user.pk) for user in people for row in rows if can_act(row, user)}
        for user in self.some_people():
            may = any(key == user.pk for _step, key in allowed)
            assert self.can_decide(user) is may, user
        if rows:
            explained = {
                (item.instance.step_key, item.user.pk)
                for item in explain_approvers(rows[0].flow)
                if item.permission
            }
            assert explained == allowed

    @invariant()
    def inbox_agrees(self):
        """For one person, another one at each moment: the query is a large one."""
        self.moments += 1
        user = self.some_people()[0]
        steps = {row.step_key for row in self.open_rows() if can_act(row, user)}
        assert {row.step_key for row in waiting_for(user)} == steps, user

    def can_decide(self, user):
        """Whether `advance_flow` lets the person act on the object; it is undone."""
        try:
            with transaction.atomic():
                advance_flow(self.document, "rejected", user)
                transaction.set_rollback(True)
        except (ApprovalPermissionDenied, Conflict):
            return False
        return True

    @precondition(lambda self: self.is_asking() and self.moments % 2)
    @invariant()
    def helper_agrees_with_the_service_on_each_row(self):
        """One row, another one at every second moment."""
        rows = self.open_rows()
        row = rows[self.moments % len(rows)]
        for user in self.some_people():
            may = can_user_approve(row, user)
            try:
                with transaction.atomic():
                    copy = ApprovalInstance.objects.get(pk=row.pk)
                    advance_flow(copy, "rejected", user)
                    transaction.set_rollback(True)
                acted = True
            except ApprovalPermissionDenied:
                acted = False
            assert may is acted, user


@pytest.mark.django_db
def test_whatever_happens_the_flow_is_sound():
    Play.happened.clear()
    register_handler(Document)(Waiting)
    run_state_machine_as_test(Play, settings=BOUNDS)
    if not PLAYS:
        assert len(OFTEN_DONE & set(Play.happened)) >= 11, Play.happened
