"""How files name the objects of a project: roles, people, forms, departments.

People: by the field that they sign in with. Other models, the first of these that they have:

1. `natural_key()`, as Django's fixtures use it;
2. a field `slug`, `codename`, `code` or `name`, a unique one before one that is not.

What cannot be told apart so is named by its key, as `{"key": 5}`, which another database may give
to something else.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist, ValidationError
from django.db.models import Model
from django.utils.translation import gettext as _

NAMING_FIELDS = ("slug", "codename", "code", "name")


class Unknown(Exception):
    """No object, or more than one, has this name; the text says so."""


def names_of(model: type[Model] | None, keys: Iterable[Any]) -> dict[str, Any]:
    """Return what files call the objects with these keys, by the keys as text.

    `{"key": ...}` for what has no name of its own, and for what is not there.
    """
    given = {str(key): key for key in keys}
    names: dict[str, Any] = {text: {"key": key} for text, key in given.items()}
    found = {str(row.pk): row for row in _rows(model, given)} if model is not None else {}
    named = {text: _name(row) for text, row in found.items()}
    taken = _taken(model, [name for name in named.values() if isinstance(name, str)])
    telling = {
        text: name
        for text, name in named.items()
        if name is not None and (not isinstance(name, str) or taken[name] == 1)
    }
    return {**names, **telling}


def keys_of(model: type[Model], names: Iterable[Any]) -> dict[str, Any]:
    """Return the keys of the objects with these names, or `Unknown`, by `marker(name)`.

    Names given by a field are looked up in one statement.
    """
    by_marker = {marker(name): name for name in names}
    texts = [name for name in by_marker.values() if isinstance(name, str)]
    by_text = _keys_by_text(model, naming_field(model), texts)
    return {mark: _key_of(model, name, by_text) for mark, name in by_marker.items()}


def _keys_by_text(
    model: type[Model], field: str | None, texts: Sequence[str]
) -> Mapping[str, Sequence[Any]] | None:
    """The keys of the objects in which the field has one of the texts; None without a field."""
    if field is None:
        return None
    keys: defaultdict[str, list[Any]] = defaultdict(list)
    rows = model._default_manager.filter(**{f"{field}__in": texts}) if texts else ()
    for row in rows:
        keys[str(getattr(row, field))].append(row.pk)
    return keys


def _key_of(model: type[Model], name: Any, by_text: Mapping[str, Sequence[Any]] | None) -> Any:
    if isinstance(name, dict):
        return name["key"]
    if isinstance(name, str) and by_text is not None:
        return _the_one(model, name, by_text.get(name, ()))
    return _by_natural_key(model, name)


def marker(name: Any) -> str:
    """Return a text that stands for a name of any form."""
    return repr(name)


def naming_field(model: type[Model]) -> str | None:
    """Return the field that names objects; None where a natural key does, or nothing."""
    if issubclass(model, get_user_model()):
        return str(get_user_model().USERNAME_FIELD)
    if _has_natural_key(model):
        return None
    fields = [field for field in (_field(model, name) for name in NAMING_FIELDS) if field]
    unique = [field for field in fields if field.unique]
    return next((field.name for field in (*unique, *fields)), None)


def _field(model: type[Model], name: str) -> Any:
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return field if field.concrete and not field.is_relation else None


def _has_natural_key(model: type[Model]) -> bool:
    return hasattr(model, "natural_key") and hasattr(model._default_manager, "get_by_natural_key")


def _rows(model: type[Model], keys: Iterable[str]) -> Iterable[Any]:
    usable = [key for key in keys if _can_be_key(model, key)]
    return model._default_manager.filter(pk__in=usable) if usable else ()


def _can_be_key(model: type[Model], text: str) -> bool:
    try:
        model._meta.pk.to_python(text)
    except ValidationError:
        return False
    return True


def _name(row: Model) -> Any:
    """The text of a field, the parts of a natural key, or None."""
    field = naming_field(type(row))
    if field is not None:
        return str(getattr(row, field)) or None
    natural_key = getattr(row, "natural_key", None)
    if natural_key is None or not _has_natural_key(type(row)):
        return None
    return [part if isinstance(part, int) else str(part) for part in natural_key()]


def _taken(model: type[Model] | None, names: Sequence[str]) -> Counter[str]:
    """How many objects have each name."""
    field = naming_field(model) if model is not None and names else None
    if model is None or field is None:
        return Counter()
    found = model._default_manager.filter(**{f"{field}__in": names})
    return Counter(str(name) for name in found.values_list(field, flat=True))


def _the_one(model: type[Model], name: str, keys: Sequence[Any]) -> Any:
    if len(keys) == 1:
        return _storable(keys[0])
    texts = {"model": model._meta.verbose_name, "name": name}
    if keys:
        return Unknown(_("There is more than one %(model)s called '%(name)s'.") % texts)
    return Unknown(_("There is no %(model)s called '%(name)s'.") % texts)


def _by_natural_key(model: type[Model], name: Any) -> Any:
    parts = name if isinstance(name, list) else [name]
    try:
        row = model._default_manager.get_by_natural_key(*parts)  # type: ignore[attr-defined]
    except (ObjectDoesNotExist, AttributeError, TypeError, ValueError):
        return _the_one(model, " / ".join(map(str, parts)), ())
    return _storable(row.pk)


def _storable(key: Any) -> Any:
    """The key as JSON can hold it."""
    return key if isinstance(key, int) else str(key)
