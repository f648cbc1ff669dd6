"""Opportunities on the wire."""

from rest_framework import serializers

from crm.models import Opportunity


class OpportunitySerializer(serializers.ModelSerializer[Opportunity]):
    """An opportunity; its status is the workflow's to set."""

    owner = serializers.SlugRelatedField("username", read_only=True)

    class Meta:
        model = Opportunity
        fields = ("id", "name", "amount", "owner", "status", "current_stage")
        read_only_fields = ("status", "current_stage")
        extra_kwargs = {"amount": {"min_value": 0}}
