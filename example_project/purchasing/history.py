"""What happened to an object, in words: one entry for each event of its approval flow."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Model
from django.utils.translation import gettext as _

from approval_workflow.choices import EventKind
from approval_workflow.models import ApprovalEvent
from approval_workflow.queries import timeline
from approval_workflow.utils import get_approval_flow
from django_workflow_engine.models import Stage


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One event; `who` is empty where the engine acted by itself."""

    when: datetime
    who: str
    what: str
    comment: str


def history_of(obj: Model) -> list[Entry]:
    """Return the events of the object's open flow, else of the one that ended last, in order."""
    flow = get_approval_flow(obj)
    if flow is None:
        return []
    # That steps were added says nothing that their opening does not say.
    events = list(timeline(flow).exclude(kind=EventKind.STEPS_ADDED))
    stages = Stage.objects.in_bulk({_stage_id(event) for event in events} - {None})
    return [_entry(event, stages.get(_stage_id(event) or 0)) for event in events]


def _entry(event: ApprovalEvent, stage: Stage | None) -> Entry:
    what = _what(event)
    return Entry(
        when=event.created_at,
        who=_who(event),
        what=f"{what}: {stage}" if stage else what,
        comment=event.comment,
    )


def _who(event: ApprovalEvent) -> str:
    if event.actor is None:
        return ""
    actor = str(event.actor.get_full_name())
    if event.on_behalf_of is None:
        return actor
    principal = event.on_behalf_of.get_full_name()
    return _("%(actor)s for %(principal)s") % {"actor": actor, "principal": principal}


def _what(event: ApprovalEvent) -> str:
    if event.kind == EventKind.DELEGATED:
        delegate = event.instance.delegated_to.get_full_name()
        return _("Delegated to %(person)s") % {"person": delegate}
    return str(event.get_kind_display())


def _stage_id(event: ApprovalEvent) -> int | None:
    """The stage whose step the event is about; the engine keeps it with the step."""
    return event.instance.extra_fields.get("stage_id") if event.instance else None
