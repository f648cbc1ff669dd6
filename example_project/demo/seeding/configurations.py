"""Which status field of which model follows its workflow, and with which values."""

from dataclasses import dataclass

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from claims.models import Claim, ClaimStatus
from crm.models import Opportunity, OpportunityStatus
from demo.seeding.tally import Tally
from django_workflow_engine.models import WorkflowConfiguration
from django_workflow_engine.services import register_model_for_workflow
from purchasing.models import PurchaseRequest
from support.models import Ticket, TicketStatus


@dataclass(frozen=True, kw_only=True)
class StatusSpec:
    """The fields of a model that follow its workflow, and their values."""

    model: type[Model]
    status_field: str
    stage_field: str
    started: str
    completed: str
    rejected: str


STATUSES = (
    # Requests start by themselves through AUTO_START_WORKFLOWS, from an amount on.
    StatusSpec(
        model=PurchaseRequest,
        status_field="workflow_status",
        stage_field="current_stage",
        started="in_progress",
        completed="approved",
        rejected="denied",
    ),
    StatusSpec(
        model=Opportunity,
        status_field="status",
        stage_field="current_stage",
        started=OpportunityStatus.IN_PROGRESS,
        completed=OpportunityStatus.WON,
        rejected=OpportunityStatus.LOST,
    ),
    StatusSpec(
        model=Ticket,
        status_field="status",
        stage_field="",
        started=TicketStatus.IN_PROGRESS,
        completed=TicketStatus.CLOSED,
        rejected=TicketStatus.CANCELLED,
    ),
    StatusSpec(
        model=Claim,
        status_field="status",
        stage_field="current_stage",
        started=ClaimStatus.IN_PROGRESS,
        completed=ClaimStatus.APPROVED,
        rejected=ClaimStatus.REJECTED,
    ),
)


def seed_configurations(tally: Tally) -> None:
    """Register each model once; values changed in the admin afterwards are kept."""
    for spec in STATUSES:
        content_type = ContentType.objects.get_for_model(spec.model)
        missing = not WorkflowConfiguration.objects.filter(content_type=content_type).exists()
        if missing:
            _register(spec, content_type)
        tally.add("status configurations", missing)


def _register(spec: StatusSpec, content_type: ContentType) -> None:
    register_model_for_workflow(
        spec.model,
        auto_start=False,
        status_field=spec.status_field,
        stage_field=spec.stage_field,
    )
    configuration = WorkflowConfiguration.objects.get(content_type=content_type)
    configuration.start_status_value = spec.started
    configuration.completion_status_value = spec.completed
    configuration.rejection_status_value = spec.rejected
    configuration.save()
