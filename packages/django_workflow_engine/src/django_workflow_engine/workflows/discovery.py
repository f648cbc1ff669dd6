"""Where the classes are: in the modules `workflows` of the installed apps."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from django.apps import AppConfig, apps
from django.utils.module_loading import module_has_submodule

from django_workflow_engine.workflows.declaration import Workflow

MODULE = "workflows"


def installed_workflows() -> list[type[Workflow]]:
    """Return the workflows in code of all installed apps, in the order of the apps."""
    found = (cls for config in apps.get_app_configs() for cls in _workflows_of(config))
    return list(dict.fromkeys(found))


def _workflows_of(config: AppConfig) -> Iterator[type[Workflow]]:
    if module_has_submodule(config.module, MODULE):
        module = import_module(f"{config.name}.{MODULE}")
        yield from (value for value in vars(module).values() if _is_workflow(value))


def _is_workflow(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Workflow) and not value.options.abstract
