"""Definitions: what a workflow is, compiled.

Covers D-86, D-87, K15, K20, K26, L28.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from django_workflow_engine.choices import ActionType
from django_workflow_engine.definition import (
    ApprovalDefinition,
    WorkflowDefinition,
    compile_definition,
    completeness,
    completeness_errors,
    definition_of,
    is_complete,
)
from django_workflow_engine.exceptions import InvalidConfiguration, UnknownStage
from django_workflow_engine.models import (
    Pipeline,
    Stage,
    WorkFlow,
    WorkflowAction,
    WorkflowAttachment,
)
from django_workflow_engine.versions import current_snapshot
from tests.factories import (
    DynamicFormFactory,
    UserFactory,
    by_role,
    by_user,
    make_large_workflow,
    make_role,
    make_workflow,
    stages_of,
)

pytestmark = pytest.mark.django_db

HANDLERS = "django_workflow_engine.action_handlers"
APPROVED = ActionType.AFTER_APPROVE


def attachment_on(workflow: WorkFlow) -> WorkflowAttachment:
    """An attachment that is not saved: definitions need no more."""
    return WorkflowAttachment(
        workflow=workflow,
        snapshot_key=workflow.key if workflow.is_hidden else None,
        content_type=ContentType.objects.get_for_model(WorkFlow),
        object_id="1",
    )


def add_action(name: str, **fields: Any) -> WorkflowAction:
    return WorkflowAction.objects.create(
        action_type=fields.pop("action_type", APPROVED),
        function_path=f"{HANDLERS}.send_{name}_notification",
        **fields,
    )


class TestStages:
    def test_run_through_all_pipelines_in_order(self) -> None:
        workflow = WorkFlow.objects.create(name_en="Orders")
        for name, order in (("late", 7), ("early", 0)):
            pipeline = Pipeline.objects.create(workflow=workflow, name_en=name, order=order)
            for number in (5, 2, 2):
                Stage.objects.create(pipeline=pipeline, name_en=f"{name} {number}", order=number)
        names = [stage.name_en for stage in compile_definition(workflow.pk).places]
        assert names == ["early 2", "early 2", "early 5", "late 2", "late 2", "late 5"]

    def test_know_what_comes_first_after_and_before(self) -> None:
        workflow = make_large_workflow(3)
        keys = [stage.pk for stage in stages_of(workflow)]
        definition = compile_definition(workflow.pk)
        assert definition.first.id == keys[0]
        assert [definition.position(key) for key in keys] == [0, 1, 2]
        following = [definition.after(key) for key in keys]
        assert [stage and stage.id for stage in following] == [keys[1], keys[2], None]
        assert definition.place(keys[2]).pipeline != definition.place(keys[1]).pipeline

    def test_without_any_there_is_no_first_one(self) -> None:
        workflow = WorkFlow.objects.create(name_en="Empty")
        with pytest.raises(UnknownStage, match="'Empty' has no stages"):
            _ = compile_definition(workflow.pk).first

    def test_resolve_by_the_key_in_template_or_snapshot(self) -> None:  # K26, D-64
        template = make_large_workflow(2)
        snapshot = current_snapshot(template)
        definition = compile_definition(snapshot.pk)
        for original, copy in zip(stages_of(template), stages_of(snapshot), strict=True):
            assert definition.resolve(original.pk).id == copy.pk
            assert definition.resolve(copy.pk).id == copy.pk
            assert definition.resolve(str(original.pk)).id == copy.pk

    def test_unknown_key_is_an_error_that_names_the_known_ones(self) -> None:
        template = make_large_workflow(2)
        definition = compile_definition(current_snapshot(template).pk)
        with pytest.raises(UnknownStage) as caught:
            definition.resolve(0)
        first = stages_of(template)[0]
        assert f"{first.pk} ({first.name_en})" in str(caught.value)
        assert caught.value.code == "unknown_stage"

    def test_of_the_template_is_unknown_where_only_the_snapshot_counts(self) -> None:
        template = make_workflow()
        definition = compile_definition(current_snapshot(template).pk)
        with pytest.raises(UnknownStage):
            definition.place(stages_of(template)[0].pk)


class TestApprovals:
    def test_of_a_role(self) -> None:
        role, form = make_role(), DynamicFormFactory.create()
        workflow = make_workflow(
            [
                [
                    by_role(
                        role,
                        "consensus",
                        required_form=form.pk,
                        step_approval_type="submit",
                        allow_higher_level=False,
                        rejection_policy="out_of_reach",
                    )
                ]
            ]
        )
        assert compile_definition(workflow.pk).first.approvals == (
            ApprovalDefinition(
                kind="ROLE",
                role_id=role.pk,
                strategy="consensus",
                form_id=form.pk,
                step_approval_type="submit",
                allow_higher_level=False,
                rejection_policy="out_of_reach",
            ),
        )

    def test_of_a_user_has_the_usual_rules(self) -> None:
        user = UserFactory.create()
        first = compile_definition(make_workflow([[by_user(user)]]).pk).first
        assert first.approvals == (ApprovalDefinition(kind="USER", user_id=user.pk),)
        assert first.approvals[0].step_approval_type == "approve"
        assert first.approvals[0].allow_higher_level is True
        assert first.color == "#3498db"

    def test_what_went_around_the_check_is_named_with_its_place(self) -> None:
        workflow = make_workflow()
        Stage.objects.filter(pipeline__workflow=workflow).update(
            stage_info={"approvals": [{"approval_type": "NOBODY"}]}
        )
        with pytest.raises(InvalidConfiguration) as caught:
            compile_definition(workflow.pk)
        assert list(caught.value.errors) == ["Pipeline 1 / Stage 1.1, approvals[0].approval_type"]


class TestActions:  # D-86, D-87, K15
    @pytest.fixture
    def workflow(self) -> WorkFlow:
        workflow = make_large_workflow(2, pipelines=1)
        WorkflowAction.objects.filter(workflow=workflow).delete()
        return workflow

    @staticmethod
    def names(workflow: WorkFlow, event: ActionType = APPROVED, stage: int = 0) -> list[str]:
        definition = compile_definition(workflow.pk)
        actions = definition.actions(event, definition.places[stage].id)
        return [
            action.function_path.removeprefix(f"{HANDLERS}.send_").removesuffix("_notification")
            for action in actions
        ]

    def test_nearest_level_counts_alone(self, workflow: WorkFlow) -> None:
        stage = stages_of(workflow)[0]
        assert self.names(workflow) == []
        add_action("approval", workflow=workflow, is_default=True)
        assert self.names(workflow) == ["approval"]
        add_action("rejection", workflow=workflow)
        assert self.names(workflow) == ["rejection"]
        add_action("delegation", pipeline=stage.pipeline)
        assert self.names(workflow) == ["delegation"]
        add_action("stage_move", stage=stage)
        assert self.names(workflow) == ["stage_move"]
        assert self.names(workflow, stage=1) == ["delegation"]

    def test_inactive_ones_do_not_count(self, workflow: WorkFlow) -> None:  # D-87
        add_action("approval", workflow=workflow)
        add_action("rejection", stage=stages_of(workflow)[0], is_active=False)
        assert self.names(workflow) == ["approval"]

    def test_of_other_events_do_not_count(self, workflow: WorkFlow) -> None:
        add_action("approval", workflow=workflow)
        add_action("rejection", stage=stages_of(workflow)[0], action_type="after_reject")
        assert self.names(workflow) == ["approval"]
        assert self.names(workflow, ActionType.AFTER_REJECT) == ["rejection"]

    def test_are_in_order_then_by_age(self, workflow: WorkFlow) -> None:  # D-87
        for name, order in (("approval", 2), ("rejection", 1), ("delegation", 2)):
            add_action(name, workflow=workflow, order=order)
        assert self.names(workflow) == ["rejection", "approval", "delegation"]

    def test_of_the_workflow_alone_without_a_stage(self, workflow: WorkFlow) -> None:
        add_action("approval", workflow=workflow)
        add_action("rejection", stage=stages_of(workflow)[0])
        actions = compile_definition(workflow.pk).actions(APPROVED)
        assert [action.function_path for action in actions] == [
            f"{HANDLERS}.send_approval_notification"
        ]

    def test_of_a_snapshot_are_inherited_as_in_the_template(self, workflow: WorkFlow) -> None:
        stage = stages_of(workflow)[0]
        add_action("approval", workflow=workflow)
        add_action("delegation", pipeline=stage.pipeline, action_type="after_reject")
        add_action("stage_move", stage=stage)
        snapshot = current_snapshot(workflow)
        for event in (APPROVED, ActionType.AFTER_REJECT):
            for position in (0, 1):
                assert self.names(snapshot, event, position) == self.names(
                    workflow, event, position
                )
        assert self.names(snapshot) == ["stage_move"]


class TestCompleteness:  # K20
    @staticmethod
    def errors(workflow: WorkFlow) -> dict[str, str]:
        return completeness_errors(compile_definition(workflow.pk))

    def test_complete_workflow_lacks_nothing(self) -> None:
        assert self.errors(make_large_workflow(3)) == {}

    def test_workflow_without_pipelines(self) -> None:
        workflow = WorkFlow.objects.create(name_en="Empty")
        assert self.errors(workflow) == {"Empty": "The workflow has no pipelines."}

    def test_pipeline_without_stages(self) -> None:
        workflow = make_workflow([[], [by_user(UserFactory.create())]])
        assert self.errors(workflow) == {"Pipeline 1": "The pipeline has no stages."}

    def test_stage_without_approvals(self) -> None:
        workflow = make_workflow([[by_user(UserFactory.create()), []]])
        assert self.errors(workflow) == {"Pipeline 1 / Stage 1.2": "The stage has no approvals."}

    def test_a_definition_that_is_complete_is_judged_once(self, monkeypatch: Any) -> None:
        definition = compile_definition(make_large_workflow(3).pk)
        assert is_complete(definition)
        monkeypatch.setattr(completeness, "completeness_errors", None)
        assert is_complete(definition)

    def test_a_definition_that_is_not_is_judged_by_itself(self) -> None:
        assert is_complete(compile_definition(make_large_workflow(3).pk))
        assert not is_complete(compile_definition(WorkFlow.objects.create(name_en="Empty").pk))

    def test_pipelines_of_one_name_are_told_apart(self) -> None:
        workflow = make_workflow([[], []])
        workflow.pipelines.update(name_en="Same")
        assert len(self.errors(workflow)) == 2


class TestCache:
    @pytest.mark.parametrize("stages", [6, 100])
    def test_compiling_takes_four_statements_for_any_size(
        self, stages: int, statements: Callable[..., Any]
    ) -> None:
        workflow = make_large_workflow(stages)
        with statements() as seen:
            compile_definition(workflow.pk)
        assert seen.count == 4, seen

    def test_snapshot_is_read_once(self, statements: Callable[..., Any]) -> None:
        attachment = attachment_on(current_snapshot(make_large_workflow(6)))
        first = definition_of(attachment)
        with statements() as seen:
            assert definition_of(attachment) is first
        assert seen.count == 0, seen

    def test_template_is_read_again_once_it_has_changed(
        self, statements: Callable[..., Any]
    ) -> None:
        template = make_workflow()
        attachment = attachment_on(template)
        first = definition_of(attachment)
        with statements() as seen:
            assert definition_of(attachment) is first
        assert seen.count == 1, seen
        Stage.objects.filter(pipeline__workflow=template).update(name_en="Changed")
        assert definition_of(attachment).first.name_en == "Changed"

    def test_revision_that_was_rolled_back_does_not_answer_for_the_next(self) -> None:  # L28
        template = make_workflow()
        attachment = attachment_on(template)
        stages = Stage.objects.filter(pipeline__workflow=template)
        with transaction.atomic():
            stages.update(name_en="Rolled back")
            assert definition_of(attachment).first.name_en == "Rolled back"
            transaction.set_rollback(True)
        stages.update(name_en="Committed")
        assert definition_of(attachment).first.name_en == "Committed"

    def test_snapshot_that_was_rolled_back_does_not_answer_for_another(self) -> None:  # L28
        template = make_workflow()

        def taken_after(name: str) -> WorkflowDefinition:
            Stage.objects.filter(pipeline__workflow=template).update(name_en=name)
            return definition_of(attachment_on(current_snapshot(template)))

        with transaction.atomic():
            assert taken_after("Rolled back").first.name_en == "Rolled back"
            transaction.set_rollback(True)
        assert taken_after("Committed").first.name_en == "Committed"
