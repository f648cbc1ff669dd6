"""The tables of the core."""

from approval_workflow.models.event import ApprovalEvent
from approval_workflow.models.flow import ApprovalFlow
from approval_workflow.models.instance import ApprovalInstance
from approval_workflow.models.rotation import RoleTurn
from approval_workflow.models.substitution import Substitution

__all__ = ["ApprovalEvent", "ApprovalFlow", "ApprovalInstance", "RoleTurn", "Substitution"]
