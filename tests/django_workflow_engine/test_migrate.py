"""Objects that run move to another version: nobody is asked twice. Covers D-48, D-72.

What people ask for in change without breaking what runs: open steps move too, places that were
passed do not come again, and what is in use is not lost.
"""

from datetime import timedelta

import pytest
from django.db import DEFAULT_DB_ALIAS, models, transaction

from approval_workflow.choices import RoleSelectionStrategy
from approval_workflow.models import ApprovalInstance
from approval_workflow.services import advance_flow, extend_flow
from django_workflow_engine.cleanup import cleanup_completed_workflow_attachments
from django_workflow_engine.exceptions import (
    InvalidConfiguration,
    PlacesNotMapped,
    UnknownVersion,
    WorkflowIncomplete,
)
from django_workflow_engine.models import (
    ActionExecution,
    Pipeline,
    Stage,
    StageRun,
    WorkFlow,
    WorkflowAttachment,
)
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    cancel_workflow,
    get_workflow_progress,
    migrate_running,
    publish_version,
    register_model_for_workflow,
    start_workflow_for_object,
    versions_of,
)
from django_workflow_engine.versions import current_snapshot, delete_unused_snapshots, hold_version
from purchasing.models import PurchaseRequest
from tests.approval_workflow.flows import last_event, verified
from tests.factories import (
    DepartmentFactory,
    DynamicFormFactory,
    PurchaseRequestFactory,
    UserFactory,
    by_role,
    by_user,
    make_role,
    make_workflow,
    stages_of,
)
from tests.faults import Fault, count_writes, dump, failing_at_write

pytestmark = pytest.mark.django_db


# Whom the resolvers below find.
found = {}


def find_ann(obj, user):
    return found["ann"]


def find_bob(obj, user):
    return found["bob"]


@pytest.fixture(autouse=True)
def no_default_actions(settings):
    settings.WORKFLOW_AUTO_CREATE_ACTIONS = False


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


@pytest.fixture
def bob():
    return UserFactory.create(username="bob")


@pytest.fixture
def cid():
    return UserFactory.create(username="cid")


def attached(template, *deciders, obj=None):
    """Attach an object, let people approve one after the other, and return the attachment."""
    obj = obj or PurchaseRequestFactory.create()
    attachment = attach_workflow_to_object(obj, template)
    for person in deciders:
        advance_flow(obj, "approved", person)
    return fresh(attachment)


def fresh(attachment):
    related = ("workflow", "flow", "current_stage", "current_pipeline", "next_stage")
    return WorkflowAttachment.objects.select_related(*related).get(pk=attachment.pk)


def change(stage, *approvals, **fields):
    """Save a stage with other approvals, or other fields."""
    stage.refresh_from_db()
    if approvals:
        stage.stage_info = {**stage.stage_info, "approvals": list(approvals)}
    for name, value in fields.items():
        setattr(stage, name, value)
    stage.save()


def asked(attachment, status="current"):
    rows = ApprovalInstance.objects.filter(flow=attachment.flow, status=status).in_order()
    return [row.assigned_to for row in rows]


def migrated(template, **arguments):
    """Migrate, and return what became of the only object."""
    (row,) = migrate_running(template, **arguments).attachments
    assert row.left_alone == ""
    return row


def set_department(pipeline, department):
    pipeline.department = department
    pipeline.save()


def finish(attachment, *deciders):
    """Let these people approve, each of whom is needed, and see the workflow completed."""
    for person in deciders:
        assert fresh(attachment).status == "in_progress"
        advance_flow(attachment.target, "approved", person)
    assert fresh(attachment).status == "completed"


class TestOpenSteps:
    def test_object_moves_to_the_template_as_it_is_now(self, ann, bob):
        template = make_workflow([[by_user(ann)]])
        attachment = attached(template)
        change(stages_of(template)[0], by_user(bob))
        row = migrated(template)
        assert (row.from_version, row.to_version) == (1, 2)
        assert (row.kept, row.counted, row.cancelled, row.added) == (0, 0, 1, 1)
        moved = fresh(attachment)
        assert moved.workflow == current_snapshot(template)
        assert moved.snapshot_key == moved.workflow.key
        assert moved.current_stage == stages_of(moved.workflow)[0]
        assert asked(attachment) == [bob]
        finish(attachment, bob)

    def test_what_is_open_and_asks_the_same_stays_with_the_new_form_and_deadline(self, ann):
        template = make_workflow([[by_user(ann)]])
        attachment = attached(template)
        before = ApprovalInstance.objects.get(flow=attachment.flow)
        form = DynamicFormFactory.create(form_schema={"type": "object"})
        changed = by_user(ann, required_form=form.pk, sla_duration="P2D", allow_higher_level=False)
        change(stages_of(template)[0], changed)
        assert migrated(template).kept == 1
        after = ApprovalInstance.objects.get(flow=attachment.flow)
        assert (after.pk, after.form, after.allow_higher_level) == (before.pk, form, False)
        assert after.due_at == before.started_at + timedelta(days=2)

    def test_other_strategy_of_a_role_counts_the_votes(self):  # D-72
        board = make_role(3)
        template = make_workflow([[by_role(board, RoleSelectionStrategy.CONSENSUS)]])
        one, two, _three = board.users.order_by("pk")
        attachment = attached(template, one)
        change(stages_of(template)[0], by_role(board, RoleSelectionStrategy.MAJORITY))
        assert migrated(template).kept == 1
        finish(attachment, two)

    def test_steps_to_come_follow_the_new_version(self, ann, bob, cid):
        template = make_workflow([[[by_user(ann), by_user(bob)]]])
        attachment = attached(template)
        change(stages_of(template)[0], by_user(ann), by_user(cid))
        migrated(template)
        finish(attachment, ann, cid)

    def test_same_function_asked_by_another_name_finds_other_people(self, settings, ann, bob):
        settings.DJANGO_WORKFLOW_ENGINE = {
            "ASSIGNMENT_RESOLVERS": {
                "one": "tests.django_workflow_engine.test_migrate.find_ann",
                "two": "tests.django_workflow_engine.test_migrate.find_bob",
            }
        }
        found.update(ann=ann, bob=bob)
        by_one = {"approval_type": "ASSIGNED", "assigned_resolver": "one"}
        template = make_workflow([[by_one]])
        attachment = attached(template)
        assert asked(attachment) == [ann]
        change(stages_of(template)[0], {**by_one, "assigned_resolver": "two"})
        assert migrated(template).added == 1
        assert asked(attachment) == [bob]

    def test_head_of_another_department_is_asked(self, ann, bob):
        template = make_workflow([[{"approval_type": "DEPARTMENT_HEAD"}]])
        first, second = DepartmentFactory.create(head=ann), DepartmentFactory.create(head=bob)
        pipeline = template.pipelines.get()
        set_department(pipeline, first)
        attachment = attached(template)
        assert asked(attachment) == [ann]
        set_department(pipeline, second)
        assert migrated(template).added == 1
        assert asked(attachment) == [bob]
        template.save()
        assert migrated(template).kept == 1


class TestApproved:
    def test_approvals_count_and_nobody_is_asked_twice(self, ann, bob, cid):
        template = make_workflow([[[by_user(ann), by_user(bob)]]])
        attachment = attached(template, ann)
        change(stages_of(template)[0], by_user(cid), by_user(ann), by_user(bob))
        assert migrated(template).counted == 1
        assert asked(attachment) == [bob]
        finish(attachment, bob, cid)

    def test_approvals_count_through_several_versions(self, ann, bob, cid):
        template = make_workflow([[[by_user(ann), by_user(bob)]]])
        attachment = attached(template, ann)
        stage = stages_of(template)[0]
        for approvals in [(by_user(bob),), (by_user(cid), by_user(bob))]:
            change(stage, *approvals)
            migrated(template)
        change(stage, by_user(ann), by_user(bob))
        assert migrated(template).counted == 1
        finish(attachment, bob)

    def test_approvals_of_another_place_do_not_count(self, ann, bob):
        template = make_workflow([[by_user(ann), [by_user(bob), by_user(ann)]]])
        attachment = attached(template, ann)
        change(stages_of(template)[1], by_user(ann), by_user(bob))
        assert migrated(template).counted == 0
        finish(attachment, bob, ann)

    def test_approvals_before_it_was_sent_back_do_not_count(self, ann, bob):
        template = make_workflow([[[by_user(ann), by_user(bob)]]])
        attachment = attached(template, ann)
        stage = stages_of(template)[0]
        act_on_object(attachment.target, "resubmission", bob, stage_id=stage.pk)
        change(stage, by_user(bob), by_user(ann))
        assert migrated(template).counted == 0
        finish(attachment, ann, bob)

    def test_where_the_visit_began_is_counted_in_the_present_round(self, ann, bob):
        template = make_workflow([[by_user(ann), [by_user(bob), by_user(ann)]]])
        attachment = attached(template, ann)
        first = stages_of(template)[0]
        act_on_object(attachment.target, "resubmission", bob, stage_id=first.pk)
        # In this round the second stage begins with a higher number than in the first.
        extend_flow(attachment.flow, [{"assigned_to": ann}])
        for _step in range(2):
            advance_flow(attachment.target, "approved", ann)
        template.save()
        assert migrated(template).counted == 0
        finish(attachment, bob, ann)

    def test_place_where_nothing_is_left_to_ask_is_left(self, ann, bob, cid):
        template = make_workflow([[[by_user(ann), by_user(bob)], by_user(cid)]])
        attachment = attached(template, ann)
        change(stages_of(template)[0], by_user(ann))
        row = migrated(template)
        assert row.place_before == "Pipeline 1 / Stage 1.1"
        assert row.place_after == "Pipeline 1 / Stage 1.2"
        assert fresh(attachment).current_stage.name_en == "Stage 1.2"
        first, second = StageRun.objects.order_by("pk")
        assert (first.outcome, first.left_at is None) == ("approved", False)
        assert (second.outcome, second.stage) == ("", fresh(attachment).current_stage)
        assert asked(attachment) == [cid]
        finish(attachment, cid)

    def test_approvals_of_a_place_that_was_left_by_moving_do_not_count_at_the_next(self, ann, bob):
        template = make_workflow([[[by_user(ann), by_user(bob)], by_user(ann)]])
        attachment = attached(template, ann)
        change(stages_of(template)[0], by_user(ann))
        migrated(template)
        change(stages_of(template)[1], by_user(ann), by_user(bob))
        assert migrated(template).counted == 0
        finish(attachment, ann, bob)

    def test_nothing_left_at_all_is_left_alone(self, ann, bob):
        template = make_workflow([[[by_user(ann), by_user(bob)]]])
        attachment = attached(template, ann)
        change(stages_of(template)[0], by_user(ann))
        publish_version(template)
        before = dump()
        (row,) = migrate_running(template).left_alone
        assert row.left_alone == "The new version has nothing left to ask of it."
        assert row.place_before == row.place_after == "Pipeline 1 / Stage 1.1"
        assert dump() == before
        finish(attachment, bob)


class TestPlaces:
    def test_object_stays_at_its_place_wherever_that_is_now(self, ann, bob):
        template = make_workflow([[by_user(ann), by_user(bob)], [by_user(ann)]])
        attachment = attached(template, ann)
        other = template.pipelines.get(order=2)
        change(stages_of(template)[1], pipeline=other, name_en="Moved", order=9)
        row = migrated(template)
        assert row.place_after == "Pipeline 2 / Moved"
        moved = fresh(attachment)
        assert moved.current_pipeline.cloned_from == other
        assert moved.next_stage is None
        finish(attachment, bob)

    def test_place_that_was_passed_does_not_come_again(self, ann, bob, cid):
        template = make_workflow([[by_user(ann), by_user(bob), by_user(cid)]])
        attachment = attached(template, ann)
        change(stages_of(template)[0], order=5)
        migrated(template)
        moved = fresh(attachment)
        assert moved.next_stage.name_en == "Stage 1.3"
        assert get_workflow_progress(template, moved.target)["completed_stages"] == 1
        finish(attachment, bob, cid)

    def test_place_that_was_passed_does_not_come_again_after_more_moves(self, ann, bob, cid):
        template = make_workflow([[by_user(ann), by_user(bob), by_user(cid)]])
        attachment = attached(template, ann)
        change(stages_of(template)[0], order=5)
        migrated(template)
        template.save()
        migrated(template)
        finish(attachment, bob, cid)

    def test_place_that_was_passed_is_asked_again_after_it_was_sent_back(self, ann, bob, cid):
        template = make_workflow([[by_user(ann), by_user(bob), by_user(cid)]])
        attachment = attached(template, ann)
        first, second, _third = stages_of(template)
        change(first, order=5)
        migrated(template)
        act_on_object(attachment.target, "resubmission", bob, stage_id=second.pk)
        finish(attachment, bob, cid, ann)

    def test_place_that_was_added_before_the_object_and_then_moved_after_it_comes(self, ann, bob):
        template = make_workflow([[by_user(ann), by_user(bob)]])
        attachment = attached(template, ann)
        pipeline = template.pipelines.get()
        added = Stage.objects.create(
            pipeline=pipeline, name_en="New", order=0, stage_info={"approvals": [by_user(ann)]}
        )
        migrated(template)
        assert asked(attachment) == [bob]
        change(added, order=9)
        migrated(template)
        finish(attachment, bob, ann)

    def test_visits_that_are_over_stay_with_the_version_of_then(self, ann, bob):
        template = make_workflow([[by_user(ann), by_user(bob)]])
        attachment = attached(template, ann)
        old = attachment.workflow
        stages = stages_of(old)
        template.save()
        migrated(template)
        first, second = StageRun.objects.order_by("pk")
        assert first.stage == stages[0]
        assert second.stage == fresh(attachment).current_stage
        assert (second.left_at, second.pipeline) == (None, fresh(attachment).current_pipeline)
        assert delete_unused_snapshots() == 0
        assert WorkFlow.objects.filter(pk=old.pk).exists()

    def test_version_without_visits_and_actions_can_be_cleaned_up(self, ann):
        template = make_workflow([[by_user(ann)]])
        old = attached(template).workflow
        template.save()
        migrated(template)
        assert delete_unused_snapshots() == 1
        assert not WorkFlow.objects.filter(pk=old.pk).exists()

    def test_version_whose_actions_have_not_finished_is_kept(self, ann):
        template = make_workflow([[by_user(ann)]])
        template.actions.create(
            action_type="on_workflow_start",
            function_path="django_workflow_engine.action_handlers.send_approval_notification",
        )
        attached(template)
        assert ActionExecution.objects.unfinished().count() == 1
        template.save()
        migrated(template)
        assert delete_unused_snapshots() == 0
        ActionExecution.objects.update(status="done")
        assert delete_unused_snapshots() == 1

    def test_clean_up_deletes_the_versions_that_an_ended_object_has_visited(self, ann, bob):
        template = make_workflow([[by_user(ann), by_user(bob)]])
        attachment = attached(template, ann)
        template.save()
        migrated(template)
        finish(attachment, bob)
        dry = cleanup_completed_workflow_attachments(older_than_days=0, dry_run=True)
        assert dry["snapshots_deleted"] == 1
        assert cleanup_completed_workflow_attachments(older_than_days=0) == dry
        assert [row.number for row in versions_of(template)] == [2]

    @pytest.mark.parametrize("strategy", ["pipeline", "workflow"])
    def test_pipelines_and_workflows_that_ask_people_move_too(self, ann, bob, cid, strategy):
        def info(*people):
            return {"approvals": [by_user(person) for person in people]}

        template = WorkFlow.objects.create(name_en="Level", strategy=strategy)
        if strategy == "workflow":
            asking, field = template, "workflow_info"
        else:
            asking, field = Pipeline(workflow=template, name_en="One"), "pipeline_info"
        setattr(asking, field, info(ann, bob))
        asking.save()
        attachment = attached(template, ann)
        setattr(asking, field, info(ann, cid))
        asking.save()
        assert migrated(template).counted == 1
        assert StageRun.objects.count() == 1
        finish(attachment, cid)

    def test_stage_field_of_the_object_gets_the_new_name(self, ann):
        request = PurchaseRequestFactory.create()
        register_model_for_workflow(type(request), stage_field="current_stage")
        template = make_workflow([[by_user(ann)]])
        attached(template, obj=request)
        change(stages_of(template)[0], name_en="Renamed")
        migrated(template)
        request.refresh_from_db()
        assert request.current_stage == "Renamed"


class TestMapping:
    @pytest.fixture
    def gone(self, ann, bob, cid):
        """A template whose first stage is gone, with an object at it."""
        template = make_workflow([[[by_user(ann), by_user(cid)], by_user(bob), by_user(ann)]])
        attachment = attached(template, ann)
        stage = stages_of(template)[0]
        key = stage.pk
        stage.delete()
        return template, attachment, key

    def test_is_needed_for_places_that_are_gone(self, gone):
        template, _attachment, _key = gone
        attached(template)
        before = dump()
        for dry_run in (False, True):
            with pytest.raises(PlacesNotMapped) as caught:
                migrate_running(template, dry_run=dry_run)
            assert caught.value.errors == {
                "version 1, Pipeline 1 / Stage 1.1": (
                    "Objects here: 1. The new version does not have it."
                )
            }
        assert caught.value.code == "places_not_mapped"
        assert dump() == before

    @pytest.mark.parametrize("name", ["key", "name", "label", "object"])
    def test_names_the_old_and_the_new_place(self, gone, bob, ann, name):
        template, attachment, _key = gone
        old, new = attachment.current_stage, stages_of(template)[0]
        named = {
            "key": lambda stage: stage.pk,
            "name": lambda stage: stage.name_en,
            "label": lambda stage: f"Pipeline 1 / {stage.name_en}",
            "object": lambda stage: stage,
        }[name]
        row = migrated(template, mapping={named(old): named(new)})
        assert row.place_after == "Pipeline 1 / Stage 1.2"
        assert StageRun.objects.order_by("pk").first().outcome == "migrated"
        finish(attachment, bob, ann)

    def test_approvals_of_the_visit_count_at_the_new_place(self, gone, ann):
        template, attachment, _key = gone
        last = stages_of(template)[1]
        change(last, by_user(ann), by_user(UserFactory.create(username="dan")))
        row = migrated(template, mapping={"Stage 1.1": last})
        assert row.counted == 1
        assert [person.username for person in asked(attachment)] == ["dan"]

    def test_may_lead_away_from_a_place_that_is_still_there(self, ann, bob):
        template = make_workflow([[by_user(ann), by_user(bob)]])
        attachment = attached(template)
        template.save()
        migrated(template, mapping={"Stage 1.1": "Stage 1.2"})
        finish(attachment, bob)

    @pytest.mark.parametrize(
        ("mapping", "message"),
        [
            ({"Nowhere": "Stage 1.2"}, "no object runs on a version that has 'Nowhere'"),
            ({"Stage 1.1": "Nowhere"}, "the new version does not have 'Nowhere'; it has: Pipe"),
        ],
    )
    def test_of_unknown_places_is_refused(self, gone, mapping, message):
        before = dump()
        with pytest.raises(ValueError, match=message):
            migrate_running(gone[0], mapping=mapping)
        assert dump() == before

    def test_of_a_name_that_two_places_have_is_refused(self, ann):
        template = make_workflow([[by_user(ann)], [by_user(ann)]])
        Stage.objects.filter(pipeline__workflow=template).update(name_en="Check")
        attached(template)
        template.save()
        with pytest.raises(ValueError, match="'Check' is the name of several places"):
            migrate_running(template, mapping={"Check": "Check"})
        first, second = stages_of(template)
        with pytest.raises(ValueError, match="'Check' is the name of several places"):
            migrate_running(template, mapping={first: "Check"})
        assert migrated(template, mapping={first: second}).place_after == "Pipeline 2 / Check"


class TestVersion:
    def test_may_be_named_by_number_row_or_entry_of_the_list(self, ann):
        template = make_workflow([[by_user(ann)]])
        attached(template)
        template.save()
        publish_version(template)
        newest, oldest = versions_of(template)
        for named, number in [(2, 2), (oldest, 1), (newest.workflow, 2), (1, 1)]:
            assert migrate_running(template, named).to_version == number
            assert [row.running for row in versions_of(template)] == [number == 2, number == 1]

    def test_may_be_named_by_a_version_of_the_template(self, ann):
        template = make_workflow([[by_user(ann)]])
        attachment = attached(template)
        template.save()
        assert migrate_running(attachment.workflow).to_version == 2

    def test_of_another_template_is_refused(self, ann):
        template = make_workflow([[by_user(ann)]])
        attached(template)
        other = publish_version(make_workflow())
        for wrong in (7, other, template):
            with pytest.raises(UnknownVersion, match="it has: 1") as caught:
                migrate_running(template, wrong)
        assert caught.value.code == "unknown_version"

    def test_that_cannot_be_run_is_refused(self, ann):
        template = make_workflow([[by_user(ann)]])
        attached(template)
        template.pipelines.create(name_en="Empty")
        with pytest.raises(WorkflowIncomplete):
            migrate_running(template)
        assert WorkFlow.objects.snapshots().count() == 1

    def test_objects_on_it_and_those_that_have_ended_are_not_touched(self, ann):
        template = make_workflow([[by_user(ann)]])
        attached(template, ann)
        cancelled = PurchaseRequestFactory.create()
        attached(template, obj=cancelled)
        cancel_workflow(cancelled)
        template.save()
        attached(template)
        before = dump()
        assert migrate_running(template).attachments == []
        assert dump() == before

    def test_objects_that_run_on_the_template_itself_are_not_touched(self, ann):
        template = make_workflow([[by_user(ann)]])
        with pytest.warns(UserWarning, match="disable_clone"):
            attach_workflow_to_object(PurchaseRequestFactory.create(), template, disable_clone=True)
        assert migrate_running(template).attachments == []

    def test_objects_that_wait_to_be_started_move_without_steps(self, ann, bob):
        template = make_workflow([[by_user(ann)]])
        request = PurchaseRequestFactory.create()
        attachment = attach_workflow_to_object(request, template, auto_start=False)
        change(stages_of(template)[0], by_user(bob))
        row = migrated(template)
        assert (row.place_before, row.place_after, row.added) == ("", "", 0)
        start_workflow_for_object(request)
        finish(fresh(attachment), bob)


class TestReport:
    def test_tells_each_object_apart(self, ann, bob):
        template = make_workflow([[by_user(ann)]])
        first, second = attached(template), attached(template)
        nobody = make_role(0)
        change(stages_of(template)[0], by_user(bob))
        report = migrate_running(template)
        assert [row.attachment_id for row in report.moved] == [first.pk, second.pk]
        assert {row.object_id for row in report.moved} == {first.object_id, second.object_id}
        assert (report.left_alone, report.dry_run, report.to_version) == ([], False, 2)
        change(stages_of(template)[0], by_role(nobody))
        assert len(migrate_running(template).left_alone) == 2

    def test_object_that_cannot_be_moved_is_left_alone_as_it_was(self, ann):
        template = make_workflow([[by_user(ann)]])
        attached(template)
        change(stages_of(template)[0], by_role(make_role(0)))
        publish_version(template)
        before = dump()
        (row,) = migrate_running(template).left_alone
        assert "nobody eligible" in row.left_alone
        assert dump() == before

    def test_one_that_is_left_alone_does_not_keep_the_others(self, ann, bob, cid):
        template = make_workflow([[[by_user(ann), by_user(bob)]]])
        stuck, moving = attached(template, ann), attached(template)
        change(stages_of(template)[0], by_user(ann))
        report = migrate_running(template)
        assert [row.attachment_id for row in report.left_alone] == [stuck.pk]
        assert [row.attachment_id for row in report.moved] == [moving.pk]

    @pytest.mark.parametrize("taken", [True, False], ids=["version there", "version to be taken"])
    def test_of_a_dry_run_is_that_of_the_migration_and_nothing_is_written(self, ann, bob, taken):
        template = make_workflow([[[by_user(ann), by_user(bob)], by_user(ann)]])
        for deciders in ([], [ann], [ann, bob]):
            attached(template, *deciders)
        change(stages_of(template)[0], by_user(bob))
        if taken:
            publish_version(template)
        before = dump()
        dry = migrate_running(template, dry_run=True)
        assert dump() == before
        real = migrate_running(template)
        assert (dry.dry_run, real.dry_run) == (True, False)
        assert dry.attachments == real.attachments
        assert len(real.moved) == 3

    def test_history_tells_who_why_and_from_where_to_where(self, ann, bob):
        template = make_workflow([[by_user(ann)]])
        attachment = attached(template)
        change(stages_of(template)[0], by_user(bob), name_en="New name")
        migrated(template, user=bob, reason="New law")
        event = last_event(attachment.flow, "steps_replaced")
        assert (event.actor, event.comment) == (bob, "New law")
        moved = fresh(attachment)
        assert event.data["details"] == {
            "from_version": 1,
            "to_version": 2,
            "from_place": "Pipeline 1 / Stage 1.1",
            "to_place": "Pipeline 1 / New name",
            "place": {
                "stage_id": moved.current_stage_id,
                "pipeline_id": moved.current_pipeline_id,
            },
        }
        assert verified(attachment.flow)

    def test_no_action_becomes_due(self, ann, bob, cid):
        template = make_workflow([[[by_user(ann), by_user(bob)], by_user(cid)]])
        for event in ("after_approve", "after_move_stage", "on_workflow_start"):
            template.actions.create(
                action_type=event,
                function_path="django_workflow_engine.action_handlers.send_approval_notification",
            )
        attached(template, ann)
        before = ActionExecution.objects.count()
        change(stages_of(template)[0], by_user(ann))
        migrated(template)
        assert ActionExecution.objects.count() == before

    def test_steps_added_by_hand_are_cancelled(self, ann, bob):
        template = make_workflow([[by_user(ann)]])
        attachment = attached(template)
        extend_flow(attachment.flow, [{"assigned_to": bob}])
        template.save()
        assert migrated(template).cancelled == 1
        finish(attachment, ann)

    @pytest.mark.parametrize("stages", [2, 40])
    def test_costs_the_same_for_each_object_however_large_the_template(
        self, ann, bob, statements, stages
    ):
        template = make_workflow([[by_user(ann)] * stages])
        attached(template)
        change(stages_of(template)[0], by_user(bob))
        publish_version(template)
        with statements() as seen:
            migrated(template)
        assert seen.count <= 42, seen


def test_unusable_configuration_is_refused(ann):
    template = make_workflow([[by_user(ann)]])
    attached(template)
    stages_of(template)[0].save()
    bad = {"approvals": [{"approval_type": "NOBODY"}]}
    Stage.objects.filter(pipeline__workflow=template).update(stage_info=bad)
    with pytest.raises(InvalidConfiguration):
        migrate_running(template)


def test_version_that_was_deleted_meanwhile_cannot_be_held(ann):
    version = publish_version(make_workflow([[by_user(ann)]]))
    with transaction.atomic():
        hold_version(version, DEFAULT_DB_ALIAS)
    models.QuerySet(WorkFlow).filter(pk=version.pk).delete()
    with pytest.raises(UnknownVersion, match="deleted"), transaction.atomic():
        hold_version(version, DEFAULT_DB_ALIAS)


def test_fault_at_any_write_leaves_the_object_as_it_was(ann, bob, cid):
    register_model_for_workflow(PurchaseRequest, stage_field="current_stage")
    template = make_workflow([[[by_user(ann), by_user(bob), by_user(cid)], by_user(ann)]])
    attached(template, ann)
    board = make_role(2)
    change(stages_of(template)[0], by_role(board), by_user(bob, allow_higher_level=False))
    publish_version(template)
    before = dump()
    writes = count_writes(lambda: migrate_running(template, dry_run=True))
    assert writes >= 8
    for number in range(1, writes + 1):
        with pytest.raises(Fault), failing_at_write(number):
            migrate_running(template)
        assert dump() == before
