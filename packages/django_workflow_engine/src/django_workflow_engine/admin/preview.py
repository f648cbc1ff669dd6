"""Who would be asked for an object, before anything is started on it."""

from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.auth import get_permission_codename
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from approval_workflow.admin.people import person_field
from django_workflow_engine.admin.builder.labelled import LabelledMixin
from django_workflow_engine.conf import settings
from django_workflow_engine.exceptions import InvalidConfiguration
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.services import preview_approvers


class PreviewForm(LabelledMixin, forms.Form):
    """Asks for an object, and for whoever would start the workflow on it."""

    model = forms.ChoiceField(label=_("type of object"))
    key = forms.CharField(
        label=_("key of the object"),
        max_length=255,
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off"}),
        help_text=_("As in the address of its page."),
    )

    def __init__(self, site: AdminSite, request: HttpRequest, data: Any = None) -> None:
        super().__init__(data)
        self._models = {model._meta.label_lower: model for model in _visible_models(request)}
        field: Any = self.fields["model"]
        field.choices = sorted(
            ((label, str(model._meta.verbose_name)) for label, model in self._models.items()),
            key=lambda choice: choice[1],
        )
        relation = WorkFlow._meta.get_field("company")
        person = person_field(relation, site, request, str(_("started by")))
        person.required = False
        self.fields["started_by"] = person
        self.order_fields(["model", "key", "started_by"])

    def css_of(self, name: str) -> str:
        return "wb-person"

    def is_marked(self, name: str) -> bool:
        return self.fields[name].required

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        model = self._models.get(cleaned.get("model", ""))
        if model is not None and cleaned.get("key"):
            try:
                cleaned["obj"] = model._default_manager.get(pk=cleaned["key"])
            except (ObjectDoesNotExist, ValueError, ValidationError):
                self.add_error(
                    "key", _("There is none with the key '%(key)s'.") % {"key": cleaned["key"]}
                )
        return cleaned


def preview_context(site: AdminSite, request: HttpRequest, workflow: WorkFlow) -> dict[str, Any]:
    """Return the form, and once it is filled in who would be asked, place by place."""
    form = PreviewForm(site, request, request.GET if "key" in request.GET else None)
    context: dict[str, Any] = {"form": form, "places": None, "problems": {}}
    if form.is_bound and form.is_valid():
        obj, user = form.cleaned_data["obj"], form.cleaned_data["started_by"] or request.user
        context |= {"obj": obj, "started_by": user}
        try:
            context["places"] = _by_place(preview_approvers(workflow, obj, user))
        except InvalidConfiguration as error:
            context["problems"] = dict(error.errors)
    return context


def _by_place(previews: list[Any]) -> list[tuple[str, list[Any]]]:
    places: dict[Any, tuple[str, list[Any]]] = {}
    for preview in previews:
        _label, rows = places.setdefault(id(preview.place), (preview.place.label, []))
        rows.append(preview)
    return list(places.values())


def _visible_models(request: HttpRequest) -> list[type[Model]]:
    """The models that workflows can be attached to, and whose objects this person may see."""
    found = []
    for content_type in ContentType.objects.order_by("app_label", "model"):
        model = content_type.model_class()
        if model is not None and settings.is_enabled(model) and _may_view(request, model):
            found.append(model)
    return found


def _may_view(request: HttpRequest, model: type[Model]) -> bool:
    label = model._meta.app_label
    codenames = (get_permission_codename(verb, model._meta) for verb in ("view", "change"))
    return any(request.user.has_perm(f"{label}.{codename}") for codename in codenames)
