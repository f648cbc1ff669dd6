"""Tickets in the admin."""

from django.contrib import admin

from support.models import Ticket


@admin.register(Ticket)
class TicketAdmin(admin.ModelAdmin):
    """Tickets and where they stand."""

    list_display = ("title", "priority", "status", "created_by")
    list_filter = ("status", "priority")
    list_select_related = ("created_by",)
    search_fields = ("title",)
    autocomplete_fields = ("created_by",)
    readonly_fields = ("status",)
