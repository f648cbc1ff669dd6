"""Purchase requests in the admin."""

from django.contrib import admin

from purchasing.models import PurchaseRequest


@admin.register(PurchaseRequest)
class PurchaseRequestAdmin(admin.ModelAdmin):
    """Requests and where they stand; the workflow alone moves them."""

    list_display = (
        "title",
        "amount",
        "requester",
        "workflow_status",
        "current_stage",
        "created_at",
    )
    list_filter = ("workflow_status",)
    list_select_related = ("requester",)
    search_fields = ("title", "requester__username")
    autocomplete_fields = ("requester",)
    readonly_fields = ("workflow_status", "current_stage", "created_at")
    date_hierarchy = "created_at"
