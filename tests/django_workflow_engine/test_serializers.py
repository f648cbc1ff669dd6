"""Templates as trees, written and read. Covers D-51 to D-58, D-63, D-100, K4, K18."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.utils.translation import override
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.settings import api_settings

from django_workflow_engine.models import Pipeline, Stage, WorkFlow, WorkflowAction
from django_workflow_engine.serializers import (
    PipelineSerializer,
    StageSerializer,
    WorkflowActionSerializer,
    WorkFlowSerializer,
)
from django_workflow_engine.versions import current_snapshot
from purchasing.models import Department
from tests.factories import (
    DepartmentFactory,
    UserFactory,
    by_role,
    by_user,
    make_large_workflow,
    make_role,
    make_workflow,
    stages_of,
)

pytestmark = pytest.mark.django_db

FUNCTION = "django_workflow_engine.action_handlers.send_approval_notification"


def action(**values: Any) -> dict[str, Any]:
    return {"action_type": "after_approve", "function_path": FUNCTION, **values}


def created(**data: Any) -> WorkFlow:
    return WorkFlowSerializer(data={"name_en": "Purchase", **data}).save()


def errors_of(serializer: Any) -> Any:
    assert not serializer.is_valid()
    return serializer.errors


def tree_errors(**data: Any) -> Any:
    return errors_of(WorkFlowSerializer(data={"name_en": "Purchase", **data}))


def saved(serializer: Any) -> Any:
    serializer.is_valid(raise_exception=True)
    return serializer.save()


def codes_of(error: ErrorDetail | list[Any]) -> list[str]:
    return [detail.code for detail in error]


class TestCreating:
    def test_result_is_the_workflow_and_can_be_indexed(self) -> None:  # D-56, K4
        serializer = WorkFlowSerializer(data={"name_en": "Purchase", "name_ar": "شراء"})
        assert serializer.is_valid()
        result = serializer.save()
        assert isinstance(result, WorkFlow)
        assert WorkFlow.objects.get(id=result["id"]) == result
        assert (result.name_ar, result["slug"]) == ("شراء", "purchase")
        with pytest.raises(KeyError):
            result["nothing"]

    def test_company_comes_from_the_data(self) -> None:  # D-51
        company, other = UserFactory.create(), UserFactory.create()
        serializer = WorkFlowSerializer(
            data={"name_en": "Purchase", "company": company.pk},
            context={"request": SimpleNamespace(), "company_user": other},
        )
        assert saved(serializer).company == company

    def test_company_comes_from_the_context_where_the_data_has_none(self) -> None:  # D-51
        company = UserFactory.create()
        serializer = WorkFlowSerializer(
            data={"name_en": "Purchase"}, context={"company_user": company}
        )
        assert saved(serializer).company == company

    def test_works_without_context(self) -> None:  # D-51
        assert created().company is None

    def test_makes_workflows_that_are_not_active_yet(self) -> None:  # D-51
        workflow = created(is_active=False, status="draft")
        assert (workflow.is_active, workflow.status) == (False, "draft")

    def test_number_of_stages_makes_them_from_one(self) -> None:  # D-52, D-53
        workflow = created(pipelines=[{"name_en": "Finance", "number_of_stages": 3}])
        pipeline = workflow.pipelines.get(name_en="Finance")
        assert list(pipeline.stages.values_list("order", "name_en")) == [
            (1, "Stage 1"),
            (2, "Stage 2"),
            (3, "Stage 3"),
        ]
        assert pipeline.stages.get(order=1).stage_info == {}

    def test_numbered_stages_have_the_same_names_in_any_language(self) -> None:
        with override("ar"):
            workflow = created(pipelines=[{"name_en": "Finance", "number_of_stages": 1}])
        assert stages_of(workflow)[0].name_en == "Stage 1"

    def test_explicit_stages_with_order_zero(self) -> None:  # D-52, D-54, K18
        workflow = created(
            pipelines=[
                {"name_en": "Second", "order": 1},
                {"name_en": "First", "order": 0, "stages": [{"name_en": "Zero", "order": 0}]},
            ]
        )
        assert [pipeline.name_en for pipeline in workflow.pipelines.all()] == ["First", "Second"]
        assert stages_of(workflow)[0].order == 0

    def test_order_is_that_of_the_list_where_none_is_given(self) -> None:
        stages = [{"name_en": name} for name in ("c", "a", "b")]
        workflow = created(pipelines=[{"name_en": "Finance", "stages": stages}])
        assert [(stage.name_en, stage.order) for stage in stages_of(workflow)] == [
            ("c", 1),
            ("a", 2),
            ("b", 3),
        ]

    def test_pipelines_have_both_names(self) -> None:  # D-52
        names = {"name_en": "Finance", "name_ar": "المالية"}
        workflow = created(pipelines=[names])
        pipeline = workflow.pipelines.get()
        assert {name: getattr(pipeline, name) for name in names} == names
        shown = WorkFlowSerializer(workflow).data["pipelines"][0]
        assert {name: shown[name] for name in names} == names

    def test_department_is_an_object_of_the_configured_model(self) -> None:  # D-52, D-21
        department = DepartmentFactory.create()
        workflow = created(pipelines=[{"name_en": "Finance", "department_id": department.pk}])
        pipeline = workflow.pipelines.get()
        assert pipeline.department == department
        assert WorkFlowSerializer(workflow).data["pipelines"][0]["department_id"] == department.pk

    def test_actions_on_all_levels(self) -> None:  # D-55
        workflow = created(
            actions=[action(parameters={"recipients": ["creator"]}, order=4)],
            pipelines=[
                {
                    "name_en": "Finance",
                    "actions": [action(is_active=False)],
                    "stages": [{"name_en": "Budget", "actions": [action(), action()]}],
                }
            ],
        )
        stage = stages_of(workflow)[0]
        of_workflow = workflow.actions.get(is_default=False)
        assert (of_workflow.action_type, of_workflow.function_path) == ("after_approve", FUNCTION)
        assert (of_workflow.parameters, of_workflow.order, of_workflow.is_active) == (
            {"recipients": ["creator"]},
            4,
            True,
        )
        assert stage.pipeline.actions.get().is_active is False
        assert list(stage.actions.values_list("order", flat=True)) == [1, 2]

    def test_saves_without_a_call_of_is_valid(self) -> None:  # D-63
        assert WorkFlowSerializer(data={"name_en": "Purchase"}).save().pk is not None
        with pytest.raises(ValidationError) as caught:
            WorkFlowSerializer(data={}).save()
        assert list(caught.value.detail) == ["name_en"]

    def test_saving_what_is_not_valid_raises_the_errors_again(self) -> None:  # D-63
        serializer = WorkFlowSerializer(data={})
        assert not serializer.is_valid()
        with pytest.raises(ValidationError):
            serializer.save()

    def test_all_or_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_args: Any, **_kwargs: Any) -> None:
            raise RuntimeError

        monkeypatch.setattr("django_workflow_engine.querysets.StageQuerySet.bulk_create", fail)
        with pytest.raises(RuntimeError):
            created(pipelines=[{"name_en": "Finance", "number_of_stages": 1}])
        assert not WorkFlow.objects.exists()
        assert not Pipeline.objects.exists()

    @pytest.mark.parametrize("stages", [6, 60])
    def test_statements_do_not_grow(self, stages: int, statements: Callable[..., Any]) -> None:
        role, user, department = make_role(), UserFactory.create(), DepartmentFactory.create()
        approvals = [by_role(role), by_user(user)]
        listed = [
            {"name_en": f"S{number}", "stage_info": {"approvals": approvals}, "actions": [action()]}
            for number in range(stages // 2)
        ]
        pipeline = {"name_en": "P", "department_id": department.pk, "stages": listed}
        serializer = WorkFlowSerializer(data={"name_en": "W", "pipelines": [pipeline, pipeline]})
        with statements() as seen:
            serializer.save()
        assert seen.count <= 22, seen
        assert Stage.objects.count() == stages


class TestErrors:
    def test_come_by_path(self) -> None:
        role = make_role()
        errors = tree_errors(
            pipelines=[
                {"name_en": "Fine"},
                {
                    "name_en": "Wrong",
                    "department_id": 0,
                    "stages": [
                        {"name_en": "Fine", "stage_info": {"approvals": [by_role(role)]}},
                        {
                            "name_en": "Wrong",
                            "stage_info": {
                                "approvals": [
                                    by_role(role),
                                    {"approval_type": "ROLE", "user_role": 0},
                                ]
                            },
                        },
                    ],
                },
            ]
        )
        assert errors == {
            "pipelines": {
                1: {
                    "department_id": ["There is no such department."],
                    "stages": {
                        1: {
                            "stage_info": {
                                "approvals[1].user_role": ["There is none with the key '0'."]
                            }
                        },
                    },
                },
            }
        }

    def test_in_lists_are_lists_where_rest_framework_still_has_them_so(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(api_settings, "LIST_SERIALIZER_ERRORS_AS_DICT", False)
        errors = tree_errors(pipelines=[{"name_en": "P"}, {"name_en": "P", "department_id": 0}])
        assert errors == {"pipelines": [{}, {"department_id": ["There is no such department."]}]}

    def test_of_the_shape_of_a_configuration_come_by_path(self) -> None:
        info = {"color": "red", "approvals": [{"approval_type": "NOBODY"}]}
        errors = tree_errors(
            pipelines=[{"name_en": "P", "stages": [{"name_en": "S", "stage_info": info}]}]
        )
        messages = errors["pipelines"][0]["stages"][0]["stage_info"]
        assert set(messages) == {"color", "approvals[0].approval_type"}
        assert messages["color"][0].code == "invalid_configuration"

    def test_number_and_list_of_stages_together(self) -> None:  # D-52
        errors = tree_errors(pipelines=[{"name_en": "P", "number_of_stages": 1, "stages": []}])
        assert list(errors["pipelines"][0]) == ["number_of_stages"]

    @pytest.mark.parametrize("number", [0, -1, 101, "many"])
    def test_number_of_stages_out_of_range(self, number: Any) -> None:
        errors = tree_errors(pipelines=[{"name_en": "P", "number_of_stages": number}])
        assert list(errors["pipelines"][0]) == ["number_of_stages"]

    @pytest.mark.parametrize("order", [-1, "first"])
    def test_negative_order(self, order: Any) -> None:
        errors = tree_errors(pipelines=[{"name_en": "P", "order": order}])
        assert list(errors["pipelines"][0]) == ["order"]

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"function_path": "os.system"}, "function_path"),
            ({"function_path": "subprocess.run"}, "function_path"),
            ({"action_type": "after_lunch"}, "action_type"),
            ({"parameters": ["a"]}, "parameters"),
        ],
    )
    def test_of_actions(self, change: dict[str, Any], field: str) -> None:
        stage = {"name_en": "S", "actions": [action(**change)]}
        errors = tree_errors(pipelines=[{"name_en": "P", "stages": [stage]}])
        assert list(errors["pipelines"][0]["stages"][0]["actions"][0]) == [field]

    def test_refused_function_has_its_code(self) -> None:
        errors = tree_errors(actions=[action(function_path="os.system")])
        assert codes_of(errors["actions"][0]["function_path"]) == ["action_not_allowed"]

    def test_unknown_company(self) -> None:
        assert list(tree_errors(company=0)) == ["company"]

    def test_department_without_the_setting(self, settings: Any) -> None:
        settings.DJANGO_WORKFLOW_ENGINE = {}
        errors = tree_errors(pipelines=[{"name_en": "P", "department_id": 1}])
        assert "DEPARTMENT_MODEL" in errors["pipelines"][0]["department_id"][0]

    def test_keys_mean_nothing_in_a_new_tree(self) -> None:
        stage = stages_of(make_workflow())[0]
        errors = tree_errors(
            pipelines=[
                {"id": stage.pipeline_id, "name_en": "P", "stages": [{"id": 0, "name_en": "S"}]}
            ]
        )
        assert errors == {
            "pipelines": {
                0: {
                    "id": ["There is no such row here."],
                    "stages": {0: {"id": ["There is no such row here."]}},
                }
            }
        }

    def test_slug_that_is_taken(self) -> None:
        make_workflow(slug="taken")
        assert list(tree_errors(slug="taken")) == ["slug"]

    def test_empty_slug_is_made_from_the_name(self) -> None:
        assert created(slug="").slug == "purchase"


class TestUpdating:
    def test_of_names_leaves_the_lists_alone(self) -> None:
        workflow = make_large_workflow(3)
        saved(WorkFlowSerializer(workflow, data={"name_en": "Changed"}, partial=True))
        assert WorkFlow.objects.get().name_en == "Changed"
        assert len(stages_of(workflow)) == 3

    def test_of_a_list_changes_makes_and_deletes(self) -> None:
        workflow = make_large_workflow(3, pipelines=1)
        pipeline = workflow.pipelines.get()
        first, _second, third = stages_of(workflow)
        saved(
            WorkFlowSerializer(
                workflow,
                data={
                    "pipelines": [
                        {
                            "id": pipeline.pk,
                            "stages": [
                                {"id": third.pk, "name_en": "Kept", "order": 1},
                                {"id": first.pk, "order": 2},
                                {"name_en": "New"},
                            ],
                        }
                    ]
                },
                partial=True,
            )
        )
        stages = stages_of(workflow)
        assert [(stage.name_en, stage.order) for stage in stages] == [
            ("Kept", 1),
            (first.name_en, 2),
            ("New", 3),
        ]
        assert [stage.pk for stage in stages[:2]] == [third.pk, first.pk]
        assert stages[0].stage_info == third.stage_info
        assert workflow.pipelines.get() == pipeline

    def test_with_what_was_read_changes_nothing(self) -> None:
        workflow = created(
            actions=[action()],
            pipelines=[
                {
                    "name_en": "Finance",
                    "department_id": DepartmentFactory.create().pk,
                    "actions": [action()],
                    "stages": [{"name_en": "Budget", "order": 0, "actions": [action()]}],
                }
            ],
        )
        before = WorkFlowSerializer(workflow).data
        saved(WorkFlowSerializer(workflow, data=before))
        after = WorkFlowSerializer(WorkFlow.objects.get()).data
        assert {**after, "updated_at": None} == {**before, "updated_at": None}

    def test_leaves_default_actions_alone(self) -> None:
        workflow = created(actions=[action()])
        defaults = set(workflow.actions.filter(is_default=True))
        assert defaults
        saved(WorkFlowSerializer(workflow, data={"actions": []}, partial=True))
        assert set(workflow.actions.all()) == defaults
        assert WorkFlowSerializer(workflow).data["actions"] == []

    def test_refuses_rows_of_another_parent(self) -> None:
        workflow, other = make_large_workflow(2), make_workflow()
        first, second = stages_of(workflow)
        data = {
            "pipelines": [
                {"id": first.pipeline_id, "stages": [{"id": second.pk}]},
                {"id": other.pipelines.get().pk},
            ],
            "actions": [{"id": workflow.actions.filter(is_default=True)[0].pk}],
        }
        errors = errors_of(WorkFlowSerializer(workflow, data=data, partial=True))
        message = ["There is no such row here."]
        assert errors == {
            "pipelines": {0: {"stages": {0: {"id": message}}}, 1: {"id": message}},
            "actions": {0: {"id": message}},
        }

    def test_refuses_a_row_named_twice(self) -> None:
        workflow = make_workflow()
        key = workflow.pipelines.get().pk
        data = {"pipelines": [{"id": key}, {"id": key}]}
        errors = errors_of(WorkFlowSerializer(workflow, data=data, partial=True))
        assert errors == {"pipelines": {1: {"id": ["This row is named twice."]}}}

    def test_asks_for_what_a_new_row_needs(self) -> None:
        workflow = make_workflow()
        data = {"pipelines": [{"order": 3}], "actions": [{"order": 1}]}
        errors = errors_of(WorkFlowSerializer(workflow, data=data, partial=True))
        assert list(errors["pipelines"][0]) == ["name_en"]
        assert list(errors["actions"][0]) == ["action_type", "function_path"]

    def test_refuses_a_number_of_stages_for_a_pipeline_that_exists(self) -> None:
        pipeline = make_workflow().pipelines.get()
        data = {"number_of_stages": 2}
        assert list(errors_of(PipelineSerializer(pipeline, data=data, partial=True))) == [
            "number_of_stages"
        ]

    def test_takes_a_department_away(self) -> None:
        department = DepartmentFactory.create()
        workflow = created(pipelines=[{"name_en": "P", "department_id": department.pk}])
        pipeline = workflow.pipelines.get()
        saved(PipelineSerializer(pipeline, data={"department_id": None}, partial=True))
        pipeline.refresh_from_db()
        assert (pipeline.department_id, pipeline.department_content_type) == (None, None)

    def test_makes_the_next_object_run_on_a_new_version(self) -> None:
        workflow = make_workflow()
        before = current_snapshot(workflow)
        data = {"pipelines": [{"id": workflow.pipelines.get().pk, "name_en": "Changed"}]}
        saved(WorkFlowSerializer(workflow, data=data, partial=True))
        assert current_snapshot(workflow).pk != before.pk

    def test_of_a_snapshot_is_refused(self) -> None:
        snapshot = current_snapshot(make_workflow())
        for serializer in (
            WorkFlowSerializer(snapshot, data={"name_en": "X"}, partial=True),
            StageSerializer(stages_of(snapshot)[0], data={"name_en": "X"}, partial=True),
        ):
            errors = errors_of(serializer)
            assert codes_of(errors["non_field_errors"]) == ["snapshot_is_immutable"]

    def test_that_deletes_a_stage_in_use_is_a_conflict(self) -> None:
        workflow = make_workflow()
        stage = stages_of(workflow)[0]
        stage.runs.create(attachment=_attachment_at(stage), entered_at="2026-01-01T00:00Z")
        data = {"stages": []}
        pipeline = workflow.pipelines.get()
        with pytest.raises(APIException) as caught:
            saved(PipelineSerializer(pipeline, data=data, partial=True))
        assert (caught.value.status_code, caught.value.get_codes()) == (409, "in_use")
        assert stages_of(workflow) == [stage]

    @pytest.mark.parametrize("stages", [6, 40])
    def test_statements_do_not_grow(self, stages: int, statements: Callable[..., Any]) -> None:
        workflow = make_large_workflow(stages)
        for stage in stages_of(workflow):
            WorkflowAction.objects.create(stage=stage, **action())
        data = WorkFlowSerializer(workflow).data
        with statements() as seen:
            WorkFlowSerializer(workflow, data=data).save()
        assert seen.count <= 36, seen


def _attachment_at(stage: Stage) -> Any:
    return stage.pipeline.workflow.attachments.create(
        content_type=ContentType.objects.get_for_model(Stage),
        object_id="1",
        current_stage=stage,
        status="in_progress",
    )


class TestStage:
    def test_is_configured_as_documented(self) -> None:  # D-57, D-58
        workflow = created(pipelines=[{"name_en": "Finance", "number_of_stages": 1}])
        stage, role = stages_of(workflow)[0], make_role()
        serializer = StageSerializer(
            stage,
            data={
                "name_en": "Initial Review",
                "name_ar": "المراجعة الأولية",
                "pipeline_id": stage.pipeline_id,
                "stage_info": {"color": "#3498db", "approvals": [by_role(role, "ROUND_ROBIN")]},
            },
            partial=True,
        )
        assert serializer.is_valid()
        serializer.save()
        stage.refresh_from_db()
        assert (stage.name_en, stage.name_ar) == ("Initial Review", "المراجعة الأولية")
        assert stage.stage_info["approvals"] == [by_role(role, "round_robin")]

    def test_new_one_needs_a_pipeline(self) -> None:
        assert errors_of(StageSerializer(data={"name_en": "S"})) == {
            "pipeline_id": ["This field is required."]
        }
        pipeline = make_workflow().pipelines.get()
        stage = saved(StageSerializer(data={"name_en": "S", "pipeline_id": pipeline.pk}))
        assert stage.pipeline == pipeline

    def test_moves_to_another_pipeline(self) -> None:
        workflow = make_large_workflow(2)
        first, second = stages_of(workflow)
        saved(StageSerializer(first, data={"pipeline_id": second.pipeline_id}, partial=True))
        first.refresh_from_db()
        assert first.pipeline_id == second.pipeline_id

    def test_cannot_move_into_a_snapshot(self) -> None:
        workflow = make_workflow()
        goal = current_snapshot(workflow).pipelines.get()
        data = {"pipeline_id": goal.pk}
        serializer = StageSerializer(stages_of(workflow)[0], data=data, partial=True)
        assert list(errors_of(serializer)) == ["pipeline_id"]

    def test_errors_of_its_configuration_come_by_path(self) -> None:
        stage = stages_of(make_workflow())[0]
        data = {"stage_info": {"approvals": [{"approval_type": "USER", "approval_user": 0}]}}
        errors = errors_of(StageSerializer(stage, data=data, partial=True))
        assert list(errors["stage_info"]) == ["approvals[0].approval_user"]


class TestAction:
    def test_new_one_is_on_exactly_one_level(self) -> None:
        workflow = make_workflow()
        stage = stages_of(workflow)[0]
        made = saved(WorkflowActionSerializer(data=action(stage_id=stage.pk)))
        assert made.stage == stage
        for levels in ({}, {"stage_id": stage.pk, "workflow_id": workflow.pk}):
            errors = errors_of(WorkflowActionSerializer(data=action(**levels)))
            assert codes_of(errors["non_field_errors"]) == ["level"]

    def test_moves_to_another_level(self) -> None:
        stage = stages_of(make_workflow())[0]
        made = WorkflowAction.objects.create(stage=stage, **action())
        data = {**WorkflowActionSerializer(made).data, "stage_id": None, "order": 9}
        data["pipeline_id"] = stage.pipeline_id
        saved(WorkflowActionSerializer(made, data=data))
        made.refresh_from_db()
        assert (made.order, made.stage, made.pipeline) == (9, None, stage.pipeline)

    def test_stays_where_it_is_when_nothing_is_said(self) -> None:
        stage = stages_of(make_workflow())[0]
        made = WorkflowAction.objects.create(stage=stage, **action())
        saved(WorkflowActionSerializer(made, data={"order": 9}, partial=True))
        made.refresh_from_db()
        assert (made.order, made.stage) == (9, stage)

    def test_list_shows_default_ones_too(self) -> None:
        actions = make_workflow().actions.all()
        assert len(WorkflowActionSerializer(actions, many=True).data) == len(actions) > 0


class TestReading:
    @pytest.mark.parametrize("stages", [6, 60])
    @pytest.mark.parametrize("many", [False, True])
    def test_takes_five_statements_for_any_size(
        self, stages: int, many: bool, statements: Callable[..., Any]
    ) -> None:
        workflow = make_large_workflow(stages)
        if many:
            make_workflow()
        shown = list(WorkFlow.objects.all()) if many else workflow
        with statements() as seen:
            data = WorkFlowSerializer(shown, many=many).data
        tree = next(row for row in data if row["id"] == workflow.pk) if many else data
        assert sum(len(pipeline["stages"]) for pipeline in tree["pipelines"]) == stages
        assert seen.count == 5, seen

    def test_does_not_make_the_instance_answer_with_old_rows(self) -> None:
        workflow = make_workflow()
        _ = WorkFlowSerializer(workflow).data
        workflow.pipelines.create(name_en="New", order=2)
        assert len(workflow.pipelines.all()) == 2
        assert len(WorkFlowSerializer(workflow).data["pipelines"]) == 2

    def test_shows_department_of_no_model_as_it_is_stored(self, settings: Any) -> None:
        workflow = created(
            pipelines=[{"name_en": "P", "department_id": DepartmentFactory.create().pk}]
        )
        settings.DJANGO_WORKFLOW_ENGINE = {}
        stored = str(Department.objects.get().pk)
        assert WorkFlowSerializer(workflow).data["pipelines"][0]["department_id"] == stored
