"""Forms in the admin."""

from django.contrib import admin

from purchasing.models import DynamicForm


@admin.register(DynamicForm)
class DynamicFormAdmin(admin.ModelAdmin):
    """Forms and their schemas."""

    list_display = ("name", "description")
    search_fields = ("name", "description")
