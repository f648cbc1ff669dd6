"""A whole workflow, as objects pass it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from django_workflow_engine.choices import ActionType, AttachmentStatus, WorkflowStrategy
from django_workflow_engine.definition.parts import (
    DEFAULT_LEVEL,
    WORKFLOW_LEVEL,
    ActionDefinition,
    GroupDefinition,
    Level,
    PipelineDefinition,
    PlaceDefinition,
)
from django_workflow_engine.exceptions import UnknownPipeline, UnknownStage
from django_workflow_engine.models import WorkflowAttachment


@dataclass(frozen=True, kw_only=True)
class WorkflowDefinition:
    """A workflow as objects pass it; `places` are in the order in which they are passed."""

    id: Any
    name_en: str
    name_ar: str
    # A `WorkflowStrategy` value: what the places are.
    strategy: str
    pipelines: tuple[PipelineDefinition, ...]
    places: tuple[PlaceDefinition, ...]
    # Places that run side by side, by their key.
    groups: Mapping[str, GroupDefinition] = field(default_factory=dict)
    # What is stored at levels that the strategy leaves out: where, and what is wrong with it (lazy,
    # for a definition is kept while languages change).
    misplaced: tuple[tuple[str, Any], ...] = ()
    # Active actions in order, by level and event.
    actions_by_level: Mapping[tuple[Level, str], tuple[ActionDefinition, ...]] = field(repr=False)

    @property
    def first(self) -> PlaceDefinition:
        """The place that objects start at; raises `UnknownStage` when there is none."""
        if not self.places:
            raise UnknownStage(_("The workflow '%(name)s' has no stages.") % {"name": self.name_en})
        return self.places[0]

    def place(self, key: Any) -> PlaceDefinition:
        """Return the place with this key in what the object runs on."""
        return self.places[self.position(key)]

    def resolve(self, key: Any) -> PlaceDefinition:
        """Return the place with this key, which may be the template's or the snapshot's."""
        if str(key) in self._positions:
            return self.places[self._positions[str(key)]]
        for place in self.places:
            if str(place.template_id) == str(key):
                return place
        raise self._unknown(key)

    def named(self, key: Any) -> PlaceDefinition:
        """Return the place that people name by its code, or by a key as `resolve` takes it."""
        return self.coded(str(key)) or self.resolve(key)

    def position(self, key: Any) -> int:
        """Return how many places come before this one."""
        try:
            return self._positions[str(key)]
        except KeyError:
            raise self._unknown(key) from None

    @cached_property
    def is_plain(self) -> bool:
        """Whether its places are passed one by one, in order, by decisions of people alone."""
        return all(place.is_plain for place in self.places)

    @property
    def is_restricted(self) -> bool:
        """Whether starting and deciding take permissions that the template has made."""
        return any(place.is_restricted for place in self.places)

    def after(self, key: Any) -> PlaceDefinition | None:
        """Return the place that follows in order, or None at the end.

        In a branch that is the next place of the branch, or None at its end.
        """
        position = self.position(key)
        place, following = self.places[position], self._at(position + 1)
        same_branch = following is not None and following.branch == place.branch
        return following if same_branch or not place.group else None

    def after_group(self, group: str) -> PlaceDefinition | None:
        """Return the place that follows in order when the branches of a group have joined."""
        last = max(number for number, place in enumerate(self.places) if place.group == group)
        return self._at(last + 1)

    def coded(self, code: str) -> PlaceDefinition | None:
        """Return the place that routes name so, or None."""
        return next((place for place in self.places if place.code == code), None)

    def current(self, attachment: WorkflowAttachment) -> PlaceDefinition | None:
        """Return where the attachment's object stands; None before the start and at the end."""
        if attachment.started_at is None or attachment.status == AttachmentStatus.COMPLETED:
            return None
        key = {
            WorkflowStrategy.STAGE.value: attachment.current_stage_id,
            WorkflowStrategy.PIPELINE.value: attachment.current_pipeline_id,
            WorkflowStrategy.WORKFLOW.value: self.id,
        }[self.strategy]
        return self.place(key) if key is not None else None

    def named_in(self, keys: Mapping[str, Any]) -> PlaceDefinition | None:
        """Return the place that `PlaceDefinition.keys` were noted of, or None."""
        position = self._positions.get(str(keys.get(f"{self.strategy}_id")))
        return self.places[position] if position is not None else None

    def actions(self, event: ActionType, key: Any = None) -> tuple[ActionDefinition, ...]:
        """Return the actions that follow an event at the place with this key, in order.

        Stage, pipeline, workflow: the nearest level that has active ones counts, alone; the default
        actions only where none of them has any. Without a place the workflow's own count.
        """
        levels: Iterable[Level] = (WORKFLOW_LEVEL, DEFAULT_LEVEL)
        if key is not None:
            levels = self.place(key).action_levels
        found = (self.actions_by_level.get((level, str(event)), ()) for level in levels)
        return next((actions for actions in found if actions), ())

    def _at(self, position: int) -> PlaceDefinition | None:
        return self.places[position] if position < len(self.places) else None

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {str(place.id): position for position, place in enumerate(self.places)}

    def _unknown(self, key: Any) -> UnknownStage | UnknownPipeline:
        known = ", ".join(f"{place.template_id} ({place.name_en})" for place in self.places)
        names = {"stage": key, "pipeline": key, "name": self.name_en, "known": known}
        if self.strategy == WorkflowStrategy.PIPELINE:
            return UnknownPipeline(
                _(
                    "There is no pipeline %(pipeline)s in the workflow '%(name)s'; it has:"
                    " %(known)s."
                )
                % names,
                pipeline=key,
            )
        return UnknownStage(
            _("There is no stage %(stage)s in the workflow '%(name)s'; it has: %(known)s.") % names,
            stage=key,
        )
