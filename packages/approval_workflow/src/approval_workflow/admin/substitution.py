"""Who stands in for whom: named and ended through the services, never edited."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, Field, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from approval_workflow.admin.errors import argument_and_message
from approval_workflow.admin.managed import ManagedAdmin
from approval_workflow.admin.people import person_field, person_lookup
from approval_workflow.exceptions import InvalidInput
from approval_workflow.models import ApprovalFlow, Substitution
from approval_workflow.services import end_substitution, substitute

if TYPE_CHECKING:
    BaseForm = forms.ModelForm[Substitution]
else:
    BaseForm = forms.ModelForm

# The fields of the form by the arguments of the service.
FIELDS = {"by": "substitute", "models": "content_types"}


class SubstitutionForm(BaseForm):
    """Asks what `substitute` wants to know, and shows what it refuses at the field."""

    class Meta:
        model = Substitution
        fields = ("person", "substitute", "starts_at", "ends_at", "content_types")

    def _post_clean(self) -> None:
        # In place of the model's own checks: the service checks under a lock, and writes.
        if self.errors:
            return
        typed = self.cleaned_data
        try:
            self.instance = substitute(
                typed["person"],
                typed["substitute"],
                starts_at=typed["starts_at"],
                ends_at=typed["ends_at"],
                models=[kind.model_class() for kind in typed["content_types"]],
            )
        except InvalidInput as error:
            argument, message = argument_and_message(error)
            field = FIELDS.get(argument or "", argument)
            self.add_error(field if field in self.fields else None, message)

    def save(self, commit: bool = True) -> Substitution:
        """Return what the service has written."""
        return self.instance

    def save_m2m(self) -> None:
        """Written by the service already."""


class StateFilter(admin.SimpleListFilter):
    """Substitutions that hold now, later, or not any more."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("now", _("holds now")),
            ("later", _("to come")),
            ("ended", pgettext("substitution", "ended")),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Substitution]
    ) -> QuerySet[Substitution]:
        now = timezone.now()
        states = {
            "now": Q(starts_at__lte=now, ends_at__gt=now),
            "later": Q(starts_at__gt=now),
            "ended": Q(ends_at__lte=now),
        }
        return queryset.filter(states.get(self.value() or "", Q()))


@admin.register(Substitution)
class SubstitutionAdmin(ManagedAdmin):
    """Stand-ins. Adding takes the permission to add them, ending the one to change them."""

    form = SubstitutionForm
    add_fields = ("person", "substitute", "starts_at", "ends_at", "content_types")
    shown_fields = ("person", "substitute", "starts_at", "ends_at", "scope", "state", "created_at")
    list_display = ("person", "substitute", "starts_at", "ends_at", "scope", "state")
    list_filter = (StateFilter, "for_all_models", "starts_at")
    list_select_related = ("person", "substitute")
    ordering = ("-starts_at", "-pk")
    actions = managed = ("end_now",)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return (person_lookup("person"), person_lookup("substitute"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Substitution]:
        kinds = Prefetch("content_types", ContentType.objects.order_by("app_label", "model"))
        substitutions: QuerySet[Substitution] = super().get_queryset(request)
        return substitutions.prefetch_related(kinds)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("approval_workflow.add_substitution")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.add_fields if obj is None else self.shown_fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else self.shown_fields

    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name in {"person", "substitute"}:
            label = str(db_field.verbose_name).capitalize()
            return person_field(db_field, self.admin_site, request, label)
        if db_field.name == "content_types":
            return forms.ModelMultipleChoiceField(
                _approved_kinds(),
                label=_("Only for"),
                help_text=_("Nothing chosen: for everything."),
                required=False,
                widget=forms.CheckboxSelectMultiple,
            )
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "starts_at":
            field.required, field.initial, field.show_hidden_initial = False, None, False
            field.help_text = _("Empty: from now on.")
        return field

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        found = context["original"]
        ended = found is None or found.ends_at <= timezone.now()
        context["may_end"] = not ended and self.has_manage_permission(request)
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.action(description=gettext_lazy("End selected substitutions"), permissions=["manage"])
    def end_now(self, request: HttpRequest, substitutions: QuerySet[Substitution]) -> None:
        """End substitutions; those that have not begun go away."""
        running = list(substitutions.filter(ends_at__gt=timezone.now()))
        for substitution in running:
            self.log_change(request, substitution, _("Ended."))
            end_substitution(substitution)
        text = ngettext(
            "%(count)s substitution was ended.", "%(count)s substitutions were ended.", len(running)
        )
        level = messages.SUCCESS if running else messages.WARNING
        self.message_user(request, text % {"count": len(running)}, level)

    @admin.display(description=gettext_lazy("only for"))
    def scope(self, substitution: Substitution) -> str:
        if substitution.for_all_models:
            return _("everything")
        return ", ".join(kind.name for kind in substitution.content_types.all())

    @admin.display(description=gettext_lazy("state"))
    def state(self, substitution: Substitution) -> str:
        now = timezone.now()
        if substitution.holds_at(now):
            return _("holds now")
        if substitution.starts_at > now:
            return _("to come")
        return pgettext("substitution", "ended")


def _approved_kinds() -> QuerySet[ContentType]:
    """The installed models whose objects have had flows."""
    flows = ApprovalFlow.objects.filter(content_type=OuterRef("pk"))
    kinds = ContentType.objects.filter(Exists(flows)).order_by("app_label", "model")
    return kinds.filter(pk__in=[kind.pk for kind in kinds if kind.model_class() is not None])
