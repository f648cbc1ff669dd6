"""Purchase requests on the wire."""

from rest_framework import serializers

from purchasing.models import PurchaseRequest


class PurchaseRequestSerializer(serializers.ModelSerializer[PurchaseRequest]):
    """A purchase request; who asks and where it stands are not the client's to say."""

    requester = serializers.SlugRelatedField("username", read_only=True)

    class Meta:
        model = PurchaseRequest
        fields = (
            "id",
            "title",
            "amount",
            "description",
            "requester",
            "created_at",
            "workflow_status",
            "current_stage",
        )
        read_only_fields = ("created_at", "workflow_status", "current_stage")
        extra_kwargs = {"amount": {"min_value": 0}}
