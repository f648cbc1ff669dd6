"""Admin pages of the purchasing app, one subject a module."""

from purchasing.admin.forms import DynamicFormAdmin
from purchasing.admin.people import DepartmentAdmin, RoleAdmin, UserAdmin
from purchasing.admin.requests import PurchaseRequestAdmin

__all__ = ["DepartmentAdmin", "DynamicFormAdmin", "PurchaseRequestAdmin", "RoleAdmin", "UserAdmin"]
