"""Pictures of workflows: Mermaid, SVG, and BPMN that validates against the standard's schema."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import SpiffWorkflow.bpmn.parser
from django.core.management import CommandError, call_command
from django.utils import translation
from lxml import etree

from django_workflow_engine.diagrams import bpmn, mermaid, svg
from django_workflow_engine.models import Stage
from django_workflow_engine.services import act_on_object, attach_workflow_to_object
from tests.factories.objects import PurchaseRequestFactory
from tests.factories.people import UserFactory
from tests.factories.workflows import asking, by_user, make_large_workflow, make_staged

pytestmark = pytest.mark.django_db

SCHEMA = Path(SpiffWorkflow.bpmn.parser.__file__).with_name("schema") / "BPMN20.xsd"
MODEL = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


@pytest.fixture
def workflow(ann):
    """Every kind of stage, routes back and forth, branches, skipping, a rule, a join of two."""
    asks = asking(by_user(ann))
    return make_staged(
        {
            "submit": asks,
            "check": {
                "kind": "job",
                "job": {"function": "tests.testapp.workflow_actions.score"},
                "routes": [
                    {"to": "refuse", "when": 'results.check.text == "<&>"'},
                    {"to": "submit", "when": "metadata.again"},
                ],
            },
            "legal": {**asks, "parallel_group": "g", "join": 2},
            "tax": {**asks, "parallel_group": "g", "skip_when": "object.amount < 10.0"},
            "cool": {"kind": "timer", "timer": {"duration": "P2D"}, "parallel_group": "g"},
            "small": {**asks, "approve_when": "object.amount < 100.0"},
            "until": {"kind": "timer", "timer": {"until": "now"}},
            "pay": {
                "kind": "status",
                "statuses": [{"name": "Paid", "completes": True}],
                "routes": [{"to": "end"}],
            },
            "refuse": asks,
        }
    )


def validated(text):
    document = etree.fromstring(text.encode())
    etree.XMLSchema(etree.parse(SCHEMA)).assertValid(document)
    return ET.fromstring(text)  # noqa: S314  # our own


def test_bpmn_validates_against_the_standard(workflow):
    root = validated(bpmn(workflow))
    tags = [element.tag.removeprefix(MODEL) for element in root.iter() if MODEL in element.tag]
    assert {tag: tags.count(tag) for tag in ("userTask", "serviceTask", "exclusiveGateway")} == {
        "userTask": 6,
        "serviceTask": 1,
        "exclusiveGateway": 3,
    }
    assert tags.count("parallelGateway") == 1
    assert tags.count("complexGateway") == 1
    assert tags.count("timerEventDefinition") == 2


def test_bpmn_connects_what_it_draws(workflow):
    root = validated(bpmn(workflow))
    known = {element.get("id") for element in root.iter() if element.get("id")}
    flows = list(root.iter(f"{MODEL}sequenceFlow"))
    assert all({flow.get("sourceRef"), flow.get("targetRef")} <= known for flow in flows)
    drawn = {element.get("bpmnElement") for element in root.iter() if element.get("bpmnElement")}
    assert {flow.get("id") for flow in flows} <= drawn <= known
    conditions = [element.text for element in root.iter(f"{MODEL}conditionExpression")]
    assert 'results.check.text == "<&>"' in conditions


@pytest.mark.parametrize("strategy", ["stages", "empty"])
def test_any_workflow_can_be_drawn(ann, strategy):
    workflow = make_large_workflow(12) if strategy == "stages" else make_staged({})
    validated(bpmn(workflow))
    ET.fromstring(svg(workflow))  # noqa: S314
    assert mermaid(workflow).startswith("flowchart TD\n")


def test_the_way_of_an_object_is_marked(workflow, ann):
    request = PurchaseRequestFactory.create()
    attachment = attach_workflow_to_object(request, workflow, ann)
    act_on_object(request, "approve", ann)
    attachment.refresh_from_db()
    keys = {
        stage.code: f"stage_{stage.pk}"
        for stage in Stage.objects.filter(pipeline__workflow=attachment.workflow)
    }
    text = mermaid(attachment)
    assert f"class {keys['check']} current" in text
    assert f"class {keys['submit']} done" in text
    assert svg(attachment).count("#fff3cd") == 1


def test_mermaid_keeps_what_people_write_from_being_markup(ann):
    workflow = make_staged({"a": asking(by_user(ann))})
    Stage.objects.update(name_en='A "<b>" {x} | #1;')
    assert "A #34;#60;b#62;#34; #123;x#125; #124; #35;1;" in mermaid(workflow)


def test_svg_has_no_script_and_names_what_it_shows(workflow):
    root = ET.fromstring(svg(workflow))  # noqa: S314
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "title", "defs", "marker", "path", "rect", "polyline", "polygon", "circle"),
        *("g", "text"),
    }
    words = "".join(root.itertext())
    assert "passed over: object.amount < 10.0" in words


def boxes(root):
    return [
        tuple(int(rect.get(name)) for name in ("x", "y", "width", "height"))
        for group in root.iter(f"{SVG}g")
        for rect in group.findall(f"{SVG}rect")
    ]


def test_stages_do_not_lie_upon_each_other(workflow):
    root = ET.fromstring(svg(workflow))  # noqa: S314
    found = boxes(root)
    assert len(found) == 9
    for number, (x, y, width, height) in enumerate(found):
        assert 0 <= x < x + width <= int(root.get("width"))
        for other_x, other_y, other_width, other_height in found[number + 1 :]:
            beside = x + width <= other_x or other_x + other_width <= x
            above = y + height <= other_y or other_y + other_height <= y
            assert beside or above


def test_arabic_names_are_shown_where_arabic_is_read(ann):
    workflow = make_staged({"a": asking(by_user(ann))})
    Stage.objects.update(name_ar="المراجعة")
    with translation.override("ar"):
        assert "المراجعة" in mermaid(workflow)
        assert 'direction="rtl"' in svg(workflow)


@pytest.mark.parametrize(
    ("wanted", "beginning"),
    [("mermaid", "flowchart TD"), ("svg", "<svg"), ("bpmn", "<?xml")],
)
def test_the_command_prints_a_picture(workflow, capsys, wanted, beginning):
    call_command("workflow_diagram", workflow.slug, format=wanted)
    assert capsys.readouterr().out.startswith(beginning)


def test_the_command_draws_where_an_object_is(workflow, ann, capsys):
    request = PurchaseRequestFactory.create()
    attach_workflow_to_object(request, workflow, ann)
    call_command("workflow_diagram", object=f"purchasing.PurchaseRequest:{request.pk}")
    assert " current" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, "a workflow or --object"),
        ({"workflow": "nothing"}, "no workflow 'nothing'"),
        ({"object": "purchasing"}, "app.Model:key"),
        ({"object": "purchasing.Nothing:1"}, "purchasing.Nothing"),
        ({"object": "purchasing.PurchaseRequest:0"}, "no workflow runs"),
    ],
)
def test_the_command_says_what_is_wrong(arguments, complaint):
    slug = arguments.pop("workflow", None)
    with pytest.raises(CommandError, match=complaint):
        call_command("workflow_diagram", *([slug] if slug else []), **arguments)
