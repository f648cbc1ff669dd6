"""Where people are asked: in stages, in pipelines, or in the workflow itself.

Covers D-20, D-23, D-36 to D-42, D-51, D-70, K20 for all three.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from rest_framework.exceptions import ValidationError

from approval_workflow.exceptions import InvalidInput
from django_workflow_engine.choices import WorkflowStrategy
from django_workflow_engine.definition import compile_definition
from django_workflow_engine.exceptions import (
    InvalidConfiguration,
    UnknownPipeline,
    WorkflowIncomplete,
)
from django_workflow_engine.models import (
    ActionExecution,
    Pipeline,
    Stage,
    StageRun,
    WorkFlow,
    WorkflowAction,
)
from django_workflow_engine.serializers import (
    PipelineSerializer,
    StageSerializer,
    WorkflowApprovalSerializer,
    WorkFlowSerializer,
)
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    cancel_workflow,
    get_current_stage,
    get_detailed_workflow_data,
    get_workflow_approval_summary,
    get_workflow_attachment,
    get_workflow_pipeline_structure,
    get_workflow_progress,
    get_workflow_statistics,
    register_model_for_workflow,
    start_workflow_for_object,
    validate_completeness,
)
from django_workflow_engine.versions import current_snapshot
from purchasing.models import PurchaseRequest, User
from tests.factories import (
    DynamicFormFactory,
    PurchaseRequestFactory,
    UserFactory,
    by_user,
    make_flat_workflow,
    make_pipeline_workflow,
    make_workflow,
    stages_of,
)

pytestmark = pytest.mark.django_db

EVENTS = (
    "after_approve",
    "after_reject",
    "after_resubmission",
    "after_move_stage",
    "after_move_pipeline",
    "on_workflow_complete",
)
NOTE = "tests.testapp.workflow_actions.note"


@pytest.fixture
def ann() -> User:
    return UserFactory.create(username="ann")


@pytest.fixture
def bob() -> User:
    return UserFactory.create(username="bob")


@pytest.fixture
def by_pipelines(ann: User, bob: User) -> WorkFlow:
    """Two approvals in the first pipeline, one in the second."""
    return with_notes(make_pipeline_workflow([[by_user(ann), by_user(bob)], by_user(ann)]))


@pytest.fixture
def flat(ann: User, bob: User) -> WorkFlow:
    return with_notes(make_flat_workflow(by_user(ann), by_user(bob)))


def with_notes(workflow: WorkFlow) -> WorkFlow:
    """A noted action for every event."""
    for event in EVENTS:
        WorkflowAction.objects.create(workflow=workflow, action_type=event, function_path=NOTE)
    return workflow


def attached(workflow: WorkFlow) -> PurchaseRequest:
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, workflow, user=request.requester)
    return request


def due(request: PurchaseRequest) -> list[ActionExecution]:
    rows = ActionExecution.objects.filter(attachment__object_id=str(request.pk))
    return list(rows.order_by("pk"))


def visits(request: PurchaseRequest) -> list[tuple[Any, Any, int, str]]:
    rows = StageRun.objects.filter(attachment__object_id=str(request.pk)).order_by("pk")
    return [
        (row.stage and row.stage.name_en, row.pipeline and row.pipeline.name_en, row.round, outcome)
        for row in rows
        for outcome in [row.outcome]
    ]


class TestPipelines:
    def test_object_starts_at_the_first_pipeline(self, by_pipelines: WorkFlow) -> None:  # D-23
        attachment = get_workflow_attachment(attached(by_pipelines))
        assert attachment.status == "in_progress"
        assert attachment.current_pipeline.name_en == "Pipeline 1"
        assert (attachment.current_stage, attachment.next_stage) == (None, None)

    def test_approvals_of_a_pipeline_are_asked_for_in_order(
        self, by_pipelines: WorkFlow, ann: User, bob: User
    ) -> None:
        request = attached(by_pipelines)
        act_on_object(request, "approved", ann)
        assert get_workflow_attachment(request).current_pipeline.name_en == "Pipeline 1"
        after = act_on_object(request, "approved", bob)
        assert after.current_pipeline.name_en == "Pipeline 2"

    def test_only_a_move_of_the_pipeline_is_an_event(  # D-70
        self, by_pipelines: WorkFlow, ann: User, bob: User
    ) -> None:
        request = attached(by_pipelines)
        for person in (ann, bob, ann):
            act_on_object(request, "approved", person)
        assert [row.action_type for row in due(request)] == [
            "after_approve",
            "after_approve",
            "after_move_pipeline",
            "after_approve",
            "on_workflow_complete",
        ]

    def test_events_name_the_pipelines_and_no_stage(
        self, by_pipelines: WorkFlow, ann: User, bob: User
    ) -> None:
        request = attached(by_pipelines)
        for person in (ann, bob):
            act_on_object(request, "approved", person)
        first, second = Pipeline.objects.filter(workflow__is_hidden=True).order_by("order")
        context = due(request)[-1].context
        assert (context["previous_pipeline_id"], context["pipeline_id"]) == (first.pk, second.pk)
        assert (context["previous_stage_id"], context["stage_id"]) == (None, None)

    def test_actions_of_the_pipeline_come_before_those_of_the_workflow(
        self, by_pipelines: WorkFlow, ann: User
    ) -> None:
        first = by_pipelines.pipelines.get(order=1)
        WorkflowAction.objects.create(
            pipeline=first, action_type="after_approve", function_path=f"{NOTE}", order=7
        )
        request = attached(by_pipelines)
        act_on_object(request, "approved", ann)
        assert [row.action.pipeline.name_en for row in due(request)] == ["Pipeline 1"]

    def test_visits_are_of_the_pipelines(
        self, by_pipelines: WorkFlow, ann: User, bob: User
    ) -> None:
        request = attached(by_pipelines)
        for person in (ann, bob):
            act_on_object(request, "approved", person)
        act_on_object(request, "rejected", ann)
        assert visits(request) == [
            (None, "Pipeline 1", 1, "approved"),
            (None, "Pipeline 2", 1, "rejected"),
        ]

    @pytest.mark.parametrize("of_template", [True, False])
    def test_going_back_names_the_pipeline_of_template_or_snapshot(
        self, by_pipelines: WorkFlow, ann: User, bob: User, of_template: bool
    ) -> None:
        request = attached(by_pipelines)
        for person in (ann, bob):
            act_on_object(request, "approved", person)
        first = Pipeline.objects.get(order=1, workflow__is_hidden=not of_template)
        after = act_on_object(request, "resubmission", ann, pipeline_id=first.pk)
        assert after.current_pipeline.name_en == "Pipeline 1"
        assert visits(request)[-1] == (None, "Pipeline 1", 2, "")
        assert due(request)[-1].context["resubmission_pipeline_id"] == after.current_pipeline_id

    def test_going_back_is_refused_without_a_pipeline_behind_it(
        self, by_pipelines: WorkFlow, ann: User
    ) -> None:
        request = attached(by_pipelines)
        second = by_pipelines.pipelines.get(order=2)
        with pytest.raises(InvalidInput, match=r"^pipeline_id: resubmission needs the pipeline"):
            act_on_object(request, "resubmission", ann)
        with pytest.raises(UnknownPipeline, match="comes after the current pipeline"):
            act_on_object(request, "resubmission", ann, pipeline_id=second.pk)
        with pytest.raises(UnknownPipeline, match=r"There is no pipeline 0 .*\(Pipeline 1\)"):
            act_on_object(request, "resubmission", ann, pipeline_id=0)
        with pytest.raises(InvalidInput, match=r"^stage_id: this workflow does not ask"):
            act_on_object(request, "resubmission", ann, stage_id=1)

    def test_stages_do_not_take_the_key_of_a_pipeline(self, ann: User) -> None:
        workflow = make_workflow([[by_user(ann)]])
        with pytest.raises(InvalidInput, match=r"^pipeline_id: this workflow does not ask"):
            act_on_object(
                attached(workflow), "resubmission", ann, pipeline_id=workflow.pipelines.get().pk
            )

    def test_progress_counts_pipelines(self, by_pipelines: WorkFlow, ann: User, bob: User) -> None:
        request = attached(by_pipelines)
        for person in (ann, bob):
            act_on_object(request, "approved", person)
        assert get_workflow_progress(by_pipelines, request) == {
            "status": "in_progress",
            "progress_percentage": 50,
            "completed_stages": 1,
            "total_stages": 2,
            "current_stage": None,
            "current_pipeline": "Pipeline 2",
            "next_stage": None,
        }
        assert get_current_stage(request) is None

    def test_stage_field_of_the_object_gets_the_name_of_the_pipeline(
        self, by_pipelines: WorkFlow
    ) -> None:
        register_model_for_workflow(PurchaseRequest, stage_field="current_stage")
        request = attached(by_pipelines)
        request.refresh_from_db()
        assert request.current_stage == "Pipeline 1"


class TestFlat:
    def test_object_is_at_no_stage_and_no_pipeline(self, flat: WorkFlow) -> None:  # D-23
        attachment = get_workflow_attachment(attached(flat))
        assert attachment.status == "in_progress"
        assert (attachment.current_stage, attachment.current_pipeline) == (None, None)

    def test_is_completed_by_its_last_approval(self, flat: WorkFlow, ann: User, bob: User) -> None:
        request = attached(flat)
        assert get_workflow_progress(flat, request)["progress_percentage"] == 0
        act_on_object(request, "approved", ann)
        after = act_on_object(request, "approved", bob)
        assert after.status == "completed"
        assert get_workflow_progress(flat, request)["progress_percentage"] == 100
        events = [row.action_type for row in due(request)]
        assert events == ["after_approve", "after_approve", "on_workflow_complete"]
        assert visits(request) == [(None, None, 1, "approved")]

    def test_going_back_begins_anew_and_takes_no_place(
        self, flat: WorkFlow, ann: User, bob: User
    ) -> None:
        request = attached(flat)
        act_on_object(request, "approved", ann)
        act_on_object(request, "resubmission", bob, reason="Unclear")
        assert visits(request) == [(None, None, 1, "resubmission"), (None, None, 2, "")]
        assert act_on_object(request, "approved", ann).status == "in_progress"
        with pytest.raises(InvalidInput, match=r"^stage_id: this workflow does not ask"):
            act_on_object(request, "resubmission", bob, stage_id=1)

    def test_rejection_and_cancelling_end_the_visit(self, flat: WorkFlow, ann: User) -> None:
        rejected, cancelled = attached(flat), attached(flat)
        assert act_on_object(rejected, "rejected", ann).status == "rejected"
        assert cancel_workflow(cancelled).status == "cancelled"
        assert [row[-1] for row in visits(rejected)] == ["rejected"]
        assert [row[-1] for row in visits(cancelled)] == ["cancelled"]

    def test_started_later_it_runs_the_same(self, flat: WorkFlow, ann: User) -> None:
        request = PurchaseRequestFactory.create()
        attach_workflow_to_object(request, flat, auto_start=False)
        assert get_workflow_progress(flat, request)["completed_stages"] == 0
        start_workflow_for_object(request)
        act_on_object(request, "approved", ann)
        assert len(due(request)) == 1


class TestSnapshot:
    def test_takes_strategy_and_configuration_over(
        self, by_pipelines: WorkFlow, flat: WorkFlow
    ) -> None:
        for template in (by_pipelines, flat):
            snapshot = compile_definition(current_snapshot(template).pk)
            stored = compile_definition(template.pk)
            assert snapshot.strategy == stored.strategy
            assert [place.approvals for place in snapshot.places] == [
                place.approvals for place in stored.places
            ]

    @pytest.mark.parametrize("make", [make_pipeline_workflow, make_flat_workflow])
    def test_of_a_changed_configuration_is_another(self, make: Any, ann: User, bob: User) -> None:
        template = make([by_user(ann)]) if make is make_pipeline_workflow else make(by_user(ann))
        before = current_snapshot(template)
        row = template.pipelines.first() or template
        field = "pipeline_info" if isinstance(row, Pipeline) else "workflow_info"
        setattr(row, field, {"approvals": [by_user(bob)]})
        row.save()
        after = current_snapshot(template)
        assert after.pk != before.pk
        assert compile_definition(after.pk).first.approvals[0].user_id == bob.pk


class TestCompleteness:  # K20
    def test_complete_ones_lack_nothing(self, by_pipelines: WorkFlow, flat: WorkFlow) -> None:
        assert validate_completeness(by_pipelines) == {}
        assert validate_completeness(flat) == {}

    def test_says_what_is_missing_at_each_level(self, ann: User) -> None:
        assert validate_completeness(make_flat_workflow(name_en="Leave")) == {
            "Leave": "The workflow has no approvals."
        }
        assert validate_completeness(make_pipeline_workflow([[], by_user(ann)])) == {
            "Pipeline 1": "The pipeline has no approvals."
        }
        assert validate_completeness(make_pipeline_workflow([], name_en="Leave")) == {
            "Leave": "The workflow has no pipelines."
        }

    def test_says_what_has_no_place_there(self, ann: User) -> None:
        asked = {"approvals": [by_user(ann)]}
        in_stages = make_workflow([[by_user(ann)]], name_en="Leave", workflow_info=asked)
        in_stages.pipelines.update(pipeline_info=asked)
        unasked = "The approvals here are never asked for: people are asked elsewhere."
        assert validate_completeness(in_stages) == {"Leave": unasked, "Pipeline 1": unasked}
        in_stages.strategy = WorkflowStrategy.PIPELINE
        in_stages.save()
        assert validate_completeness(in_stages) == {
            "Leave": unasked,
            "Pipeline 1": "There are stages, but people are asked in pipelines.",
        }
        in_stages.strategy = WorkflowStrategy.WORKFLOW
        in_stages.save()
        assert validate_completeness(in_stages) == {
            "Leave": "There are pipelines, but the workflow itself asks people."
        }

    def test_says_what_went_around_the_checks(self, flat: WorkFlow) -> None:
        WorkFlow.objects.filter(pk=flat.pk).update(workflow_info={"approvals": [{}], "x": 1})
        assert list(validate_completeness(flat)) == [
            "Purchase approval, x",
            "Purchase approval, approvals[0].approval_type",
        ]

    def test_keeps_objects_off_and_leaves_nothing(self, ann: User) -> None:
        request = PurchaseRequestFactory.create()
        workflow = make_pipeline_workflow([by_user(ann), []])
        with pytest.raises(WorkflowIncomplete) as caught:
            attach_workflow_to_object(request, workflow)
        assert caught.value.errors == {"Pipeline 2": "The pipeline has no approvals."}
        assert get_workflow_attachment(request) is None

    def test_is_asked_for_again_when_an_attached_object_starts(
        self, by_pipelines: WorkFlow
    ) -> None:
        request = PurchaseRequestFactory.create()
        with pytest.warns(UserWarning, match="disable_clone"):
            attach_workflow_to_object(request, by_pipelines, auto_start=False, disable_clone=True)
        by_pipelines.pipelines.filter(order=2).update(pipeline_info={})
        with pytest.raises(WorkflowIncomplete, match="Pipeline 2"):
            start_workflow_for_object(request)
        assert get_workflow_attachment(request).status == "not_started"

    @pytest.mark.parametrize("size", [6, 100])
    def test_takes_four_statements_at_most(
        self, size: int, ann: User, statements: Callable[..., Any]
    ) -> None:
        workflow = make_pipeline_workflow([by_user(ann)] * size)
        with statements() as seen:
            assert validate_completeness(workflow) == {}
        assert seen.count == 4, seen


class TestForm:
    @pytest.fixture
    def stage(self, ann: User, bob: User) -> Stage:
        approvals = [by_user(ann), by_user(bob, step_approval_type="move")]
        return stages_of(make_workflow([[approvals]]))[0]

    def test_of_the_stage_is_asked_for_where_an_approval_names_none(
        self, stage: Stage, ann: User, bob: User
    ) -> None:
        own, of_stage = DynamicFormFactory.create(), DynamicFormFactory.create()
        stage.form_info = {"required_form": of_stage.pk}
        stage.stage_info = {
            "approvals": [
                by_user(ann),
                by_user(ann, required_form=own.pk),
                by_user(bob, step_approval_type="move"),
            ]
        }
        stage.save()
        place = compile_definition(stage.template_id()).first
        assert [approval.form_id for approval in place.approvals] == [of_stage.pk, own.pk, None]
        request = attached(stage.pipeline.workflow)
        row = get_workflow_attachment(request).flow.instances.current().get()
        assert row.form == of_stage

    def test_makes_something_to_submit_complete(self, stage: Stage, ann: User) -> None:
        stage.stage_info = {"approvals": [by_user(ann, step_approval_type="submit")]}
        with pytest.raises(InvalidConfiguration) as caught:
            stage.save()
        assert list(caught.value.errors) == ["approvals[0].required_form"]
        stage.form_info = {"required_form": DynamicFormFactory.create().pk}
        stage.save()

    @pytest.mark.parametrize(
        ("form_info", "path"),
        [
            ({"required_form": 0}, "form_info.required_form"),
            ({"required_form": []}, "form_info.required_form"),
            ({"form": 1}, "form_info.form"),
            ([], "form_info"),
        ],
    )
    def test_that_cannot_be_used_is_refused(self, stage: Stage, form_info: Any, path: str) -> None:
        stage.form_info = form_info
        with pytest.raises(InvalidConfiguration) as caught:
            stage.save()
        assert list(caught.value.errors) == [path]


@pytest.mark.parametrize("info", [[], None, {"approvals": "x"}, {"color": "#123456"}])
def test_configuration_of_the_wrong_shape_is_refused_at_every_level(info: Any) -> None:
    workflow = make_workflow()
    pipeline = workflow.pipelines.get()
    pipeline.pipeline_info = workflow.workflow_info = info
    for row in (pipeline, workflow):
        with pytest.raises(InvalidConfiguration):
            row.save()


def test_references_are_checked_at_every_level(ann: User) -> None:
    gone = {"approvals": [{"approval_type": "USER", "approval_user": 0}]}
    with pytest.raises(InvalidConfiguration, match=r"approvals\[0\].approval_user"):
        make_flat_workflow(*gone["approvals"])
    pipeline = make_pipeline_workflow([by_user(ann)]).pipelines.get()
    pipeline.pipeline_info = gone
    with pytest.raises(InvalidConfiguration, match=r"approvals\[0\].approval_user"):
        pipeline.save()


class TestSerializers:
    def test_pipelines_that_ask_people_are_written_and_shown(self, ann: User) -> None:  # D-51
        serializer = WorkFlowSerializer(
            data={
                "name_en": "Leave",
                "strategy": "pipeline",
                "pipelines": [
                    {"name_en": "HR", "pipeline_info": {"approvals": [by_user(ann)]}},
                ],
            }
        )
        workflow = serializer.save()
        assert validate_completeness(workflow) == {}
        shown = WorkFlowSerializer(workflow).data
        assert (shown["strategy"], shown["workflow_info"]) == ("pipeline", {})
        assert shown["pipelines"][0]["pipeline_info"] == {"approvals": [by_user(ann)]}

    def test_workflow_that_asks_people_is_written_and_shown(self, ann: User) -> None:
        data = {
            "name_en": "Leave",
            "strategy": "workflow",
            "workflow_info": {"approvals": [{"approval_type": "user", "approval_user": ann.pk}]},
        }
        workflow = WorkFlowSerializer(data=data).save()
        assert workflow.workflow_info == {"approvals": [by_user(ann)]}
        assert WorkFlowSerializer(workflow).data["strategy"] == "workflow"

    @pytest.mark.parametrize(
        ("data", "path"),
        [
            ({"strategy": "workflow", "pipelines": [{"name_en": "A"}]}, ["pipelines"]),
            (
                {"strategy": "pipeline", "pipelines": [{"name_en": "A", "number_of_stages": 2}]},
                ["pipelines", 0, "stages"],
            ),
            ({"workflow_info": {"approvals": ["ASK"]}}, ["workflow_info", "approvals"]),
            (
                {"pipelines": [{"name_en": "A", "pipeline_info": {"approvals": ["ASK"]}}]},
                ["pipelines", 0, "pipeline_info", "approvals"],
            ),
        ],
    )
    def test_what_the_strategy_has_no_place_for_is_refused_by_path(
        self, ann: User, data: dict[str, Any], path: list[Any]
    ) -> None:
        data = deepcopy(data)
        for info in (data, *data.get("pipelines", ())):
            for field in ("workflow_info", "pipeline_info"):
                if field in info:
                    info[field] = {"approvals": [by_user(ann)]}
        with pytest.raises(ValidationError) as caught:
            WorkFlowSerializer(data={"name_en": "Leave", **data}).save()
        found: Any = caught.value.detail
        for name in path:
            found = found[name]
        assert len(found) == 1
        assert not WorkFlow.objects.exists()

    def test_rows_by_themselves_are_held_to_the_strategy_too(
        self, by_pipelines: WorkFlow, flat: WorkFlow
    ) -> None:
        pipeline = by_pipelines.pipelines.get(order=1)
        stage = StageSerializer(data={"name_en": "New", "pipeline_id": pipeline.pk})
        with pytest.raises(ValidationError) as caught:
            stage.save()
        assert list(caught.value.detail) == ["pipeline_id"]
        other = PipelineSerializer(data={"name_en": "New", "workflow_id": flat.pk})
        with pytest.raises(ValidationError) as caught:
            other.save()
        assert list(caught.value.detail) == ["workflow_id"]
        change = PipelineSerializer(pipeline, data={"stages": [{"name_en": "New"}]}, partial=True)
        with pytest.raises(ValidationError) as caught:
            change.save()
        assert list(caught.value.detail) == ["stages"]

    def test_form_of_a_stage_and_its_approvals_are_judged_together(self, ann: User) -> None:
        stage = stages_of(make_workflow([[by_user(ann)]]))[0]
        submit = {"approvals": [by_user(ann, step_approval_type="submit")]}
        form = {"required_form": DynamicFormFactory.create().pk}
        with pytest.raises(ValidationError) as caught:
            StageSerializer(stage, data={"stage_info": submit}, partial=True).save()
        assert list(caught.value.detail["stage_info"]) == ["approvals[0].required_form"]
        StageSerializer(stage, data={"form_info": form}, partial=True).save()
        StageSerializer(stage, data={"stage_info": submit}, partial=True).save()
        with pytest.raises(ValidationError) as caught:
            StageSerializer(stage, data={"form_info": {"required_form": 0}}, partial=True).save()
        assert list(caught.value.detail["form_info"]) == ["required_form"]

    @pytest.mark.parametrize("size", [6, 100])
    def test_writing_takes_the_same_statements_for_any_number_of_pipelines(
        self, size: int, ann: User, statements: Callable[..., Any]
    ) -> None:
        pipelines = [{"name_en": "P", "pipeline_info": {"approvals": [by_user(ann)]}}]
        data = {"name_en": "Leave", "strategy": "pipeline", "pipelines": pipelines * size}
        with statements() as seen:
            WorkFlowSerializer(data=data).save()
        assert seen.count <= 12, seen

    def test_sending_back_through_the_serializer_names_the_pipeline(
        self, by_pipelines: WorkFlow, ann: User, rf: Any
    ) -> None:
        request = attached(by_pipelines)
        http = rf.post("/")
        http.user = ann
        first, second = by_pipelines.pipelines.order_by("order")

        def send_back(pipeline_id: Any) -> Any:
            data = {"action": "NEEDS_RESUBMISSION", "pipeline_id": pipeline_id}
            return WorkflowApprovalSerializer(
                instance=request, data=data, context={"request": http}
            ).save()

        with pytest.raises(ValidationError) as caught:
            send_back(second.pk)
        assert list(caught.value.detail) == ["pipeline_id"]
        assert send_back(first.pk).current_pipeline.cloned_from == first


class TestData:
    def test_pipelines_that_ask_people_show_whom(self, by_pipelines: WorkFlow) -> None:
        data = get_detailed_workflow_data(by_pipelines.pk)  # D-36
        assert data["workflow_summary"]["total_approvals"] == 3
        first, second = data["pipelines"]
        assert (first["approvals_count"], first["has_approvals"]) == (2, True)
        shown = second["approval_configuration"]["approvals"][0]
        assert shown["approval_type_display"] == "User-specific Approval"
        structure = get_workflow_pipeline_structure(by_pipelines.pk)["pipelines"]
        assert [pipeline["approvals_count"] for pipeline in structure] == [2, 1]

    def test_workflow_that_asks_people_shows_whom(self, flat: WorkFlow) -> None:
        data = get_detailed_workflow_data(flat.pk)
        assert (data["approvals_count"], data["pipelines"]) == (2, [])
        assert data["workflow_summary"]["total_approvals"] == 2
        assert get_workflow_pipeline_structure(flat.pk) == {"pipelines": [], "approvals_count": 2}

    def test_summaries_count_where_people_are_asked(  # D-42
        self, by_pipelines: WorkFlow, flat: WorkFlow
    ) -> None:
        summary = get_workflow_approval_summary(by_pipelines.pk)
        assert summary["by_type"]["USER"] == summary["total_approvals"] == 3
        assert [each["total_approvals"] for each in summary["by_pipeline"]] == [2, 1]
        assert get_workflow_approval_summary(flat.pk)["by_type"]["USER"] == 2
        overview = get_workflow_statistics()["overview"]
        assert (overview["total_approvals"], overview["avg_approvals_per_stage"]) == (5, 0.0)

    def test_approvals_that_are_never_asked_for_do_not_count(self, by_pipelines: WorkFlow) -> None:
        WorkFlow.objects.filter(pk=by_pipelines.pk).update(strategy="stage")
        assert get_workflow_approval_summary(by_pipelines.pk)["total_approvals"] == 0
