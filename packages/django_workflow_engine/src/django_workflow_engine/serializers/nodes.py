"""Nested data as a list of rows, each with its place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from django_workflow_engine.models import Pipeline, Stage, WorkflowAction
from django_workflow_engine.serializers.errors import Path

Values = dict[str, Any]
Errors = Iterator[tuple[Path, Any]]

# The lists that nested data may have, and what is in them.
LISTS: Mapping[str, type[Model]] = {
    "pipelines": Pipeline,
    "stages": Stage,
    "actions": WorkflowAction,
}


@dataclass(frozen=True)
class Node:
    """One row of the nested data: where it is, what it is, and what it is in."""

    path: Path
    model: type[Model]
    values: Values
    # Of the stored row that is meant; None for a new one.
    key: Any
    parent: "Node | None" = None


def nodes_of(model: type[Model], values: Values, key: Any) -> list[Node]:
    """Return the root, which has this model and key, and all rows below it."""
    root = Node((), model, values, key)
    return [root, *_below(root)]


def _below(node: Node) -> Iterator[Node]:
    for name, model in LISTS.items():
        for index, values in enumerate(node.values.get(name) or ()):
            child = Node((*node.path, name, index), model, values, values.get("id"), node)
            yield child
            yield from _below(child)
