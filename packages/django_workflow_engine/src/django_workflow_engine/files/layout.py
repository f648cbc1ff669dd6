"""What a workflow is as plain data: its keys, what each is when it is left out, and references.

The same layout is used with the keys of the database (as it is stored) and with names (as it is in
files); `with_references` leads from one to the other.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Model

from approval_workflow.conf import settings as approval_settings
from django_workflow_engine.choices import FailurePolicy, WorkflowStatus, WorkflowStrategy
from django_workflow_engine.conf import settings
from django_workflow_engine.schemas.references import SETTING_OF_KEY

FORMAT = 1

Plain = dict[str, Any]
# Called with the path, the setting that names the model, and the reference; returns the new one.
Replace = Callable[[str, str, Any], Any]

# Stands for what must be given.
REQUIRED = object()
# The keys of each level, in the order of files, with what is meant where one is left out.
WORKFLOW: Mapping[str, Any] = {
    "slug": REQUIRED,
    "name_en": REQUIRED,
    "name_ar": "",
    "company": None,
    "status": WorkflowStatus.ACTIVE.value,
    "is_active": True,
    "strategy": WorkflowStrategy.STAGE.value,
    "creates_permissions": False,
    "workflow_info": {},
    "actions": [],
    # Those of the project for a new workflow; of one that there is, they are left alone.
    "default_actions": None,
    "pipelines": [],
}
PIPELINE: Mapping[str, Any] = {
    "name_en": REQUIRED,
    "name_ar": "",
    "order": REQUIRED,
    "department": None,
    "pipeline_info": {},
    "actions": [],
    "stages": [],
}
STAGE: Mapping[str, Any] = {
    "name_en": REQUIRED,
    "name_ar": "",
    "code": "",
    "order": REQUIRED,
    "stage_info": {},
    "form_info": {},
    "actions": [],
}
ACTION: Mapping[str, Any] = {
    "action_type": REQUIRED,
    "function_path": REQUIRED,
    "parameters": {},
    "conditions": {},
    "when": "",
    "compensation": "",
    "execution": "",
    "failure_policy": FailurePolicy.CONTINUE.value,
    "order": REQUIRED,
    "is_active": True,
}
# The lists of a level, and what is in them.
LISTS: Mapping[str, Mapping[str, Any]] = {
    "actions": ACTION,
    "default_actions": ACTION,
    "pipelines": PIPELINE,
    "stages": STAGE,
}
# Configurations that hold approvals.
INFOS = ("workflow_info", "pipeline_info", "stage_info")
# Keys outside configurations that name an object.
SETTING_OF_FIELD = {"company": "AUTH_USER_MODEL", "department": "DEPARTMENT_MODEL"}


def model_of(setting: str) -> type[Model] | None:
    """Return the model that a setting names, or None where it names none."""
    if setting == "AUTH_USER_MODEL":
        return get_user_model()
    if setting == "APPROVAL_ROLE_MODEL":
        return approval_settings.role_model
    if setting == "DEPARTMENT_MODEL":
        return settings.department_model
    return approval_settings.dynamic_form_model


def complete(given: Mapping[str, Any], keys: Mapping[str, Any] = WORKFLOW) -> Plain:
    """Return a level with everything that was left out; rows take their order from the list."""
    whole = {key: given.get(key, _copy(default)) for key, default in keys.items()}
    for name, keys_below in LISTS.items():
        if whole.get(name) is not None:
            whole[name] = [
                complete({"order": position, **row}, keys_below)
                for position, row in enumerate(whole[name], start=1)
            ]
    return whole


def without_defaults(whole: Mapping[str, Any], keys: Mapping[str, Any] = WORKFLOW) -> Plain:
    """Return a level without what needs not be said."""
    short: Plain = {}
    for key, default in keys.items():
        value = whole[key]
        if key in LISTS and value is not None:
            value = [without_defaults(row, LISTS[key]) for row in value]
        if default is REQUIRED or value != default:
            short[key] = value
    return short


def with_references(whole: Mapping[str, Any], replace: Replace, path: str = "") -> Plain:
    """Return a complete level in which each reference is what `replace` returns for it."""
    new: Plain = {}
    for key, value in whole.items():
        place = f"{path}.{key}" if path else key
        if value is None:
            new[key] = None
        elif key in LISTS:
            rows = enumerate(value)
            new[key] = [with_references(row, replace, f"{place}[{n}]") for n, row in rows]
        elif key in SETTING_OF_FIELD:
            new[key] = replace(place, SETTING_OF_FIELD[key], value)
        elif key in INFOS:
            new[key] = _with_approvals(value, replace, place)
        elif key == "form_info":
            new[key] = _with_keys(value, replace, place)
        else:
            new[key] = value
    return new


def ordered(value: Any) -> Any:
    """Return JSON with the keys of its objects in alphabetical order: databases keep none."""
    return json.loads(json.dumps(value, sort_keys=True))


def _with_approvals(info: Mapping[str, Any], replace: Replace, path: str) -> Plain:
    new = dict(info)
    if "approvals" in info:
        new["approvals"] = [
            _with_keys(approval, replace, f"{path}.approvals[{number}]")
            for number, approval in enumerate(info["approvals"])
        ]
    return new


def _with_keys(values: Mapping[str, Any], replace: Replace, path: str) -> Plain:
    return {
        key: replace(f"{path}.{key}", SETTING_OF_KEY[key], value)
        if key in SETTING_OF_KEY
        else value
        for key, value in values.items()
    }


def _copy(default: Any) -> Any:
    return type(default)(default) if isinstance(default, dict | list) else default
