"""Classes as the content of a workflow file, and the way back from its paths to the classes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from enum import Enum
from typing import Any

from django.utils.duration import duration_iso_string

from django_workflow_engine.files.layout import FORMAT, Plain
from django_workflow_engine.workflows.approvals import Approval
from django_workflow_engine.workflows.declaration import Pipeline, Workflow
from django_workflow_engine.workflows.parts import Action, AnyStage

# The place of a row in a file, and the path below it.
ROW = re.compile(
    r"workflows\[(?P<workflow>\d+)\]"
    r"(?:\.pipelines\[(?P<pipeline>\d+)\])?"
    r"(?:\.stages\[(?P<stage>\d+)\])?"
    r"\.?(?P<rest>.*)"
)
# Levels of a file that classes do not have.
UNSEEN = re.compile(r"^(?:stage_info|pipeline_info|workflow_info)\.")


def content_of(classes: Sequence[type[Workflow]]) -> Plain:
    """Return the classes as the content of one workflow file."""
    return {"format": FORMAT, "workflows": [_workflow(cls) for cls in classes]}


def place_in_code(path: str, classes: Sequence[type[Workflow]]) -> str:
    """Return the attribute of a class that a path in `content_of` these classes comes from."""
    found = ROW.fullmatch(path)
    if found is None:
        return path
    cls = classes[int(found["workflow"])]
    parts = [cls.__qualname__]
    stages = list(cls.stages)
    if cls.pipelines and found["pipeline"] is not None:
        name = list(cls.pipelines)[int(found["pipeline"])]
        parts.append(name)
        stages = list(cls.pipelines[name].stages)
    parts.append(stages[int(found["stage"])] if found["stage"] is not None else "Meta")
    rest = UNSEEN.sub("", found["rest"])
    return ".".join([*parts, *([rest] if rest else [])])


def _workflow(cls: type[Workflow]) -> Plain:
    options = cls.options
    return _short(
        slug=options.slug,
        name_en=options.name_en,
        name_ar=options.name_ar,
        company=options.company,
        status=options.status,
        is_active=options.is_active,
        strategy=cls.strategy(),
        creates_permissions=options.creates_permissions,
        workflow_info=_short(approvals=options.approvals),
        actions=options.actions,
        pipelines=_pipelines(cls),
    )


def _pipelines(cls: type[Workflow]) -> list[Plain]:
    if cls.stages:
        # All stages are in one pipeline, which is called as the workflow is.
        options = cls.options
        return [
            _short(
                name_en=options.name_en,
                name_ar=options.name_ar,
                department=options.department,
                stages=_stages(cls, cls.stages),
            )
        ]
    return [_pipeline(cls, pipeline) for pipeline in cls.pipelines.values()]


def _pipeline(cls: type[Workflow], pipeline: type[Pipeline]) -> Plain:
    options = pipeline.options
    return _short(
        name_en=options.name_en,
        name_ar=options.name_ar,
        department=options.department,
        pipeline_info=_short(approvals=options.approvals, **_beside(cls, options.group)),
        actions=options.actions,
        stages=_stages(cls, pipeline.stages),
    )


def _stages(cls: type[Workflow], stages: Mapping[str, AnyStage]) -> list[Plain]:
    return [_stage(cls, code, stage) for code, stage in stages.items()]


def _stage(cls: type[Workflow], code: str, stage: AnyStage) -> Plain:
    form = getattr(stage, "form", None)
    return _short(
        name_en=stage.name_en,
        name_ar=stage.name_ar,
        code=code,
        stage_info=_short(
            color=stage.color,
            kind=stage.kind,
            skip_when=stage.skip_when,
            routes=[_short(to=route.to, when=route.when) for route in stage.routes],
            max_visits=stage.max_visits,
            **_beside(cls, stage.group),
            **stage.waits_for(),
        ),
        form_info=_short(required_form=form),
        actions=stage.actions,
    )


def _beside(cls: type[Workflow], group: Any) -> Plain:
    name = cls.group_name(group)
    return {"parallel_group": name, "join": cls.groups[name].join} if name else {}


def _short(**values: Any) -> Plain:
    """The values as JSON has them, without those that say nothing."""
    plain = {key: _plain(value) for key, value in values.items()}
    return {key: value for key, value in plain.items() if value not in (None, "", [], {})}


def _plain(value: Any) -> Any:
    for kind, convert in PLAIN.items():
        if isinstance(value, kind):
            return convert(value)
    return _path(value) if callable(value) else value


def _path(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _approval(approval: Approval) -> Plain:
    return {"approval_type": _plain(approval.kind), **_plain(approval.keys)}


def _action(action: Action) -> Plain:
    said = {**asdict(action), "action_type": action.event, "function_path": action.function}
    return _short(**{key: value for key, value in said.items() if key not in ("event", "function")})


PLAIN: Mapping[type | tuple[type, ...], Callable[[Any], Any]] = {
    Enum: lambda member: member.value,
    str: str,
    timedelta: duration_iso_string,
    Approval: _approval,
    Action: _action,
    Mapping: lambda values: {key: _plain(value) for key, value in values.items()},
    (list, tuple): lambda values: [_plain(value) for value in values],
}
