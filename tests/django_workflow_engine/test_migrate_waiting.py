"""Objects at jobs, timers, statuses and branches move to a new version where they can."""

import pytest

from approval_workflow.models import ApprovalEvent
from django_workflow_engine.actions.runner import run_due
from django_workflow_engine.models import ActionExecution, Stage
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    get_workflow_attachment,
    hold_workflow,
    migrate_running,
    publish_version,
    update_stage_status,
)
from tests.factories.objects import PurchaseRequestFactory
from tests.factories.people import UserFactory
from tests.factories.workflows import asking, by_user, make_staged

pytestmark = pytest.mark.django_db

SCORE = "tests.testapp.workflow_actions.score"


def job(function=SCORE):
    return {"kind": "job", "job": {"function": function}}


def timer(duration="P1D"):
    return {"kind": "timer", "timer": {"duration": duration}}


def statuses(*completing):
    return {
        "kind": "status",
        "statuses": [
            {"name": "Open", "default": True},
            *[{"name": name, "completes": True} for name in completing],
        ],
    }


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


def attached(*stages):
    names = ("first", "second", "third")
    workflow = make_staged(dict(zip(names, stages, strict=False)))
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, workflow)
    return workflow, request


def changed(workflow, **info):
    """Change the first stage, and move what runs to the version that has it so."""
    stage = Stage.objects.get(pipeline__workflow=workflow, code="first")
    stage.name_en = "Changed"
    stage.stage_info = info or stage.stage_info
    stage.save()
    version = publish_version(workflow)
    (row,) = migrate_running(workflow, to_version=version.version).attachments
    return row


@pytest.mark.parametrize(
    "waiting", [job(), timer(), statuses("Done")], ids=lambda info: info["kind"]
)
def test_what_waits_for_the_same_in_the_new_version_goes_on_waiting_there(ann, waiting):
    workflow, request = attached(waiting, asking(by_user(ann)))
    row = changed(workflow)
    assert row.left_alone == ""
    attachment = get_workflow_attachment(request)
    assert attachment.current_stage.name_en == "Changed"
    assert attachment.workflow.version == 2
    event = ApprovalEvent.objects.get(kind="noted")
    assert event.data["what"] == "moved_to_version"
    ActionExecution.objects.update(run_after=attachment.started_at)
    if waiting["kind"] == "status":
        update_stage_status(request, "Done", ann)
    else:
        run_due()
    assert get_workflow_attachment(request).current_stage.code == "second"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (job(), job("tests.testapp.workflow_actions.break_down")),
        (timer(), timer("P2D")),
        (statuses("Done"), timer()),
    ],
    ids=["another job", "another time", "another kind"],
)
def test_what_would_wait_for_something_else_is_left_alone(ann, before, after):
    workflow, request = attached(before, asking(by_user(ann)))
    row = changed(workflow, **after)
    assert "It waits at 'Pipeline 1 / First' for something else" in row.left_alone
    assert get_workflow_attachment(request).workflow.version == 1


def test_a_status_that_the_new_version_does_not_have_keeps_the_object(ann):
    workflow, _request = attached(statuses("Done"), asking(by_user(ann)))
    row = changed(workflow, kind="status", statuses=[{"name": "Done", "completes": True}])
    assert "for something else" in row.left_alone


def test_branches_are_left_alone_until_they_have_joined(ann):
    group = {"parallel_group": "g"}
    workflow, request = attached(
        asking(by_user(ann), **group), asking(by_user(ann), **group), asking(by_user(ann))
    )
    assert (
        "runs beside others; it can be moved when they have ended" in changed(workflow).left_alone
    )
    act_on_object(request, "approve", ann)
    act_on_object(request, "approve", ann)
    (row,) = migrate_running(workflow, to_version=2).attachments
    assert row.left_alone == ""


def test_nothing_leads_into_the_middle_of_branches(ann):
    workflow, _request = attached(asking(by_user(ann)), asking(by_user(ann)))
    for stage in Stage.objects.filter(pipeline__workflow=workflow):
        stage.stage_info = {**stage.stage_info, "parallel_group": "g"}
        stage.save()
    publish_version(workflow)
    (row,) = migrate_running(workflow, to_version=2).attachments
    assert "nothing leads into their middle" in row.left_alone


def test_what_is_on_hold_is_left_alone(ann):
    workflow, request = attached(job(), asking(by_user(ann)))
    hold_workflow(request, reason="audit")
    assert "on hold" in changed(workflow).left_alone


def test_a_job_that_is_done_is_not_run_again_where_it_comes_later_now(ann):
    workflow, request = attached(job(), asking(by_user(ann)), asking(by_user(ann)))
    run_due()
    first = Stage.objects.get(pipeline__workflow=workflow, code="first")
    first.order = 5
    first.save()
    publish_version(workflow)
    (row,) = migrate_running(workflow, to_version=2).attachments
    assert row.left_alone == ""
    act_on_object(request, "approve", ann)
    act_on_object(request, "approve", ann)
    assert get_workflow_attachment(request).status == "completed"
    assert ActionExecution.objects.filter(action_type="job").count() == 1
