"""Which place of one version objects go to from the places of others."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.exceptions import InvalidInput
from django_workflow_engine.definition import PlaceDefinition, WorkflowDefinition


class Routes:
    """From places of older versions to those of the version that objects move to.

    A place leads to itself, wherever it is now; `mapping` says where others lead, and comes first.
    Its keys name places of the versions that objects run on, its values places of the new one: by a
    key (the template's or the version's), the object itself, its English name, or
    "pipeline / stage".
    """

    def __init__(
        self,
        target: WorkflowDefinition,
        mapping: Mapping[Any, Any],
        sources: Iterable[WorkflowDefinition],
    ) -> None:
        self._by_template = {place.template_key: place for place in target.places}
        sources = list(sources)
        self._wanted = {
            _name_of(old): _only(target, new)
            for old, new in mapping.items()
            if _check_old(old, sources)
        }

    def goal(self, place: PlaceDefinition) -> PlaceDefinition | None:
        """Return where objects at this place go, or None where nothing says so."""
        for name in _names(place):
            if name in self._wanted:
                return self._wanted[name]
        return self._by_template.get(place.template_key)


def _check_old(old: Any, sources: list[WorkflowDefinition]) -> bool:
    """Refuse a name that no version has, or that means two places of one; always True."""
    found = [_named(source, old) for source in sources]
    if sources and not any(found):
        known = {place.label for source in sources for place in source.places}
        raise InvalidInput(
            _("mapping: no object runs on a version that has '%(name)s'; known are: %(known)s.")
            % {"name": _name_of(old), "known": ", ".join(sorted(known))}
        )
    if any(len(places) > 1 for places in found):
        raise _several(old)
    return True


def _only(target: WorkflowDefinition, new: Any) -> PlaceDefinition:
    found = _named(target, new)
    if len(found) > 1:
        raise _several(new)
    if not found:
        raise InvalidInput(
            _("mapping: the new version does not have '%(name)s'; it has: %(known)s.")
            % {"name": _name_of(new), "known": ", ".join(place.label for place in target.places)}
        )
    return found[0]


def _several(name: Any) -> InvalidInput:
    return InvalidInput(
        _("mapping: '%(name)s' is the name of several places; use a key, or 'pipeline / stage'.")
        % {"name": _name_of(name)}
    )


def _named(definition: WorkflowDefinition, name: Any) -> list[PlaceDefinition]:
    return [place for place in definition.places if _name_of(name) in _names(place)]


def _names(place: PlaceDefinition) -> tuple[str, ...]:
    return (str(place.id), str(place.template_id), place.label, place.name_en)


def _name_of(named: Any) -> str:
    return str(named.pk) if isinstance(named, Model) else str(named)
