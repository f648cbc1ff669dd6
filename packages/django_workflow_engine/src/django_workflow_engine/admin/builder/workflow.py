"""The form of a whole workflow."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.utils import ErrorList
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.builder.actions import WorkflowActionFormSet
from django_workflow_engine.admin.builder.nesting import NestedForm
from django_workflow_engine.admin.builder.pipelines import PipelineFormSet
from django_workflow_engine.admin.builder.vocabulary import Vocabulary
from django_workflow_engine.models import WorkFlow


class WorkFlowForm(NestedForm):
    """A workflow with all that it is made of.

    `seen_revision` is the revision that the page was made from: what somebody else has stored since
    then is not overwritten.
    """

    # Set on the subclass that is made for a request.
    page_vocabulary: Vocabulary

    seen_revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = WorkFlow
        fields = ("name_en", "name_ar", "slug", "company", "status", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, vocabulary=self.page_vocabulary, **kwargs)
        if not self.is_new:
            self.initial["seen_revision"] = self.instance.revision

    def make_children(self) -> Mapping[str, Any]:
        children = {
            "pipelines": self.child(
                PipelineFormSet, "pipelines", instance=self.instance, extra=int(self.is_new)
            )
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
        return super().clean()

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
