"""What can be done with workflows: the import path that the documentation prints."""

from django_workflow_engine.services._permissions import require_trust_with_statuses
from django_workflow_engine.services.act import act_on_object, cancel_workflow
from django_workflow_engine.services.attach import attach_workflow_to_object
from django_workflow_engine.services.cancel import cancel_attachment
from django_workflow_engine.services.control import (
    add_approver,
    hold_workflow,
    jump_to_stage,
    restart_workflow,
    resume_workflow,
    skip_stage,
    undo_last_decision,
    withdraw_workflow,
)
from django_workflow_engine.services.data import (
    get_detailed_workflow_data,
    get_workflow_approval_summary,
    get_workflow_pipeline_structure,
    get_workflow_statistics,
)
from django_workflow_engine.services.delete import delete_workflow
from django_workflow_engine.services.migrate import (
    MigratedAttachment,
    MigrationReport,
    migrate_running,
)
from django_workflow_engine.services.preview import ApproverPreview, preview_approvers
from django_workflow_engine.services.progress import (
    attachment_progress,
    get_attached_object,
    get_current_stage,
    get_workflow_attachment,
    get_workflow_progress,
)
from django_workflow_engine.services.publish import publish_version
from django_workflow_engine.services.registration import register_model_for_workflow, workflows_for
from django_workflow_engine.services.run_statistics import (
    export_run_statistics_csv,
    get_run_statistics,
)
from django_workflow_engine.services.same_run import same_run
from django_workflow_engine.services.simulate import SimulatedStep, Simulation, simulate
from django_workflow_engine.services.start import start_workflow_for_object
from django_workflow_engine.services.statuses import update_stage_status
from django_workflow_engine.services.validation import validate_completeness
from django_workflow_engine.services.version_list import Version, versions_of

__all__ = [
    "ApproverPreview",
    "MigratedAttachment",
    "MigrationReport",
    "SimulatedStep",
    "Simulation",
    "Version",
    "act_on_object",
    "add_approver",
    "attach_workflow_to_object",
    "attachment_progress",
    "cancel_attachment",
    "cancel_workflow",
    "delete_workflow",
    "export_run_statistics_csv",
    "get_attached_object",
    "get_current_stage",
    "get_detailed_workflow_data",
    "get_run_statistics",
    "get_workflow_approval_summary",
    "get_workflow_attachment",
    "get_workflow_pipeline_structure",
    "get_workflow_progress",
    "get_workflow_statistics",
    "hold_workflow",
    "jump_to_stage",
    "migrate_running",
    "preview_approvers",
    "publish_version",
    "register_model_for_workflow",
    "require_trust_with_statuses",
    "restart_workflow",
    "resume_workflow",
    "same_run",
    "simulate",
    "skip_stage",
    "start_workflow_for_object",
    "undo_last_decision",
    "update_stage_status",
    "validate_completeness",
    "versions_of",
    "withdraw_workflow",
    "workflows_for",
]
