"""The form of a whole workflow."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django import forms
from django.forms.utils import ErrorList
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.builder.actions import WorkflowActionFormSet
from django_workflow_engine.admin.builder.configured import PlaceForm
from django_workflow_engine.admin.builder.nesting import BELOW
from django_workflow_engine.admin.builder.pipelines import PipelineFormSet
from django_workflow_engine.admin.builder.vocabulary import Vocabulary
from django_workflow_engine.admin.builder.ways import code_mistakes
from django_workflow_engine.choices import WorkflowStrategy
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.schemas import validate_approvals_info

# What is said of rows at a level that the strategy leaves out.
MISPLACED = {
    WorkflowStrategy.STAGE: _("People are asked in stages: remove this, or choose another place."),
    WorkflowStrategy.PIPELINE: _(
        "People are asked in pipelines: remove this, or choose another place."
    ),
    WorkflowStrategy.WORKFLOW: _(
        "People are asked in the workflow itself: remove this, or choose another place."
    ),
}


class WorkFlowForm(PlaceForm):
    """A workflow with all that it is made of.

    `seen_revision` is the revision that the page was made from: what somebody else has stored since
    then is not overwritten.
    """

    info_field = "workflow_info"

    # Set on the subclass that is made for a request.
    page_vocabulary: Vocabulary

    seen_revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = WorkFlow
        fields = (
            "name_en",
            "name_ar",
            "slug",
            "company",
            "status",
            "is_active",
            "strategy",
            "creates_permissions",
        )
        help_texts: ClassVar[Mapping[str, Any]] = {
            "creates_permissions": _(
                "Starting, viewing and deciding take permissions that are made for this workflow."
            )
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, vocabulary=self.page_vocabulary, **kwargs)
        if not self.is_new:
            self.initial["seen_revision"] = self.instance.revision

    def make_children(self) -> Mapping[str, Any]:
        children = {
            "approvals": self.approvals_below(),
            "pipelines": self.child(
                PipelineFormSet, "pipelines", instance=self.instance, extra=int(self.is_new)
            ),
        }
        if self.vocabulary.may_edit_actions:
            children["actions"] = self.child(
                WorkflowActionFormSet, "actions", instance=self.instance
            )
        return children

    def own_changes(self) -> list[str]:
        return [name for name in super().own_changes() if name != "seen_revision"]

    def non_field_errors(self) -> ErrorList:
        # The page says by itself that there are errors below.
        return self.error_class(self.own_errors(), error_class="nonfield", renderer=self.renderer)

    def clean(self) -> dict[str, Any]:
        self._refuse_if_outdated()
        cleaned = super().clean()
        if "strategy" in cleaned:
            self._refuse_misplaced(cleaned["strategy"])
            stages = self._stages(cleaned["strategy"])
            self._refuse_unknown_codes(stages)
        return cleaned

    def set_info(self, info: dict[str, Any], cleaned: dict[str, Any]) -> None:
        self.instance.workflow_info = validate_approvals_info(info)

    def _post_clean(self) -> None:
        if not self.errors:
            super()._post_clean()
            return
        # What the page says is not all of it: that the slug is taken is told beside other errors.
        self.instance = forms.models.construct_instance(self, self.instance, self.Meta.fields)
        self.validate_unique()

    def _refuse_misplaced(self, strategy: str) -> None:
        """Refuse what is at a level where nobody would be asked."""
        rows = list(self._misplaced(strategy))
        for row in rows:
            row.add_error(None, MISPLACED[WorkflowStrategy(strategy)])
        if rows:
            self.add_error(
                None, forms.ValidationError(_("Please correct the errors below."), code=BELOW)
            )

    def _stages(self, strategy: str) -> list[Any]:
        """The stages that people are asked in, as the page has them."""
        if strategy != WorkflowStrategy.STAGE:
            return []
        return [
            stage
            for pipeline in self.children["pipelines"].kept()
            for stage in pipeline.children["stages"].kept()
        ]

    def _refuse_unknown_codes(self, stages: list[Any]) -> None:
        """Refuse codes that two stages have, and routes to stages that are not there."""
        if self.errors:
            return
        for row, field, message in code_mistakes(stages):
            row.add_error(field, message)
        if any(stage.errors or not stage.children["routes"].is_valid() for stage in stages):
            self.add_error(
                None, forms.ValidationError(_("Please correct the errors below."), code=BELOW)
            )

    def _misplaced(self, strategy: str) -> Iterator[Any]:
        pipelines = self.children["pipelines"].kept()
        if strategy == WorkflowStrategy.WORKFLOW:
            yield from pipelines
            return
        yield from self.children["approvals"].kept()
        left_out = "approvals" if strategy == WorkflowStrategy.STAGE else "stages"
        for pipeline in pipelines:
            yield from pipeline.children[left_out].kept()

    def _refuse_if_outdated(self) -> None:
        """Lock the workflow, and see that nobody has changed it since the page was opened."""
        if self.is_new:
            return
        stored = WorkFlow._base_manager.select_for_update().filter(pk=self.instance.pk)
        revision = stored.values_list("revision", flat=True).first()
        if revision != self.cleaned_data.get("seen_revision"):
            self.add_error(
                None,
                forms.ValidationError(
                    _(
                        "Somebody has changed this workflow since you opened this page. Open it"
                        " again, and make your changes there; nothing has been stored."
                    ),
                    code="outdated",
                ),
            )
