"""Forms of the places where people are asked: their approvals are stored in a field of JSON."""

from re import Match, match
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.builder import approvals
from django_workflow_engine.admin.builder.approvals import ApprovalFormSet
from django_workflow_engine.admin.builder.nesting import NestedForm
from django_workflow_engine.exceptions import InvalidConfiguration


class PlaceForm(NestedForm):
    """A form with the approvals of a stage, of a pipeline or of the workflow below it."""

    css = {"name_en": "wb-wide wb-title-source", "name_ar": "wb-wide wb-arabic"}
    marked = ("name_en",)

    # The field of the model that holds the approvals.
    info_field: ClassVar[str]

    @property
    def info(self) -> dict[str, Any]:
        """What is stored, whatever that is."""
        info = getattr(self.instance, self.info_field)
        return info if isinstance(info, dict) else {}

    def approvals_below(self) -> Any:
        """Make the formset of approvals; a new place has room for one."""
        stored = self.info.get("approvals")
        rows = approvals.initial_of(stored if isinstance(stored, list) else [])
        return self.child(ApprovalFormSet, "approvals", initial=rows, extra=int(self.is_new))

    def own_changes(self) -> list[str]:
        changes = super().own_changes()
        return [*changes, "approvals"] if self.children["approvals"].has_changed() else changes

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if (self.is_new or self.own_changes()) and self.children["approvals"].is_valid():
            self._clean_info(cleaned)
        return cleaned

    def _post_clean(self) -> None:
        # With an error, the model would judge a configuration that is not the one on the page.
        if not self.errors:
            super()._post_clean()

    def set_info(self, info: dict[str, Any], cleaned: dict[str, Any]) -> None:
        """Give the object the configuration that the page has.

        Raises `InvalidConfiguration` for one that cannot be stored.
        """
        raise NotImplementedError

    def field_of_error(self, path: str) -> str | None:
        """Return the field at which an error of the configuration is shown."""
        return path if path in self.fields else None

    def _clean_info(self, cleaned: dict[str, Any]) -> None:
        rows = self.children["approvals"].kept()
        try:
            self.set_info({**self.info, "approvals": [row.stored() for row in rows]}, cleaned)
        except InvalidConfiguration as error:
            for path, message in error.errors.items():
                self._add_info_error(path, message, rows)

    def _add_info_error(self, path: str, message: str, rows: list[Any]) -> None:
        found: Match[str] | None = match(r"approvals\[(\d+)\](?:\.(\w+))?", path)
        if found is None:
            self.add_error(self.field_of_error(path), message)
            return
        row = rows[int(found[1])]
        row.add_error(found[2] if found[2] in row.fields else None, message)
        self.add_error(None, _("Please correct the errors in the approvals."))
