"""Many flows or workflows as copies of one, with all their rows."""

from approval_workflow.models import ApprovalFlow
from benchmarks.copying import NewKeys, analyse, copy, new_uuid
from django_workflow_engine.models import WorkflowAttachment

_OF_COPY = {"object_id": "'copy ' || number"}


def copy_flow(flow: ApprovalFlow, number: int) -> None:
    """Insert so many copies of a flow with its steps and history."""
    _copy_flow(flow, number)
    analyse()


def copy_workflow(attachment: WorkflowAttachment, number: int) -> None:
    """Insert so many copies of an attachment with its visits and actions, and of its flow."""
    flows = _copy_flow(attachment.flow, number)
    one = WorkflowAttachment.objects.filter(pk=attachment.pk)
    runs = copy(one, number, **_OF_COPY, flow_id=flows.of_copy("flow_id"))
    of_run = {"attachment_id": runs.of_copy("attachment_id")}
    visits = copy(attachment.stage_runs.all(), number, **of_run)
    if attachment.executions.exists():
        visit, transition = visits.of_copy("visit_id"), new_uuid()
        copy(attachment.executions.all(), number, **of_run, visit_id=visit, transition=transition)
    analyse()


def _copy_flow(flow: ApprovalFlow, number: int) -> NewKeys:
    flows = copy(ApprovalFlow.objects.filter(pk=flow.pk), number, **_OF_COPY)
    of_flow = {"flow_id": flows.of_copy("flow_id")}
    steps = copy(flow.instances.all(), number, **of_flow)
    copy(flow.events.all(), number, **of_flow, instance_id=steps.of_copy("instance_id"))
    return flows
