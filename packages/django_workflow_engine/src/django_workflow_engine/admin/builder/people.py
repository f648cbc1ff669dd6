"""The field in which one person is picked among any number."""

from typing import Any

from django.contrib.admin.widgets import AutocompleteSelect, ForeignKeyRawIdWidget
from django.contrib.auth import get_user_model
from django.forms import Widget
from django.utils.translation import gettext_lazy as _

from django_workflow_engine.admin.bases import ModelChoiceField
from django_workflow_engine.admin.builder.vocabulary import Vocabulary
from django_workflow_engine.models import WorkFlow

# The admin's search wants to know for which relation it searches: this is one to users.
RELATION = "company"


class PersonSelect(AutocompleteSelect):
    """The admin's search for people, told the names of those who are picked already."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__(WorkFlow._meta.get_field(RELATION), vocabulary.site)
        self.vocabulary = vocabulary

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        options = [self.create_option(name, "", "", False, 0)]
        for key in filter(None, value):
            label = self.vocabulary.person(key) or _("account %(key)s (deleted)") % {"key": key}
            options.append(self.create_option(name, key, label, True, len(options)))
        return [(None, options, 0)]


def person_field(vocabulary: Vocabulary) -> ModelChoiceField:
    """Return a field for one person: with search where the admin has it, else for the key."""
    return ModelChoiceField(
        label=_("person"),
        queryset=get_user_model()._default_manager.all(),
        required=False,
        widget=person_widget(vocabulary),
    )


def person_widget(vocabulary: Vocabulary) -> Widget:
    if vocabulary.people_can_be_searched:
        return PersonSelect(vocabulary)
    relation: Any = WorkFlow._meta.get_field(RELATION).remote_field
    return ForeignKeyRawIdWidget(relation, vocabulary.site)
