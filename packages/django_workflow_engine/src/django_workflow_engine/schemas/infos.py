"""The configuration of a whole stage, pipeline or workflow."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from django_workflow_engine.exceptions import InvalidConfiguration
from django_workflow_engine.schemas import values
from django_workflow_engine.schemas.approvals import parse_approval, refuse_unknown
from django_workflow_engine.schemas.places import (
    GROUP_READERS,
    STAGE_READERS,
    parse_group,
    parse_place,
)
from django_workflow_engine.schemas.references import reference_errors
from django_workflow_engine.schemas.values import Unusable, is_empty

STAGE_KEYS = ("color", "approvals", *STAGE_READERS)
APPROVALS_KEYS = ("approvals",)
PIPELINE_KEYS = (*APPROVALS_KEYS, *GROUP_READERS)
FORM_KEYS = ("required_form",)
COLOR = re.compile(r"#[0-9a-fA-F]{6}")


def validate_stage(stage_info: Any, form_info: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return both configurations of a stage as they are stored.

    Raises `InvalidConfiguration` with all errors; paths of those in `form_info` begin with it.
    Roles, users and forms named there must exist, and strategies and functions be known.
    """
    errors: dict[str, str] = {}
    form = _parse_form(form_info, errors, "form_info.")
    stage = _parse_stage(stage_info, errors)
    if not errors:
        found = reference_errors({None: {**stage, **form}}).get(None, {})
        errors = {
            f"form_info.{path}" if path in FORM_KEYS else path: message
            for path, message in found.items()
        }
    _raise(errors)
    return stage, form


def validate_stage_info(stage_info: Any, form_info: Any = None) -> dict[str, Any]:
    """Return a stage's own configuration as it is stored; `form_info` as `validate_stage` has it.

    Raises `InvalidConfiguration` with all errors.
    """
    return validate_stage(stage_info, form_info or {})[0]


def validate_approvals_info(info: Any) -> dict[str, Any]:
    """Return the configuration of a workflow as it is stored.

    Raises `InvalidConfiguration` with all errors, references included.
    """
    parsed = parse_approvals_info(info)
    _raise(reference_errors({None: parsed}).get(None, {}))
    return parsed


def parse_stage_info(stage_info: Any) -> dict[str, Any]:
    """Return a stage's own configuration as it is stored, judged by its shape alone."""
    errors: dict[str, str] = {}
    parsed = _parse_stage(stage_info, errors)
    _raise(errors)
    return parsed


def parse_form_info(form_info: Any) -> dict[str, Any]:
    """Return a stage's form as it is stored, judged by its shape alone."""
    errors: dict[str, str] = {}
    parsed = _parse_form(form_info, errors)
    _raise(errors)
    return parsed


def validate_pipeline_info(info: Any) -> dict[str, Any]:
    """Return the configuration of a pipeline as it is stored.

    Raises `InvalidConfiguration` with all errors, references included.
    """
    parsed = parse_pipeline_info(info)
    _raise(reference_errors({None: parsed}).get(None, {}))
    return parsed


def parse_pipeline_info(info: Any) -> dict[str, Any]:
    """Return the configuration of a pipeline, judged by its shape alone."""
    errors: dict[str, str] = {}
    parsed = _parse_level(info, PIPELINE_KEYS, errors)
    if isinstance(info, Mapping):
        parsed |= parse_group(info, errors)
    _raise(errors)
    return parsed


def parse_approvals_info(info: Any) -> dict[str, Any]:
    """Return the configuration of a workflow, judged by its shape alone."""
    errors: dict[str, str] = {}
    parsed = _parse_level(info, APPROVALS_KEYS, errors)
    _raise(errors)
    return parsed


def _parse_level(info: Any, keys: Sequence[str], errors: dict[str, str]) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    if isinstance(info, Mapping):
        refuse_unknown(info, keys, "", errors)
        _parse_approvals(info, parsed, errors)
    else:
        errors["approvals"] = _("Expected an object with approvals.")
    return parsed


def _parse_stage(stage_info: Any, errors: dict[str, str]) -> dict[str, Any]:
    if not isinstance(stage_info, Mapping):
        errors["stage_info"] = _("Expected an object.")
        return {}
    refuse_unknown(stage_info, STAGE_KEYS, "", errors)
    parsed: dict[str, Any] = {}
    color = stage_info.get("color")
    if isinstance(color, str) and COLOR.fullmatch(color):
        parsed["color"] = color
    elif not is_empty(color):
        errors["color"] = _("Expected a colour such as #3498db.")
    _parse_approvals(stage_info, parsed, errors)
    return {**parsed, **parse_place(stage_info, errors)}


def _parse_approvals(
    info: Mapping[Any, Any], parsed: dict[str, Any], errors: dict[str, str]
) -> None:
    approvals = info.get("approvals")
    if isinstance(approvals, list | tuple):
        if approvals:
            parsed["approvals"] = [
                parse_approval(approval, f"approvals[{index}]", errors)
                for index, approval in enumerate(approvals)
            ]
    elif not is_empty(approvals):
        errors["approvals"] = _("Expected a list.")


def _parse_form(form_info: Any, errors: dict[str, str], prefix: str = "") -> dict[str, Any]:
    if not isinstance(form_info, Mapping):
        errors["form_info"] = _("Expected an object.")
        return {}
    refuse_unknown(form_info, FORM_KEYS, prefix, errors)
    form = form_info.get("required_form")
    if is_empty(form):
        return {}
    try:
        return {"required_form": values.key(form)}
    except Unusable as error:
        errors[f"{prefix}required_form"] = str(error)
        return {}


def _raise(errors: Mapping[str, str]) -> None:
    if errors:
        raise InvalidConfiguration(errors)
