"""Tickets on the wire."""

from rest_framework import serializers

from support.models import Ticket


class TicketSerializer(serializers.ModelSerializer[Ticket]):
    """A ticket; its status is the workflow's to set."""

    created_by = serializers.SlugRelatedField("username", read_only=True)

    class Meta:
        model = Ticket
        fields = ("id", "title", "priority", "created_by", "status")
        read_only_fields = ("status",)
