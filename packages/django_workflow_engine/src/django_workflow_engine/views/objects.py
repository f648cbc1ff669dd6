"""The objects of a project that requests name: for who may view objects of their model."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from approval_workflow.api.keys import key_in_url, model_name
from approval_workflow.api.permissions import require


def object_named(user: Any, object_type: str, object_id: str) -> Model:
    """The object named, if the user may view objects of its model."""
    app_label, name = model_name(object_type)
    kind = ContentType.objects.filter(app_label=app_label, model=name).first()
    model = None if kind is None else kind.model_class()
    if model is None:
        raise ValidationError({"object_type": [_("There is no such model.")]})
    found = _find(model, object_id)
    # Who may not view them is not told which there are.
    require(may_view(user, found if found is not None else model))
    if found is None:
        raise ValidationError({"object_id": [_("There is no such object.")]})
    return found


def _find(model: type[Model], key: str) -> Model | None:
    try:
        return model._default_manager.filter(pk=key_in_url(model, key)).first()
    except ValueError:
        return None


def may_view(user: Any, what: Model | type[Model]) -> bool:
    """Whether the user may view objects of this model, or this object."""
    permission = f"{what._meta.app_label}.view_{what._meta.model_name}"
    on_object = isinstance(what, Model) and user.has_perm(permission, what)
    return bool(user.has_perm(permission) or on_object)
