"""Classes into templates."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import router, transaction
from django.utils.translation import gettext as _

from django_workflow_engine.exceptions import InvalidConfiguration, InvalidWorkflowFile
from django_workflow_engine.files import ImportedWorkflow, import_workflows
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.services import validate_completeness
from django_workflow_engine.workflows.content import content_of, place_in_code
from django_workflow_engine.workflows.declaration import Workflow
from django_workflow_engine.workflows.discovery import installed_workflows

NUMBER = re.compile(r" \(\d+\)$")


def sync_workflows(
    classes: Sequence[type[Workflow]] | None = None, *, user: Any = None, dry_run: bool = False
) -> list[ImportedWorkflow]:
    """Make templates what classes say; return what was done with each.

    `classes`: those of all installed apps, when left out. A class becomes the content of a workflow
    file and is imported as that (see `import_workflows`): a template that is as its class says gets
    no new version, and objects that are under way keep theirs. `user` is noted for the changes.

    All is written in one transaction or, with `dry_run`, taken back at its end. Raises
    `InvalidConfiguration` with all errors by class and attribute: names that mean nothing, and what
    keeps a workflow from being run.
    """
    wanted = list(installed_workflows() if classes is None else classes)
    _refuse_same_slugs(wanted)
    using = router.db_for_write(WorkFlow)
    with transaction.atomic(using=using):
        try:
            imported = import_workflows(content_of(wanted), user=user)
        except InvalidWorkflowFile as error:
            raise InvalidConfiguration(
                {place_in_code(path, wanted): text for path, text in error.errors.items()}
            ) from error
        errors = {place: text for cls in wanted for place, text in _incomplete(cls).items()}
        if errors:
            raise InvalidConfiguration(errors)
        if dry_run:
            transaction.set_rollback(True, using=using)
    return imported


def _refuse_same_slugs(classes: Sequence[type[Workflow]]) -> None:
    seen: dict[str, type[Workflow]] = {}
    for cls in classes:
        other = seen.setdefault(cls.options.slug, cls)
        if other is not cls:
            message = _("%(other)s has the same slug, '%(slug)s'.") % {
                "other": f"{other.__module__}.{other.__qualname__}",
                "slug": cls.options.slug,
            }
            raise InvalidConfiguration({f"{cls.__qualname__}.Meta.slug": message})


def _incomplete(cls: type[Workflow]) -> dict[str, str]:
    """Return what keeps the template of a class from being run, by class and attribute."""
    pipelines = cls.pipelines.items()
    attributes = {
        **{pipeline.options.name_en: name for name, pipeline in pipelines},
        **{
            f"{pipeline.options.name_en} / {stage.name_en}": f"{name}.{code}"
            for name, pipeline in pipelines
            for code, stage in pipeline.stages.items()
        },
        **{f"{cls.options.name_en} / {stage.name_en}": code for code, stage in cls.stages.items()},
    }
    found: defaultdict[str, list[str]] = defaultdict(list)
    for label, message in validate_completeness(cls.template()).items():
        # Where several things are wrong at one place, it is numbered.
        attribute = attributes.get(label) or attributes.get(NUMBER.sub("", label), "Meta")
        found[f"{cls.__qualname__}.{attribute}"].append(message)
    return {place: " ".join(messages) for place, messages in found.items()}
