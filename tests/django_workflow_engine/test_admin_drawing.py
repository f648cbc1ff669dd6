"""What the builder draws by itself looks as Django's templates have it, and is drawn once."""

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates, TemplatesSetting
from django.utils.translation import gettext_lazy as _
from pytest_django.asserts import assertHTMLEqual

from django_workflow_engine.admin.builder import drawing
from django_workflow_engine.admin.builder.drawing import PlainRenderer
from django_workflow_engine.choices import ActionType
from django_workflow_engine.models import WorkFlow, WorkflowAction
from tests.django_workflow_engine.admin_pages import Page, address_of, superuser_client
from tests.factories import (
    UserFactory,
    by_role,
    by_user,
    make_large_workflow,
    make_role,
    make_workflow,
    stages_of,
)

HANDLERS = "django_workflow_engine.action_handlers"
APPROVALS = "pipelines-0-stages-0-approvals"

CHOICES = [
    ("", _("None")),
    ("a&b", 'A "quoted" <one>'),
    (3, "ثلاثة"),
    (_("Group"), [("x", "X"), ("y", _("Yes"))]),
]

WIDGETS = [
    (forms.TextInput(), 'a "quoted" <text>'),
    (forms.TextInput(), None),
    (forms.TextInput(attrs={"dir": "ltr", "title": _("Name"), "readonly": True}), "نص"),
    (forms.TextInput(attrs={"readonly": False, "size": 8}), ""),
    (forms.NumberInput(attrs={"min": 1}), 1234567),
    (forms.HiddenInput(), "7"),
    (forms.CheckboxInput(), True),
    (forms.CheckboxInput(), False),
    (forms.CheckboxInput(), "on"),
    (forms.Select(choices=CHOICES), None),
    (forms.Select(choices=CHOICES), "a&b"),
    (forms.Select(choices=CHOICES), 3),
    (forms.Select(choices=CHOICES), "y"),
    (forms.CheckboxSelectMultiple(choices=CHOICES), ["a&b", "3"]),
    (forms.CheckboxSelectMultiple(attrs={"class": "wide"}, choices=CHOICES), []),
]


@pytest.mark.parametrize(("widget", "value"), WIDGETS)
@pytest.mark.parametrize("attrs", [{}, {"id": "id_it", "aria-invalid": "true"}])
def test_a_widget_is_drawn_as_django_draws_it(widget, value, attrs):
    ours, theirs = (
        widget.render("the<name>", value, attrs, renderer)
        for renderer in (PlainRenderer(), DjangoTemplates())
    )

    assert widget.template_name in drawing.DRAWN
    assertHTMLEqual(ours, theirs)


def test_any_other_widget_is_left_to_the_renderer_of_the_project():
    widget = forms.Textarea()

    drawn = widget.render("it", "text", {}, PlainRenderer())

    assertHTMLEqual(drawn, widget.render("it", "text", {}, DjangoTemplates()))


def test_a_project_with_a_renderer_of_its_own_has_its_own_widgets(monkeypatch):
    class Loud(TemplatesSetting):
        def render(self, template_name, context, request=None):
            return f"LOUD {template_name}"

    monkeypatch.setattr(drawing, "get_default_renderer", Loud)

    drawn = forms.TextInput().render("it", "text", {}, PlainRenderer())

    assert drawn == "LOUD django/forms/widgets/text.html"


def page_of(workflow, query=""):
    address = address_of(WorkFlow, "change", workflow.pk)
    return Page(superuser_client(), f"{address}{query}", "workflow_form")


@pytest.fixture
def work(monkeypatch):
    """Draw the page of a workflow of so many stages; return the widgets and templates it took."""
    drawn = []
    render = forms.Widget.render

    def note(widget, *args, **kwargs):
        drawn.append(widget)
        return render(widget, *args, **kwargs)

    monkeypatch.setattr(forms.Widget, "render", note)
    role = make_role()

    def made(stages, query):
        workflow = make_large_workflow(stages, approval=by_role(role))
        for stage in stages_of(workflow):
            WorkflowAction.objects.create(
                stage=stage,
                action_type=ActionType.AFTER_APPROVE,
                function_path=f"{HANDLERS}.send_approval_notification",
            )
        drawn.clear()
        response = page_of(workflow, query).response
        return len(drawn), len(response.templates)

    return made


@pytest.mark.django_db
def test_a_stage_more_takes_few_widgets_and_templates(work):
    (few_widgets, few_templates), (many_widgets, many_templates) = work(4, ""), work(40, "")

    # Of the 70 fields and more that a stage with an approval and an action has.
    assert (many_widgets - few_widgets) / 36 <= 22
    assert (many_templates - few_templates) / 36 <= 18


@pytest.mark.django_db
def test_an_empty_row_at_each_place_takes_no_more_work(work):
    few, many = work(4, "?blank=1"), work(12, "?blank=1")
    plain_few, plain_many = work(4, ""), work(12, "")

    assert many[0] - few[0] == plain_many[0] - plain_few[0]
    assert many[1] - few[1] == plain_many[1] - plain_few[1]


@pytest.mark.django_db
def test_rows_that_look_the_same_have_their_own_values():
    people = [UserFactory.create(), UserFactory.create()]
    page = page_of(make_workflow([[[by_user(person) for person in people]]]))

    assert [page.data[f"{APPROVALS}-{place}-approval_user"] for place in (0, 1)] == [
        [str(person.pk)] for person in people
    ]


@pytest.mark.django_db
def test_a_name_that_is_that_of_a_field_stays_as_it_is():
    first, second = (f"pipelines-0-stages-{place}-name_en" for place in (0, 1))
    workflow = make_workflow([[by_user(UserFactory.create()) for _number in range(2)]])
    for stage in stages_of(workflow):
        stage.name_en = first
        stage.save()

    data = page_of(workflow).data

    assert (data[first], data[second]) == ([first], [first])


@pytest.mark.django_db
def test_a_structure_and_a_text_of_the_same_letters_are_told_apart():
    workflow = make_workflow([[by_user(UserFactory.create())]])
    (stage,) = stages_of(workflow)
    for value in (["[1]", {}], '["[1]", {}]'):
        WorkflowAction.objects.create(
            stage=stage,
            action_type=ActionType.AFTER_APPROVE,
            function_path=f"{HANDLERS}.send_approval_notification",
            parameters={"note": value},
        )

    data = page_of(workflow).data

    kinds = [data[f"pipelines-0-stages-0-actions-{place}-parameters-0-kind"] for place in (0, 1)]
    assert kinds == [["structure"], ["text"]]
