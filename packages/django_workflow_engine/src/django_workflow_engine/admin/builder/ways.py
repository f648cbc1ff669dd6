"""Where objects go from a stage, as form fields: routes, groups that run side by side, rules."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from django import forms
from django.db.models import TextChoices
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from approval_workflow.exceptions import nearest
from django_workflow_engine.admin.builder.nesting import PlainFormSet, RowForm
from django_workflow_engine.admin.builder.vocabulary import Choices, Vocabulary
from django_workflow_engine.admin.builder.waiting import condition_field
from django_workflow_engine.definition.grouping import codes_of
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.schemas.places import END


class Join(TextChoices):
    """How many of the branches are waited for."""

    ALL = "", _("all branches")
    ANY = "any", _("one branch")
    COUNT = "count", _("so many branches")


class CodeField(forms.ChoiceField):
    """The code of a stage of the page: whether there is such a stage, the workflow says."""

    def valid_value(self, value: Any) -> bool:
        return bool(value)


class RouteForm(RowForm):
    """One way on. The first whose condition holds is taken."""

    css = {"to": "wb-code", "when": "wb-wide wb-path"}
    marked = ("to",)

    order = forms.IntegerField(required=False, min_value=0)
    when = condition_field(_("if"), _("Empty: always. For example: object.amount > 1000.0"))
    to = CodeField(label=_("go to"))

    def __init__(self, *args: Any, vocabulary: Vocabulary, **kwargs: Any) -> None:
        super().__init__(*args, vocabulary=vocabulary, **kwargs)
        offered = [("", "---------"), *vocabulary.stage_codes, (END, str(_("the end")))]
        known = str(self["to"].value() or "")
        if known and known not in dict(offered):
            offered.append((known, known))
        self.offer("to", offered)

    def stored(self) -> dict[str, Any]:
        to, when = self.cleaned_data["to"], self.cleaned_data["when"]
        return {"to": to, **({"when": when} if when else {})}


class RouteRows(PlainFormSet):
    """All routes of a stage, in the order in which they are asked."""

    kind = "route"


RouteFormSet = forms.formset_factory(RouteForm, formset=RouteRows, extra=0, can_delete=True)


class GroupFields(forms.Form):
    """Which stages or pipelines this one runs beside."""

    parallel_group = forms.CharField(
        label=_("runs beside those of the group"),
        required=False,
        max_length=100,
        help_text=_("Neighbours of one group run side by side."),
    )
    join = forms.ChoiceField(label=_("then wait for"), choices=Join.choices, required=False)
    join_count = forms.IntegerField(label=_("how many"), required=False, min_value=1)


class WayFields(GroupFields):
    """When a stage is passed over, and how often it may be visited."""

    skip_when = condition_field(
        _("pass over if"), _("A condition. For example: object.amount < 100.0")
    )
    approve_when = condition_field(_("approves itself if"))
    max_visits = forms.IntegerField(
        label=_("visits at most"),
        required=False,
        min_value=1,
        help_text=_("Of one object, where routes lead back."),
    )


# What the configuration calls them.
OF_GROUP = ("parallel_group", "join")
# When a field of the group applies; for scripts.
SHOWN_WHEN = {
    "join": "parallel_group=*",
    "join_count": "parallel_group=*;join=count",
}


def group_initial(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored of the group as the initial values of the fields."""
    join = info.get("join")
    counted = isinstance(join, int)
    return {
        "parallel_group": str(info.get("parallel_group") or ""),
        "join": Join.COUNT.value if counted else (join if join == Join.ANY.value else ""),
        "join_count": join if counted else None,
    }


def group_stored(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the fields say of the group as it is stored."""
    if not cleaned["parallel_group"]:
        return {}
    join = cleaned["join_count"] if cleaned["join"] == Join.COUNT else cleaned["join"]
    return {"parallel_group": cleaned["parallel_group"], **({"join": join} if join else {})}


def clean_group(form: Any, cleaned: Mapping[str, Any]) -> None:
    """Refuse a group that waits for a number of branches and does not say which."""
    asked = cleaned.get("parallel_group") and cleaned.get("join") == Join.COUNT
    if asked and "join_count" not in form.errors and not cleaned.get("join_count"):
        form.add_error("join_count", _("Expected how many branches are waited for."))


def initial_of(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored of the ways as the initial values of the fields."""
    names = ("skip_when", "approve_when", "max_visits")
    return {**group_initial(info), **{name: info.get(name) or "" for name in names}}


def routes_of(info: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the stored routes as the rows' initial values, in the order they are asked in."""
    stored = info.get("routes")
    rows: Sequence[Any] = stored if isinstance(stored, list) else []
    routes = [row for row in rows if isinstance(row, Mapping)]
    routes.sort(key=lambda row: row.get("priority", 0))
    return [
        {"to": str(row.get("to", "")), "when": str(row.get("when", "")), "order": place}
        for place, row in enumerate(routes, start=1)
    ]


def stored_from(cleaned: Mapping[str, Any], routes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the fields say of the ways as it is stored; what is empty is left out."""
    values = {name: cleaned[name] for name in ("skip_when", "approve_when", "max_visits")}
    said = {name: value for name, value in values.items() if value}
    return {**said, **group_stored(cleaned), **({"routes": routes} if routes else {})}


def codes_in(workflow: WorkFlow) -> Choices:
    """Return the codes of a stored workflow's stages in order, each with its stage's name."""
    stages = [stage for pipeline in workflow.pipelines.all() for stage in pipeline.stages.all()]
    codes = codes_of(stages)
    return [(codes[stage.pk], f"{stage.name} ({codes[stage.pk]})") for stage in stages]


def codes_on_page(stages: Iterable[Any]) -> list[str]:
    """Return the codes of the page's stages, those that their names will make included."""
    named = [
        SimpleNamespace(pk=place, code=stage.instance.code, name_en=stage.instance.name_en)
        for place, stage in enumerate(stages)
    ]
    return list(codes_of(named).values())


def code_mistakes(stages: Sequence[Any]) -> Iterator[tuple[Any, str, str]]:
    """Yield what is wrong with the codes of the page's stages: the form, its field, and what."""
    counts = Counter(stage.instance.code for stage in stages)
    for stage in stages:
        code = stage.instance.code
        if code and counts[code] > 1:
            yield (
                stage,
                "code",
                gettext("The code '%(code)s' is that of another stage too.") % {"code": code},
            )
    known = {*codes_on_page(stages), END}
    for stage in stages:
        for route in stage.children["routes"].kept():
            code = route.cleaned_data["to"]
            if code not in known:
                message = gettext("There is no stage with the code '%(code)s'.") % {
                    "code": code
                } + nearest(code, known)
                yield route, "to", message
