"""Forms that have formsets below them, to any depth.

A form makes its children in `make_children`; they are validated with it, count as its changes, and
are saved after it. A formset's rows are kept apart by prefixes, as usual:
`pipelines-0-stages-2-approvals-0-user_role`.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar

from django import forms
from django.contrib.admin.utils import NestedObjects
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import router
from django.db.models import Model
from django.template.loader import render_to_string
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.bases import FormSet, InlineFormSet, ModelForm
from django_workflow_engine.admin.builder.labelled import LabelledField, LabelledMixin
from django_workflow_engine.admin.builder.vocabulary import Choices, GroupedChoices, Vocabulary

# The code of the error that a form has because one of its children has errors.
BELOW = "below"
# In the row that is copied, this word stands in place of the prefix.
TEMPLATE_PREFIX = "__prefix__"


class RowField(LabelledField):
    """A field that is drawn once for all rows of a page in which it looks the same."""

    form: "RowMixin"

    @property
    def labelled(self) -> SafeString:
        value = repr(self.value())
        if self.form.is_bound or not self.form.prefix or self.html_name in value:
            return super().labelled
        drawn = self.form.vocabulary.drawn_fields
        condition = self.form.shown_when(self.name)
        key = (type(self.form), self.name, value, condition, repr(self.field.widget.attrs))
        if key not in drawn:
            drawn[key] = super().labelled.split(self.html_name)
        return mark_safe(self.html_name.join(drawn[key]))  # noqa: S308 - what was drawn before


class RowMixin(LabelledMixin):
    """A row of a formset: its place and its errors."""

    bound_field_class = RowField
    vocabulary: Vocabulary

    def own_changes(self) -> list[str]:
        """The changed fields; a new row that only has a place, or was removed, has none."""
        if not self.empty_permitted:
            return self.changed_data
        if self.is_removed:
            return []
        return [name for name in self.changed_data if name != "order"]

    def has_changed(self) -> bool:
        return bool(self.own_changes())

    def own_errors(self) -> list[str]:
        """Errors of the row as a whole, without the one that only points further down."""
        errors = self.errors.as_data().get(NON_FIELD_ERRORS, [])
        return [text for error in errors if error.code != BELOW for text in error.messages]

    @property
    def is_removed(self) -> bool:
        """Whether the row was marked for removal when the page was sent."""
        return self.is_bound and "DELETE" in self.fields and bool(self["DELETE"].value())

    @property
    def place(self) -> float:
        """The number that rows are ordered by; rows without one come last."""
        try:
            return float(self["order"].value())
        except (KeyError, TypeError, ValueError):
            return float("inf")

    def offer(self, name: str, choices: Choices | GroupedChoices) -> None:
        """Let a field offer these; only what is drawn or checked looks at them."""
        field: Any = self.fields[name]
        field.choices = lambda: choices


class RowForm(RowMixin, forms.Form):
    """A row that is not an object."""

    def __init__(self, *args: Any, vocabulary: Vocabulary, **kwargs: Any) -> None:
        self.vocabulary = vocabulary
        super().__init__(*args, **kwargs)


class NestedForm(RowMixin, ModelForm):
    """A model's form with formsets below it."""

    def __init__(self, *args: Any, vocabulary: Vocabulary, **kwargs: Any) -> None:
        self.vocabulary = vocabulary
        super().__init__(*args, **kwargs)

    @cached_property
    def children(self) -> Mapping[str, Any]:
        """The formsets below, by name."""
        return self.make_children()

    def make_children(self) -> Mapping[str, Any]:
        """Make the formsets below, each with `child`."""
        raise NotImplementedError

    def child(self, formset: type[FormSet], name: str, *, extra: int = 0, **kwargs: Any) -> FormSet:
        """Make a formset below this form, with so many empty rows; one where all have one."""
        made: Any = formset(
            data=self.data if self.is_bound else None,
            prefix=f"{self.prefix}-{name}" if self.prefix else name,
            form_kwargs={"vocabulary": self.vocabulary},
            **kwargs,
        )
        made.renderer = self.renderer
        made.extra = max(extra, int(self.vocabulary.blank_rows))
        return made  # type: ignore[no-any-return]

    @property
    def is_new(self) -> bool:
        return bool(self.instance._state.adding)

    def has_changed(self) -> bool:
        """Whether anything has changed here or below; a new row that was removed has not."""
        if self.empty_permitted and self.is_removed:
            return False
        return bool(self.own_changes()) or any(
            child.has_changed() for child in self.children.values()
        )

    def clean(self) -> dict[str, Any]:
        """Validate the children too: their errors make this form invalid."""
        super().clean()
        # All of them, so that all errors are shown at once.
        valid = [child.is_valid() for child in self.children.values()]
        if not all(valid):
            self.add_error(
                None, forms.ValidationError(_("Please correct the errors below."), code=BELOW)
            )
        return self.cleaned_data

    def _post_clean(self) -> None:
        # An object that stays as it is was judged when it was stored.
        if self.is_new or self.own_changes():
            super()._post_clean()  # type: ignore[misc]

    def save(self, commit: bool = True) -> Any:
        """Save the row where it has changed itself, then what is below it."""
        if not commit:
            return super().save(commit=False)
        if self.is_new or self.own_changes():
            super().save()
        self.save_children()
        return self.instance

    def save_children(self) -> None:
        for child in self.children.values():
            if isinstance(child, NestedFormSet):
                child.save()

    def saved_formsets(self) -> Iterator["NestedFormSet"]:
        """Yield the formsets of objects below that have been saved, at every depth."""
        for child in self.children.values():
            if isinstance(child, NestedFormSet) and child.is_saved:
                yield child
                for form in child.forms:
                    yield from form.saved_formsets()


class RowsMixin(FormSet):
    """What formsets of objects and of plain rows have in common on the page."""

    # What its rows are called in templates and scripts.
    kind: ClassVar[str]

    @cached_property
    def forms(self) -> list[Any]:
        """The rows, but for empty ones on a page that was not sent: see `blank_rows`."""
        count = self.total_form_count() if self.is_bound else self.initial_form_count()
        construct: Any = self._construct_form  # type: ignore[attr-defined]
        return [construct(place, **self.get_form_kwargs(place)) for place in range(count)]

    @property
    def counts(self) -> SafeString:
        """The hidden fields that say how many rows there are, drawn without widgets."""
        counts = {
            "TOTAL_FORMS": self.total_form_count(),
            "INITIAL_FORMS": self.initial_form_count(),
        }
        return format_html_join(
            "",
            '<input type="hidden" name="{}-{}" value="{}">',
            ((self.prefix, name, count) for name, count in counts.items()),
        )

    def in_order(self) -> list[Any]:
        """The rows as they are shown; those without a place come last."""
        return sorted(self.forms, key=lambda form: form.place)

    @property
    def row_template(self) -> str:
        return f"django_workflow_engine/admin/{self.kind}.html"

    @property
    def template_row(self) -> SafeString:
        """The empty row for scripts to copy, drawn once for a page."""
        vocabulary: Vocabulary = self.form_kwargs["vocabulary"]
        drawn = vocabulary.template_rows
        if self.kind not in drawn:
            drawn[self.kind] = render_to_string(self.row_template, {"form": self.template_form})
        return drawn[self.kind]

    @property
    def blank_rows(self) -> Iterator[SafeString]:
        """The empty rows of a page that was not sent, copied as a script would do it."""
        if not self.is_bound:
            for place in range(self.initial_form_count(), self.total_form_count()):
                yield mark_safe(  # noqa: S308 - a template has drawn it
                    self.template_row.replace(TEMPLATE_PREFIX, self.add_prefix(place))
                )

    @property
    def template_form(self) -> Any:
        """An empty row with a word in place of its prefix."""
        form = self.form(
            prefix=TEMPLATE_PREFIX,
            empty_permitted=True,
            use_required_attribute=False,
            **self.get_form_kwargs(None),
        )
        self.add_fields(form, None)
        return form

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields["DELETE"].label = _("Remove")

    def has_changed(self) -> bool:
        return any(form.has_changed() for form in self.forms)

    def kept(self) -> list[Any]:
        """The rows to store, in order."""
        return [
            form
            for form in self.in_order()
            if not form.is_removed and (form.has_changed() or not form.empty_permitted)
        ]

    @property
    def was_edited(self) -> bool:
        """Whether the page was sent with changes or errors here, so that they are to be seen."""
        return self.is_bound and self.has_changed()


class PlainFormSet(RowsMixin):
    """Rows that are not objects."""


class NestedFormSet(RowsMixin, InlineFormSet):
    """Objects of one parent, each with a form that may have formsets below it.

    The rows are those of the parent's relation, so that with a prefetched workflow a page takes the
    same number of statements whatever its size.
    """

    is_saved = False

    def get_queryset(self) -> Any:
        if not hasattr(self, "_queryset"):
            self._queryset = self._rows()
        return self._queryset

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if form.is_new and "order" in form.fields:
            # Its place is after the others, not that of the model's default.
            form.initial["order"] = None
        # The object is found among those of the parent; asking the database again is of no use.
        key = form.instance.pk
        form.fields[form.instance._meta.pk.name] = forms.CharField(
            required=False, widget=forms.HiddenInput, initial=None if key is None else str(key)
        )

    def clean(self) -> None:
        super().clean()
        self._number_rows()
        for form in self.initial_forms:
            if form.is_removed and not form.is_new:
                _refuse_if_in_use(form.instance)

    def save(self, commit: bool = True) -> Any:
        saved = super().save(commit)
        self.is_saved = True
        return saved

    def save_existing_objects(self, commit: bool = True) -> Any:
        saved = super().save_existing_objects(commit)
        # For the log: what has changed itself, not what something below has changed in.
        kept = [form for form in self.initial_forms if not form.is_removed]
        self.changed_objects = [
            (form.instance, form.own_changes()) for form in kept if form.own_changes()
        ]
        return saved

    def _rows(self) -> list[Model]:
        if self.instance._state.adding:
            return []
        accessor = self.fk.remote_field.get_accessor_name()
        return list(getattr(self.instance, str(accessor)).all())

    def _number_rows(self) -> None:
        """Put rows without a place after all others."""
        rows = [form for form in self.forms if not form.is_removed and form.has_changed()]
        given = [form.cleaned_data.get("order") for form in self.forms if not form.is_removed]
        last = max((place for place in given if place is not None), default=0)
        for form in rows:
            if form.cleaned_data.get("order") is None and "order" not in form.errors:
                last += 1
                form.instance.order = last


def _refuse_if_in_use(obj: Model) -> None:
    collector = NestedObjects(using=router.db_for_write(type(obj)))
    collector.collect([obj])
    if collector.protected:
        raise forms.ValidationError(
            _(
                "“%(name)s” cannot be removed: objects are there, or have been there."
                " Records that depend on it: %(count)s."
            ),
            code="in_use",
            params={"name": str(obj), "count": len(collector.protected)},
        )
