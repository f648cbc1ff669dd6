"""Handlers of the test project that are found by convention."""

from approval_workflow.handlers import BaseApprovalHandler


class SlugDocumentApprovalHandler(BaseApprovalHandler):
    """Tells a list, which the test that looks at it empties."""

    told: list[tuple[str, int]] = []

    def on_approve(self, instance):
        self.told.append(("on_approve", instance.step_number))

    def on_final_approve(self, instance):
        self.told.append(("on_final_approve", instance.step_number))
