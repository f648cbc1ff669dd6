"""Opportunities in the admin."""

from django.contrib import admin

from crm.models import Opportunity


@admin.register(Opportunity)
class OpportunityAdmin(admin.ModelAdmin):
    """Deals and where they stand."""

    list_display = ("name", "amount", "owner", "status", "current_stage")
    list_filter = ("status",)
    list_select_related = ("owner",)
    search_fields = ("name",)
    autocomplete_fields = ("owner",)
    readonly_fields = ("status", "current_stage")
