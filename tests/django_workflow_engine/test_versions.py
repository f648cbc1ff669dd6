"""Snapshots: taken once for each revision of a template, shared, and never changed.

Covers D-45 to D-48, D-50, K16, K19, L15.
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, connection, models, transaction

from django_workflow_engine import versions
from django_workflow_engine.choices import ActionType, AttachmentStatus
from django_workflow_engine.definition import compile_definition
from django_workflow_engine.exceptions import SnapshotIsImmutable
from django_workflow_engine.models import (
    Pipeline,
    Stage,
    WorkFlow,
    WorkflowAction,
    WorkflowAttachment,
)
from django_workflow_engine.versions import (
    COPY_AR,
    COPY_EN,
    LEFT_OUT,
    current_snapshot,
    delete_unused_snapshots,
)
from tests.contention import at_once
from tests.factories import (
    PurchaseRequestFactory,
    UserFactory,
    by_user,
    make_flat_workflow,
    make_large_workflow,
    make_workflow,
    stages_of,
)

pytestmark = pytest.mark.django_db

FUNCTION = "django_workflow_engine.action_handlers.send_approval_notification"


def add_action(**level: Any) -> WorkflowAction:
    return WorkflowAction.objects.create(
        action_type="after_approve",
        function_path=FUNCTION,
        parameters={"cc": ["a@example.org"]},
        **level,
    )


def snapshots() -> "models.QuerySet[WorkFlow]":
    return WorkFlow.objects.snapshots()


class TestSnapshot:
    def test_is_a_hidden_copy_that_points_at_its_template(self) -> None:  # D-47
        template = make_workflow(name_en="Leave", name_ar="إجازة", company=UserFactory.create())
        snapshot = current_snapshot(template)
        assert snapshot.is_hidden
        assert snapshot.cloned_from_id == template.pk
        assert (snapshot.name_en, snapshot.name_ar) == ("Leave (Copy)", "إجازة (نسخة)")
        assert (snapshot.slug, snapshot.company_id) == (None, template.company_id)
        assert snapshot.revision == template.revision
        assert snapshot.key != template.key

    def test_has_no_arabic_suffix_without_an_arabic_name(self) -> None:
        assert current_snapshot(make_workflow(name_ar="")).name_ar == ""

    def test_name_that_fills_the_column_is_cut_for_the_suffix(self) -> None:
        snapshot = current_snapshot(make_workflow(name_en="x" * 200, name_ar="س" * 200))
        assert snapshot.name_en == "x" * (200 - len(COPY_EN)) + COPY_EN
        assert snapshot.name_ar == "س" * (200 - len(COPY_AR)) + COPY_AR

    def test_copies_pipelines_and_stages_under_their_own_names(self) -> None:  # D-46, L15
        template = make_large_workflow(5)
        template.pipelines.update(name_ar="قسم", pipeline_info={"approvals": []})
        Stage.objects.filter(pipeline__workflow=template).update(
            name_ar="مرحلة", form_info={"required_form": 1}
        )
        snapshot = current_snapshot(template)
        originals, copies = stages_of(template), stages_of(snapshot)
        assert [copy.cloned_from_id for copy in copies] == [stage.pk for stage in originals]
        assert [copy.pipeline.cloned_from_id for copy in copies] == [
            stage.pipeline_id for stage in originals
        ]
        for name in ("name_en", "name_ar", "order", "pipeline_info"):
            assert [getattr(copy.pipeline, name) for copy in copies] == [
                getattr(stage.pipeline, name) for stage in originals
            ]
        for name in ("name_en", "name_ar", "order", "stage_info", "form_info"):
            assert [getattr(copy, name) for copy in copies] == [
                getattr(stage, name) for stage in originals
            ]
        assert {copy.pk for copy in copies}.isdisjoint(stage.pk for stage in originals)

    def test_copies_whom_a_workflow_itself_asks(self) -> None:  # D-46
        template = make_flat_workflow(by_user(UserFactory.create()))
        snapshot = current_snapshot(template)
        assert snapshot.strategy == "workflow"
        assert snapshot.workflow_info == template.workflow_info != {}

    def test_copies_the_department_of_a_pipeline(self) -> None:
        template = make_workflow()
        content_type = ContentType.objects.get_for_model(WorkFlow)
        template.pipelines.update(department_content_type=content_type, department_id="7")
        copy = current_snapshot(template).pipelines.get()
        assert (copy.department_content_type_id, copy.department_id) == (content_type.pk, "7")

    def test_copies_actions_onto_the_copies_of_their_levels(self) -> None:  # D-50
        template = make_workflow()
        stage = stages_of(template)[0]
        WorkflowAction.objects.filter(workflow=template).delete()
        add_action(workflow=template, is_default=True, order=3)
        add_action(pipeline=stage.pipeline, is_active=False)
        rules = {"conditions": {"pk": 1}, "execution": "inline", "failure_policy": "stop"}
        add_action(stage=stage, **rules)
        snapshot = current_snapshot(template)
        copy = stages_of(snapshot)[0]
        of_workflow, of_pipeline, of_stage = (
            snapshot.actions.get(),
            copy.pipeline.actions.get(),
            copy.actions.get(),
        )
        assert (of_workflow.is_default, of_workflow.order) == (True, 3)
        assert (of_pipeline.is_active, of_pipeline.is_default) == (False, False)
        assert (of_stage.function_path, of_stage.parameters) == (
            FUNCTION,
            {"cc": ["a@example.org"]},
        )
        assert {name: getattr(of_stage, name) for name in rules} == rules

    @pytest.mark.parametrize("model", LEFT_OUT, ids=lambda model: model.__name__)
    def test_leaves_out_only_fields_that_exist(self, model: type[models.Model]) -> None:
        assert set(LEFT_OUT[model]) <= {field.name for field in model._meta.concrete_fields}

    def test_of_a_snapshot_is_the_one_of_its_template(self) -> None:
        template = make_workflow()
        first = current_snapshot(template)
        template.save()
        second = current_snapshot(first)
        assert second.cloned_from_id == template.pk
        assert second.pk != first.pk

    def test_does_not_trust_the_template_in_memory(self) -> None:
        template = make_workflow(name_en="Before")
        stale = WorkFlow.objects.get(pk=template.pk)
        WorkFlow.objects.filter(pk=template.pk).update(name_en="After")
        assert current_snapshot(stale).name_en == "After (Copy)"

    def test_of_a_template_that_is_gone_is_an_error(self) -> None:
        template = make_workflow()
        WorkFlow.objects.filter(pk=template.pk).delete()
        with pytest.raises(WorkFlow.DoesNotExist):
            current_snapshot(template)

    def test_is_no_template(self) -> None:  # D-45
        template = make_workflow()
        current_snapshot(template)
        assert list(WorkFlow.objects.templates()) == [template]

    def test_that_is_rolled_back_is_taken_again(self) -> None:
        template = make_workflow()
        with transaction.atomic():
            lost = current_snapshot(template)
            transaction.set_rollback(True)
        taken = current_snapshot(template)
        assert taken.key != lost.key
        assert WorkFlow.objects.filter(pk=taken.pk).exists()


class TestSharing:
    def test_a_thousand_calls_leave_one_snapshot(self) -> None:
        template = make_workflow()
        keys = {current_snapshot(template).pk for _number in range(1000)}
        assert len(keys) == 1
        assert snapshots().count() == 1

    @pytest.mark.parametrize("stages", [6, 100])
    def test_existing_one_is_found_with_one_statement(
        self, stages: int, statements: Callable[..., Any]
    ) -> None:
        template = make_large_workflow(stages)
        current_snapshot(template)
        with statements() as seen:
            current_snapshot(template)
        assert seen.count == 1, seen

    @pytest.mark.parametrize("stages", [6, 60])
    def test_taking_one_costs_the_same_for_any_size(
        self, stages: int, statements: Callable[..., Any]
    ) -> None:
        template = make_large_workflow(stages)
        add_action(stage=stages_of(template)[0])
        with statements() as seen:
            current_snapshot(template)
        assert seen.count == 11, seen


def rename_stage(template: WorkFlow) -> None:
    stage = stages_of(template)[0]
    stage.name_en = "Changed"
    stage.save()


def bulk_update_stage(template: WorkFlow) -> None:
    stage = stages_of(template)[0]
    stage.name_en = "Changed"
    Stage.objects.bulk_update([stage], ["name_en"])


def bulk_update_workflow(template: WorkFlow) -> None:
    template.name_ar = "جديد"
    WorkFlow.objects.bulk_update([template], ["name_ar"])


def bulk_update_pipeline(template: WorkFlow) -> None:
    pipeline = template.pipelines.get()
    pipeline.order = 9
    Pipeline.objects.bulk_update([pipeline], ["order"])


def bulk_update_action(template: WorkFlow) -> None:
    action = template.actions.get(order=77)
    action.order = 78
    WorkflowAction.objects.bulk_update([action], ["order"])


def save_action(template: WorkFlow) -> None:
    action = template.actions.get(order=77)
    action.is_active = False
    action.save(update_fields=["is_active"])


def new_stage(template: WorkFlow) -> Stage:
    return Stage(pipeline=template.pipelines.get(), name_en="New", order=9)


EDITS: dict[str, Callable[[WorkFlow], object]] = {
    "save of the workflow": lambda template: template.save(),
    "save of a pipeline": lambda template: template.pipelines.get().save(),
    "save of a stage": rename_stage,
    "save of an action": save_action,
    "update of the workflow": lambda template: WorkFlow.objects.filter(pk=template.pk).update(
        name_en="Changed"
    ),
    "update of pipelines": lambda template: template.pipelines.update(order=4),
    "update of stages": lambda template: Stage.objects.filter(pipeline__workflow=template).update(
        order=4
    ),
    "update of actions": lambda template: template.actions.update(is_active=False),
    "bulk_update of workflows": bulk_update_workflow,
    "bulk_update of pipelines": bulk_update_pipeline,
    "bulk_update of stages": bulk_update_stage,
    "bulk_update of actions": bulk_update_action,
    "create of a pipeline": lambda template: template.pipelines.create(name_en="New"),
    "create of a stage": lambda template: new_stage(template).save(),
    "create of an action": lambda template: add_action(workflow=template),
    "bulk_create of pipelines": lambda template: Pipeline.objects.bulk_create(
        [Pipeline(workflow=template, name_en="New")]
    ),
    "bulk_create of stages": lambda template: Stage.objects.bulk_create([new_stage(template)]),
    "bulk_create of actions": lambda template: WorkflowAction.objects.bulk_create(
        [
            WorkflowAction(
                stage=stages_of(template)[0], action_type="after_reject", function_path=FUNCTION
            )
        ]
    ),
    "delete of a pipeline": lambda template: template.pipelines.get().delete(),
    "delete of a stage": lambda template: stages_of(template)[0].delete(),
    "delete of an action": lambda template: template.actions.get(order=77).delete(),
    "delete of pipelines": lambda template: template.pipelines.all().delete(),
    "delete of stages": lambda template: Stage.objects.filter(pipeline__workflow=template).delete(),
    "delete of actions": lambda template: template.actions.filter(order=77).delete(),
    "update_or_create of a stage": lambda template: Stage.objects.update_or_create(
        pipeline=template.pipelines.get(), order=1, defaults={"name_en": "Changed"}
    ),
}


def content(workflow: WorkFlow) -> list[Any]:
    """What objects see of a version; where it was copied from is gone once that is deleted."""
    definition = compile_definition(workflow.pk)
    events = [ActionType.AFTER_APPROVE, ActionType.AFTER_REJECT]
    return [
        (
            stage.pipeline.name_en,
            stage.name_en,
            stage.order,
            stage.approvals,
            [definition.actions(event, stage.id) for event in events],
        )
        for stage in definition.places
    ]


class TestEdits:
    @pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
    def test_each_makes_the_next_call_take_a_new_one(  # D-48
        self, edit: Callable[[WorkFlow], object]
    ) -> None:
        template = make_workflow()
        add_action(workflow=template, order=77)
        before = current_snapshot(template)
        was = content(before)
        edit(WorkFlow.objects.get(pk=template.pk))
        after = current_snapshot(template)
        assert after.pk != before.pk
        assert current_snapshot(template).pk == after.pk
        assert content(before) == was

    def test_saving_a_stale_template_does_not_bring_an_old_revision_back(self) -> None:
        template = make_workflow()
        stale = WorkFlow.objects.get(pk=template.pk)
        template.save()
        between = current_snapshot(template)
        stale.save()
        assert current_snapshot(template).pk != between.pk
        assert stale.revision == WorkFlow.objects.get(pk=template.pk).revision

    def test_stage_added_to_another_pipeline_changes_both_templates(self) -> None:
        giver, taker = make_workflow(), make_workflow()
        old = {current_snapshot(giver).pk, current_snapshot(taker).pk}
        taker.pipelines.get().stages.add(stages_of(giver)[0])
        assert current_snapshot(giver).pk not in old
        assert current_snapshot(taker).pk not in old
        assert len(stages_of(current_snapshot(taker))) == 2

    @pytest.mark.parametrize("as_key", [True, False], ids=["by key", "by object"])
    def test_stage_moved_by_update_changes_both_templates(self, as_key: bool) -> None:
        giver, taker = make_workflow(), make_workflow()
        old = {current_snapshot(giver).pk, current_snapshot(taker).pk}
        goal = taker.pipelines.get()
        stages = Stage.objects.filter(pipeline__workflow=giver)
        stages.update(pipeline=goal.pk if as_key else goal)
        assert not old & {current_snapshot(giver).pk, current_snapshot(taker).pk}

    def test_stage_moved_by_bulk_update_changes_both_templates(self) -> None:
        giver, taker = make_workflow(), make_workflow()
        old = {current_snapshot(giver).pk, current_snapshot(taker).pk}
        stage = stages_of(giver)[0]
        stage.pipeline = taker.pipelines.get()
        Stage.objects.bulk_update([stage], ["pipeline"])
        assert not old & {current_snapshot(giver).pk, current_snapshot(taker).pk}

    def test_edit_that_is_rolled_back_makes_none(self) -> None:
        template = make_workflow()
        before = current_snapshot(template)
        with transaction.atomic():
            template.pipelines.update(order=8)
            transaction.set_rollback(True)
        assert current_snapshot(template).pk == before.pk

    def test_of_another_template_makes_none(self) -> None:
        template, other = make_workflow(), make_workflow()
        before = current_snapshot(template)
        other.save()
        assert current_snapshot(template).pk == before.pk


WRITES: dict[str, Callable[[WorkFlow], object]] = {
    "save of the workflow": lambda snapshot: snapshot.save(),
    "save of a pipeline": lambda snapshot: snapshot.pipelines.get().save(),
    "save of a stage": lambda snapshot: stages_of(snapshot)[0].save(),
    "save of an action": lambda snapshot: snapshot.actions.get(order=77).save(),
    "delete of the workflow": lambda snapshot: snapshot.delete(),
    "delete of a pipeline": lambda snapshot: snapshot.pipelines.get().delete(),
    "delete of a stage": lambda snapshot: stages_of(snapshot)[0].delete(),
    "delete of an action": lambda snapshot: snapshot.actions.get(order=77).delete(),
    "update of the workflow": lambda snapshot: WorkFlow.objects.filter(pk=snapshot.pk).update(
        name_en="Changed"
    ),
    "update of stages": lambda snapshot: snapshot.pipelines.get().stages.update(order=5),
    "update of a stage into it": lambda snapshot: Stage.objects.filter(
        pipeline__workflow=snapshot.cloned_from
    ).update(pipeline=snapshot.pipelines.get()),
    "delete of pipelines": lambda snapshot: snapshot.pipelines.all().delete(),
    "delete of workflows": lambda snapshot: snapshots().delete(),
    "bulk_update of stages": lambda snapshot: Stage.objects.bulk_update(
        stages_of(snapshot), ["name_en"]
    ),
    "bulk_create of stages": lambda snapshot: Stage.objects.bulk_create([new_stage(snapshot)]),
    "bulk_create over a stage": lambda snapshot: Stage.objects.bulk_create(
        [
            Stage(
                pk=stages_of(snapshot)[0].pk,
                pipeline=snapshot.cloned_from.pipelines.get(),
                name_en="Changed",
            )
        ],
        ignore_conflicts=True,
    ),
    "create of a stage": lambda snapshot: new_stage(snapshot).save(),
    "create of an action": lambda snapshot: add_action(stage=stages_of(snapshot)[0]),
    "save of one field": lambda snapshot: stages_of(snapshot)[0].save(update_fields=["name_en"]),
    "save over it from the template": lambda snapshot: Stage(
        pk=stages_of(snapshot)[0].pk, pipeline=snapshot.cloned_from.pipelines.get(), name_en="Mine"
    ).save(),
    "save of a stage out of it": lambda snapshot: move_out(stages_of(snapshot)[0]),
    "update of pipelines": lambda snapshot: snapshot.pipelines.update(order=5),
    "update of actions": lambda snapshot: snapshot.actions.update(is_active=False),
    "update of what it was cloned from": lambda snapshot: WorkFlow.objects.filter(
        pk=snapshot.pk
    ).update(cloned_from=None, name_en="Free"),
    "delete of stages": lambda snapshot: snapshot.pipelines.get().stages.all().delete(),
    "delete of actions": lambda snapshot: snapshot.actions.all().delete(),
    "bulk_update of workflows": lambda snapshot: WorkFlow.objects.bulk_update(
        [snapshot], ["name_en"]
    ),
    "bulk_update of pipelines": lambda snapshot: Pipeline.objects.bulk_update(
        list(snapshot.pipelines.all()), ["order"]
    ),
    "bulk_update of actions": lambda snapshot: WorkflowAction.objects.bulk_update(
        list(snapshot.actions.all()), ["order"]
    ),
    "bulk_create of pipelines": lambda snapshot: Pipeline.objects.bulk_create(
        [Pipeline(workflow=snapshot, name_en="New")]
    ),
    "bulk_create of actions": lambda snapshot: WorkflowAction.objects.bulk_create(
        [WorkflowAction(workflow=snapshot, action_type="after_reject", function_path=FUNCTION)]
    ),
    "bulk_create that updates": lambda snapshot: Stage.objects.bulk_create(
        stages_of(snapshot),
        update_conflicts=True,
        update_fields=["name_en"],
        unique_fields=None if connection.vendor == "mysql" else ["id"],
    ),
    "create through its manager": lambda snapshot: snapshot.pipelines.create(name_en="New"),
    "get_or_create through its manager": lambda snapshot: snapshot.pipelines.get_or_create(
        name_en="New"
    ),
    "update_or_create through its manager": lambda snapshot: snapshot.pipelines.update_or_create(
        order=1, defaults={"name_en": "Changed"}
    ),
    "add of a pipeline": lambda snapshot: snapshot.pipelines.add(
        snapshot.cloned_from.pipelines.get()
    ),
    "add of a saved pipeline": lambda snapshot: snapshot.pipelines.add(
        snapshot.cloned_from.pipelines.get(), bulk=False
    ),
    "set of its actions": lambda snapshot: snapshot.actions.set([]),
    "removal of an action": lambda snapshot: snapshot.actions.remove(
        snapshot.actions.get(order=77)
    ),
    "clearing of its actions": lambda snapshot: snapshot.actions.clear(),
    "clearing of the template's versions": lambda snapshot: snapshot.cloned_from.snapshots.update(
        is_active=False
    ),
    "add of a stage": lambda snapshot: snapshot.pipelines.get().stages.add(
        stages_of(snapshot.cloned_from)[0]
    ),
}


def move_out(stage: Stage) -> None:
    stage.pipeline = Pipeline.objects.get(pk=stage.pipeline.cloned_from_id)
    stage.save()


class TestImmutability:
    @pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
    def test_write_is_refused(self, write: Callable[[WorkFlow], object]) -> None:
        template = make_workflow()
        add_action(workflow=template, order=77)
        snapshot = current_snapshot(template)
        was = compile_definition(snapshot.pk)
        with pytest.raises(SnapshotIsImmutable) as caught, transaction.atomic():
            write(snapshot)
        assert caught.value.code == "snapshot_is_immutable"
        assert compile_definition(snapshot.pk) == was

    def test_refused_write_leaves_templates_in_the_same_query_alone(self) -> None:
        template = make_workflow()
        current_snapshot(template)
        with pytest.raises(SnapshotIsImmutable):
            Stage.objects.update(order=8)
        assert [stage.order for stage in stages_of(template)] == [1]


def attach(obj: models.Model, workflow: WorkFlow) -> WorkflowAttachment:
    return WorkflowAttachment.objects.create(
        workflow=workflow,
        snapshot_key=workflow.key,
        content_type=ContentType.objects.get_for_model(obj),
        object_id=str(obj.pk),
        status=AttachmentStatus.COMPLETED,
        is_open=None,
    )


class TestDeletingUnused:  # K16
    def test_unused_one_that_is_not_the_newest_goes_with_all_its_rows(self) -> None:
        template = make_workflow()
        add_action(stage=stages_of(template)[0])
        old = current_snapshot(template)
        old_rows = {
            Pipeline: old.pipelines.get().pk,
            Stage: stages_of(old)[0].pk,
            WorkflowAction: stages_of(old)[0].actions.get().pk,
        }
        template.save()
        new = current_snapshot(template)
        assert delete_unused_snapshots() == 1
        assert list(snapshots()) == [new]
        for model, key in old_rows.items():
            assert not model.objects.filter(pk=key).exists()
        assert len(stages_of(template)) == 1
        assert stages_of(template)[0].actions.count() == 1

    def test_newest_one_stays(self) -> None:
        current_snapshot(make_workflow())
        assert delete_unused_snapshots() == 0
        assert snapshots().count() == 1

    def test_one_in_use_stays(self) -> None:
        template = make_workflow()
        old = current_snapshot(template)
        attach(PurchaseRequestFactory.create(), old)
        template.save()
        current_snapshot(template)
        assert delete_unused_snapshots() == 0
        assert snapshots().count() == 2

    def test_works_in_batches(self) -> None:
        template = make_workflow()
        for _number in range(6):
            template.save()
            current_snapshot(template)
        assert delete_unused_snapshots(batch_size=2) == 5
        assert snapshots().count() == 1

    def test_company_that_is_deleted_leaves_template_and_snapshot(self) -> None:
        company = UserFactory.create()
        snapshot = current_snapshot(make_workflow(company=company))
        company.delete()
        assert list(WorkFlow.objects.values_list("company", flat=True)) == [None, None]
        assert snapshot.cloned_from is not None
        assert current_snapshot(snapshot).pk != snapshot.pk

    def test_template_with_unused_snapshots_can_be_deleted(self) -> None:
        template = make_workflow()
        current_snapshot(template)
        template.delete()
        assert not WorkFlow.objects.exists()


ROUNDS = 120


def taken(template: WorkFlow) -> int:
    with transaction.atomic():
        return current_snapshot(template).pk


@pytest.mark.contention
@pytest.mark.django_db(transaction=True)
def test_two_at_once_take_one_snapshot() -> None:
    approval = by_user(UserFactory.create())
    template = make_workflow([[approval, approval], [approval]])
    for number in range(1, ROUNDS + 1):
        first, second = at_once(lambda: taken(template), lambda: taken(template))
        assert first == second
        assert snapshots().count() == number
        WorkFlow.objects.get(pk=template.pk).save()
    assert Stage.objects.filter(pipeline__workflow__is_hidden=True).count() == 3 * ROUNDS


@pytest.mark.contention
@pytest.mark.django_db(transaction=True)
def test_snapshot_never_mixes_two_states_of_the_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody renames everything after the pipelines were copied and before the stages are."""
    template = make_workflow()
    half_way, renamed = threading.Event(), threading.Event()
    copy_stages = versions._copy_stages

    def copy_stages_late(*args: Any) -> Any:
        half_way.set()
        renamed.wait(timeout=1)
        return copy_stages(*args)

    def rename() -> None:
        half_way.wait(timeout=30)
        with transaction.atomic():
            template.pipelines.update(name_en="Renamed")
            Stage.objects.filter(pipeline__workflow=template).update(name_en="Renamed")
        renamed.set()

    monkeypatch.setattr(versions, "_copy_stages", copy_stages_late)
    key, error = at_once(lambda: taken(template), rename)
    assert error is None
    stage = compile_definition(key).first
    assert (stage.pipeline.name_en, stage.name_en) == ("Pipeline 1", "Stage 1.1")
    stage = compile_definition(taken(template)).first
    assert (stage.pipeline.name_en, stage.name_en) == ("Renamed", "Renamed")


@pytest.mark.contention
@pytest.mark.django_db(transaction=True)
def test_deleting_a_snapshot_that_is_being_attached_leaves_nothing_half_done() -> None:
    """The transaction that attaches has used a snapshot that is superseded before it commits."""
    template = make_workflow()
    obj = PurchaseRequestFactory.create()
    old = current_snapshot(template)
    template.save()
    current_snapshot(template)
    attached, deleted = threading.Event(), threading.Event()

    def attach_slowly() -> None:
        with transaction.atomic():
            attach(obj, old)
            attached.set()
            deleted.wait(timeout=30)

    def clean_up() -> int:
        attached.wait(timeout=30)
        try:
            return delete_unused_snapshots()
        finally:
            deleted.set()

    error, number = at_once(attach_slowly, clean_up)
    # MariaDB lets the clean-up see the lock; PostgreSQL refuses the attachment when it commits.
    assert (error is None) == (number == 0)
    assert error is None or isinstance(error, IntegrityError)
    assert WorkflowAttachment.objects.count() == (error is None)
    assert WorkFlow.objects.filter(pk=old.pk).exists() == (error is None)
    assert number in (0, 1)
