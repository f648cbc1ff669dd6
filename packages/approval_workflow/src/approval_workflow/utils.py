"""The import path that the documentation prints. No logic lives here."""

from approval_workflow.explain import Explanation, explain_approvers
from approval_workflow.history import export_history
from approval_workflow.inbox import waiting_for
from approval_workflow.permissions import can_act, can_user_approve
from approval_workflow.queries import (
    get_approval_flow,
    get_current_approval,
    get_full_approvals,
    get_next_approval,
    timeline,
)
from approval_workflow.repository import (
    ApprovalRepository,
    get_approval_repository,
    get_approval_summary,
)

__all__ = [
    "ApprovalRepository",
    "Explanation",
    "can_act",
    "can_user_approve",
    "explain_approvers",
    "export_history",
    "get_approval_flow",
    "get_approval_repository",
    "get_approval_summary",
    "get_current_approval",
    "get_full_approvals",
    "get_next_approval",
    "timeline",
    "waiting_for",
]
