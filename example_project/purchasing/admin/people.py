"""People, roles and departments in the admin."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.utils.translation import gettext_lazy as _
from mptt.admin import MPTTModelAdmin

from purchasing.models import Department, Role, User


@admin.register(User)
class UserAdmin(BaseUserAdmin):
    """Django's page for users, with role, manager and department."""

    fieldsets = (
        *BaseUserAdmin.fieldsets,
        (_("Organisation"), {"fields": ("role", "head_manager", "department", "language")}),
    )
    list_display = ("username", "first_name", "last_name", "role", "department", "head_manager")
    list_filter = (*BaseUserAdmin.list_filter, "role", "department")
    list_select_related = ("role", "department", "head_manager")
    autocomplete_fields = ("role", "head_manager", "department")


@admin.register(Role)
class RoleAdmin(MPTTModelAdmin):
    """Roles, indented by their place in the tree."""

    list_display = ("name", "name_ar", "lead")
    search_fields = ("name", "name_ar")
    autocomplete_fields = ("lead",)


@admin.register(Department)
class DepartmentAdmin(admin.ModelAdmin):
    """Departments and their heads."""

    list_display = ("name", "name_ar", "head")
    list_select_related = ("head",)
    search_fields = ("name", "name_ar")
    autocomplete_fields = ("head",)
