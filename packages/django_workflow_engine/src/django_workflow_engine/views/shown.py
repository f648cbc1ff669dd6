"""What answers show. Nothing is read here: the views fetch first."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approval_workflow.api.serializers.history import ApprovalEventSerializer
from approval_workflow.api.serializers.shown import (
    ApprovalPersonSerializer,
    ShownPerson,
    shown_person,
    shown_target,
)
from django_workflow_engine.choices import (
    ActionExecutionMode,
    ActionType,
    AttachmentStatus,
    ExecutionStatus,
    FailurePolicy,
    StageOutcome,
    TaskKind,
    WorkflowStrategy,
)
from django_workflow_engine.models import (
    ActionExecution,
    StageRun,
    WorkFlow,
    WorkflowAttachment,
)
from django_workflow_engine.services import (
    ApproverPreview,
    SimulatedStep,
    Simulation,
    Version,
    attachment_progress,
)
from django_workflow_engine.views.fields import Named


class WorkflowPlaceSerializer(serializers.Serializer[Any]):
    """A stage or a pipeline of the version that an object runs on."""

    id = serializers.IntegerField()
    template_id = serializers.IntegerField(
        source="cloned_from_id",
        allow_null=True,
        help_text="key in the template; null where that is gone, or where the template itself runs",
    )
    name_en = serializers.CharField()
    name_ar = serializers.CharField(allow_blank=True)


class WorkflowNameSerializer(serializers.Serializer[WorkFlow]):
    """The template that an object runs on."""

    id = serializers.IntegerField(help_text="key of the template")
    slug = serializers.CharField(allow_null=True)
    name_en = serializers.CharField()
    name_ar = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField(
        allow_null=True, help_text="number of the version; null where the template itself runs"
    )


class WorkflowAttachmentSerializer(serializers.Serializer[WorkflowAttachment]):
    """Where one object stands in the workflow that it runs on."""

    id = serializers.IntegerField()
    target = shown_target()
    workflow = serializers.SerializerMethodField()
    status = Named(AttachmentStatus)
    current_pipeline = WorkflowPlaceSerializer(allow_null=True)
    current_stage = WorkflowPlaceSerializer(allow_null=True)
    next_stage = WorkflowPlaceSerializer(allow_null=True)
    started_by = ShownPerson("started_by")
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    metadata = serializers.DictField()
    hold_reason = serializers.CharField(allow_blank=True, help_text="empty unless it is on hold")
    held_at = serializers.DateTimeField(allow_null=True)
    flow = serializers.IntegerField(
        source="flow_id", allow_null=True, help_text="key of the approval flow, once it has begun"
    )

    @extend_schema_field(WorkflowNameSerializer)
    def get_workflow(self, attachment: WorkflowAttachment) -> Any:
        runs_on = attachment.workflow
        template = runs_on.cloned_from or runs_on
        return {
            "id": template.pk,
            "slug": template.slug,
            "name_en": template.name_en,
            "name_ar": template.name_ar,
            "version": runs_on.version,
        }


class WorkflowProgressSerializer(serializers.Serializer[Any]):
    """How far a run has come; names are the English ones."""

    status = Named(AttachmentStatus)
    progress_percentage = serializers.IntegerField()
    completed_stages = serializers.IntegerField()
    total_stages = serializers.IntegerField()
    current_stage = serializers.CharField(allow_null=True)
    current_pipeline = serializers.CharField(allow_null=True)
    next_stage = serializers.CharField(allow_null=True)


class WorkflowTaskSerializer(serializers.Serializer[ActionExecution]):
    """A job or a timer that an object waits for."""

    id = serializers.IntegerField(help_text="key of the execution, which `replay` takes")
    kind = Named(TaskKind, source="action_type")
    status = Named(ExecutionStatus)
    attempts = serializers.IntegerField()
    run_after = serializers.DateTimeField()
    error = serializers.SerializerMethodField(help_text="for who may view executions; else empty")
    can_replay = serializers.SerializerMethodField()

    def get_error(self, task: ActionExecution) -> str:
        return task.error if self.context["sees_executions"] else ""

    def get_can_replay(self, task: ActionExecution) -> bool:
        failed = task.status in (ExecutionStatus.FAILED, ExecutionStatus.DEAD)
        return failed and bool(self.context["replays_executions"])


class WorkflowOpenVisitSerializer(serializers.Serializer[Any]):
    """Where an object is now: one place, or one in each branch."""

    pipeline = WorkflowPlaceSerializer(source="visit.pipeline", allow_null=True)
    stage = WorkflowPlaceSerializer(source="visit.stage", allow_null=True)
    code = serializers.CharField(allow_blank=True, help_text="what routes and conditions call it")
    round = serializers.IntegerField(source="visit.round")
    entered_at = serializers.DateTimeField(source="visit.entered_at")
    status = serializers.CharField(
        source="visit.status", allow_blank=True, help_text="one of the stage's own statuses"
    )
    finished_at = serializers.DateTimeField(
        source="visit.finished_at", allow_null=True, help_text="when what it waits for had come"
    )
    problem = serializers.CharField(
        source="visit.problem", allow_blank=True, help_text="why the object could not go on"
    )
    tasks = WorkflowTaskSerializer(source="visit.waiting", many=True)


class WorkflowAttachmentDetailSerializer(WorkflowAttachmentSerializer):
    """A run with its progress, where it is, and whether the person who asks may decide now."""

    open_visits = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    can_act = serializers.SerializerMethodField()

    @extend_schema_field(WorkflowOpenVisitSerializer(many=True))
    def get_open_visits(self, attachment: WorkflowAttachment) -> Any:
        found = self.context["open_visits"]
        return WorkflowOpenVisitSerializer(found, many=True, context=self.context).data

    @extend_schema_field(WorkflowProgressSerializer)
    def get_progress(self, attachment: WorkflowAttachment) -> Any:
        return WorkflowProgressSerializer(attachment_progress(attachment)).data

    def get_can_act(self, attachment: WorkflowAttachment) -> bool:
        return bool(self.context["can_act"])


class WorkflowExecutedSerializer(serializers.Serializer[ActionExecution]):
    """An action that had been executed for a decision that was undone."""

    id = serializers.IntegerField()
    action_type = Named(ActionType)
    function_path = serializers.CharField()
    compensation = serializers.CharField(
        allow_blank=True, help_text="the function that takes its effect back; empty: it stands"
    )


class WorkflowUndoneSerializer(serializers.Serializer[Any]):
    """A run as it is after the last decision was undone."""

    attachment = WorkflowAttachmentDetailSerializer()
    executed = WorkflowExecutedSerializer(many=True)


class WorkflowVisitSerializer(serializers.Serializer[StageRun]):
    """One visit of a stage, or of what asks people in its place."""

    pipeline = WorkflowPlaceSerializer(allow_null=True)
    stage = WorkflowPlaceSerializer(allow_null=True)
    round = serializers.IntegerField()
    entered_at = serializers.DateTimeField()
    left_at = serializers.DateTimeField(allow_null=True)
    outcome = Named(StageOutcome, allow_blank=True, help_text="empty while the object is there")


class WorkflowTimelineSerializer(serializers.Serializer[Any]):
    """Where an object has been, and what happened, each in order."""

    visits = WorkflowVisitSerializer(many=True)
    history = ApprovalEventSerializer(many=True)


class WorkflowExecutionSerializer(serializers.Serializer[ActionExecution]):
    """One action that became due."""

    id = serializers.IntegerField()
    attachment = serializers.IntegerField(source="attachment_id")
    action = serializers.IntegerField(
        source="action_id", allow_null=True, help_text="null where the action is gone"
    )
    action_type = Named(ActionType, TaskKind)
    function_path = serializers.CharField(allow_blank=True, help_text="empty for timers")
    execution = Named(ActionExecutionMode)
    failure_policy = Named(FailurePolicy)
    status = Named(ExecutionStatus)
    attempts = serializers.IntegerField()
    run_after = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField(allow_blank=True)


class WorkflowExecutionDetailSerializer(WorkflowExecutionSerializer):
    """One action with what it was given and what came of it."""

    transition = serializers.UUIDField(help_text="the same for all that became due together")
    position = serializers.IntegerField(help_text="order within the transition")
    parameters = serializers.DictField()
    context = serializers.DictField()  # type: ignore[assignment]  # fields are no attributes
    result = serializers.JSONField(allow_null=True)
    log = serializers.ListField(child=serializers.DictField(), help_text="one entry an attempt")


class WorkflowCompletenessSerializer(serializers.Serializer[Any]):
    """Whether objects can run on a template."""

    complete = serializers.BooleanField()
    errors = serializers.DictField(  # type: ignore[assignment]  # fields are no attributes
        child=serializers.CharField(), help_text="what is missing, by place"
    )


class WorkflowVersionSerializer(serializers.Serializer[Version]):
    """One version of a template."""

    number = serializers.IntegerField()
    id = serializers.IntegerField(source="workflow.pk", help_text="key of what objects run on")
    created_at = serializers.DateTimeField()
    changed_by = ShownPerson(
        "changed_by", source="workflow", help_text="who made the last change before it, if known"
    )
    is_current = serializers.BooleanField()
    running = serializers.IntegerField(help_text="objects on it now")
    attachments = serializers.IntegerField(help_text="objects that ever were on it")


class WorkflowStageSketchSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name_en = serializers.CharField()
    color = serializers.CharField(allow_blank=True)
    approvals_count = serializers.IntegerField()


class WorkflowPipelineSketchSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name_en = serializers.CharField()
    stages = WorkflowStageSketchSerializer(many=True)


class WorkflowStructureSerializer(serializers.Serializer[Any]):
    """Pipelines and stages, as a diagram needs them."""

    pipelines = WorkflowPipelineSketchSerializer(many=True)


class WorkflowPipelineSummarySerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name_en = serializers.CharField()
    stages_count = serializers.IntegerField()
    total_approvals = serializers.IntegerField()
    by_type = serializers.DictField(child=serializers.IntegerField())


class WorkflowSummarySerializer(serializers.Serializer[Any]):
    """How many approvals a workflow asks for, and of which kind."""

    total_approvals = serializers.IntegerField()
    by_type = serializers.DictField(child=serializers.IntegerField())
    by_strategy = serializers.DictField(child=serializers.IntegerField())
    by_pipeline = WorkflowPipelineSummarySerializer(many=True)


class WorkflowStatisticsSerializer(serializers.Serializer[Any]):
    """Numbers of templates."""

    overview = serializers.DictField(child=serializers.FloatField())
    by_company = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        help_text="by the company's name",
    )


class WorkflowPreviewSerializer(serializers.Serializer[ApproverPreview]):
    """Who would be asked in one approval of a place."""

    level = Named(WorkflowStrategy, source="place.level", help_text="what the place is")
    id = serializers.IntegerField(source="place.template_id", help_text="of the place")
    name_en = serializers.CharField(source="place.name_en")
    name_ar = serializers.CharField(source="place.name_ar")
    people = serializers.SerializerMethodField()
    needed = serializers.IntegerField(
        help_text="how many of them must approve; 0: something is wrong"
    )
    reason = serializers.CharField()

    @extend_schema_field(ApprovalPersonSerializer(many=True))
    def get_people(self, preview: ApproverPreview) -> Any:
        return [shown_person(person, person.pk) for person in preview.people]


class WorkflowSimulatedStepSerializer(serializers.Serializer[SimulatedStep]):
    """One place on the way that an object would take."""

    level = Named(WorkflowStrategy, source="place.level", help_text="what the place is")
    id = serializers.IntegerField(source="place.template_id", help_text="of the place")
    code = serializers.CharField(source="place.code", allow_blank=True)
    name_en = serializers.CharField(source="place.name_en")
    name_ar = serializers.CharField(source="place.name_ar", allow_blank=True)
    branch = serializers.CharField(
        source="place.branch", allow_blank=True, help_text="which of those that run side by side"
    )
    kind = serializers.CharField(
        source="kind.value",
        help_text="`approval`, `job`, `timer`, `status`, `passed_over` or `approves_itself`",
    )
    reason = serializers.CharField(
        allow_blank=True, help_text="the condition by which it is passed over or approves itself"
    )
    route = serializers.CharField(
        allow_blank=True, help_text="the condition of the route that leads on; empty: in order"
    )
    approvers = WorkflowPreviewSerializer(many=True)


class WorkflowSimulatedSerializer(serializers.Serializer[Simulation]):
    """The way that an object would take, if everybody approves."""

    is_completed = serializers.BooleanField(help_text="false: it would be held before the end")
    reason = serializers.CharField(allow_blank=True, help_text="why it would be held")
    steps = WorkflowSimulatedStepSerializer(many=True)


class WorkflowRunStatisticsSerializer(serializers.Serializer[Any]):
    """How runs go. The keys are those of `get_run_statistics`."""

    as_of = serializers.DateTimeField()
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    overview = serializers.DictField(child=serializers.IntegerField())
    stages = serializers.ListField(child=serializers.DictField())
    bottleneck = serializers.DictField(allow_null=True)
    deadlines = serializers.DictField()
    people = serializers.ListField(child=serializers.DictField())
