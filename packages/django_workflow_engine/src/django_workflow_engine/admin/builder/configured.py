"""Forms of the places where people are asked: their approvals are stored in a field of JSON."""

import re
from collections.abc import Collection
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.builder import approvals
from django_workflow_engine.admin.builder.approvals import ApprovalFormSet
from django_workflow_engine.admin.builder.nesting import NestedForm, PlainFormSet
from django_workflow_engine.exceptions import InvalidConfiguration

# A place in one of the lists of a configuration: "routes[2].when".
IN_ROW = re.compile(r"(?P<rows>\w+)\[(?P<place>\d+)\](?:\.(?P<field>\w+))?")

# What is said of a form whose rows have errors.
ERRORS_IN = {
    "approvals": _("Please correct the errors in the approvals."),
    "statuses": _("Please correct the errors in the statuses."),
    "routes": _("Please correct the errors in the routes."),
}


class PlaceForm(NestedForm):
    """A form with the approvals of a stage, of a pipeline or of the workflow below it."""

    css = {"name_en": "wb-wide wb-title-source", "name_ar": "wb-wide wb-arabic"}
    marked: ClassVar[Collection[str]] = ("name_en",)

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

    @property
    def plain_rows(self) -> dict[str, Any]:
        """The rows below that are stored in the configuration, by name."""
        found = self.children.items()
        return {name: child for name, child in found if isinstance(child, PlainFormSet)}

    def own_changes(self) -> list[str]:
        below = [name for name, child in self.plain_rows.items() if child.has_changed()]
        return [*super().own_changes(), *below]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        valid = all(child.is_valid() for child in self.plain_rows.values())
        if valid and (self.is_new or self.own_changes()):
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
        stored = [row.stored() for row in self.children["approvals"].kept()]
        try:
            self.set_info({**self.info, "approvals": stored}, cleaned)
        except InvalidConfiguration as error:
            for path, message in error.errors.items():
                self._add_info_error(path, message)

    def _add_info_error(self, path: str, message: str) -> None:
        found = IN_ROW.match(path)
        if found is None or found["rows"] not in self.plain_rows:
            self.add_error(self.field_of_error(path), message)
            return
        row = self.plain_rows[found["rows"]].kept()[int(found["place"])]
        row.add_error(found["field"] if found["field"] in row.fields else None, message)
        self.add_error(None, ERRORS_IN[found["rows"]])
