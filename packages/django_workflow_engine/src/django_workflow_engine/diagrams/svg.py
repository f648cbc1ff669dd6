"""A picture in SVG: no script, no style sheet of the page, colours that are read on any ground."""

import textwrap
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from django.utils.translation import get_language_bidi

from django_workflow_engine.diagrams.graph import Graph, Node, NodeKind, State, graph_of
from django_workflow_engine.diagrams.layout import (
    STAGES,
    Box,
    Layout,
    Way,
    laid_out,
    shortened,
    words_of,
)
from django_workflow_engine.models import WorkFlow, WorkflowAttachment

NAMESPACE = "http://www.w3.org/2000/svg"
FONT = "system-ui, 'Segoe UI', 'Noto Sans', 'Noto Sans Arabic', sans-serif"
FILL = {
    State.UNKNOWN: "#ffffff",
    State.CURRENT: "#fff3cd",
    State.DONE: "#d4edda",
    State.PASSED_OVER: "#eeeeee",
    State.REJECTED: "#f8d7da",
}
STROKE = "#37474f"
ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8"'
    f' markerHeight="8" orient="auto"><path d="M0 0L10 5L0 10z" fill="{STROKE}"/></marker></defs>'
)
LINE_LENGTH = 26
MOST_LINES = 2
# What stands in the corner of a stage: what it waits for.
SIGNS = {
    NodeKind.JOB: '<path d="M3 2l8 5-8 5z" fill="#111111"/>',
    NodeKind.TIMER: '<circle cx="7" cy="7" r="6" fill="none" stroke="#111111"/>'
    '<path d="M7 3v4l3 2" fill="none" stroke="#111111"/>',
    NodeKind.STATUS: '<path d="M3 13V1h8l-2 3 2 3H3" fill="none" stroke="#111111"/>',
}


def svg(subject: WorkFlow | WorkflowAttachment) -> str:
    """Return an SVG picture of a workflow; of an attachment, with the way of its object marked."""
    graph = graph_of(subject)
    layout = laid_out(graph)
    size = f'width="{layout.width}" height="{layout.height}"'
    view = f'viewBox="0 0 {layout.width} {layout.height}"'
    parts = [
        f'<svg xmlns="{NAMESPACE}" role="img" {size} {view} font-family="{FONT}" font-size="14">',
        f"<title>{escape(graph.name)}</title>",
        ARROW,
        f'<rect {size} fill="#fafafa"/>',
    ]
    parts += [_line(way) for way in layout.ways]
    parts += _nodes(graph, layout)
    parts += [_words(way) for way in layout.ways if words_of(way.edge)]
    return "\n".join([*parts, "</svg>", ""])


def _nodes(graph: Graph, layout: Layout) -> Iterator[str]:
    for node in graph.nodes.values():
        yield _node(node, layout.boxes[node.id])


def _node(node: Node, box: Box) -> str:
    if node.kind in STAGES:
        return _stage(node, box)
    if node.kind in (NodeKind.SPLIT, NodeKind.JOIN):
        return (
            f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="4"'
            f' fill="{STROKE}"/>{_number(node, box)}'
        )
    if node.kind is NodeKind.CHOICE:
        middle, half = box.y + box.height // 2, box.width // 2
        points = (
            f"{box.middle},{box.y} {box.middle + half},{middle}"
            f" {box.middle},{box.bottom} {box.middle - half},{middle}"
        )
        return f'<polygon points="{points}" fill="#ffffff" stroke="{STROKE}" stroke-width="1.5"/>'
    width = 1.5 if node.kind is NodeKind.START else 4
    return (
        f'<circle cx="{box.middle}" cy="{box.y + box.height // 2}" r="{box.width // 2}"'
        f' fill="#ffffff" stroke="{STROKE}" stroke-width="{width}"><title>{escape(node.label)}'
        "</title></circle>"
    )


def _stage(node: Node, box: Box) -> str:
    border = node.color or STROKE
    width = 4 if node.state is State.CURRENT else 2
    dashes = ' stroke-dasharray="6 4"' if node.state is State.PASSED_OVER else ""
    lines = textwrap.wrap(node.label, LINE_LENGTH) or [""]
    if len(lines) > MOST_LINES:
        lines = [
            *lines[: MOST_LINES - 1],
            shortened(" ".join(lines[MOST_LINES - 1 :]), LINE_LENGTH),
        ]
    first = box.y + box.height // 2 + 5 - 9 * (len(lines) - 1)
    direction = ' direction="rtl"' if get_language_bidi() else ""
    text = "".join(
        f'<text x="{box.middle}" y="{first + 18 * number}" text-anchor="middle" fill="#111111"'
        f"{direction}>{escape(line)}</text>"
        for number, line in enumerate(lines)
    )
    sign = SIGNS.get(node.kind, "")
    corner = f'<g transform="translate({box.x + 8} {box.y + 8})">{sign}</g>' if sign else ""
    return (
        f'<g><title>{escape(node.label)}</title><rect x="{box.x}" y="{box.y}" width="{box.width}"'
        f' height="{box.height}" rx="8" fill="{FILL[node.state]}" stroke={quoteattr(border)}'
        f' stroke-width="{width}"{dashes}/>{text}{corner}</g>'
    )


def _number(node: Node, box: Box) -> str:
    if node.needed is None:
        return ""
    return f'<text x="{box.right + 6}" y="{box.bottom}" fill="#111111">≥ {node.needed}</text>'


def _line(way: Way) -> str:
    points = " ".join(f"{x},{y}" for x, y in way.points)
    dashes = ' stroke-dasharray="5 4"' if way.edge.condition else ""
    return (
        f'<polyline points="{points}" fill="none" stroke="{STROKE}" stroke-width="1.5"'
        f'{dashes} marker-end="url(#arrow)"/>'
    )


def _words(way: Way) -> str:
    x, y = way.label_at
    words = words_of(way.edge)
    return (
        f'<text x="{x}" y="{y}" font-size="12" fill="#111111" paint-order="stroke"'
        f' stroke="#fafafa" stroke-width="4"><title>{escape(words)}</title>'
        f"{escape(shortened(words, way.room))}</text>"
    )
