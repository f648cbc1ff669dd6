"""Whom the rows of nested data ask, and whether they are where the workflow asks people."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Model

from django_workflow_engine.choices import WorkflowStrategy
from django_workflow_engine.definition import (
    INFO_OF,
    NO_PIPELINES_WANTED,
    NO_STAGES_WANTED,
    NOT_ASKED_FOR,
)
from django_workflow_engine.models import Pipeline, Stage, WorkFlow
from django_workflow_engine.schemas import reference_errors
from django_workflow_engine.serializers.nodes import Errors, Node, Values

FORM_FIELD = "form_info"
FORM_KEY = "required_form"
# What a list, or a new row, is told where the strategy has no place for it.
UNWANTED: Mapping[type[Model], Any] = {Pipeline: NO_PIPELINES_WANTED, Stage: NO_STAGES_WANTED}
# The field that says what a row is in, and the look-up from the workflow to the row.
WAYS: Mapping[type[Model], tuple[str, str]] = {
    WorkFlow: ("", "pk"),
    Pipeline: ("workflow", "pipelines"),
    Stage: ("pipeline", "pipelines__stages"),
}


def configuration_errors(nodes: Sequence[Node]) -> Errors:
    """Yield what is named in the nodes and cannot be used: a few statements for any number."""
    configured = [node for node in nodes if _info_fields(node) & node.values.keys()]
    stored = _stored_stages(configured)
    infos = {node.path: _info(node, stored.get(node.key)) for node in configured}
    field_of = {node.path: INFO_OF[node.model][1] for node in configured}
    for path, messages in reference_errors(infos).items():
        form = messages.pop(FORM_KEY, None)
        if form is not None:
            yield (*path, FORM_FIELD), {FORM_KEY: [form]}
        if messages:
            by_place = {place: [message] for place, message in messages.items()}
            yield (*path, field_of[path]), by_place


def structure_errors(nodes: Sequence[Node]) -> Errors:
    """Yield what is at a level that the strategy of the workflow leaves out."""
    placed = [node for node in nodes if node.model in INFO_OF]
    if not any(_says_something(node) for node in placed):
        return
    strategy = _strategy(nodes[0])
    for node in placed:
        if node.parent is None and node.key is None and not _fits(node.model, strategy):
            yield (f"{WAYS[node.model][0]}_id",), [str(UNWANTED[node.model])]
        for name, model in (("pipelines", Pipeline), ("stages", Stage)):
            if node.values.get(name) and not _fits(model, strategy):
                yield (*node.path, name), [str(UNWANTED[model])]
        level, field = INFO_OF[node.model]
        if level != strategy and (node.values.get(field) or {}).get("approvals"):
            yield (*node.path, field), {"approvals": [str(NOT_ASKED_FOR)]}


def _fits(model: type[Model], strategy: str) -> bool:
    """Whether a workflow of this strategy has rows of this kind."""
    if strategy == WorkflowStrategy.WORKFLOW:
        return model is WorkFlow
    return model is not Stage or strategy == WorkflowStrategy.STAGE


def _says_something(node: Node) -> bool:
    names = {"pipelines", "stages", "strategy", INFO_OF[node.model][1]}
    return bool(names & node.values.keys()) or (node.parent is None and node.key is None)


def _strategy(root: Node) -> str:
    """The strategy that the workflow has once the values are written."""
    given = root.values.get("strategy") if root.model is WorkFlow else None
    if given:
        return str(given)
    field, way = WAYS[root.model]
    parent = root.values.get(field)
    if isinstance(parent, WorkFlow):
        return str(parent.strategy)
    if parent is not None:
        key, way = parent.pk, WAYS[type(parent)][1]
    else:
        key = root.key
    if key is None:
        return WorkflowStrategy.STAGE.value
    return str(WorkFlow.objects.filter(**{way: key}).values_list("strategy", flat=True).get())


def _info_fields(node: Node) -> set[str]:
    if node.model not in INFO_OF:
        return set()
    field = INFO_OF[node.model][1]
    return {field, FORM_FIELD} if node.model is Stage else {field}


def _info(node: Node, stored: Stage | None) -> Values:
    """Whom the row asks, with the form of its own, as they will be stored together."""
    info: Values = {}
    for field in _info_fields(node):
        info |= node.values.get(field, getattr(stored, field, {}))
    return info


def _stored_stages(nodes: Sequence[Node]) -> dict[Any, Stage]:
    """The stored stages of which one of two fields is given: they are judged together."""
    keys = [
        node.key
        for node in nodes
        if node.model is Stage and node.key is not None and _info_fields(node) - node.values.keys()
    ]
    return Stage.objects.in_bulk(keys) if keys else {}
