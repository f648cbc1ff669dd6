"""Pipelines and stages of all templates, to be searched; they are edited with their workflow."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from approval_workflow.admin.read_only import ReadOnlyAdmin
from approval_workflow.admin.targets import link_to
from django_workflow_engine.admin.builder.outline import approvals_in
from django_workflow_engine.models import Pipeline, Stage


@admin.register(Pipeline)
class PipelineAdmin(ReadOnlyAdmin):
    """Where each pipeline belongs."""

    list_display = ("name_en", "name_ar", "workflow_link", "order")
    list_select_related = ("workflow",)
    ordering = ("workflow__name_en", "workflow", "order", "pk")
    search_fields = ("name_en", "name_ar", "workflow__name_en", "workflow__name_ar")
    fields = ("name_en", "name_ar", "workflow_link", "order")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pipeline]:
        pipelines: QuerySet[Pipeline] = super().get_queryset(request)
        return pipelines.filter(workflow__is_hidden=False).select_related("workflow")

    @admin.display(description=_("workflow"), ordering="workflow__name_en")
    def workflow_link(self, pipeline: Pipeline) -> str:
        return link_to(self.admin_site, pipeline.workflow)


@admin.register(Stage)
class StageAdmin(ReadOnlyAdmin):
    """Where each stage belongs, and how many approvals it asks for."""

    list_display = ("name_en", "name_ar", "pipeline_name", "workflow_link", "order", "approvals")
    ordering = ("pipeline__workflow__name_en", "pipeline__order", "pipeline", "order", "pk")
    search_fields = (
        "name_en",
        "name_ar",
        "pipeline__name_en",
        "pipeline__name_ar",
        "pipeline__workflow__name_en",
        "pipeline__workflow__name_ar",
    )
    fields = ("name_en", "name_ar", "pipeline_name", "workflow_link", "order", "approvals")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stage]:
        stages: QuerySet[Stage] = super().get_queryset(request)
        templates = stages.filter(pipeline__workflow__is_hidden=False)
        return templates.select_related("pipeline__workflow")

    @admin.display(description=_("pipeline"), ordering="pipeline__name_en")
    def pipeline_name(self, stage: Stage) -> Any:
        return stage.pipeline

    @admin.display(description=_("workflow"), ordering="pipeline__workflow__name_en")
    def workflow_link(self, stage: Stage) -> str:
        return link_to(self.admin_site, stage.pipeline.workflow)

    @admin.display(description=_("approvals"))
    def approvals(self, stage: Stage) -> int:
        return len(approvals_in(stage.stage_info))
