"""Fields with their labels, drawn without a template of their own, as the widgets are."""

from collections.abc import Collection, Mapping
from typing import ClassVar

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from django_workflow_engine.admin.builder.drawing import PlainRenderer

ABOVE = (
    '<div class="wb-field{css}"{shown}>'
    '<label for="{key}"{marked}>{label}</label>{widget}{errors}{help}</div>'
)
BEHIND = (
    '<div class="wb-field wb-checkbox{css}"{shown}>'
    '{widget} <label for="{key}" class="vCheckboxLabel">{label}</label>{errors}</div>'
)


class LabelledField(forms.BoundField):
    """A field that its form says more of: how it looks, and when it is shown."""

    form: "LabelledMixin"

    @property
    def labelled(self) -> SafeString:
        """The field with its label, its errors and its help."""
        css = [self.form.css_of(self.name), "wb-has-errors" if self.errors else ""]
        condition = self.form.shown_when(self.name)
        return format_html(
            BEHIND if isinstance(self.field, forms.BooleanField) else ABOVE,
            css="".join(f" {name}" for name in css if name),
            shown=format_html(' data-wb-show="{}"', condition) if condition else "",
            key=self.id_for_label,
            marked=SafeString(' class="required"') if self.form.is_marked(self.name) else "",
            label=capfirst(str(self.label)),
            widget=self.as_widget(),
            errors=self.errors or "",
            help=self._help(),
        )

    def _help(self) -> str:
        if not self.help_text:
            return ""
        return format_html(
            '<div class="help" id="{}_helptext">{}</div>', self.auto_id, self.help_text
        )


class LabelledMixin(forms.BaseForm):
    """A form whose templates write `{{ form.name.labelled }}`."""

    default_renderer = PlainRenderer()
    bound_field_class = LabelledField

    # Classes of fields, by name.
    css: ClassVar[Mapping[str, str]] = {}
    # Fields that are marked as required where they are shown, whatever else is picked.
    marked: ClassVar[Collection[str]] = ()

    def css_of(self, name: str) -> str:
        return self.css.get(name, "")

    def is_marked(self, name: str) -> bool:
        return name in self.marked

    def shown_when(self, name: str) -> str:
        """Return when a field applies, as scripts read it; empty: always."""
        return ""
