"""Random workflows, played at random: whatever happens, some things are always true.

Templates have branches, routes, loops, conditions, rules, jobs that succeed or fail, timers and
statuses; people decide, undo, hold, skip, jump and cancel. The plays are the same while the sources
are; `WORKFLOW_PLAYS=500 pytest …` plays as many new ones.
"""

import os
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import override_settings
from hypothesis import HealthCheck, Phase, event, given, note, settings
from hypothesis import strategies as st

from approval_workflow.events import verify_flow
from approval_workflow.exceptions import (
    ApprovalPermissionDenied,
    CannotUndo,
    Conflict,
    FlowOnHold,
    InvalidDelegate,
    InvalidInput,
    NoCurrentStep,
)
from approval_workflow.models import ApprovalInstance
from approval_workflow.testing import frozen_time
from django_workflow_engine.actions.outbox import replay
from django_workflow_engine.actions.runner import run_due
from django_workflow_engine.definition import definition_of
from django_workflow_engine.exceptions import (
    ConditionFailed,
    NotAttached,
    UnknownStage,
    WorkflowIncomplete,
)
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment
from django_workflow_engine.services import (
    act_on_object,
    add_approver,
    attach_workflow_to_object,
    cancel_workflow,
    get_workflow_attachment,
    hold_workflow,
    jump_to_stage,
    restart_workflow,
    resume_workflow,
    skip_stage,
    undo_last_decision,
    update_stage_status,
)
from django_workflow_engine.services.problems import find_problems
from tests.factories.objects import PurchaseRequestFactory
from tests.factories.people import UserFactory, make_role
from tests.factories.workflows import asking, by_role, by_user, make_staged

PLAYS = int(os.environ.get("WORKFLOW_PLAYS", "0"))
ACTS = 25
BOUNDS = settings(
    max_examples=PLAYS or 20,
    derandomize=not PLAYS,
    database=None,
    deadline=None,
    # To make a failing play shorter takes longer than to read it.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# What a play may be refused, and then changes nothing.
REFUSALS = (
    ApprovalPermissionDenied,
    CannotUndo,
    ConditionFailed,
    Conflict,
    FlowOnHold,
    InvalidDelegate,
    NoCurrentStep,
    NotAttached,
    UnknownStage,
)
# Faults that a play may meet: everything else that keeps an object from going on is ours.
EXPECTED_FAULTS = ("On hold: ", "failed for good: RuntimeError: out of order")
# What the plays should lead to; they would prove little if everything were refused.
OFTEN_DONE = {
    "approved",
    "rejected",
    "resubmission",
    "cancelled",
    "done",
    "skipped",
    "approved_by_rule",
    "not_needed",
    "jumped",
    "undone",
}
CONDITIONS = ["object.amount > 100.0", "object.amount <= 100.0", "metadata.flag"]
OF_PEOPLE = [*["approve"] * 6, "reject", "resubmission", "delegate"]
OF_STATUSES = ["Accepted", "Accepted", "Open", "Refused"]
FUNCTIONS = "tests.testapp.workflow_actions"
STATUSES = [
    {"name": "Open", "default": True},
    {"name": "Accepted", "completes": True},
    {"name": "Refused", "rejects": True},
]


def approvals(chance):
    return [
        {
            "who": chance.choice(["ann", "bob", "board", "everybody"]),
            "track": chance.choice(["", "", "", "law", "money"]),
            "required": number == 0 or chance.random() < 0.5,
        }
        for number in range(chance.choice([1, 2]))
    ]


def stage(chance, *, group=""):
    """What a stage stores, with its approvals in words."""
    kind = chance.choice([*["approval"] * 6, "job", "broken job", "timer", "status"])
    keys = {
        "approval": {"approvals": approvals(chance)},
        "job": {"kind": "job", "job": {"function": f"{FUNCTIONS}.score"}},
        "broken job": {"kind": "job", "job": {"function": f"{FUNCTIONS}.break_down"}},
        "timer": {"kind": "timer", "timer": {"duration": "PT1H"}},
        "status": {"kind": "status", "statuses": STATUSES},
    }[kind]
    keys = dict(keys)
    if chance.random() < 0.15:
        keys["skip_when"] = chance.choice(CONDITIONS)
    if kind == "approval" and chance.random() < 0.2:
        keys["approve_when"] = chance.choice(CONDITIONS)
    if group:
        keys["parallel_group"] = group
    return keys


def pipelines(chance):
    """Return pipelines with their stages by code, what the pipelines store, and routes."""
    beside = chance.random() < 0.3
    shape = [chance.randint(1, 2), chance.randint(1, 2), 1]
    if not beside:
        shape = [chance.randint(1, 2), chance.randint(1, 4)]
    join = chance.choice(["all", "any"])
    number, made, infos = 0, [], []
    for position, size in enumerate(shape):
        stages = {}
        group = "" if beside else chance.choice(["", "g"])
        for _count in range(size):
            number += 1
            stages[f"s{number}"] = stage(chance, group=group)
        if group and len(stages) > 1:
            next(iter(stages.values()))["join"] = chance.choice(["all", "any", 2])
        is_branch = beside and position < len(shape) - 1
        infos.append({"parallel_group": "p", "join": join} if is_branch else {})
        made.append(stages)
    codes = [f"s{one}" for one in range(1, number + 1)]
    routes = [
        (chance.choice(codes), chance.choice([*codes, "end"]), chance.choice(CONDITIONS))
        for _count in range(chance.randint(0, 3))
    ]
    return made, infos, routes


class Play:
    """One request on one workflow, and the people around it."""

    happened = Counter()

    def __init__(self, chance):
        self.chance = chance
        self.stack = ExitStack()
        self.stack.enter_context(transaction.atomic())
        self.clock = self.stack.enter_context(frozen_time(datetime(2026, 3, 2, 9, tzinfo=UTC)))
        self.stack.enter_context(
            override_settings(
                WORKFLOW_AUTO_CREATE_ACTIONS=False,
                APPROVAL_UNDO_PERIOD=timedelta(hours=3),
                DJANGO_WORKFLOW_ENGINE={"ACTION_MAX_ATTEMPTS": 1, "LOOP_LIMIT": 5},
            )
        )
        self.people = {name: UserFactory.create(username=name) for name in ("ann", "bob", "cid")}
        self.board = make_role(2)
        self.request = PurchaseRequestFactory.create(amount=Decimal(50))

    def teardown(self):
        self.happened.update(StageRun.objects.values_list("outcome", flat=True))
        transaction.set_rollback(True)
        self.stack.close()
        cache.clear()

    # Looking

    def attachment(self):
        return get_workflow_attachment(self.request)

    def is_open(self):
        attachment = self.attachment()
        return attachment is not None and bool(attachment.is_open)

    def rows(self):
        rows = ApprovalInstance.objects.filter(flow=self.attachment().flow).current()
        return list(rows.select_related("assigned_to").order_by("pk"))

    def visits(self, attachment=None):
        attachment = attachment or self.attachment()
        return list(StageRun.objects.filter(attachment=attachment, left_at=None).order_by("pk"))

    def stage_keys(self):
        return [place.id for place in definition_of(self.attachment()).places]

    def fingerprint(self):
        return [
            list(rows.order_by("pk").values())
            for rows in (
                WorkflowAttachment.objects.all(),
                StageRun.objects.all(),
                ActionExecution.objects.all(),
                ApprovalInstance.objects.all(),
            )
        ]

    def attempt(self, function, *refusals):
        """Call it; where it is refused, nothing must have changed."""
        before = self.fingerprint()
        try:
            return function()
        except (*REFUSALS, *refusals) as refusal:
            note(f"refused: {refusal}")
            assert self.fingerprint() == before
            return None

    def described(self, keys):
        if "approvals" not in keys:
            return keys
        return {**keys, **asking(*[self.approval(words) for words in keys["approvals"]])}

    def approval(self, words):
        more = {}
        if words["track"]:
            more = {"parallel_group": words["track"], "parallel_required": words["required"]}
        if words["who"] in self.people:
            return by_user(self.people[words["who"]], **more)
        return by_role(self.board, "anyone" if words["who"] == "board" else "consensus", **more)

    # What may happen

    def begin(self):
        made, infos, routes = pipelines(self.chance)
        note(f"{made}, {infos}, {routes}")
        stages = [{code: self.described(keys) for code, keys in one.items()} for one in made]
        workflow = make_staged(*stages, infos=infos, status="draft")
        self.workflow = workflow
        workflow.status = "active"
        workflow.save()
        self.add_routes(stages, routes)
        self.attempt(lambda: self.attach(workflow))

    def attach(self, workflow):
        attach_workflow_to_object(self.request, workflow, self.people["ann"])

    def add_routes(self, stages, routes):
        """Give the workflow those routes that validation allows."""
        by_code = {
            row.code: row
            for pipeline in self.workflow.pipelines.all()
            for row in pipeline.stages.all()
        }
        for source, goal, when in routes:
            row = by_code[source]
            before = row.stage_info
            added = [*before.get("routes", []), {"to": goal, "when": when}]
            row.stage_info = {**before, "routes": added}
            row.save()
            try:
                with transaction.atomic():
                    self.attach(self.workflow)
                    transaction.set_rollback(True)
            except WorkflowIncomplete:
                row.stage_info = before
                row.save()
            except ConditionFailed:
                pass

    def somebody_asked_acts(self):
        rows = self.rows()
        if not rows:
            return
        what, more = self.chance.choice(OF_PEOPLE), {}
        if what == "resubmission":
            more = {"stage_id": self.chance.choice(self.stage_keys())}
        elif what == "delegate":
            more = {"user_id": self.chance.choice(list(self.people.values())).pk}
        user = self.chance.choice(rows).assigned_to
        note(f"{user} {what} {more}")
        self.attempt(lambda: act_on_object(self.request, what, user, **more))

    def what_is_waited_for_comes(self):
        """Time passes, tasks run, and then a status is set."""
        self.clock.move_by(timedelta(hours=self.chance.choice([0, 1, 2])))
        run_due()
        assert not ActionExecution.objects.filter(action_type="continue", status="dead").exists()
        at = [visit for visit in self.visits() if visit.status]
        if at:
            name, stage_id = self.chance.choice(OF_STATUSES), self.chance.choice(at).stage_id
            self.attempt(lambda: update_stage_status(self.request, name, stage_id=stage_id))

    def somebody_intervenes(self):
        at, key = self.chance.choice(self.visits()).stage_id, self.chance.choice(self.stage_keys())
        self.chance.choice(
            [
                lambda: self.skip(at),
                lambda: self.jump(key),
                lambda: self.ask_one_more(at),
                lambda: self.attempt(lambda: hold_workflow(self.request, reason="x")),
                lambda: self.resume(flag=self.chance.random() < 0.5),
                lambda: self.resume(flag=self.chance.random() < 0.5),
                self.replay_a_job,
            ]
        )()

    def skip(self, stage_id):
        note("skip")
        self.attempt(lambda: skip_stage(self.request, reason="x", stage_id=stage_id))

    def jump(self, stage_id):
        note(f"jump to {stage_id}")
        self.attempt(lambda: jump_to_stage(self.request, stage_id, reason="x"))

    def ask_one_more(self, stage_id):
        note("ask one more")
        person = self.people["cid"]
        self.attempt(
            lambda: add_approver(self.request, person, reason="x", stage_id=stage_id),
            InvalidInput,
        )

    def resume(self, *, flag):
        """Mostly after what was missing has been given."""
        attachment = self.attachment()
        attachment.metadata = {**attachment.metadata, "flag": flag}
        attachment.save(update_fields=["metadata"])
        self.attempt(lambda: resume_workflow(self.request))

    def replay_a_job(self):
        for dead in ActionExecution.objects.filter(status="dead").order_by("pk")[:1]:
            replay(dead)

    def undo(self):
        rows = ApprovalInstance.objects.for_object(self.request).exclude(action_user=None)
        last = rows.order_by("-acted_at", "-updated_at", "-pk").first()
        if last is not None:
            self.attempt(lambda: undo_last_decision(self.request, last.action_user))

    def change_the_object(self):
        self.request.amount = Decimal(self.chance.choice([50, 150]))
        self.request.save()

    def it_ends_early(self):
        if self.chance.random() < 0.5:
            cancel_workflow(self.request)
        else:
            self.attempt(lambda: restart_workflow(self.request, reason="x"))

    def something_happens(self):
        if not self.is_open():
            acts = {self.undo: 1, self.begin_again: 1}
        else:
            acts = {
                self.somebody_asked_acts: 12,
                self.what_is_waited_for_comes: 6,
                self.somebody_intervenes: 4,
                self.undo: 2,
                self.change_the_object: 1,
                self.it_ends_early: 0.3,
            }
        act = self.chance.choices(list(acts), list(acts.values()))[0]
        event(act.__name__)
        note(f"{act.__name__}, at {[visit.stage.code for visit in self.visits()]}")
        act()

    def begin_again(self):
        self.attempt(lambda: self.attach(self.workflow))

    # What is always true

    def the_object_is_at_one_place_or_in_branches(self):
        for attachment in WorkflowAttachment.objects.filter(is_open=True):
            definition = definition_of(attachment)
            places = [definition.place(visit.stage_id) for visit in self.visits(attachment)]
            assert places
            if len(places) > 1:
                assert len({place.group for place in places}) == 1
                assert places[0].group
                assert len({place.branch for place in places}) == len(places)
            assert definition.current(attachment) in places

    def what_is_open_belongs_to_a_visit(self):
        for attachment in WorkflowAttachment.objects.filter(is_open=True):
            definition = definition_of(attachment)
            at = [visit.stage_id for visit in self.visits(attachment)]
            rows = ApprovalInstance.objects.filter(flow=attachment.flow)
            for row in rows.filter(status__in=("current", "on_hold")):
                place = definition.named_in(row.extra_fields)
                assert place.id in at or not row.parallel_required
            waiting = ActionExecution.objects.filter(
                attachment=attachment,
                action_type__in=("job", "timer"),
                status__in=("pending", "failed", "held", "dead"),
            )
            assert not waiting.exclude(visit__left_at=None).exists()

    def every_place_has_what_it_waits_for_or_its_fault_is_named(self):
        faults = [str(problem) for problem in find_problems(stuck_only=True)]
        assert all(any(known in fault for known in EXPECTED_FAULTS) for fault in faults), faults
        attachment = self.attachment()
        if attachment is None or attachment.status != "in_progress" or faults:
            return
        for visit in self.visits(attachment):
            tasks = ActionExecution.objects.filter(visit=visit)
            waits = (
                bool(visit.status and not visit.finished_at)
                or tasks.filter(status__in=("pending", "failed")).exists()
                or any(row.extra_fields.get("stage_id") == visit.stage_id for row in self.rows())
            )
            assert waits, visit

    def attachment_and_flow_tell_the_same(self):
        for attachment in WorkflowAttachment.objects.exclude(flow=None).select_related("flow"):
            assert attachment.status == attachment.flow.status

    def what_has_ended_has_ended_all_its_parts(self):
        for attachment in WorkflowAttachment.objects.filter(is_open=None):
            assert not self.visits(attachment)
            assert not attachment.flow.instances.filter(
                status__in=("current", "pending", "on_hold")
            ).exists()
            tasks = ActionExecution.objects.filter(attachment=attachment)
            assert not tasks.filter(
                status__in=("pending", "failed", "held"), action_type__in=("job", "timer")
            ).exists()

    def history_verifies(self):
        for attachment in WorkflowAttachment.objects.exclude(flow=None):
            flow = attachment.flow
            assert verify_flow(flow, flow.events.in_order()) is None

    def check(self):
        self.the_object_is_at_one_place_or_in_branches()
        self.what_is_open_belongs_to_a_visit()
        self.every_place_has_what_it_waits_for_or_its_fault_is_named()
        self.attachment_and_flow_tell_the_same()
        self.what_has_ended_has_ended_all_its_parts()
        self.history_verifies()


@BOUNDS
@given(chance=st.randoms(use_true_random=True))
def play(chance):
    game = Play(chance)
    try:
        game.begin()
        game.check()
        for _act in range(ACTS):
            game.something_happens()
            game.check()
    finally:
        game.teardown()


@pytest.mark.django_db
def test_whatever_happens_runs_go_on_or_say_why_not():
    Play.happened.clear()
    play()
    assert len(OFTEN_DONE & set(Play.happened)) >= 8, Play.happened
