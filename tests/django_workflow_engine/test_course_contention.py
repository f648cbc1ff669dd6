"""Several things that move one object at once: it moves once, and nothing of it is left behind."""

import os
import subprocess
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from approval_workflow.exceptions import (
    ApprovalPermissionDenied,
    Conflict,
    FlowOnHold,
    NoCurrentStep,
)
from approval_workflow.models import ApprovalInstance
from django_workflow_engine.actions import outbox
from django_workflow_engine.actions.runner import run_due
from django_workflow_engine.models import ActionExecution, StageRun, WorkflowAttachment
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    cancel_workflow,
    hold_workflow,
    resume_workflow,
    skip_stage,
)
from django_workflow_engine.services.problems import find_problems
from tests.contention import at_once
from tests.factories.objects import PurchaseRequestFactory
from tests.factories.people import UserFactory
from tests.factories.workflows import asking, by_user, make_staged
from tests.testapp.models import Document

pytestmark = [pytest.mark.contention, pytest.mark.django_db(transaction=True)]

ROUNDS = 200
FEWER_ROUNDS = 60
# What is left for who comes second: the step is done, or somebody else is asked now.
REFUSALS = (Conflict, NoCurrentStep, ApprovalPermissionDenied)
JOB = {"kind": "job", "job": {"function": "tests.testapp.workflow_actions.score"}}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def people():
    return [UserFactory.create(username=name) for name in ("ann", "bob", "cid")]


@pytest.fixture(autouse=True)
def tasks_wait(settings, monkeypatch):
    """Nothing runs after commit by itself: `run_due` is called."""
    settings.WORKFLOW_AUTO_CREATE_ACTIONS = False
    monkeypatch.setattr(outbox, "_after_commit", lambda path, transition, using: None)


def attached(workflow):
    request = PurchaseRequestFactory.create()
    return request, attach_workflow_to_object(request, workflow)


def visited(attachment):
    visits = StageRun.objects.filter(attachment=attachment).order_by("pk")
    return [visit.stage.code for visit in visits.select_related("stage")]


def branching(people, join="all", **stages):
    ann, bob, cid = people
    group = {"parallel_group": "g", "join": join}
    return make_staged(
        {
            "law": asking(by_user(ann), **group),
            **(stages or {"tax": asking(by_user(bob), **group)}),
            "pay": asking(by_user(cid)),
        }
    )


def require_one_move(attachment, refused=()):
    assert visited(attachment).count("pay") == 1
    assert all(isinstance(error, REFUSALS) for error in refused), refused
    rows = ApprovalInstance.objects.filter(flow=attachment.flow).current()
    assert [row.assigned_to.username for row in rows] == ["cid"]
    assert [visit.stage.code for visit in StageRun.objects.filter(left_at=None)] == ["pay"]


def test_the_last_two_branches_finished_at_once_join_once(people):
    workflow = branching(people)
    for _round in range(ROUNDS):
        request, attachment = attached(workflow)
        outcomes = at_once(*[partial(act_on_object, request, "approve", one) for one in people[:2]])
        assert not [error for error in outcomes if isinstance(error, Exception)]
        require_one_move(attachment)
        cancel_workflow(request)


def test_two_branches_of_which_one_is_enough_finished_at_once_join_once(people):
    workflow = branching(people, "any")
    for _round in range(FEWER_ROUNDS):
        request, attachment = attached(workflow)
        outcomes = at_once(*[partial(act_on_object, request, "approve", one) for one in people[:2]])
        refused = [error for error in outcomes if isinstance(error, Exception)]
        assert len(refused) == 1
        require_one_move(attachment, refused)
        cancel_workflow(request)


@pytest.mark.parametrize("join", ["all", "any"])
def test_a_job_and_an_approval_that_end_their_branches_at_once_join_once(people, join):
    workflow = branching(people, join, work={**JOB, "parallel_group": "g"})
    for _round in range(FEWER_ROUNDS):
        request, attachment = attached(workflow)
        approved, tally = at_once(partial(act_on_object, request, "approve", people[0]), run_due)
        assert not isinstance(tally, Exception)
        run_due()
        refused = [approved] if isinstance(approved, Exception) else []
        require_one_move(attachment, refused)
        assert len(refused) <= (join == "any")
        cancel_workflow(request)


def test_a_job_that_ends_while_somebody_cancels_leaves_one_story(people):
    workflow = make_staged({"work": JOB, "pay": asking(by_user(people[2]))})
    for _round in range(FEWER_ROUNDS):
        request, attachment = attached(workflow)
        tally, cancelled = at_once(run_due, partial(cancel_workflow, request))
        assert not isinstance(tally, Exception)
        assert not isinstance(cancelled, Exception)
        run_due()
        attachment.refresh_from_db()
        assert attachment.status == attachment.flow.status == "cancelled"
        assert not StageRun.objects.filter(attachment=attachment, left_at=None).exists()
        assert not ApprovalInstance.objects.filter(flow=attachment.flow).unfinished().exists()
        assert not ActionExecution.objects.filter(attachment=attachment).unfinished().exists()


def test_a_job_that_ends_while_somebody_holds_moves_when_it_is_resumed(people):
    workflow = make_staged({"work": JOB, "pay": asking(by_user(people[2]))})
    for _round in range(FEWER_ROUNDS):
        request, attachment = attached(workflow)
        tally, held = at_once(run_due, partial(hold_workflow, request, reason="audit"))
        assert not isinstance(tally, Exception)
        assert isinstance(held, WorkflowAttachment)
        assert held.status == "on_hold"
        resume_workflow(request)
        run_due()
        require_one_move(attachment)
        assert visited(attachment) == ["work", "pay"]
        assert not ActionExecution.objects.filter(attachment=attachment).unfinished().exists()
        cancel_workflow(request)


def test_a_job_that_ends_while_somebody_skips_it_moves_the_object_once(people):
    workflow = make_staged(
        {"work": JOB, "pay": asking(by_user(people[2])), "last": asking(by_user(people[2]))}
    )
    for _round in range(FEWER_ROUNDS):
        request, attachment = attached(workflow)
        skip = partial(skip_stage, request, reason="by hand", stage_id="work")
        tally, skipped = at_once(run_due, skip)
        assert not isinstance(tally, Exception)
        run_due()
        require_one_move(attachment)
        # Where the job was first, the object was not at the stage any more.
        assert visited(attachment) == ["work", "pay"], skipped
        assert not list(find_problems(stuck_only=True))
        cancel_workflow(request)


def test_a_job_whose_process_is_killed_runs_again_and_the_object_moves_once(people, tmp_path):
    job = {
        "function": "tests.testapp.workflow_actions.die_once",
        "parameters": {"file": str(tmp_path / "died")},
    }
    workflow = make_staged({"work": {"kind": "job", "job": job}, "pay": asking(by_user(people[2]))})
    _request, attachment = attached(workflow)
    killed = run_in_a_process_of_its_own()
    assert killed.returncode == -9, killed.stderr
    task = ActionExecution.objects.get(attachment=attachment)
    assert (task.status, Document.objects.count()) == ("running", 0)
    ActionExecution.objects.update(started_at=timezone.now() - timedelta(hours=1))
    at_once(run_due, run_due, run_due)
    task.refresh_from_db()
    assert (task.status, task.attempts) == ("done", 2)
    assert Document.objects.count() == 1
    require_one_move(attachment)
    assert [entry["outcome"] for entry in task.log] == ["killed", "done"]


RUN = """
import django
django.setup()
from django_workflow_engine.actions.runner import run_due
run_due()
"""


def run_in_a_process_of_its_own():
    name = connection.settings_dict["NAME"]
    environment = {
        **os.environ,
        "POSTGRES_DB": name,
        "MARIADB_DATABASE": name,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), *sys.path])),
    }
    return subprocess.run(  # noqa: S603
        [sys.executable, "-c", RUN],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=False,
        timeout=120,
    )


def test_holding_and_approving_at_once_leaves_one_story(people):
    workflow = branching(people)
    for _round in range(FEWER_ROUNDS):
        request, attachment = attached(workflow)
        act_on_object(request, "approve", people[1])
        approved, held = at_once(
            partial(act_on_object, request, "approve", people[0]),
            partial(hold_workflow, request, reason="audit"),
        )
        assert isinstance(approved, WorkflowAttachment | FlowOnHold)
        assert not isinstance(held, Exception)
        resume_workflow(request)
        if isinstance(approved, Exception):
            act_on_object(request, "approve", people[0])
        require_one_move(attachment)
        cancel_workflow(request)
