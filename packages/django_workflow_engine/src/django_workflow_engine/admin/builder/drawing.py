"""Widgets without templates: the page of a large workflow has thousands of them.

What is written is what Django's own templates make of a widget; a tenth of the work. A project that
sets `FORM_RENDERER` has its own way of drawing them, which then holds here too.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.forms.renderers import BaseRenderer, DjangoTemplates, get_default_renderer
from django.utils.html import conditional_escape

Widget = Mapping[str, Any]


class PlainRenderer(BaseRenderer):
    """Draws the plain widgets itself, and leaves all else to the renderer of the project."""

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> str:
        renderer = get_default_renderer()
        draw = DRAWN.get(template_name)
        if draw is None or type(renderer) is not DjangoTemplates:
            return renderer.render(template_name, context, request)
        return draw(context["widget"])


def _attributes(attributes: Mapping[str, Any]) -> str:
    return "".join(
        f" {name}" if value is True else f' {name}="{conditional_escape(value)}"'
        for name, value in attributes.items()
        if value is not False
    )


def _input(widget: Widget) -> str:
    value = widget["value"]
    given = "" if value is None else f' value="{conditional_escape(value)}"'
    name, attributes = conditional_escape(widget["name"]), _attributes(widget["attrs"])
    return f'<input type="{widget["type"]}" name="{name}"{given}{attributes}>'


def _select(widget: Widget) -> str:
    groups = "".join(
        _group(label, "".join(map(_option, options)))
        for label, options, _place in widget["optgroups"]
    )
    name, attributes = conditional_escape(widget["name"]), _attributes(widget["attrs"])
    return f'<select name="{name}"{attributes}>{groups}</select>'


def _group(label: Any, options: str) -> str:
    if not label:
        return options
    return f'<optgroup label="{conditional_escape(label)}">{options}</optgroup>'


def _option(option: Widget) -> str:
    value, label = conditional_escape(option["value"]), conditional_escape(option["label"])
    return f'<option value="{value}"{_attributes(option["attrs"])}>{label}</option>'


def _checkboxes(widget: Widget) -> str:
    own = {name: value for name, value in widget["attrs"].items() if name in ("id", "class")}
    groups = "".join(
        _boxes(label, "".join(map(_box, options))) for label, options, _place in widget["optgroups"]
    )
    return f"<div{_attributes(own)}>{groups}</div>"


def _boxes(label: Any, boxes: str) -> str:
    return f"<div><label>{conditional_escape(label)}</label>{boxes}</div>" if label else boxes


def _box(option: Widget) -> str:
    target = {"for": option["attrs"]["id"]} if "id" in option["attrs"] else {}
    label = conditional_escape(option["label"])
    return f"<div><label{_attributes(target)}>{_input(option)} {label}</label></div>"


# By the template that Django would draw them with.
DRAWN: Mapping[str, Callable[[Widget], str]] = {
    "django/forms/widgets/text.html": _input,
    "django/forms/widgets/number.html": _input,
    "django/forms/widgets/hidden.html": _input,
    "django/forms/widgets/checkbox.html": _input,
    "django/forms/widgets/select.html": _select,
    "django/forms/widgets/checkbox_select.html": _checkboxes,
}
