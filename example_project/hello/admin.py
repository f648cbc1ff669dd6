"""Greetings in the admin."""

from django.contrib import admin

from hello.models import HelloRequest


@admin.register(HelloRequest)
class HelloRequestAdmin(admin.ModelAdmin):
    """Greetings, and which of them went out."""

    list_display = ("text", "requester", "approved", "sent_at")
    list_filter = ("approved",)
    list_select_related = ("requester",)
    search_fields = ("text",)
    autocomplete_fields = ("requester",)
    readonly_fields = ("sent_at",)
