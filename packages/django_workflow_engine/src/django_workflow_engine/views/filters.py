"""What the lists can be narrowed down by, and put in order by. What cannot be read is a 400."""

from typing import Any

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from approval_workflow.api.filters import (
    by_object,
    choice,
    moment,
    ordering,
    parameter,
    person_key,
    row_key,
)
from approval_workflow.inbox import waiting_for
from django_workflow_engine.choices import (
    ActionType,
    AttachmentStatus,
    ExecutionStatus,
    TaskKind,
    WorkflowStatus,
    WorkflowStrategy,
)

FLAGS = {"true": True, "false": False}
LONGEST_SEARCH = 200
LONGEST_SLUG = 200


def _flag(text: str) -> bool:
    try:
        return FLAGS[text]
    except KeyError:
        raise ValueError(text) from None


def flag(**options: Any) -> Any:
    return parameter(_flag, {"type": "boolean"}, **options)


def words(longest: int, **options: Any) -> Any:
    def parse(text: str) -> str:
        if not 1 <= len(text) <= longest or "\0" in text:
            raise ValueError(text)
        return text

    return parameter(parse, {"type": "string", "minLength": 1, "maxLength": longest}, **options)


class WorkflowFilter(filters.FilterSet):
    status = choice(WorkflowStatus.values)
    strategy = choice(WorkflowStrategy.values)
    is_active = flag()
    company = person_key(field_name="company_id")
    slug = words(LONGEST_SLUG)
    search = words(LONGEST_SEARCH, method="with_words")
    ordering = ordering("name_en", "name_ar", "created_at", "updated_at", "id")

    def with_words(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Those with the text in one of their names, or in the slug, in any case."""
        names = Q(name_en__icontains=value) | Q(name_ar__icontains=value)
        return rows.filter(names | Q(slug__icontains=value))


class AttachmentFilter(filters.FilterSet):
    status = choice(AttachmentStatus.values)
    workflow = row_key(method="of_workflow")
    object_type, object_id = by_object(field_name="object_id")
    started_by = person_key(field_name="started_by_id")
    waiting_for_me = flag(method="waiting")
    created_after = moment(field_name="created_at", lookup_expr="gte")
    created_before = moment(field_name="created_at", lookup_expr="lt")
    ordering = ordering("created_at", "started_at", "completed_at", "id")

    def of_type(self, rows: QuerySet[Any], name: str, value: tuple[str, str]) -> QuerySet[Any]:
        return rows.filter(content_type__app_label=value[0], content_type__model=value[1])

    def of_workflow(self, rows: QuerySet[Any], name: str, value: int) -> QuerySet[Any]:
        """Those on any version of a template, or on one version."""
        return rows.filter(Q(workflow_id=value) | Q(workflow__cloned_from_id=value))

    def waiting(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """Those with an open step that the person may decide, or without one."""
        user = getattr(self.request, "user", None)
        flows = waiting_for(user).order_by().values("flow")
        return rows.filter(flow__in=flows) if value else rows.exclude(flow__in=flows)


class ExecutionFilter(filters.FilterSet):
    status = choice(ExecutionStatus.values)
    action_type = choice([*ActionType.values, *TaskKind.values])
    attachment = row_key(field_name="attachment_id")
    created_after = moment(field_name="created_at", lookup_expr="gte")
    created_before = moment(field_name="created_at", lookup_expr="lt")
    ordering = ordering("created_at", "run_after", "finished_at", "id")
