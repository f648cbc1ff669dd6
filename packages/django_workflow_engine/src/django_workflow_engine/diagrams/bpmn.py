"""BPMN 2.0 XML (OMG formal/2011-01-03) with diagram interchange, for modelling tools."""

from collections.abc import Mapping
from xml.etree import ElementTree as ET

from django.utils.duration import duration_iso_string

from django_workflow_engine.definition import TimerDefinition
from django_workflow_engine.diagrams.graph import Edge, Graph, Node, NodeKind, graph_of
from django_workflow_engine.diagrams.layout import Layout, laid_out, words_of
from django_workflow_engine.models import WorkFlow, WorkflowAttachment

NAMESPACES = {
    "bpmn": "http://www.omg.org/spec/BPMN/20100524/MODEL",
    "bpmndi": "http://www.omg.org/spec/BPMN/20100524/DI",
    "dc": "http://www.omg.org/spec/DD/20100524/DC",
    "di": "http://www.omg.org/spec/DD/20100524/DI",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
TARGET = "https://django-workflow-engine.invalid/bpmn"
CEL = "https://cel.dev"
PROCESS = "workflow"
TAGS: Mapping[NodeKind, str] = {
    NodeKind.START: "startEvent",
    NodeKind.END: "endEvent",
    NodeKind.APPROVAL: "userTask",
    NodeKind.STATUS: "userTask",
    NodeKind.JOB: "serviceTask",
    NodeKind.TIMER: "intermediateCatchEvent",
    NodeKind.CHOICE: "exclusiveGateway",
    NodeKind.SPLIT: "parallelGateway",
    NodeKind.JOIN: "parallelGateway",
}


def bpmn(subject: WorkFlow | WorkflowAttachment) -> str:
    """Return the workflow as a BPMN 2.0 document; the way of an attachment is not part of it.

    Stages are user tasks, jobs service tasks, timers intermediate events; routes lead through
    exclusive gateways, branches through parallel ones (a join that does not wait for all is a
    complex gateway). Conditions are formal expressions in CEL.
    """
    for prefix, uri in NAMESPACES.items():
        ET.register_namespace(prefix, uri)
    graph = graph_of(subject)
    root = ET.Element(_name("bpmn", "definitions"), id="definitions", targetNamespace=TARGET)
    process = ET.SubElement(
        root, _name("bpmn", "process"), id=PROCESS, name=graph.name, isExecutable="false"
    )
    for node in graph.nodes.values():
        _put_node(process, graph, node)
    for number, edge in enumerate(graph.edges):
        _put_flow(process, number, edge)
    _put_diagram(root, graph, laid_out(graph))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _put_node(process: ET.Element, graph: Graph, node: Node) -> None:
    tag = "complexGateway" if node.needed is not None else TAGS[node.kind]
    element = ET.SubElement(process, _name("bpmn", tag), _attributes(graph, node))
    for kind, end in (("incoming", "target"), ("outgoing", "source")):
        for number, edge in enumerate(graph.edges):
            if getattr(edge, end) == node.id:
                ET.SubElement(element, _name("bpmn", kind)).text = _flow_id(number)
    if node.needed is not None:
        _put_expression(element, "activationCondition", f"activations >= {node.needed}")
    if node.place is not None and node.place.timer is not None:
        _put_timer(element, node.id, node.place.timer)


def _attributes(graph: Graph, node: Node) -> dict[str, str]:
    defaults = {
        edge.source: _flow_id(number) for number, edge in enumerate(graph.edges) if edge.is_default
    }
    found = {"id": node.id}
    if node.label:
        found["name"] = node.label
    if node.id in defaults:
        found["default"] = defaults[node.id]
    return found


def _put_timer(element: ET.Element, key: str, timer: TimerDefinition) -> None:
    event = ET.SubElement(element, _name("bpmn", "timerEventDefinition"), id=f"{key}_timer")
    if timer.duration is not None:
        _put_expression(event, "timeDuration", duration_iso_string(timer.duration), language="")
    else:
        _put_expression(event, "timeDate", timer.until)


def _put_flow(process: ET.Element, number: int, edge: Edge) -> None:
    attributes = {"id": _flow_id(number), "sourceRef": edge.source, "targetRef": edge.target}
    words = words_of(edge)
    if words:
        attributes["name"] = words
    flow = ET.SubElement(process, _name("bpmn", "sequenceFlow"), attributes)
    if edge.condition:
        _put_expression(flow, "conditionExpression", edge.condition)


def _put_expression(parent: ET.Element, tag: str, text: str, *, language: str = CEL) -> None:
    attributes = {_name("xsi", "type"): "bpmn:tFormalExpression"}
    if language:
        attributes["language"] = language
    ET.SubElement(parent, _name("bpmn", tag), attributes).text = text


def _put_diagram(root: ET.Element, graph: Graph, layout: Layout) -> None:
    diagram = ET.SubElement(root, _name("bpmndi", "BPMNDiagram"), id="diagram")
    plane = ET.SubElement(diagram, _name("bpmndi", "BPMNPlane"), id="plane", bpmnElement=PROCESS)
    for key in graph.nodes:
        box = layout.boxes[key]
        shape = ET.SubElement(
            plane, _name("bpmndi", "BPMNShape"), id=f"{key}_shape", bpmnElement=key
        )
        bounds = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
        ET.SubElement(
            shape, _name("dc", "Bounds"), {name: str(value) for name, value in bounds.items()}
        )
    for number, way in enumerate(layout.ways):
        line = ET.SubElement(
            plane,
            _name("bpmndi", "BPMNEdge"),
            id=f"{_flow_id(number)}_edge",
            bpmnElement=_flow_id(number),
        )
        for x, y in way.points:
            ET.SubElement(line, _name("di", "waypoint"), x=str(x), y=str(y))


def _flow_id(number: int) -> str:
    return f"flow_{number}"


def _name(prefix: str, tag: str) -> str:
    return f"{{{NAMESPACES[prefix]}}}{tag}"
