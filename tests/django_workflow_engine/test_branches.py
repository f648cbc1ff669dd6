"""What people can do in stages that run side by side, and what is told of it."""

from datetime import timedelta

import pytest

from approval_workflow.exceptions import CannotUndo, FlowOnHold, InvalidInput
from approval_workflow.models import ApprovalEvent, ApprovalInstance
from approval_workflow.services import advance_flow
from django_workflow_engine.actions.runner import run_due
from django_workflow_engine.exceptions import UnknownStage
from django_workflow_engine.models import ActionExecution, StageRun
from django_workflow_engine.services import (
    act_on_object,
    add_approver,
    attach_workflow_to_object,
    attachment_progress,
    get_workflow_attachment,
    hold_workflow,
    jump_to_stage,
    register_model_for_workflow,
    resume_workflow,
    skip_stage,
    undo_last_decision,
    update_stage_status,
)
from django_workflow_engine.testing import make_action
from tests.factories.objects import PurchaseRequestFactory
from tests.factories.people import UserFactory, make_role
from tests.factories.workflows import asking, by_role, by_user, make_staged

pytestmark = pytest.mark.django_db

NOTE = "tests.testapp.workflow_actions.note"
JOB = {"kind": "job", "job": {"function": "tests.testapp.workflow_actions.score"}}
GROUP = {"parallel_group": "g"}


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


@pytest.fixture
def bob():
    return UserFactory.create(username="bob")


@pytest.fixture
def cid():
    return UserFactory.create(username="cid")


def attached(*pipelines, **fields):
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, make_staged(*pipelines, **fields))
    return request


@pytest.fixture
def request_(ann, bob, cid):
    """`first`, then law (ann, then bob) beside tax (cid), then pay."""
    obj = attached(
        {
            "first": asking(by_user(ann)),
            "law": asking(by_user(ann), by_user(bob), **GROUP),
            "tax": asking(by_user(cid), **GROUP),
            "pay": asking(by_user(ann)),
        }
    )
    act_on_object(obj, "approve", ann)
    return obj


def outcomes(obj):
    rows = StageRun.objects.filter(attachment=get_workflow_attachment(obj)).order_by("pk")
    return [(row.stage.code, row.outcome) for row in rows.select_related("stage")]


def here(obj):
    return [code for code, outcome in outcomes(obj) if not outcome]


def waiting(obj):
    rows = ApprovalInstance.objects.for_object(obj).current().select_related("assigned_to")
    return sorted(row.assigned_to.username for row in rows)


def stage_key(obj, code):
    workflow = get_workflow_attachment(obj).workflow
    return workflow.pipelines.get(stages__code=code).stages.get(code=code).pk


class TestSendingBack:
    def test_from_a_branch_all_branches_are_left(self, request_, cid):
        act_on_object(request_, "resubmission", cid, stage_id=stage_key(request_, "first"))
        assert waiting(request_) == ["ann"]
        assert outcomes(request_)[1:] == [
            ("law", "resubmission"),
            ("tax", "resubmission"),
            ("first", ""),
        ]

    @pytest.mark.parametrize("code", ["law", "tax"])
    def test_to_a_branch_means_all_its_branches(self, request_, ann, cid, bob, code):
        for person in (ann, bob, cid):
            act_on_object(request_, "approve", person)
        assert here(request_) == ["pay"]
        act_on_object(request_, "resubmission", ann, stage_id=stage_key(request_, code))
        assert here(request_) == ["law", "tax"]
        assert waiting(request_) == ["ann", "cid"]
        for person in (ann, bob, cid):
            act_on_object(request_, "approve", person)
        assert here(request_) == ["pay"]

    def test_within_the_branches_they_begin_anew(self, request_, ann, cid):
        act_on_object(request_, "approve", ann)
        act_on_object(request_, "resubmission", cid, stage_id=stage_key(request_, "tax"))
        assert waiting(request_) == ["ann", "cid"]

    def test_jobs_of_other_branches_are_given_up_and_begin_anew(self, ann):
        obj = attached({"law": asking(by_user(ann), **GROUP), "work": {**JOB, **GROUP}})
        act_on_object(obj, "resubmission", ann, stage_id=stage_key(obj, "law"))
        tasks = ActionExecution.objects.filter(action_type="job").order_by("pk")
        assert [task.status for task in tasks] == ["skipped", "pending"]
        assert here(obj) == ["law", "work"]

    def test_a_branch_that_is_skipped_stays_skipped(self, ann, bob):
        obj = attached(
            {
                "law": asking(by_user(ann), **GROUP),
                "tax": asking(by_user(bob), skip_when="object.amount > 0.0", **GROUP),
                "pay": asking(by_user(bob)),
            }
        )
        act_on_object(obj, "approve", ann)
        act_on_object(obj, "resubmission", bob, stage_id=stage_key(obj, "law"))
        assert waiting(obj) == ["ann"]

    def test_a_stage_that_asks_nobody_is_refused(self, ann):
        obj = attached({"work": JOB, "law": asking(by_user(ann))})
        run_due()
        with pytest.raises(UnknownStage, match="nobody is asked at 'Work'"):
            act_on_object(obj, "resubmission", ann, stage_id=stage_key(obj, "work"))


class TestHandingOn:
    def test_a_delegate_brings_the_branch_on(self, request_, ann, bob):
        delegate = UserFactory.create(username="dan")
        act_on_object(request_, "delegate", ann, user_id=delegate.pk)
        assert waiting(request_) == ["cid", "dan"]
        act_on_object(request_, "approve", delegate)
        assert waiting(request_) == ["bob", "cid"]

    def test_escalation_in_a_branch(self, request_, ann):
        boss = UserFactory.create(username="eve")
        act_on_object(request_, "escalate", ann, user_id=boss.pk)
        act_on_object(request_, "approve", boss)
        assert waiting(request_) == ["bob", "cid"]

    def test_a_claim_in_a_branch(self, ann):
        board = make_role(2)
        obj = attached(
            {
                "law": asking(by_role(board), **GROUP),
                "tax": asking(by_user(ann), **GROUP),
                "pay": asking(by_user(ann)),
            }
        )
        one = board.users.first()
        act_on_object(obj, "claim", one)
        act_on_object(obj, "approve", one)
        assert waiting(obj) == ["ann"]
        act_on_object(obj, "approve", ann)
        assert here(obj) == ["pay"]

    def test_a_vote_in_a_branch_waits_for_all_voters(self, ann):
        board = make_role(2)
        obj = attached(
            {
                "law": asking(by_role(board, "consensus"), **GROUP),
                "tax": asking(by_user(ann), **GROUP),
                "pay": asking(by_user(ann)),
            }
        )
        act_on_object(obj, "approve", ann)
        for voter in board.users.all():
            assert here(obj) == ["law"]
            act_on_object(obj, "approve", voter)
        assert here(obj) == ["pay"]


class TestUndoing:
    @pytest.fixture(autouse=True)
    def period(self, settings):
        settings.APPROVAL_UNDO_PERIOD = timedelta(hours=1)

    def test_a_turn_comes_again(self, request_, ann, bob):
        act_on_object(request_, "approve", ann)
        undo_last_decision(request_, ann)
        assert waiting(request_) == ["ann", "cid"]
        act_on_object(request_, "approve", ann)
        assert waiting(request_) == ["bob", "cid"]

    def test_the_last_of_a_join_takes_the_object_back_into_its_branch(
        self, request_, ann, bob, cid
    ):
        for person in (ann, bob, cid):
            act_on_object(request_, "approve", person)
        undo_last_decision(request_, cid)
        assert here(request_) == ["tax"]
        assert waiting(request_) == ["cid"]
        act_on_object(request_, "approve", cid)
        assert here(request_) == ["pay"]

    def test_a_resubmission_that_was_undone_leaves_the_branches_as_they_were(
        self, request_, ann, bob
    ):
        act_on_object(request_, "approve", ann)
        key = stage_key(request_, "law")
        act_on_object(request_, "resubmission", bob, stage_id=key)
        undo_last_decision(request_, bob)
        assert waiting(request_) == ["bob", "cid"]
        act_on_object(request_, "approve", bob)
        assert here(request_) == ["tax"]

    def test_branches_that_were_not_needed_go_on_with_their_jobs(self, ann):
        obj = attached(
            {
                "law": asking(by_user(ann), join="any", **GROUP),
                "work": {**JOB, **GROUP},
                "pay": asking(by_user(ann)),
            }
        )
        act_on_object(obj, "approve", ann)
        assert ActionExecution.objects.get(action_type="job").status == "skipped"
        undo_last_decision(obj, ann)
        assert here(obj) == ["law", "work"]
        assert ActionExecution.objects.get(action_type="job").status == "pending"
        run_due()
        assert here(obj) == ["pay"]

    def test_where_a_job_has_moved_the_object_on_nothing_is_undone(self, ann):
        obj = attached({"law": asking(by_user(ann)), "work": JOB, "pay": asking(by_user(ann))})
        act_on_object(obj, "approve", ann)
        run_due()
        with pytest.raises(CannotUndo):
            undo_last_decision(obj, ann)


class TestOneMorePerson:
    def test_is_asked_at_once_beside_the_others_of_the_branch(self, request_, ann, bob):
        dan = UserFactory.create(username="dan")
        [row] = add_approver(request_, dan, ann, reason="knows it", stage_id="law")
        assert row.assigned_to == dan
        assert waiting(request_) == ["ann", "cid", "dan"]
        act_on_object(request_, "approve", ann)
        assert waiting(request_) == ["cid", "dan"]
        act_on_object(request_, "approve", dan)
        assert waiting(request_) == ["bob", "cid"]
        note = ApprovalEvent.objects.get(kind="noted")
        assert note.actor == ann
        assert note.comment == "One more person is asked at 'Law': knows it"

    def test_the_stage_has_to_be_named(self, request_, ann):
        with pytest.raises(InvalidInput, match="name one of: law, tax"):
            add_approver(request_, ann, reason="x")

    def test_on_hold_nobody_is_added(self, request_, ann):
        hold_workflow(request_, reason="audit")
        with pytest.raises(FlowOnHold):
            add_approver(request_, ann, reason="x", stage_id="law")

    def test_who_was_added_is_asked_before_a_stage_that_was_done_on_hold_is_left(self, ann, bob):
        route = {"to": "end", "when": "metadata.flag"}
        obj = attached({"law": asking(by_user(ann), routes=[route]), "pay": asking(by_user(ann))})
        act_on_object(obj, "approve", ann)
        attachment = get_workflow_attachment(obj)
        assert attachment.status == "on_hold"
        attachment.metadata = {"flag": True}
        attachment.save()
        resume_workflow(obj)
        add_approver(obj, bob, reason="to be sure")
        run_due()
        assert (here(obj), waiting(obj)) == (["law"], ["bob"])
        act_on_object(obj, "approve", bob)
        assert get_workflow_attachment(obj).status == "completed"

    def test_where_nobody_is_asked_nobody_is_added(self, ann):
        obj = attached({"work": JOB, "law": asking(by_user(ann))})
        with pytest.raises(InvalidInput, match="asks people"):
            add_approver(obj, ann, reason="x")


def test_a_track_that_is_not_waited_for_moves_nothing_when_it_is_late(ann, bob, cid):
    optional = by_user(cid, parallel_group="second", parallel_required=False)
    obj = attached(
        {
            "law": asking(by_user(ann, parallel_group="first"), optional, by_user(ann), **GROUP),
            "tax": asking(by_user(bob), **GROUP),
            "work": JOB,
            "pay": asking(by_user(bob)),
        }
    )
    act_on_object(obj, "approve", ann)
    late = ApprovalInstance.objects.get(assigned_to=cid)
    act_on_object(obj, "approve", ann)
    act_on_object(obj, "approve", bob)
    assert here(obj) == ["work"]
    advance_flow(late, "approve", cid)
    assert here(obj) == ["work"]
    run_due()
    assert outcomes(obj)[-2:] == [("work", "done"), ("pay", "")]


def test_a_workflow_may_begin_with_people_and_a_job_side_by_side(ann):
    obj = attached({"law": asking(by_user(ann), **GROUP), "work": {**JOB, **GROUP}})
    assert waiting(obj) == ["ann"]
    run_due()
    act_on_object(obj, "approve", ann)
    assert get_workflow_attachment(obj).status == "completed"


def test_a_workflow_whose_stages_are_all_passed_over_is_completed(ann):
    obj = attached({"law": asking(by_user(ann), skip_when="object.amount > 0.0")})
    attachment = get_workflow_attachment(obj)
    assert (attachment.status, attachment.flow.status) == ("completed", "completed")


def test_a_hold_at_the_start_holds_attachment_and_flow(ann):
    obj = attached(
        {
            "small": asking(by_user(ann), skip_when="object.amount > 0.0"),
            "law": asking(by_user(ann), skip_when="metadata.flag"),
        }
    )
    attachment = get_workflow_attachment(obj)
    assert (attachment.status, attachment.flow.status) == ("on_hold", "on_hold")
    assert "flag" in attachment.hold_reason


def test_a_condition_in_one_branch_keeps_the_object_before_all_of_them(ann, bob):
    obj = attached(
        {
            "first": asking(by_user(ann)),
            "law": asking(by_user(ann), **GROUP),
            "tax": asking(by_user(bob), skip_when="metadata.flag", **GROUP),
        }
    )
    act_on_object(obj, "approve", ann)
    assert here(obj) == ["first"]
    assert get_workflow_attachment(obj).status == "on_hold"
    jump_to_stage(obj, "first", reason="metadata is corrected there")
    assert get_workflow_attachment(obj).status == "in_progress"
    assert waiting(obj) == ["ann"]


def test_actions_follow_what_happens_in_branches(ann, bob, cid):
    workflow = make_staged(
        {"law": asking(by_user(ann), by_user(bob))},
        {"tax": asking(by_user(cid))},
        {"pay": asking(by_user(ann))},
        infos=[{"parallel_group": "p"}, {"parallel_group": "p"}, {}],
    )
    for kind in ("after_approve", "after_move_stage", "after_move_pipeline"):
        make_action(workflow, kind, NOTE)
    obj = PurchaseRequestFactory.create()
    attach_workflow_to_object(obj, workflow)

    def told():
        rows = ActionExecution.objects.filter(action_type__startswith="after").order_by("pk")
        named = {row.pk: row.name_en for row in stages()}
        found = [
            (row.action_type, named[row.context["stage_id"]], row.context.get("stage_complete"))
            for row in rows
        ]
        rows.delete()
        return found

    def stages():
        workflow = get_workflow_attachment(obj).workflow
        return [stage for pipeline in workflow.pipelines.all() for stage in pipeline.stages.all()]

    assert told() == []
    act_on_object(obj, "approve", ann)
    assert told() == [("after_approve", "Law", False)]
    act_on_object(obj, "approve", bob)
    assert told() == [("after_approve", "Law", True)]
    act_on_object(obj, "approve", cid)
    assert told() == [
        ("after_approve", "Tax", True),
        ("after_move_pipeline", "Pay", None),
        ("after_move_stage", "Pay", None),
    ]


def test_progress_counts_the_places_that_branches_have_behind_them(request_, ann, bob, cid):
    def progress():
        told = attachment_progress(get_workflow_attachment(request_))
        return told["completed_stages"], told["progress_percentage"], told["next_stage"]

    assert progress() == (1, 25, "Pay")
    act_on_object(request_, "approve", cid)
    assert progress() == (2, 50, "Pay")
    act_on_object(request_, "approve", ann)
    act_on_object(request_, "approve", bob)
    assert progress() == (3, 75, None)
    act_on_object(request_, "approve", ann)
    assert progress() == (4, 100, None)


def test_the_object_stands_at_the_first_branch_that_is_open(request_, ann, bob):
    attachment = get_workflow_attachment(request_)
    assert (attachment.current_stage.code, attachment.next_stage.code) == ("law", "pay")
    act_on_object(request_, "approve", ann)
    act_on_object(request_, "approve", bob)
    assert get_workflow_attachment(request_).current_stage.code == "tax"


def test_the_fields_of_the_object_follow(ann):
    configuration = register_model_for_workflow(
        type(PurchaseRequestFactory.build()),
        status_field="workflow_status",
        stage_field="current_stage",
    )
    configuration.completion_status_value = "approved"
    configuration.rejection_status_value = "denied"
    configuration.save()
    refusing = {"name": "No", "rejects": True}
    status = {"kind": "status", "statuses": [{"name": "Yes", "completes": True}, refusing]}
    workflow = make_staged({"law": asking(by_user(ann)), "choice": status})
    make_action(workflow, "after_reject", NOTE)
    obj = PurchaseRequestFactory.create()
    attach_workflow_to_object(obj, workflow)
    act_on_object(obj, "approve", ann)
    obj.refresh_from_db()
    assert obj.current_stage == "Choice"
    update_stage_status(obj, "No", ann)
    obj.refresh_from_db()
    assert obj.workflow_status == "denied"
    action = ActionExecution.objects.get(action_type="after_reject", function_path=NOTE)
    assert action.context["stage_id"] == stage_key(obj, "choice")


def test_a_branch_is_skipped_by_an_administrator(request_, cid):
    skip_stage(request_, reason="not needed", stage_id="law")
    assert waiting(request_) == ["cid"]
    skip_stage(request_, reason="nor this", stage_id="tax")
    assert here(request_) == ["pay"]


def test_skipping_a_branch_that_is_enough_leaves_the_others(ann, bob):
    obj = attached(
        {
            "law": asking(by_user(ann), join="any", **GROUP),
            "tax": asking(by_user(bob), **GROUP),
            "pay": asking(by_user(ann)),
        }
    )
    skip_stage(obj, reason="not needed", stage_id="tax")
    assert (here(obj), waiting(obj)) == (["pay"], ["ann"])
