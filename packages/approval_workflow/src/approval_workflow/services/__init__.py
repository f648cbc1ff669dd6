"""What can be done with a flow: one verb a module, each one transaction."""

from approval_workflow.services.advance import advance_flow
from approval_workflow.services.approve import approve
from approval_workflow.services.bulk import BulkResult, advance_many
from approval_workflow.services.cancel import cancel_flow
from approval_workflow.services.claim import claim, release
from approval_workflow.services.delegate import delegate
from approval_workflow.services.escalate import escalate
from approval_workflow.services.extend import extend_flow
from approval_workflow.services.hold import hold_flow, resume_flow
from approval_workflow.services.preview import StepPreview, preview_steps
from approval_workflow.services.proceed import continue_flow
from approval_workflow.services.purge import purge_flows
from approval_workflow.services.reassign import reassign
from approval_workflow.services.reject import reject
from approval_workflow.services.replace import replace_steps
from approval_workflow.services.resubmit import request_resubmission
from approval_workflow.services.start import start_flow
from approval_workflow.services.substitute import end_substitution, substitute
from approval_workflow.services.timeouts import SweepResult, process_deadlines, remind
from approval_workflow.services.undo import undo_decision

__all__ = [
    "BulkResult",
    "StepPreview",
    "SweepResult",
    "advance_flow",
    "advance_many",
    "approve",
    "cancel_flow",
    "claim",
    "continue_flow",
    "delegate",
    "end_substitution",
    "escalate",
    "extend_flow",
    "hold_flow",
    "preview_steps",
    "process_deadlines",
    "purge_flows",
    "reassign",
    "reject",
    "release",
    "remind",
    "replace_steps",
    "request_resubmission",
    "resume_flow",
    "start_flow",
    "substitute",
    "undo_decision",
]
