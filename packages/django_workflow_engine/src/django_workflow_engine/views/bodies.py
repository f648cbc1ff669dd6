"""Bodies of the requests that do something."""

from django.contrib.auth import get_user_model

from approval_workflow.api.fields import (
    Comment,
    Flag,
    JsonObject,
    Key,
    ModelName,
    Person,
    Reason,
    Text,
)
from approval_workflow.api.filters import LONGEST_OBJECT_KEY
from approval_workflow.api.serializers.strict import StrictSerializer
from django_workflow_engine.models import Pipeline, Stage, WorkFlow
from django_workflow_engine.views.fields import ActionWord, PlaceNamed

LONGEST_STATUS = 100


def _workflow_model() -> type[WorkFlow]:
    return WorkFlow


def _stage_model() -> type[Stage]:
    return Stage


def _pipeline_model() -> type[Pipeline]:
    return Pipeline


class WorkflowObjectSerializer(StrictSerializer):
    """An object of the project."""

    object_type = ModelName(help_text="app.model")
    object_id = Text(max_length=LONGEST_OBJECT_KEY, help_text="key of the object, as text")


class WorkflowNewAttachmentSerializer(WorkflowObjectSerializer):
    """An object that is put on a workflow."""

    workflow = Key(_workflow_model, help_text="key of a template")
    auto_start = Flag(required=False, default=True, help_text="false: wait for `start`")
    metadata = JsonObject(required=False, help_text="kept with the attachment")


class WorkflowNothingSerializer(StrictSerializer):
    """Nothing needs to be said."""


class WorkflowDecisionSerializer(StrictSerializer):
    """What the person decides; the keys are those of `WorkflowApprovalSerializer`."""

    action = ActionWord()
    form_data = JsonObject(
        required=False, allow_null=True, default=None, help_text="what the step's form asks for"
    )
    reason = Comment()
    stage_id = Key(
        _stage_model,
        required=False,
        allow_null=True,
        default=None,
        help_text="where resubmission goes back to: key in the template or in the version",
    )
    pipeline_id = Key(
        _pipeline_model,
        required=False,
        allow_null=True,
        default=None,
        help_text="the same, where pipelines ask people",
    )
    user_id = Key(
        get_user_model,
        required=False,
        allow_null=True,
        default=None,
        help_text="key of the user to delegate to",
    )


class WorkflowCancellationSerializer(StrictSerializer):
    reason = Reason()


class WorkflowHoldSerializer(StrictSerializer):
    reason = Reason()


class WorkflowResumptionSerializer(StrictSerializer):
    reason = Reason()


class WorkflowWithdrawalSerializer(StrictSerializer):
    reason = Comment()


class WorkflowRestartSerializer(StrictSerializer):
    reason = Reason()


class WorkflowJumpSerializer(StrictSerializer):
    stage_id = PlaceNamed(help_text="where the object is sent: key or code of a stage")
    reason = Reason()


class WorkflowSkipSerializer(StrictSerializer):
    stage_id = PlaceNamed(
        required=False,
        allow_null=True,
        default=None,
        help_text="key or code of a stage; needed where the object is at several",
    )
    reason = Reason()


class WorkflowNewApproverSerializer(StrictSerializer):
    """One more person who is asked."""

    user_id = Person(source="approver", help_text="key of the user")
    reason = Reason()


class WorkflowStatusChangeSerializer(StrictSerializer):
    """One of a stage's own statuses; the keys are those of `WorkflowStatusSerializer`."""

    status = Text(max_length=LONGEST_STATUS)
    context_data = JsonObject(required=False, help_text="what conditions may name besides")
    reason = Comment()
    stage_id = PlaceNamed(
        required=False,
        allow_null=True,
        default=None,
        help_text="key or code of a stage; needed where the object is at several with statuses",
    )


class WorkflowUndoSerializer(StrictSerializer):
    reason = Comment()


class WorkflowSimulationSerializer(WorkflowObjectSerializer):
    """An object, and what conditions are to take for known."""

    metadata = JsonObject(required=False)
    form_data = JsonObject(required=False)
    results = JsonObject(required=False, help_text="of jobs, by the code of their stage")
    context_data = JsonObject(required=False)
