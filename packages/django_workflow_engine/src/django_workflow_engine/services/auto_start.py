"""Workflows that start by themselves when an object is created."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.exceptions import ApprovalError
from django_workflow_engine.conditions import satisfies
from django_workflow_engine.conf import DEFAULT_ENTRY, AutoStartRule, settings
from django_workflow_engine.exceptions import WorkflowNotActive
from django_workflow_engine.expressions import Facts, WhoAndWhat, evaluate
from django_workflow_engine.models import WorkFlow, WorkflowAttachment
from django_workflow_engine.recipient_resolver import creator_of
from django_workflow_engine.services._run import write_database
from django_workflow_engine.services.attach import Wanted, attach
from django_workflow_engine.services.registration import configuration_of, is_known, workflows_for

logger = logging.getLogger("django_workflow_engine")


@dataclass(frozen=True, slots=True)
class AutoStart:
    """A workflow that objects start on by themselves, and what they must satisfy."""

    slug: str
    # None where no template of this slug can be attached.
    workflow: WorkFlow | None
    # Look-ups, as `filter()` takes them.
    conditions: Mapping[str, Any] = field(default_factory=dict)
    # In CEL; empty: always.
    when: str = ""

    def holds(self, obj: Model) -> bool:
        """Return whether the condition in CEL holds; raise `ConditionFailed` where it says nothing.

        Nothing is read where there is none.
        """
        if not self.when:
            return True
        facts = Facts(WhoAndWhat(target=lambda: obj, user=lambda: creator_of(obj)))
        return evaluate(self.when, facts.values(self.when))

    def applies(self, obj: Model) -> bool:
        """Return whether the stored object starts on this, if no earlier rule does."""
        return satisfies(obj, self.conditions) and self.holds(obj)

    def template(self) -> WorkFlow:
        """Return the workflow; raise `WorkflowNotActive` when it cannot be attached."""
        if self.workflow is None:
            raise WorkflowNotActive(
                _("AUTO_START_WORKFLOWS names '%(slug)s', which is no active workflow.")
                % {"slug": self.slug}
            )
        return self.workflow


def start_on_creation(
    sender: type[Model], instance: Model, created: bool, using: str, raw: bool = False, **_kw: Any
) -> None:
    """Receiver of `post_save`: start the workflow of a new object once it is committed.

    Objects from fixtures and of migrations' models are left alone.
    """
    if created and not raw and sender._meta.apps is apps and is_known(sender):
        transaction.on_commit(partial(_start_and_log, instance), using=using)


def start_automatically(obj: Model) -> WorkflowAttachment | None:
    """Start the object on the first rule whose conditions hold; return None where there is none.

    The starter is the object's creator, where it names one; no permission is asked for. Raises as
    `attach_workflow_to_object` does, `WorkflowMisconfigured` for conditions that the model cannot
    be asked, and `ConditionFailed` for one that has no answer: no later rule is tried then.
    """
    for rule in rules_for(type(obj)):
        if rule.applies(obj):
            return attach(Wanted(obj, rule.template(), creator_of(obj)))
    return None


def rules_for(model: type[Model]) -> list[AutoStart]:
    """Return what objects of the model start on, in the order in which it is tried.

    The model's own entry in `AUTO_START_WORKFLOWS`; else what its configuration starts; else the
    entry `default`, for a model that `is_known`.
    """
    entries = settings.auto_start_workflows
    own = entries.get(model._meta.label_lower)
    if own is not None:
        return _named(own)
    configured = _configured(model)
    if configured is not None:
        return [AutoStart(configured.slug or "", configured)]
    if settings.is_enabled(model) and is_known(model):
        return _named(entries.get(DEFAULT_ENTRY, ()))
    return []


def _configured(model: type[Model]) -> WorkFlow | None:
    """The workflow that the model's configuration starts: its own, else the first mapped one."""
    content_type = ContentType.objects.get_for_model(model)
    configuration = configuration_of(content_type, write_database())
    if configuration is None or not configuration.auto_start:
        return None
    return configuration.default_workflow or next(iter(workflows_for(model)), None)


def _named(rules: Sequence[AutoStartRule]) -> list[AutoStart]:
    slugs = {rule.workflow_slug for rule in rules}
    offered = WorkFlow.objects.attachable().filter(slug__in=slugs)
    found = {workflow.slug: workflow for workflow in offered}
    return [
        AutoStart(rule.workflow_slug, found.get(rule.workflow_slug), rule.conditions, rule.when)
        for rule in rules
    ]


def _start_and_log(obj: Model) -> None:
    """Start after commit; the object is there already, so a failure is logged, not raised."""
    try:
        start_automatically(obj)
    except ApprovalError:
        logger.exception("No workflow could be started on %s(%s)", type(obj).__name__, obj.pk)
