"""Which functions the actions of a workflow may call, and the way from a stored path to one.

A path is the name of a function registered with `@workflow_action`, or the dotted path of a
function that is defined in an installed app or below a prefix in `ALLOWED_ACTION_MODULES`. It is
checked when an action is saved, and again right before the call, because rows can be written
around the ORM.
"""

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar, cast

from django.apps import apps
from django.utils.translation import gettext as _

from approval_workflow.exceptions import nearest
from django_workflow_engine.conf import settings
from django_workflow_engine.exceptions import ActionNotAllowed, WorkflowMisconfigured

ActionFunction = Callable[..., Any]
F = TypeVar("F", bound=ActionFunction)

_registered: dict[str, ActionFunction] = {}


def workflow_action(name: str) -> Callable[[F], F]:
    """Decorator: let actions call this function by a name of its own.

    `name` has no dots. Put such functions into a module `workflow_actions` of an installed app:
    these modules are imported when Django starts. Raises `WorkflowMisconfigured` when another
    function has the name already.
    """
    if not name or "." in name:
        raise WorkflowMisconfigured(f"@workflow_action({name!r}): expected a name without dots.")

    def register(function: F) -> F:
        known = _registered.setdefault(name, function)
        if _place(known) != _place(function):
            raise WorkflowMisconfigured(
                f"@workflow_action({name!r}) is taken by {'.'.join(_place(known))}."
            )
        _registered[name] = function
        return function

    return register


def registered_names() -> list[str]:
    """Return the names given with `@workflow_action`, sorted."""
    return sorted(_registered)


def check_function_path(path: str) -> None:
    """Raise `ActionNotAllowed` when an action must not have this path."""
    load_function(path)


def load_function(path: str) -> ActionFunction:
    """Return the function that a stored path leads to now; raise `ActionNotAllowed`.

    It is looked up each time, so that replacing the attribute of the module replaces the action.
    """
    registered = _registered.get(path)
    if registered is not None:
        return registered
    module_name, _dot, attribute = path.rpartition(".")
    if not module_name:
        raise _refused(
            _("'%(path)s' is not the name of a registered action.%(nearest)s"),
            path,
            nearest=nearest(path, _registered),
        )
    if not _is_allowed(module_name):
        raise _refused(
            _(
                "'%(path)s' leads neither into an installed app nor to a module named in"
                " ALLOWED_ACTION_MODULES."
            ),
            path,
        )
    return _checked(getattr(_module(module_name, path), attribute, None), path)


def _checked(function: Any, path: str) -> ActionFunction:
    if not callable(function) or inspect.isclass(function):
        raise _refused(_("'%(path)s' is not a function."), path)
    if inspect.iscoroutinefunction(function):
        raise _refused(_("'%(path)s' is an asynchronous function."), path)
    # A function that a module of an app merely imported, as `subprocess.run`, is not the app's.
    home = _home(function)
    if home is not None and not _is_allowed(home):
        raise _refused(
            _("'%(path)s' is defined in %(home)s, which is not an installed app."),
            path,
            home=home,
        )
    return cast("ActionFunction", function)


def _home(function: ActionFunction) -> str | None:
    """The module in which a function is defined.

    None for what has no such module: objects that can be called, and functions made at run time,
    as mocks are. They belong to the module that has them.
    """
    if not inspect.isroutine(function):
        return None
    home: str | None = function.__module__
    return home or (None if inspect.isfunction(function) else "builtins")


def _is_allowed(module_name: str) -> bool:
    return any(_is_below(module_name, root) for root in _allowed_roots())


def _allowed_roots() -> Iterator[str]:
    yield from (config.name for config in apps.get_app_configs())
    yield from (prefix.rstrip(".") for prefix in settings.allowed_action_modules)


def _is_below(module_name: str, root: str) -> bool:
    return bool(root) and (module_name == root or module_name.startswith(f"{root}."))


def _module(name: str, path: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not _is_below(name, error.name):
            raise  # the module is there; what it imports is not
        raise _refused(_("'%(path)s': there is no module %(module)s."), path, module=name) from None


def _place(function: ActionFunction) -> tuple[str, str]:
    return function.__module__, function.__qualname__


def _refused(message: str, path: str, **values: str) -> ActionNotAllowed:
    return ActionNotAllowed(message % {"path": path, **values}, path=path)
