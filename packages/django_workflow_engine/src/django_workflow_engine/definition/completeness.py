"""What is missing before objects can run on a definition, and what may not be."""

from collections.abc import Iterable
from weakref import WeakValueDictionary

from django.utils.translation import gettext as _

from django_workflow_engine.choices import StageKind, WorkflowStrategy
from django_workflow_engine.definition.parts import NO_APPROVALS
from django_workflow_engine.definition.ways import ways_errors
from django_workflow_engine.definition.workflow import WorkflowDefinition

# Definitions that are known to be complete, by what tells them apart in this process.
_complete: WeakValueDictionary[int, WorkflowDefinition] = WeakValueDictionary()


def is_complete(definition: WorkflowDefinition) -> bool:
    """Return whether objects can run on this; it cannot change, so that it is judged once."""
    if _complete.get(id(definition)) is definition:
        return True
    if completeness_errors(definition):
        return False
    _complete[id(definition)] = definition
    return True


def completeness_errors(
    definition: WorkflowDefinition, more: Iterable[tuple[str, str]] = ()
) -> dict[str, str]:
    """Return what is missing before objects can run on this, and what may not be: by place.

    `more`: what else is wrong, as labels of places and messages.
    """
    errors: dict[str, str] = {}
    needs_pipelines = definition.strategy != WorkflowStrategy.WORKFLOW
    if needs_pipelines and not definition.pipelines:
        _note(errors, definition.name_en, _("The workflow has no pipelines."))
    used = {place.pipeline_id for place in definition.places}
    for pipeline in definition.pipelines:
        if needs_pipelines and pipeline.id not in used:
            _note(errors, pipeline.name_en, _("The pipeline has no stages."))
    for place in definition.places:
        if place.kind == StageKind.APPROVAL and not place.approvals:
            _note(errors, place.label, str(NO_APPROVALS[place.level]))
    for label, message in ways_errors(definition):
        _note(errors, label, message)
    for label, message in (*definition.misplaced, *more):
        _note(errors, label, str(message))
    return errors


def _note(errors: dict[str, str], place: str, message: str) -> None:
    """Add an error; places of one name are numbered."""
    number = sum(known == place or known.startswith(f"{place} (") for known in errors)
    errors[f"{place} ({number + 1})" if number else place] = message
