"""Fields for the objects that workflows name: each holds a key.

Their widgets search as one types, so that a page is not the larger the more there are; names of
what is picked already are read together. Whether there is an object with a key is judged when the
configuration is stored, all keys of a kind at once.
"""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect, ForeignKeyRawIdWidget
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.builder.objects import PERSON, model_of
from django_workflow_engine.admin.builder.vocabulary import Vocabulary
from django_workflow_engine.models import WorkFlow

# The address that answers searches; for people it is that of the admin itself.
LOOK_UP = "django_workflow_engine_workflow_look_up"
# The admin's widgets want to know for which relation they are: this is one to users.
RELATION = "company"


class ObjectField(forms.CharField):
    """The key of one object, as JSON can hold it; None when nothing is picked."""

    def __init__(self, kind: str, vocabulary: Vocabulary, **kwargs: Any) -> None:
        super().__init__(required=False, widget=_widget(kind, vocabulary), **kwargs)
        self.kind = kind

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        model = model_of(self.kind)
        if not text or model is None:
            return text or None
        try:
            key = model._meta.pk.clean(text, None)
        except ValidationError:
            raise ValidationError(_("This is no key.")) from None
        return str(key) if isinstance(key, UUID) else key


class ObjectSelect(AutocompleteSelect):
    """The admin's search, told the names of what is picked already."""

    def __init__(self, kind: str, vocabulary: Vocabulary) -> None:
        super().__init__(WorkFlow._meta.get_field(RELATION), vocabulary.site)
        self.kind = kind
        self.vocabulary = vocabulary

    def build_attrs(self, base_attrs: Any, extra_attrs: Any = None) -> dict[str, Any]:
        """Leave the set-up to the builder's script: the admin's does all of a page at once."""
        attrs = super().build_attrs(base_attrs, extra_attrs)
        return {**attrs, "class": "wb-search"}

    def get_url(self) -> str:
        if self.kind == PERSON:
            return super().get_url()
        return reverse(f"{self.vocabulary.site.name}:{LOOK_UP}", args=[self.kind])

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        options = [self.create_option(name, "", "", False, 0)]
        for key in filter(None, value):
            label = self.vocabulary.name(self.kind, key) or _gone(key)
            options.append(self.create_option(name, key, label, True, len(options)))
        return [(None, options, 0)]


class ListedSelect(forms.Select):
    """A plain list, for browsers without scripts where there are not many."""

    def __init__(self, kind: str, vocabulary: Vocabulary) -> None:
        listed = vocabulary.listed(kind) or []
        super().__init__(choices=[("", "---------"), *listed])
        self.kind = kind
        self.vocabulary = vocabulary

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> Any:
        groups = super().optgroups(name, value, attrs)
        known = {str(key) for key, _label in self.choices}
        for key in value:
            if key and str(key) not in known:
                label = self.vocabulary.name(self.kind, key) or _gone(key)
                option = self.create_option(name, key, label, True, len(groups), attrs=attrs)
                groups.append((None, [option], len(groups)))
        return groups


class PersonKeyInput(ForeignKeyRawIdWidget):
    """The key of a person, beside the name; names are read together."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        relation: Any = WorkFlow._meta.get_field(RELATION).remote_field
        super().__init__(relation, vocabulary.site)
        self.vocabulary = vocabulary

    def label_and_url_for_value(self, value: Any) -> tuple[str, str]:
        return self.vocabulary.name(PERSON, value), ""


def _widget(kind: str, vocabulary: Vocabulary) -> forms.Widget:
    if kind == PERSON:
        if vocabulary.people_can_be_searched:
            return ObjectSelect(kind, vocabulary)
        return PersonKeyInput(vocabulary)
    if not vocabulary.blank_rows:
        return ObjectSelect(kind, vocabulary)
    if vocabulary.listed(kind) is not None:
        return ListedSelect(kind, vocabulary)
    return forms.TextInput(attrs={"dir": "ltr"})


def _gone(key: Any) -> str:
    return str(_("%(key)s (deleted)") % {"key": key})
