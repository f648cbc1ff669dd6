"""One difference, and how it is said."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class ChangeKind(Enum):
    """What happened to a thing, or to what it says in one of its fields."""

    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; `str()` of it is a sentence in the language that is active.

    `field` is what was added, removed or moved ("pipeline", "stage", "approval", "action"; a stage
    to another pipeline: "stage_to_pipeline"), else the name of what was changed, as it is stored
    ("user_role"). `before` and `after` are in words, in the language that was active when they were
    compared; None where there was nothing. Of what comes elsewhere in the order, `after` is what it
    comes after, None where it comes first.
    """

    kind: ChangeKind
    place: str
    field: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        texts = {
            "place": self.place,
            "field": LABELS.get(self.field, self.field),
            "before": self.before,
            "after": self.after,
        }
        return str(self._sentence) % texts

    @property
    def _sentence(self) -> Any:
        if self.kind is ChangeKind.CHANGED:
            if self.before is None:
                return _("%(place)s: '%(field)s' is now '%(after)s'.")
            if self.after is None:
                return _("%(place)s: '%(field)s' was '%(before)s' and is now empty.")
            return _("%(place)s: '%(field)s' was '%(before)s' and is now '%(after)s'.")
        if self.kind is ChangeKind.MOVED and self.after is None:
            return FIRST[self.field]
        return SENTENCES[self.kind, self.field]


SENTENCES: Mapping[tuple[ChangeKind, str], Any] = {
    (ChangeKind.ADDED, "pipeline"): gettext_lazy("%(place)s: the pipeline '%(after)s' was added."),
    (ChangeKind.ADDED, "stage"): gettext_lazy("%(place)s: the stage '%(after)s' was added."),
    (ChangeKind.ADDED, "approval"): gettext_lazy("%(place)s: an approval was added: %(after)s."),
    (ChangeKind.ADDED, "action"): gettext_lazy("%(place)s: an action was added: %(after)s."),
    (ChangeKind.REMOVED, "pipeline"): gettext_lazy(
        "%(place)s: the pipeline '%(before)s' was removed."
    ),
    (ChangeKind.REMOVED, "stage"): gettext_lazy("%(place)s: the stage '%(before)s' was removed."),
    (ChangeKind.REMOVED, "approval"): gettext_lazy(
        "%(place)s: an approval was removed: %(before)s."
    ),
    (ChangeKind.REMOVED, "action"): gettext_lazy("%(place)s: an action was removed: %(before)s."),
    (ChangeKind.MOVED, "pipeline"): gettext_lazy("%(place)s: now comes after '%(after)s'."),
    (ChangeKind.MOVED, "stage"): gettext_lazy("%(place)s: now comes after '%(after)s'."),
    (ChangeKind.MOVED, "approval"): gettext_lazy("%(place)s: is now asked after %(after)s."),
    (ChangeKind.MOVED, "stage_to_pipeline"): gettext_lazy(
        "%(place)s: was moved from the pipeline '%(before)s' to '%(after)s'."
    ),
}
FIRST: Mapping[str, Any] = {
    "pipeline": gettext_lazy("%(place)s: now comes first."),
    "stage": gettext_lazy("%(place)s: now comes first."),
    "approval": gettext_lazy("%(place)s: is now asked first."),
}
# What the fields are called.
LABELS: Mapping[str, Any] = {
    "name_en": gettext_lazy("name (English)"),
    "name_ar": gettext_lazy("name (Arabic)"),
    "company": gettext_lazy("company"),
    "status": gettext_lazy("status"),
    "is_active": gettext_lazy("active"),
    "strategy": gettext_lazy("where people are asked"),
    "creates_permissions": gettext_lazy("permissions of its own"),
    "department": gettext_lazy("department"),
    "color": gettext_lazy("colour"),
    "code": gettext_lazy("code"),
    "kind": gettext_lazy("what it waits for"),
    "skip_when": gettext_lazy("passed over if"),
    "approve_when": gettext_lazy("approves itself if"),
    "routes": gettext_lazy("routes"),
    "max_visits": gettext_lazy("visits at most"),
    "job": gettext_lazy("job"),
    "timer": gettext_lazy("timer"),
    "statuses": gettext_lazy("statuses"),
    "beside": gettext_lazy("side by side with"),
    "join": gettext_lazy("branches waited for"),
    "approval_type": gettext_lazy("who is asked"),
    "user_role": gettext_lazy("role"),
    "role_selection_strategy": gettext_lazy("who of the role"),
    "approval_user": gettext_lazy("person"),
    "assigned_field": gettext_lazy("field that names them"),
    "assigned_resolver": gettext_lazy("function that finds them"),
    "quorum_count": gettext_lazy("how many must approve"),
    "percentage_required": gettext_lazy("how many per cent must approve"),
    "hierarchy_levels": gettext_lazy("levels up"),
    "hierarchy_base_user": gettext_lazy("person whose superiors are asked"),
    "dynamic_source": gettext_lazy("where they are found"),
    "required_form": gettext_lazy("form to fill in"),
    "step_approval_type": gettext_lazy("what for"),
    "allow_higher_level": gettext_lazy("people above may act too"),
    "rejection_policy": gettext_lazy("when a vote rejects"),
    "exclude_starter": gettext_lazy("not whoever started the workflow"),
    "exclude_deciders": gettext_lazy("not whoever has approved before"),
    "parallel_group": gettext_lazy("track"),
    "parallel_required": gettext_lazy("the next step waits for the track"),
    "sla_duration": gettext_lazy("to be done within"),
    "timeout_action": gettext_lazy("when it is late"),
    "timeout_delegate_to": gettext_lazy("handed over to"),
    "max_escalation_level": gettext_lazy("escalated at most so often"),
    "extra_fields": gettext_lazy("further values"),
    "parameters": gettext_lazy("parameters"),
    "conditions": gettext_lazy("conditions"),
    "when": gettext_lazy("condition"),
    "compensation": gettext_lazy("compensation"),
    "execution": gettext_lazy("execution"),
    "failure_policy": gettext_lazy("after a failure"),
    "order": gettext_lazy("order"),
}
