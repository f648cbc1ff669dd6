"""People as lists and pages name them, and as forms ask for them."""

from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.admin.widgets import AdminTextInputWidget, AutocompleteSelect
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _


class PersonSelect(AutocompleteSelect):
    """Looks for people as one types; a value that can be nobody's key is shown as nobody."""

    def format_value(self, value: Any) -> list[str]:
        return [key for key in super().format_value(value) if not key or _is_key(key)]


def person_lookup(relation: str) -> str:
    """Return the look-up by which people are searched for through a relation to users."""
    return f"{relation}__{get_user_model().USERNAME_FIELD}"


def person_label(person: Any, key: Any) -> str:
    """Return a person's name, or what is known of somebody whose account has been deleted."""
    if person is not None:
        return str(person)
    return _("account %(key)s (deleted)") % {"key": key} if key is not None else ""


def person_field(
    relation: Any, site: AdminSite, request: HttpRequest, label: str
) -> "forms.ModelChoiceField[Any]":
    """Return a form field that asks for a user; `relation` is the model field it is meant for.

    People are searched for as one types, where the users of the admin can be searched and seen by
    whoever asks; elsewhere the name is typed with which the person signs in.
    """
    users = get_user_model()._default_manager.all()
    if _can_search(site, request):
        widget = PersonSelect(relation, site)
        return forms.ModelChoiceField(users, label=label, widget=widget)
    field: forms.ModelChoiceField[Any] = forms.ModelChoiceField(
        users,
        label=label,
        to_field_name=get_user_model().USERNAME_FIELD,
        widget=AdminTextInputWidget(attrs={"autocomplete": "off", "dir": "auto"}),
        help_text=_("The name with which the person signs in."),
        error_messages={"invalid_choice": _("Nobody signs in with this name.")},
    )
    return field


def _can_search(site: AdminSite, request: HttpRequest) -> bool:
    users = get_user_model()
    if not site.is_registered(users):
        return False
    page = site.get_model_admin(users)
    return bool(page.get_search_fields(request)) and page.has_view_permission(request)


def _is_key(value: str) -> bool:
    try:
        get_user_model()._meta.pk.to_python(value)
    except ValidationError:
        return False
    return True
