"""The classes that people write, and what must hold in them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar

from django.db.models import Model
from django.utils.text import camel_case_to_spaces

from approval_workflow.exceptions import nearest
from django_workflow_engine.choices import WorkflowStatus, WorkflowStrategy
from django_workflow_engine.exceptions import WorkflowMisconfigured
from django_workflow_engine.models import WorkFlow, WorkflowAttachment
from django_workflow_engine.schemas.places import END
from django_workflow_engine.services import attach_workflow_to_object
from django_workflow_engine.workflows.approvals import Approval, Reference
from django_workflow_engine.workflows.parts import Action, AnyStage, Group

T = TypeVar("T")

# Options of a class that classes made of it do not take over.
OWN_OPTIONS = ("slug", "name_en", "name_ar", "abstract")


@dataclass(frozen=True, kw_only=True)
class PipelineOptions:
    """What `class Meta` of a pipeline can say."""

    name_en: str
    name_ar: str = ""
    department: Reference | None = None
    group: Group | str = ""
    # Where pipelines ask people themselves; they have no stages then.
    approvals: Sequence[Approval] = ()
    actions: Sequence[Action] = ()


@dataclass(frozen=True, kw_only=True)
class WorkflowOptions:
    """What `class Meta` of a workflow can say."""

    # Left out: the words of the class's name.
    slug: str
    name_en: str
    name_ar: str = ""
    company: Reference | None = None
    status: str = WorkflowStatus.ACTIVE
    is_active: bool = True
    # Whether there are permissions for starting, viewing and deciding in this workflow alone.
    creates_permissions: bool = False
    # Of the one pipeline, where the class has stages and no pipelines.
    department: Reference | None = None
    # Where the workflow itself asks people; it has no pipelines and stages then.
    approvals: Sequence[Approval] = ()
    actions: Sequence[Action] = ()
    # A class to make others of, which is no workflow itself.
    abstract: bool = False


class Pipeline:
    """A pipeline inside of a workflow's class: its attributes are its stages."""

    options: ClassVar[PipelineOptions]
    stages: ClassVar[Mapping[str, AnyStage]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        said = {"name_en": _words(cls).capitalize(), **_said_in_meta(cls, PipelineOptions)}
        cls.options = PipelineOptions(**said)
        cls.stages = _declared(cls, AnyStage)


class Workflow:
    """A workflow in code. Its attributes are its stages, or classes of its pipelines.

    Objects pass them in the order in which they are written. `class Meta` says what
    `WorkflowOptions` has. A class made of another has the parts of that too; None in place of one
    takes it away.
    """

    options: ClassVar[WorkflowOptions] = WorkflowOptions(
        slug="workflow", name_en="Workflow", abstract=True
    )
    stages: ClassVar[Mapping[str, AnyStage]] = {}
    pipelines: ClassVar[Mapping[str, type[Pipeline]]] = {}
    groups: ClassVar[Mapping[str, Group]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        words = _words(cls)
        said = {
            "slug": words.replace(" ", "_"),
            "name_en": words.capitalize(),
            **_said_in_meta(cls, WorkflowOptions),
        }
        cls.options = WorkflowOptions(**said)
        cls.stages = _declared(cls, AnyStage)
        cls.pipelines = {
            name: value
            for name, value in _declared(cls, type).items()
            if issubclass(value, Pipeline)
        }
        cls.groups = _declared(cls, Group)
        if not cls.options.abstract:
            _check(cls)

    @classmethod
    def template(cls) -> WorkFlow:
        """Return the template that `sync_workflows` made of this class."""
        found = WorkFlow.objects.templates().filter(slug=cls.options.slug).first()
        if found is None:
            raise WorkflowMisconfigured(
                f"There is no workflow {cls.options.slug!r} yet: run manage.py sync_workflows."
            )
        return found

    @classmethod
    def start(
        cls, obj: Model, user: Any = None, *, metadata: Mapping[str, Any] | None = None
    ) -> WorkflowAttachment:
        """Attach the template to a saved object and start it; see `attach_workflow_to_object`."""
        return attach_workflow_to_object(obj, cls.template(), user, metadata=metadata)

    @classmethod
    def strategy(cls) -> str:
        """Where people are asked: at the level that has approvals."""
        if cls.options.approvals:
            return WorkflowStrategy.WORKFLOW.value
        if any(pipeline.options.approvals for pipeline in cls.pipelines.values()):
            return WorkflowStrategy.PIPELINE.value
        return WorkflowStrategy.STAGE.value

    @classmethod
    def coded_stages(cls) -> Iterator[tuple[str, str, AnyStage]]:
        """Yield the stages in order: the path of the attribute below the class, code, stage."""
        yield from ((code, code, stage) for code, stage in cls.stages.items())
        for name, pipeline in cls.pipelines.items():
            yield from ((f"{name}.{code}", code, stage) for code, stage in pipeline.stages.items())

    @classmethod
    def group_name(cls, group: Group | str) -> str:
        """Return the name of a group, which is that of its attribute; empty for none."""
        if isinstance(group, str):
            return group
        return next((name for name, known in cls.groups.items() if known is group), "")


# Names that no part can have: those of the class, and the one by which routes lead to the end.
RESERVED = frozenset({END, *(name for name in vars(Workflow) if not name.startswith("_"))})


def _words(cls: type) -> str:
    return camel_case_to_spaces(cls.__name__)


def _declared(cls: type, kind: type[T]) -> dict[str, T]:
    """The attributes of a kind in the order in which they were written, bases first."""
    found: dict[str, T] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, kind):
                found[name] = value
            else:
                found.pop(name, None)
    return found


def _said_in_meta(cls: type, options: type) -> dict[str, Any]:
    meta = getattr(cls, "Meta", None)
    if meta is None:
        return {}
    known = [option.name for option in fields(options)]
    own = vars(meta) if "Meta" in vars(cls) else {}
    for name in own:
        if name not in known and not name.startswith("__"):
            raise WorkflowMisconfigured(
                f"{cls.__qualname__}.Meta.{name}: there is no such option.{nearest(name, known)}"
            )
    return {
        name: getattr(meta, name)
        for name in known
        if (name in own if name in OWN_OPTIONS else hasattr(meta, name))
    }


def _check(cls: type[Workflow]) -> None:
    """Raise `WorkflowMisconfigured`, naming class and attribute, for what cannot be meant."""
    for path, message in (*_structure_errors(cls), *_group_errors(cls), *_route_errors(cls)):
        raise WorkflowMisconfigured(f"{cls.__qualname__}.{path}: {message}")


def _structure_errors(cls: type[Workflow]) -> Iterator[tuple[str, str]]:
    for name in (*cls.stages, *cls.pipelines, *cls.groups):
        if name in RESERVED:
            yield name, "this name is not free; take another one."
    if cls.stages and cls.pipelines:
        yield next(iter(cls.stages)), "expected stages or pipelines here, not both."
    if cls.pipelines and cls.options.department is not None:
        yield "Meta.department", "expected in the Meta of a pipeline, where there are pipelines."
    seen: dict[str, str] = {}
    for path, code, _stage in cls.coded_stages():
        if code in seen:
            yield path, f"{seen[code]} has the same name, which is the code of a stage."
        seen[code] = path


def _group_errors(cls: type[Workflow]) -> Iterator[tuple[str, str]]:
    named: Iterable[tuple[str, Group | str]] = [
        *((path, stage.group) for path, _code, stage in cls.coded_stages()),
        *((f"{name}.Meta", each.options.group) for name, each in cls.pipelines.items()),
    ]
    for path, group in named:
        if group and cls.group_name(group) not in cls.groups:
            name = cls.group_name(group)
            yield f"{path}.group", f"there is no group {name!r}.{nearest(name, cls.groups)}"


def _route_errors(cls: type[Workflow]) -> Iterator[tuple[str, str]]:
    codes = [code for _path, code, _stage in cls.coded_stages()]
    for path, _code, stage in cls.coded_stages():
        for number, route in enumerate(stage.routes):
            if route.to != END and route.to not in codes:
                yield (
                    f"{path}.routes[{number}].to",
                    f"there is no stage {route.to!r}.{nearest(route.to, codes)}",
                )
