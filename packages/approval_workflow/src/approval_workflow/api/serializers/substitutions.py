"""Stand-ins that a person has named."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils.translation import gettext as _
from rest_framework import serializers

from approval_workflow.api.fields import ModelName, Moment, Person
from approval_workflow.api.keys import model_name
from approval_workflow.api.serializers.shown import ShownPerson
from approval_workflow.api.serializers.strict import StrictSerializer
from approval_workflow.models import Substitution

MOST_MODELS = 50


class ApprovalSubstitutionSerializer(serializers.Serializer[Substitution]):
    """Who stands in for the person who asks, and when."""

    id = serializers.IntegerField()
    substitute = ShownPerson("substitute")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    for_all_models = serializers.BooleanField()
    models = serializers.SerializerMethodField(help_text="as 'app.model', unless for all")

    def get_models(self, substitution: Substitution) -> list[str]:
        kinds = substitution.content_types.all()
        return sorted(f"{kind.app_label}.{kind.model}" for kind in kinds)


class ApprovalNewSubstitutionSerializer(StrictSerializer):
    """A stand-in for the person who asks."""

    substitute = Person(source="by", help_text="key of the user who stands in")
    starts_at = Moment(required=False, help_text="now, unless given")
    ends_at = Moment()
    models = serializers.ListField(
        child=ModelName(),
        required=False,
        max_length=MOST_MODELS,
        help_text="objects of these models ('app.model'); none: everything",
    )

    def validate_models(self, names: list[str]) -> list[type[Model]]:
        models = [_model(name) for name in names]
        errors: dict[Any, Any] = {
            index: [_("There is no such model.")]
            for index, model in enumerate(models)
            if model is None
        }
        if errors:
            raise serializers.ValidationError(errors)
        return [model for model in models if model is not None]


def _model(name: str) -> type[Model] | None:
    app_label, model = model_name(name)
    kind = ContentType.objects.filter(app_label=app_label, model=model).first()
    return kind.model_class() if kind is not None else None
