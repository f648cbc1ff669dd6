"""Where the nodes of a graph stand: from top to bottom, branches side by side."""

from collections import Counter
from dataclasses import dataclass, replace

from django_workflow_engine.diagrams.graph import Edge, Graph, Node, NodeKind

STAGE_SIZE = (220, 60)
SMALL_SIZE = (40, 40)
BAR_HEIGHT = 10
LANE_GAP = 40
ROW_GAP = 50
MARGIN = 30
# Room beside the nodes for ways that lead over other nodes.
GUTTER_STEP = 26
WORDS_HEIGHT = 15
LETTER_WIDTH = 7
LONGEST_WORDS = 34
STAGES = (NodeKind.APPROVAL, NodeKind.JOB, NodeKind.TIMER, NodeKind.STATUS)

Point = tuple[int, int]


@dataclass(frozen=True)
class Box:
    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> int:
        return self.x + self.width // 2

    @property
    def bottom(self) -> int:
        return self.y + self.height

    @property
    def right(self) -> int:
        return self.x + self.width


@dataclass(frozen=True)
class Way:
    """The line of an edge, and where its words stand."""

    edge: Edge
    points: tuple[Point, ...]
    label_at: Point
    # How many letters there is room for.
    room: int = LONGEST_WORDS


@dataclass(frozen=True)
class Layout:
    width: int
    height: int
    boxes: dict[str, Box]
    ways: tuple[Way, ...]


def laid_out(graph: Graph) -> Layout:
    """Return boxes of the nodes and lines of the edges, in pixels."""
    content = graph.lanes * STAGE_SIZE[0] + (graph.lanes - 1) * LANE_GAP
    boxes: dict[str, Box] = {}
    row_of: dict[str, int] = {}
    top = MARGIN
    for number, row in enumerate(graph.rows):
        height = max(_size(graph.nodes[key], content)[1] for _lane, key in row)
        for lane, key in row:
            row_of[key] = number
            boxes[key] = _box(graph.nodes[key], lane, _lanes_of(graph, row), top, height, content)
        top += height + ROW_GAP
    ways, gutters = _ways(graph, boxes, row_of, MARGIN + content)
    words = max((way.label_at[0] + _width_of_words(way.edge) for way in ways), default=0)
    width = max(MARGIN + content + (gutters + 1) * GUTTER_STEP, words) + MARGIN
    return Layout(width, top - ROW_GAP + MARGIN, boxes, ways)


def _lanes_of(graph: Graph, row: list[tuple[int | None, str]]) -> int:
    """How many lanes the group of a row has: its lanes are spread over the whole width."""
    lanes = [lane for lane, _key in row if lane is not None]
    if not lanes:
        return 1
    keys = {key for _lane, key in row}
    number = next(index for index, other in enumerate(graph.rows) if {k for _l, k in other} == keys)
    start = end = number
    while start > 0 and graph.rows[start - 1][0][0] is not None:
        start -= 1
    while end + 1 < len(graph.rows) and graph.rows[end + 1][0][0] is not None:
        end += 1
    return 1 + max(lane or 0 for other in graph.rows[start : end + 1] for lane, _key in other)


def _box(node: Node, lane: int | None, lanes: int, top: int, row_height: int, content: int) -> Box:
    width, height = _size(node, content)
    if lane is None:
        middle = MARGIN + content // 2
    else:
        used = lanes * STAGE_SIZE[0] + (lanes - 1) * LANE_GAP
        left = MARGIN + (content - used) // 2 + lane * (STAGE_SIZE[0] + LANE_GAP)
        middle = left + STAGE_SIZE[0] // 2
    return Box(middle - width // 2, top + (row_height - height) // 2, width, height)


def _size(node: Node, content: int) -> tuple[int, int]:
    if node.kind in STAGES:
        return STAGE_SIZE
    if node.kind in (NodeKind.SPLIT, NodeKind.JOIN):
        return (content, BAR_HEIGHT)
    return SMALL_SIZE


def _ways(
    graph: Graph, boxes: dict[str, Box], row_of: dict[str, int], right: int
) -> tuple[tuple[Way, ...], int]:
    ways = []
    gutters = 0
    labels: Counter[str] = Counter()
    for edge in graph.edges:
        source, target = boxes[edge.source], boxes[edge.target]
        if _is_next(graph, edge, row_of):
            ways.append(_straight(edge, source, target))
            continue
        room = LONGEST_WORDS
        if _passes_one(graph, edge, row_of):
            x = source.middle + STAGE_SIZE[0] // 2 + LANE_GAP // 2
            if _is_in_lane(graph, edge.source):
                room = (x - source.right) // LETTER_WIDTH
        else:
            gutters += 1
            x = right + gutters * GUTTER_STEP
        if words_of(edge):
            labels[edge.source] += 1
        way = _around(edge, source, target, x, labels[edge.source])
        ways.append(replace(way, room=room))
    return tuple(ways), gutters


def _passes_one(graph: Graph, edge: Edge, row_of: dict[str, int]) -> bool:
    """Whether only the node below stands between the two, so that the way leads past it."""
    start, end = row_of[edge.source], row_of[edge.target]
    lane_of = {key: lane for row in graph.rows for lane, key in row}
    lane = lane_of[edge.source]
    between = [item for row in graph.rows[start + 1 : end] for item in row]
    return end > start and len([key for other, key in between if other in (lane, None)]) == 1


def _is_in_lane(graph: Graph, key: str) -> bool:
    return any(other == key and lane is not None for row in graph.rows for lane, other in row)


def _is_next(graph: Graph, edge: Edge, row_of: dict[str, int]) -> bool:
    """Whether nothing stands between the two."""
    start, end = row_of[edge.source], row_of[edge.target]
    if end <= start:
        return False
    lane_of = {key: lane for row in graph.rows for lane, key in row}
    lane = lane_of[edge.source] if lane_of[edge.source] is not None else lane_of[edge.target]
    between = [item for row in graph.rows[start + 1 : end] for item in row]
    return not any(other is None or lane is None or other == lane for other, _key in between)


def _straight(edge: Edge, source: Box, target: Box) -> Way:
    wide = source if source.width > target.width else target
    narrow = target if wide is source else source
    x = narrow.middle
    points = ((x, source.bottom), (x, target.y))
    return Way(edge, points, (x + 6, (source.bottom + target.y) // 2))


def _around(edge: Edge, source: Box, target: Box, x: int, number: int) -> Way:
    """Around the other nodes, on their right; `number`: of the words that leave the source so."""
    start = source.y + source.height // 2
    label_at = (source.right + 8, start - 6 - WORDS_HEIGHT * (number - 1))
    if target.x < x < target.right:
        return Way(edge, ((source.right, start), (x, start), (x, target.y)), label_at)
    end = target.y + target.height // 2
    points = ((source.right, start), (x, start), (x, end), (target.right, end))
    return Way(edge, points, label_at)


def _width_of_words(edge: Edge) -> int:
    return min(len(words_of(edge)), LONGEST_WORDS) * LETTER_WIDTH


def words_of(edge: Edge) -> str:
    """What stands at an edge."""
    return ": ".join(filter(None, (edge.label, edge.condition)))


def shortened(text: str, most: int = LONGEST_WORDS) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
