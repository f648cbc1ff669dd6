"""Models of the purchasing app, one subject a module."""

from purchasing.models.forms import DynamicForm
from purchasing.models.people import Department, Role, User
from purchasing.models.requests import PurchaseRequest

__all__ = ["Department", "DynamicForm", "PurchaseRequest", "Role", "User"]
