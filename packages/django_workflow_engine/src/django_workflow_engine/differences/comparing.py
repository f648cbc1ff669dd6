"""Two workflows side by side: what belongs together, and what is different about it."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Generic, TypeVar

from django.utils.translation import gettext as _

from django_workflow_engine.choices import ActionType, WorkflowStrategy
from django_workflow_engine.definition import (
    ActionDefinition,
    ApprovalDefinition,
    PipelineDefinition,
    PlaceDefinition,
)
from django_workflow_engine.differences.change import Change, ChangeKind
from django_workflow_engine.differences.sides import (
    Side,
    Values,
    action_values,
    approval_values,
    is_called_by_name,
)
from django_workflow_engine.differences.words import Words, name_of
from django_workflow_engine.models import WorkFlow

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


def difference(old: WorkFlow, new: WorkFlow) -> list[Change]:
    """Return what is different in `new`, place by place: pipelines, stages, approvals, actions.

    Both may be a template, as it is stored now, or a version. Pipelines and stages are the same
    where they come from the same row of the template, whatever they are called; where that row is
    gone, by their name. Of actions, those that are active count. The same number of statements for
    any size. Raises `WorkFlow.DoesNotExist`, and `InvalidConfiguration` for what cannot be read.
    """
    before, after = Side.read(old), Side.read(new)
    departments = [
        found
        for side in (before, after)
        for found in side.departments.values()
        if found is not None
    ]
    words = Words.of((*before.keys(), *after.keys()), departments)
    return list(_Comparison(before, after, words).changes())


@dataclass(frozen=True)
class Matched(Generic[T]):
    """Which items of two lists are the same thing."""

    pairs: list[tuple[T, T]]
    removed: list[T]
    added: list[T]

    def before(self, item: T) -> T | None:
        """The old item that this new one is."""
        return next((old for old, new in self.pairs if new is item), None)


def match(old: Iterable[T], new: Iterable[T], *keys: Callable[[T], Hashable]) -> Matched[T]:
    """Match items by the first key, those that are left by the next, each item once."""
    removed, added = list(old), list(new)
    pairs: list[tuple[T, T]] = []
    for key in keys:
        for item in list(added):
            found = next((each for each in removed if key(each) == key(item)), None)
            if found is not None:
                pairs.append((found, item))
                removed = [each for each in removed if each is not found]
                added = [each for each in added if each is not item]
    return Matched(pairs, removed, added)


def moved(old: Sequence[K], new: Sequence[K]) -> set[K]:
    """Return the fewest items, as well as can be told, that were moved to get the new order."""
    blocks = SequenceMatcher(a=old, b=new, autojunk=False).get_matching_blocks()
    stayed = {item for block in blocks for item in new[block.b : block.b + block.size]}
    return set(new) - stayed


@dataclass(frozen=True)
class _Comparison:
    old: Side
    new: Side
    words: Words

    def changes(self) -> Iterator[Change]:
        name = name_of(_Named(self.new.values["name_en"], self.new.values["name_ar"]))
        yield from self._values(name, self.old.values, self.new.values)
        yield from self._content(
            name, WorkflowStrategy.WORKFLOW, self.old.definition.id, self.new.definition.id
        )
        pipelines = match(
            self.old.definition.pipelines,
            self.new.definition.pipelines,
            _template_id,
            _english,
        )
        stages = match(self.old.stages, self.new.stages, _template_id, _label)
        for gone in pipelines.removed:
            yield Change(ChangeKind.REMOVED, name, "pipeline", name_of(gone), None)
        yield from self._stages_gone(pipelines, stages)
        order = _order(pipelines, self.old.definition.pipelines, self.new.definition.pipelines)
        for position, pipeline in enumerate(self.new.definition.pipelines):
            previous = self.new.definition.pipelines[position - 1] if position else None
            yield from self._pipeline(name, pipeline, previous, pipelines, order)
            yield from self._stages_of(pipeline, pipelines, stages)

    def _pipeline(
        self,
        workflow: str,
        pipeline: PipelineDefinition,
        previous: PipelineDefinition | None,
        pipelines: Matched[PipelineDefinition],
        order: set[int],
    ) -> Iterator[Change]:
        place, before = name_of(pipeline), pipelines.before(pipeline)
        if before is None:
            yield Change(ChangeKind.ADDED, workflow, "pipeline", None, place)
        else:
            if id(pipeline) in order:
                behind = name_of(previous) if previous is not None else None
                yield Change(ChangeKind.MOVED, place, "pipeline", None, behind)
            yield from self._values(
                place, self.old.pipeline_values(before), self.new.pipeline_values(pipeline)
            )
        yield from self._content(
            place, WorkflowStrategy.PIPELINE, before and before.id, pipeline.id
        )

    def _stages_gone(
        self, pipelines: Matched[PipelineDefinition], stages: Matched[PlaceDefinition]
    ) -> Iterator[Change]:
        """Those of pipelines that are gone went with them."""
        gone = {pipeline.id for pipeline in pipelines.removed}
        for stage in stages.removed:
            if stage.pipeline_id not in gone:
                yield Change(
                    ChangeKind.REMOVED, name_of(stage.pipeline), "stage", name_of(stage), None
                )

    def _stages_of(
        self,
        pipeline: PipelineDefinition,
        pipelines: Matched[PipelineDefinition],
        stages: Matched[PlaceDefinition],
    ) -> Iterator[Change]:
        was = pipelines.before(pipeline)
        here = [stage for stage in self.new.stages if stage.pipeline_id == pipeline.id]
        there = [stage for stage in self.old.stages if was and stage.pipeline_id == was.id]
        stayed = Matched(
            [pair for pair in stages.pairs if pair[0] in there and pair[1] in here], [], []
        )
        order = _order(stayed, there, here)
        for position, stage in enumerate(here):
            before, place = stages.before(stage), _place(stage)
            if before is None:
                yield Change(ChangeKind.ADDED, name_of(pipeline), "stage", None, name_of(stage))
            elif was is None or before.pipeline_id != was.id:
                yield Change(
                    ChangeKind.MOVED,
                    place,
                    "stage_to_pipeline",
                    name_of(before.pipeline),
                    name_of(pipeline),
                )
            elif id(stage) in order:
                previous = name_of(here[position - 1]) if position else None
                yield Change(ChangeKind.MOVED, place, "stage", None, previous)
            if before is not None:
                yield from self._stage(place, before, stage)
            yield from self._content(place, WorkflowStrategy.STAGE, before and before.id, stage.id)

    def _stage(
        self, label: str, before: PlaceDefinition, after: PlaceDefinition
    ) -> Iterator[Change]:
        old, new = self.old.place_values(before), self.new.place_values(after)
        if is_called_by_name(before) and is_called_by_name(after):
            del new["code"]  # it goes with the name
        yield from self._values(label, old, new)

    def _content(self, place: str, level: str, old_key: Any, new_key: Any) -> Iterator[Change]:
        """The approvals and actions of a level; `old_key` is None where it is new."""
        known = old_key is not None
        yield from self._approvals(
            place,
            self.old.approvals(level, old_key) if known else (),
            self.new.approvals(level, new_key),
        )
        yield from self._actions(
            place,
            self.old.actions(level, old_key) if known else [],
            self.new.actions(level, new_key),
        )

    def _approvals(
        self, place: str, old: Sequence[ApprovalDefinition], new: Sequence[ApprovalDefinition]
    ) -> Iterator[Change]:
        # Equal definitions would be one item: each is compared as an item of its own.
        before, after = [_Item(each) for each in old], [_Item(each) for each in new]
        matched = match(before, after, _same, _same_people, _same_kind)
        for gone in matched.removed:
            yield Change(
                ChangeKind.REMOVED, place, "approval", self.words.approval(gone.value), None
            )
        order = _order(matched, before, after)
        for position, item in enumerate(after):
            title, was = self.words.approval(item.value), matched.before(item)
            if was is None:
                yield Change(ChangeKind.ADDED, place, "approval", None, title)
                continue
            label = _("%(place)s, approval by %(approval)s") % {"place": place, "approval": title}
            if id(item) in order:
                previous = self.words.approval(after[position - 1].value) if position else None
                yield Change(ChangeKind.MOVED, label, "approval", None, previous)
            yield from self._values(label, approval_values(was.value), approval_values(item.value))

    def _actions(
        self,
        place: str,
        old: Sequence[tuple[str, ActionDefinition]],
        new: Sequence[tuple[str, ActionDefinition]],
    ) -> Iterator[Change]:
        before, after = [_Item(each) for each in old], [_Item(each) for each in new]
        matched = match(before, after, _same_action, _same_function)
        for gone in matched.removed:
            yield Change(ChangeKind.REMOVED, place, "action", _action(gone), None)
        for item in matched.added:
            yield Change(ChangeKind.ADDED, place, "action", None, _action(item))
        for was, item in matched.pairs:
            label = _("%(place)s, action %(action)s") % {"place": place, "action": _action(item)}
            yield from self._values(
                label, action_values(was.value[1]), action_values(item.value[1])
            )

    def _values(self, place: str, old: Values, new: Values) -> Iterator[Change]:
        for field, value in new.items():
            if old[field] != value:
                before, after = (self.words.shown(field, each) for each in (old[field], value))
                yield Change(ChangeKind.CHANGED, place, field, before, after)


@dataclass(frozen=True)
class _Named:
    name_en: str
    name_ar: str


@dataclass(frozen=True, eq=False)
class _Item:
    """Something that may be in a list twice."""

    value: Any


def _order(matched: Matched[Any], old: Sequence[Any], new: Sequence[Any]) -> set[int]:
    """The ids of the new items that come elsewhere among those that both lists have."""
    number = {id(item): position for position, pair in enumerate(matched.pairs) for item in pair}
    before = [number[id(item)] for item in old if id(item) in number]
    after = [number[id(item)] for item in new if id(item) in number]
    return {id(matched.pairs[position][1]) for position in moved(before, after)}


def _template_id(item: PipelineDefinition | PlaceDefinition) -> Hashable:
    return str(item.template_id)


def _english(item: PipelineDefinition) -> Hashable:
    return item.name_en


def _label(item: PlaceDefinition) -> Hashable:
    return item.label


def _place(stage: PlaceDefinition) -> str:
    return f"{name_of(stage.pipeline)} / {name_of(stage)}"


def _same(item: _Item) -> Hashable:
    return repr(sorted(approval_values(item.value).items()))


def _same_people(item: _Item) -> Hashable:
    value = item.value
    return (value.kind, value.role_id, value.user_id, value.assigned_field, value.assigned_resolver)


def _same_kind(item: _Item) -> Hashable:
    return str(item.value.kind)


def _same_action(item: _Item) -> Hashable:
    event, action = item.value
    return (event, action.function_path, action.is_default, repr(action_values(action)))


def _same_function(item: _Item) -> Hashable:
    event, action = item.value
    return (event, action.function_path, action.is_default)


def _action(item: _Item) -> str:
    event, action = item.value
    return f"{ActionType(event).label}: {action.function_path}"
