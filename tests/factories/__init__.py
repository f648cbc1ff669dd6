"""What tests make: people, roles, objects, and workflows of any shape."""

from tests.factories.objects import OpportunityFactory, PurchaseRequestFactory, TicketFactory
from tests.factories.people import (
    DepartmentFactory,
    DynamicFormFactory,
    RoleFactory,
    UserFactory,
    make_role,
)
from tests.factories.workflows import (
    by_role,
    by_user,
    make_flat_workflow,
    make_large_workflow,
    make_pipeline_workflow,
    make_workflow,
    stages_of,
)

__all__ = [
    "DepartmentFactory",
    "DynamicFormFactory",
    "OpportunityFactory",
    "PurchaseRequestFactory",
    "RoleFactory",
    "TicketFactory",
    "UserFactory",
    "by_role",
    "by_user",
    "make_flat_workflow",
    "make_large_workflow",
    "make_pipeline_workflow",
    "make_role",
    "make_workflow",
    "stages_of",
]
