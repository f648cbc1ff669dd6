"""What lists can be narrowed down by, and put in order by. What cannot be understood is a 400."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field

from approval_workflow.api.fields import moment_in
from approval_workflow.api.keys import LARGEST_KEY, MODEL_NAME, key_in_url, key_schema, model_name
from approval_workflow.choices import ApprovalStatus, FlowStatus
from approval_workflow.models import ApprovalFlow

P = TypeVar("P", bound=filters.Filter)

LONGEST_OBJECT_KEY = 255


class Parsed(forms.Field):
    """Text that a function reads. What is there and empty is read, too: it is no value."""

    def __init__(self, parse: Callable[[str], Any], **options: Any) -> None:
        self.parse = parse
        super().__init__(**options)

    def clean(self, value: Any) -> Any:
        if value is None:
            return None
        try:
            return self.parse(value)
        except ValueError as error:
            raise forms.ValidationError(_("This value cannot be used here.")) from error


class Parameter(filters.Filter):
    field_class = Parsed


def parameter(
    parse: Callable[[str], Any], schema: dict[str, Any], help_text: Any = "", **options: Any
) -> Parameter:
    """Return a filter whose value `parse` reads (a `ValueError` is a 400), with its JSON Schema."""
    described = {**schema, "description": str(help_text)} if help_text else schema
    found = Parameter(parse=parse, **options)
    return _described(found, described)


def _described(found: P, schema: dict[str, Any]) -> P:
    return extend_schema_field(schema)(found)  # type: ignore[type-var]  # filters are right, too


def choice(values: Iterable[str], **options: Any) -> Parameter:
    known = [str(value) for value in values]

    def parse(text: str) -> str:
        return known[known.index(text)]

    return parameter(parse, {"type": "string", "enum": known}, **options)


def moment(**options: Any) -> Parameter:
    return parameter(moment_in, {"type": "string", "format": "date-time"}, **options)


def row_key(**options: Any) -> Parameter:
    """A filter by the key of a flow."""
    schema = {"type": "integer", "minimum": 1, "maximum": LARGEST_KEY}
    return parameter(lambda text: key_in_url(ApprovalFlow, text), schema, **options)


def person_key(**options: Any) -> Parameter:
    """A filter by the key of a user; one that nobody has finds nothing."""
    model = get_user_model()
    return parameter(lambda text: key_in_url(model, text), key_schema(model), **options)


def _object_key(text: str) -> str:
    if not 1 <= len(text) <= LONGEST_OBJECT_KEY or "\0" in text:
        raise ValueError(text)
    return text


class Ordering(filters.Filter):
    """`?ordering=name` or `-name`; rows without a value come last either way."""

    field_class = Parsed

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        if value is None:
            return qs
        field = F(value.removeprefix("-"))
        descending = value.startswith("-")
        first = field.desc(nulls_last=True) if descending else field.asc(nulls_last=True)
        return qs.order_by(first, "-pk" if descending else "pk")


def ordering(*names: str) -> Ordering:
    known = [sign + name for name in names for sign in ("", "-")]

    def parse(text: str) -> str:
        return known[known.index(text)]

    found = Ordering(parse=parse)
    return _described(found, {"type": "string", "enum": known})


def by_object(**options: Any) -> tuple[Parameter, Parameter]:
    """Return the filters `object_type` and `object_id`."""
    pattern = {"type": "string", "pattern": MODEL_NAME.pattern.replace(r"\Z", "$")}
    text = {"type": "string", "minLength": 1, "maxLength": LONGEST_OBJECT_KEY}
    return (
        parameter(model_name, pattern, _("app.model"), method="of_type"),
        parameter(_object_key, text, **options),
    )


class FlowFilter(filters.FilterSet):
    status = choice(FlowStatus.values)
    object_type, object_id = by_object(field_name="object_id")
    started_by = person_key(field_name="started_by_id")
    created_after = moment(field_name="created_at", lookup_expr="gte")
    created_before = moment(field_name="created_at", lookup_expr="lt")
    ordering = ordering("created_at", "completed_at", "id")

    def of_type(self, rows: QuerySet[Any], name: str, value: tuple[str, str]) -> QuerySet[Any]:
        return rows.filter(content_type__in=_kinds(value))


class ApprovalFilter(filters.FilterSet):
    status = choice(ApprovalStatus.values)
    flow = row_key(field_name="flow_id")
    object_type, object_id = by_object(field_name="flow__object_id")
    assigned_to = person_key(field_name="assigned_to_id")
    due_after = moment(field_name="due_at", lookup_expr="gte")
    due_before = moment(field_name="due_at", lookup_expr="lt")
    ordering = ordering("due_at", "started_at", "created_at", "id")

    def of_type(self, rows: QuerySet[Any], name: str, value: tuple[str, str]) -> QuerySet[Any]:
        return rows.filter(flow__content_type__in=_kinds(value))


def _kinds(value: tuple[str, str]) -> QuerySet[ContentType]:
    """The content type of that name; none where there is no such model."""
    return ContentType.objects.filter(app_label=value[0], model=value[1])
