"""A workflow as nodes and edges: what all pictures are drawn from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from django_workflow_engine.choices import StageOutcome
from django_workflow_engine.definition import (
    PlaceDefinition,
    WorkflowDefinition,
    compile_definition,
    definition_of,
)
from django_workflow_engine.models import StageRun, WorkFlow, WorkflowAttachment
from django_workflow_engine.versions import template_name


class NodeKind(Enum):
    START = "start"
    END = "end"
    APPROVAL = "approval"
    JOB = "job"
    TIMER = "timer"
    STATUS = "status"
    # One of several ways is taken.
    CHOICE = "choice"
    # All ways are taken, and joined again.
    SPLIT = "split"
    JOIN = "join"


class State(Enum):
    """What became of a place in the run of an object."""

    UNKNOWN = ""
    CURRENT = "current"
    DONE = "done"
    PASSED_OVER = "passed_over"
    REJECTED = "rejected"


STATE_OF_OUTCOME: Mapping[str, State] = {
    "": State.CURRENT,
    StageOutcome.APPROVED: State.DONE,
    StageOutcome.APPROVED_BY_RULE: State.DONE,
    StageOutcome.DONE: State.DONE,
    StageOutcome.MIGRATED: State.DONE,
    StageOutcome.REJECTED: State.REJECTED,
}


@dataclass(frozen=True)
class Node:
    id: str
    kind: NodeKind
    label: str = ""
    color: str = ""
    state: State = State.UNKNOWN
    # The place that it stands for; None for what only leads from one to another.
    place: PlaceDefinition | None = None
    # How many branches a join waits for; None: all.
    needed: int | None = None


@dataclass(frozen=True)
class Edge:
    source: str
    target: str
    # A condition in CEL; empty: always, or where no other holds.
    condition: str = ""
    # What the condition does: a word before it.
    label: str = ""
    # Whether it is taken where no condition of its source holds.
    is_default: bool = False


@dataclass
class Graph:
    """Nodes and edges; `rows` are the nodes from top to bottom, those of branches side by side."""

    name: str
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    # Each row: the lane of a node, counted from 0, and the node; None: all lanes of the row.
    rows: list[list[tuple[int | None, str]]] = field(default_factory=list)
    lanes: int = 1

    def outgoing(self, node_id: str) -> list[Edge]:
        return [edge for edge in self.edges if edge.source == node_id]


def graph_of(subject: WorkFlow | WorkflowAttachment) -> Graph:
    """Return the graph of a workflow, or of the one that an attachment runs on, with its states."""
    if isinstance(subject, WorkflowAttachment):
        name = template_name(subject.workflow, "name_en")
        return _Builder(definition_of(subject), name, _states(subject)).build()
    return _Builder(compile_definition(subject.pk), subject.name, {}).build()


def _states(attachment: WorkflowAttachment) -> dict[Any, State]:
    """What became of the places, by their keys; the last visit counts."""
    visits = StageRun.objects.filter(attachment=attachment).exclude(outcome=StageOutcome.UNDONE)
    columns = ("stage_id", "pipeline_id", "outcome")
    return {
        stage or pipeline: STATE_OF_OUTCOME.get(outcome, State.PASSED_OVER)
        for stage, pipeline, outcome in visits.order_by("pk").values_list(*columns)
    }


class _Builder:
    def __init__(
        self, definition: WorkflowDefinition, name: str, states: Mapping[Any, State]
    ) -> None:
        self.definition = definition
        self.states = states
        self.graph = Graph(name)

    def build(self) -> Graph:
        self._add(Node("start", NodeKind.START, _("Start")))
        self._add_places()
        self._add(Node("end", NodeKind.END, _("End")))
        first = next(iter(self.definition.places), None)
        self._connect("start", self._entry(first))
        for place in self.definition.places:
            self._connect_place(place)
        self._connect_groups()
        return self.graph

    def _add_places(self) -> None:
        seen: set[str] = set()
        for place in self.definition.places:
            if not place.group:
                for node in self._chain(place):
                    self._add(node)
            elif place.group not in seen:
                seen.add(place.group)
                self._add_group(place.group)

    def _add_group(self, key: str) -> None:
        group = self.definition.groups[key]
        self._add(Node(f"split_{_word(key)}", NodeKind.SPLIT))
        columns = [
            [node for place in places for node in self._chain(place)]
            for places in group.branches.values()
        ]
        self.graph.lanes = max(self.graph.lanes, len(columns))
        for index in range(max(len(column) for column in columns)):
            row: list[tuple[int | None, str]] = []
            for lane, column in enumerate(columns):
                if index < len(column):
                    self.graph.nodes[column[index].id] = column[index]
                    row.append((lane, column[index].id))
            self.graph.rows.append(row)
        needed = group.needed if group.needed < len(group.branches) else None
        self._add(Node(f"join_{_word(key)}", NodeKind.JOIN, needed=needed))

    def _chain(self, place: PlaceDefinition) -> Iterator[Node]:
        if place.skip_when or place.approve_when:
            yield Node(f"{self._id(place)}_before", NodeKind.CHOICE)
        yield Node(
            self._id(place),
            NodeKind(place.kind),
            _name(place),
            place.color,
            self.states.get(place.id, State.UNKNOWN),
            place,
        )
        if any(route.when for route in place.routes):
            yield Node(f"{self._id(place)}_after", NodeKind.CHOICE)

    def _connect_place(self, place: PlaceDefinition) -> None:
        node, leaving = self._id(place), self._leaving(place)
        before = f"{node}_before"
        if before in self.graph.nodes:
            goal = leaving if leaving != node else self._following(place)
            if place.skip_when:
                self._connect(before, goal, place.skip_when, label=_("passed over"))
            if place.approve_when:
                self._connect(before, goal, place.approve_when, label=_("approves itself"))
            self._connect(before, node, is_default=True)
        if leaving != node:
            self._connect(node, leaving)
        for route in place.routes:
            goal_place = self.definition.coded(route.to) if route.to else None
            self._connect(
                leaving,
                self._entry(goal_place, within=place.branch),
                route.when,
                is_default=not route.when and leaving != node,
            )
            if not route.when:
                return
        self._connect(leaving, self._in_order(place), is_default=leaving != node)

    def _following(self, place: PlaceDefinition) -> str:
        """Where a place without conditional routes leads."""
        for route in place.routes:
            goal = self.definition.coded(route.to) if route.to else None
            return self._entry(goal, within=place.branch)
        return self._in_order(place)

    def _in_order(self, place: PlaceDefinition) -> str:
        following = self.definition.after(place.id)
        if following is None and place.group:
            return f"join_{_word(place.group)}"
        return self._entry(following, within=place.branch)

    def _entry(self, place: PlaceDefinition | None, *, within: str = "") -> str:
        if place is None:
            return "end"
        if place.group and place.branch != within:
            return f"split_{_word(place.group)}"
        before = f"{self._id(place)}_before"
        return before if before in self.graph.nodes else self._id(place)

    def _leaving(self, place: PlaceDefinition) -> str:
        after = f"{self._id(place)}_after"
        return after if after in self.graph.nodes else self._id(place)

    def _id(self, place: PlaceDefinition) -> str:
        return f"{place.level}_{place.id}"

    def _add(self, node: Node) -> None:
        self.graph.nodes[node.id] = node
        self.graph.rows.append([(None, node.id)])

    def _connect(self, source: str, target: str, condition: str = "", **words: Any) -> None:
        self.graph.edges.append(Edge(source, target, condition, **words))

    def _connect_groups(self) -> None:
        for key, group in self.definition.groups.items():
            for places in group.branches.values():
                self._connect(
                    f"split_{_word(key)}", self._entry(places[0], within=places[0].branch)
                )
            following = self._entry(self.definition.after_group(key))
            self._connect(f"join_{_word(key)}", following)


def _name(place: PlaceDefinition) -> str:
    arabic = (get_language() or "").startswith("ar")
    return place.name_ar if arabic and place.name_ar else place.name_en


def _word(key: str) -> str:
    return key.replace(":", "_")
