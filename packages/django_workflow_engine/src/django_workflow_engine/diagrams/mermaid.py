"""Mermaid text, as Markdown renderers draw it."""

from django_workflow_engine.diagrams.graph import Edge, Graph, Node, NodeKind, State, graph_of
from django_workflow_engine.diagrams.layout import words_of
from django_workflow_engine.models import WorkFlow, WorkflowAttachment

SHAPES = {
    NodeKind.START: '(["{}"])',
    NodeKind.END: '(["{}"])',
    NodeKind.APPROVAL: '["{}"]',
    NodeKind.JOB: '[["{}"]]',
    NodeKind.TIMER: '("{}")',
    NodeKind.STATUS: '[/"{}"/]',
    NodeKind.CHOICE: '{{"?"}}',
    NodeKind.SPLIT: '(("+"))',
    NodeKind.JOIN: '(("{}"))',
}
CLASSES = {
    State.CURRENT: "fill:#fff3cd,stroke:#b8860b,stroke-width:3px,color:#000",
    State.DONE: "fill:#d4edda,stroke:#2e7d32,color:#000",
    State.PASSED_OVER: "fill:#eeeeee,stroke:#777777,stroke-dasharray:4,color:#000",
    State.REJECTED: "fill:#f8d7da,stroke:#b71c1c,color:#000",
}


def mermaid(subject: WorkFlow | WorkflowAttachment) -> str:
    """Return a Mermaid flowchart of a workflow; of an attachment, with the way of its object."""
    graph = graph_of(subject)
    lines = [
        "flowchart TD",
        *(f"    {_node(node)}" for node in graph.nodes.values()),
        *(f"    {_edge(edge)}" for edge in graph.edges),
        *(f"    {line}" for line in _classes(graph)),
    ]
    return "\n".join(lines) + "\n"


def _node(node: Node) -> str:
    label = node.label
    if node.kind is NodeKind.JOIN:
        label = "+" if node.needed is None else str(node.needed)
    return f"{node.id}{SHAPES[node.kind].format(_text(label))}"


def _edge(edge: Edge) -> str:
    words = words_of(edge)
    arrow = f'-->|"{_text(words)}"|' if words else "-->"
    return f"{edge.source} {arrow} {edge.target}"


def _classes(graph: Graph) -> list[str]:
    lines = []
    for state, style in CLASSES.items():
        keys = [node.id for node in graph.nodes.values() if node.state is state]
        if keys:
            lines += [f"classDef {state.value} {style}", f"class {','.join(keys)} {state.value}"]
    return lines


def _text(text: str) -> str:
    """Text between quotes: what Mermaid would read as markup is written as its code."""
    return "".join(f"#{ord(sign)};" if sign in '"<>#&`{}|' else sign for sign in text).replace(
        "\n", " "
    )
