"""Workflows for objects that existed before their workflow did."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from approval_workflow.exceptions import ApprovalError, InvalidInput
from approval_workflow.querysets import key_of
from django_workflow_engine.conditions import satisfying
from django_workflow_engine.conf import settings
from django_workflow_engine.exceptions import AlreadyAttached, ModelNotEnabled, WorkflowNotActive
from django_workflow_engine.models import WorkFlow, WorkflowAttachment
from django_workflow_engine.recipient_resolver import creator_of
from django_workflow_engine.services._batches import in_batches
from django_workflow_engine.services._permissions import require_permission_to_start
from django_workflow_engine.services._run import write_database
from django_workflow_engine.services.attach import Wanted, attach
from django_workflow_engine.services.auto_start import AutoStart, rules_for

BATCH_SIZE = 500


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What became of one object: it started on the workflow of this slug, unless `error` is set."""

    key: Any
    slug: str
    error: Exception | None = None


def start_existing_objects(
    model: type[Model],
    *,
    slug: str | None = None,
    user: Any = None,
    batch_size: int = BATCH_SIZE,
    dry_run: bool = False,
) -> Iterator[Backfilled]:
    """Start what automatic start would have started, had the rules been there from the beginning.

    Objects of the model's default manager count that never had a workflow. With `slug` only that
    workflow is started: on the objects that its rule starts, or, where no rule names it, on all.
    Each object has its transaction; whatever goes wrong with one is told in its result, and the
    next one follows. They are read `batch_size` at a time, in the order of their keys, while the
    results are taken. `user` is who starts them; not given: each object's creator.

    With `dry_run` the same objects are told, and nothing is started.

    Raises, before anything is started, `ModelNotEnabled`, `WorkflowNotActive`, `InvalidInput`,
    `WorkflowMisconfigured` and, with a user, `WorkflowPermissionDenied`.
    """
    if batch_size < 1:
        raise InvalidInput(_("The size of a batch is at least 1."))
    if not settings.is_enabled(model):
        raise ModelNotEnabled(
            _("ENABLED_MODELS does not name %(model)s.") % {"model": model._meta.label},
            model=model._meta.label,
        )
    require_permission_to_start(user)
    selections = _selections(model, slug)
    for selection in selections:
        require_permission_to_start(user, selection.workflow)
    return _started(selections, user, batch_size, dry_run)


@dataclass(frozen=True, slots=True)
class _Selection:
    """The objects that satisfy the look-ups of a rule, and those of no earlier rule without more.

    Whether a condition in CEL holds is asked for each of them.
    """

    rule: AutoStart
    workflow: WorkFlow
    rows: "QuerySet[Model]"
    # Earlier rules with conditions in CEL.
    earlier: Sequence[AutoStart] = ()

    @property
    def slug(self) -> str:
        return self.rule.slug

    def is_about(self, obj: Model) -> bool:
        """Return whether the object starts here; raise `ConditionFailed` where nobody can say."""
        return not any(rule.applies(obj) for rule in self.earlier) and self.rule.holds(obj)


def _selections(model: type[Model], slug: str | None) -> list[_Selection]:
    rows: QuerySet[Model] = model._default_manager.all()
    selections = []
    earlier: list[AutoStart] = []
    for rule in _rules(model, slug):
        if slug in (None, rule.slug):
            found = satisfying(rows, rule.conditions)
            selections.append(_Selection(rule, rule.template(), found, tuple(earlier)))
        if rule.when:
            earlier.append(rule)
            continue
        if not rule.conditions:
            break  # the rules that follow never count
        # What an earlier rule is about is not for the later ones.
        about = satisfying(model._base_manager.all(), rule.conditions)
        rows = rows.exclude(pk__in=about.values("pk"))
    return selections


def _rules(model: type[Model], slug: str | None) -> Sequence[AutoStart]:
    rules = rules_for(model)
    if slug is None or any(rule.slug == slug for rule in rules):
        return rules
    workflow = WorkFlow.objects.attachable().filter(slug=slug).first()
    if workflow is None:
        raise WorkflowNotActive(_("There is no active workflow '%(slug)s'.") % {"slug": slug})
    return [AutoStart(slug, workflow)]


def _started(
    selections: Sequence[_Selection], user: Any, batch_size: int, dry_run: bool
) -> Iterator[Backfilled]:
    for selection in selections:
        for obj in _without_workflow(selection.rows, batch_size):
            result = _result(obj, selection, user, dry_run=dry_run)
            if result is not None:
                yield result


def _result(obj: Model, selection: _Selection, user: Any, *, dry_run: bool) -> Backfilled | None:
    """What becomes of an object; None where the selection is not about it."""
    try:
        if not selection.is_about(obj):
            return None
    except ApprovalError as error:
        return Backfilled(obj.pk, selection.slug, error)
    return Backfilled(obj.pk, selection.slug) if dry_run else _start(obj, selection, user)


def _without_workflow(rows: "QuerySet[Model]", batch_size: int) -> Iterator[Model]:
    """Yield the objects that no workflow was ever attached to, in the order of their keys."""
    for batch in in_batches(rows, batch_size):
        attached = _attached_keys(batch)
        yield from (obj for obj in batch if key_of(obj) not in attached)


def _attached_keys(objects: Sequence[Model]) -> set[str]:
    # Keys of attachments are text, which databases compare with other kinds of keys differently.
    attachments = WorkflowAttachment.objects.using(write_database()).filter(
        content_type=ContentType.objects.get_for_model(objects[0]),
        object_id__in=[key_of(obj) for obj in objects],
    )
    return set(attachments.values_list("object_id", flat=True))


def _start(obj: Model, selection: _Selection, user: Any) -> Backfilled | None:
    """Start one object; None when somebody else has attached it in the meantime."""
    try:
        attach(Wanted(obj, selection.workflow, user or creator_of(obj)))
    except AlreadyAttached:
        return None
    except Exception as error:  # noqa: BLE001  # the project's own code runs in it
        return Backfilled(obj.pk, selection.slug, error)
    return Backfilled(obj.pk, selection.slug)
