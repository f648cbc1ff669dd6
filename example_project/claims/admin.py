"""Claims in the admin."""

from django.contrib import admin

from claims.models import Claim


@admin.register(Claim)
class ClaimAdmin(admin.ModelAdmin):
    """Claims and where they stand."""

    list_display = ("damage", "amount", "claimant", "status", "current_stage")
    list_filter = ("status",)
    list_select_related = ("claimant",)
    search_fields = ("damage",)
    autocomplete_fields = ("claimant",)
    readonly_fields = ("status", "current_stage")
