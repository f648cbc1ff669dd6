"""The core's pages in the admin: everything can be looked at, nothing can be edited.

Flows change through the services alone, which lock, check and record; a form that writes rows
would go round all three. Managers' actions ask for a reason and call those services.
"""

from approval_workflow.admin.event import ApprovalEventAdmin
from approval_workflow.admin.flow import ApprovalFlowAdmin
from approval_workflow.admin.instance import ApprovalInstanceAdmin
from approval_workflow.admin.substitution import SubstitutionAdmin

__all__ = [
    "ApprovalEventAdmin",
    "ApprovalFlowAdmin",
    "ApprovalInstanceAdmin",
    "SubstitutionAdmin",
]
