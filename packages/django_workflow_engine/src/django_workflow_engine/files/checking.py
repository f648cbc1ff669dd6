"""Whether the content of a file has the form that its JSON Schema describes."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
from django.utils.translation import gettext as _

from approval_workflow.exceptions import nearest
from approval_workflow.forms import is_json
from django_workflow_engine.exceptions import InvalidWorkflowFile
from django_workflow_engine.files.layout import FORMAT

SCHEMA_FILE = Path(__file__).with_name("workflow-file.schema.json")


@cache
def file_schema() -> dict[str, Any]:
    """Return the JSON Schema of workflow files."""
    schema: dict[str, Any] = json.loads(SCHEMA_FILE.read_text("utf-8"))
    return schema


def check_content(content: Any) -> None:
    """Raise `InvalidWorkflowFile`, errors by path, unless this is the content of a file."""
    if not isinstance(content, Mapping) or "format" not in content:
        raise InvalidWorkflowFile(
            {"format": _("Expected an object with the keys format and workflows.")}
        )
    if content["format"] != FORMAT or isinstance(content["format"], bool):
        raise InvalidWorkflowFile(
            {"format": _("Expected %(known)s; other forms are not known.") % {"known": FORMAT}}
        )
    if not is_json(content):
        raise InvalidWorkflowFile({"file": _("Expected values that JSON knows.")})
    errors = dict(_errors(content))
    if errors:
        raise InvalidWorkflowFile(errors)
    _check_slugs(content["workflows"])


def _errors(content: Any) -> Iterator[tuple[str, str]]:
    validator = jsonschema.Draft202012Validator(file_schema())
    for error in validator.iter_errors(content):
        path = path_text(error.absolute_path)
        if error.validator == "additionalProperties":
            known = error.schema["properties"]
            for key in error.instance:
                if key not in known:
                    yield (
                        f"{path}.{key}".lstrip("."),
                        _("There is no such key.") + nearest(key, known),
                    )
        elif error.validator == "required":
            for key in error.validator_value:
                if key not in error.instance:
                    yield f"{path}.{key}".lstrip("."), _("This is required.")
        else:
            yield path or "file", error.message


def _check_slugs(workflows: list[Any]) -> None:
    seen: set[str] = set()
    for number, workflow in enumerate(workflows):
        if workflow["slug"] in seen:
            raise InvalidWorkflowFile(
                {f"workflows[{number}].slug": _("This workflow is given twice.")}
            )
        seen.add(workflow["slug"])


def path_text(parts: Any) -> str:
    """Return a path in words: `workflows[0].pipelines[1].name_en`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(
        "."
    )
