"""Take the version of a template before an object needs it."""

from typing import Any

from django.db import router, transaction

from django_workflow_engine.definition import compile_definition, completeness_errors
from django_workflow_engine.exceptions import WorkflowIncomplete
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.versions import current_snapshot


def publish_version(template: WorkFlow, user: Any = None) -> WorkFlow:
    """Return the version of the template as it is now; take it if there is none yet.

    It is what the next object that is attached runs on. The version names who changed the template
    last; where that is not known, it names `user`. Whether `user` may do this is for the caller to
    decide.

    Raises `WorkflowIncomplete` and `InvalidConfiguration` for a template that cannot be run.
    """
    using = router.db_for_write(WorkFlow)
    with transaction.atomic(using=using):
        version = current_snapshot(template, using=using, author=user)
        errors = completeness_errors(compile_definition(version.pk, using))
        if errors:
            raise WorkflowIncomplete(errors)
    return version
