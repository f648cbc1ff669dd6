"""Whole workflows from plain data, for callers that know nothing of REST."""

from collections.abc import Iterator, Mapping
from typing import Any

from rest_framework.exceptions import APIException

from django_workflow_engine.exceptions import InvalidConfiguration
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.serializers.workflow import WorkFlowSerializer


def write_workflow(workflow: WorkFlow | None, data: Mapping[str, Any]) -> WorkFlow:
    """Write a workflow with all that is in it, as `WorkFlowSerializer` does.

    `workflow` is the template to change, or None for a new one. Raises `InvalidConfiguration` with
    all errors by path, such as `pipelines[0].stages[1].stage_info.approvals[0].user_role`.
    """
    serializer = WorkFlowSerializer(workflow, data=data)
    if not serializer.is_valid():
        raise InvalidConfiguration(dict(_flat(serializer.errors)))
    try:
        saved: WorkFlow = serializer.save()
    except APIException as error:
        raise InvalidConfiguration(dict(_flat(error.detail))) from error
    return saved


def _flat(errors: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and message of what REST framework nests."""
    if isinstance(errors, Mapping):
        for key, nested in errors.items():
            below = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}"
            yield from _flat(nested, below.lstrip("."))
    elif isinstance(errors, list) and errors and isinstance(errors[0], Mapping | list):
        for number, nested in enumerate(errors):
            yield from _flat(nested, f"{path}[{number}]")
    elif errors:
        messages = errors if isinstance(errors, list) else [errors]
        yield path or "workflow", " ".join(str(message) for message in messages)
