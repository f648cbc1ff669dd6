"""How the people of an approval are found that no role and no user names.

Two functions of the core's strategy for functions. They are called when the step opens, so that
whoever is head of a department then is asked, and read what the step notes of its place.
"""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model

from approval_workflow.conf import load
from approval_workflow.strategies import approver_function
from django_workflow_engine.conf import SETTING, settings
from django_workflow_engine.exceptions import WorkflowMisconfigured
from django_workflow_engine.models import Pipeline
from django_workflow_engine.recipient_resolver import creator_of

# The names by which steps find the functions.
ASSIGNMENT_RESOLVER = "django_workflow_engine.assignment_resolver"
DEPARTMENT_HEAD = "django_workflow_engine.department_head"
# Where a step notes the name of its function in ASSIGNMENT_RESOLVERS.
RESOLVER_KEY = "assigned_resolver"


def requester_of(obj: Model | None, starter: Callable[[], Any]) -> Any:
    """Return who asks: the object's creator, else who started the workflow, or None.

    `starter` is called where the object names nobody.
    """
    return creator_of(obj) or starter()


@approver_function(ASSIGNMENT_RESOLVER)
def assigned_people(obj: Model, step: Any) -> Any:
    """Return whom the step's function in `ASSIGNMENT_RESOLVERS` names: users, a user, or None.

    It is called with the object and the requester. Raises `WorkflowMisconfigured` for a name that
    the setting does not have.
    """
    name = step.extra_fields.get(RESOLVER_KEY)
    path = settings.assignment_resolvers.get(name)
    if path is None:
        raise WorkflowMisconfigured(f"{SETTING}['ASSIGNMENT_RESOLVERS'] has no name {name!r}.")
    return load("ASSIGNMENT_RESOLVERS", path)(obj, requester_of(obj, lambda: step.flow.started_by))


@approver_function(DEPARTMENT_HEAD)
def department_head(obj: Model, step: Any) -> Any:
    """Return the head of the pipeline's department, or of the requester's where it has none."""
    department = _department_of(step.extra_fields.get("pipeline_id"))
    if department is None:
        requester = requester_of(obj, lambda: step.flow.started_by)
        department = _follow(requester, settings.user_department_field, "USER_DEPARTMENT_FIELD")
    return _follow(department, settings.department_head_field, "DEPARTMENT_HEAD_FIELD")


def _department_of(pipeline_id: Any) -> Any:
    pipeline = Pipeline.objects.filter(pk=pipeline_id).first() if pipeline_id is not None else None
    return pipeline.department if pipeline is not None else None


def _follow(obj: Any, name: str, key: str) -> Any:
    """The value of a field that a setting names; None where there is nothing to ask."""
    if obj is None:
        return None
    try:
        return getattr(obj, name)
    except ObjectDoesNotExist:
        return None
    except AttributeError as error:
        raise WorkflowMisconfigured(
            f"{type(obj).__name__} has no field {name!r}: see {SETTING}[{key!r}]."
        ) from error
