"""Hooks into the life of a flow.

Handlers of an object are found in this order, and all of them are called:

1. the classes in `APPROVAL_HANDLERS` that do not decline the flow;
2. the classes registered with `@register_handler(Model)`;
3. by convention, `<app>.approval.<Model>ApprovalHandler`.

Hooks run inside the transaction of the action: an exception undoes all of it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar, TypeVar

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from approval_workflow.conf import load, settings
from approval_workflow.exceptions import ApprovalMisconfigured
from approval_workflow.types import Barrier, Continuation

H = TypeVar("H", bound="type[BaseApprovalHandler]")

_registered: dict[type[Model], list["type[BaseApprovalHandler]"]] = {}


class BaseApprovalHandler:
    """Override what is of interest; every hook does nothing by default.

    `instance` is the `ApprovalInstance` acted on, `instance.action_user` who acts,
    `instance.flow.target` the object. One handler object serves one action from its first hook to
    its last.
    """

    # Models whose flows a handler in APPROVAL_HANDLERS wants to hear of; empty means all.
    models: ClassVar[Sequence[type[Model] | str]] = ()
    # Whether hooks may write to steps of the flow themselves. False spares a statement: what was
    # read of the steps under the lock is taken to hold until the act is done.
    writes_steps: ClassVar[bool] = True

    def handles(self, flow: Any) -> bool:
        """Return whether this handler wants to hear of the flow. Only asked of listed handlers."""
        if not self.models:
            return True
        model = model_of(flow)
        return model is not None and (model in self.models or model._meta.label in self.models)

    def barrier(self, user: Any) -> Barrier | None:
        """Return the steps that this active user may not act on, or None. Listed handlers only.

        `can_act` refuses them, and the inbox leaves them out.
        """
        return None

    def before_approve(self, instance: Any) -> None:
        """Before an approval is written. Raise to refuse it."""

    def on_approve(self, instance: Any) -> None:
        """After an approval was written, each vote included."""

    def on_step_approved(self, instance: Any) -> None:
        """After the approval that satisfied the step; `instance` is the row that did it."""

    def after_approve(self, instance: Any) -> None:
        """After an approval, when the flow has moved on."""

    def on_final_approve(self, instance: Any) -> None:
        """The flow is completed; `instance` is the row that completed it.

        None where `continue_flow` completed a flow in which nobody had decided.
        """

    def before_reject(self, instance: Any) -> None:
        """Before a rejection is written. Raise to refuse it."""

    def on_reject(self, instance: Any) -> None:
        """After a rejection that ended the flow was written.

        Where an answer `rejects`, `instance` is the row decided last, or None as above.
        """

    def after_reject(self, instance: Any) -> None:
        """After the flow has ended by rejection."""

    def before_resubmission(self, instance: Any) -> None:
        """Before a request for resubmission is written. Raise to refuse it."""

    def on_resubmission(self, instance: Any) -> None:
        """After a request for resubmission was written, before its steps open."""

    def after_resubmission(self, instance: Any) -> None:
        """After the steps of the new round have opened."""

    def before_delegate(self, instance: Any) -> None:
        """Before a delegation is written. Raise to refuse it."""

    def on_delegate(self, instance: Any) -> None:
        """After a delegation was written; `instance.delegated_to` has taken the step over."""

    def after_delegate(self, instance: Any) -> None:
        """At the end of a delegation."""

    def before_escalate(self, instance: Any) -> None:
        """Before an escalation is written. Raise to refuse it."""

    def on_escalate(self, instance: Any) -> None:
        """After an escalation was written; `instance.delegated_to` has taken the step over."""

    def after_escalate(self, instance: Any) -> None:
        """At the end of an escalation."""

    def on_cancel(self, flow: Any) -> None:
        """The flow was cancelled."""

    def describe_step(self, instance: Any) -> str:
        """Return what people call this step, for errors about it; empty: by its number."""
        return ""

    def on_hold(self, flow: Any) -> None:
        """The flow was put on hold."""

    def on_resume(self, flow: Any) -> None:
        """The flow goes on after a hold."""

    def on_undo(self, instance: Any) -> None:
        """The last decision has been undone: `instance`, on which it was made, is current again.

        What a handler did for the decision, such as starting what the flow then waited for, is for
        the handler to take back.
        """

    def next_steps(self, instance: Any) -> Continuation | Iterable[Mapping[str, Any]]:
        """Return the steps that follow when none is left, or nothing to complete the flow.

        They are dictionaries as `start_flow` takes them; without a `step` key they are numbered on.
        A `Continuation` can say more: that the flow waits for something else than a decision, until
        `continue_flow` is called. Of several handlers, the first that answers is followed.
        """
        return ()

    def next_in_track(self, instance: Any) -> Continuation | Iterable[Mapping[str, Any]]:
        """Return the steps with which the track of a satisfied step goes on, or nothing at its end.

        They get the number of that step, whose other tracks go on beside them, and need a
        `parallel_group` that no step of the number has. A track that waits holds nothing back: when
        the others are done, later steps open and `next_steps` is asked. Only asked where there are
        tracks; of several handlers, the first that answers is followed.
        """
        return ()


def register_handler(*models: type[Model]) -> Callable[[H], H]:
    """Class decorator: call this handler for flows on objects of these models."""

    def register(handler: H) -> H:
        for model in models:
            handlers = _registered.setdefault(model, [])
            if handler not in handlers:
                handlers.append(handler)
        return handler

    return register


def handlers_for(flow: Any) -> list[BaseApprovalHandler]:
    """Return a new handler object of each class that handles the flow, in calling order."""
    listed = [handler_class() for handler_class in _listed(tuple(settings.handlers))]
    chosen = [handler for handler in listed if handler.handles(flow)]
    model = model_of(flow)
    if model is None:
        return chosen
    found = [*_registered.get(model, ())]
    by_convention = handler_by_convention(model)
    if by_convention is not None:
        found.append(by_convention)
    seen = {type(handler) for handler in listed}
    return chosen + [made() for made in dict.fromkeys(found) if made not in seen]


def barriers_for(user: Any) -> list[Barrier]:
    """Return what the handlers in `APPROVAL_HANDLERS` keep this user from."""
    found = (handler_class().barrier(user) for handler_class in _listed(tuple(settings.handlers)))
    return [barrier for barrier in found if barrier is not None]


def model_of(flow: Any) -> type[Model] | None:
    """Return the model of the flow's object, or None when its app is not installed."""
    # By key: this way Django remembers content types.
    return ContentType.objects.get_for_id(flow.content_type_id).model_class()


@lru_cache(maxsize=16)
def _listed(paths: tuple[str, ...]) -> tuple[type[BaseApprovalHandler], ...]:
    return tuple(load_handler(path) for path in paths)


def load_handler(path: str) -> type[BaseApprovalHandler]:
    """Return the handler class at a dotted path of `APPROVAL_HANDLERS`."""
    handler = load("APPROVAL_HANDLERS", path)
    if not (isinstance(handler, type) and issubclass(handler, BaseApprovalHandler)):
        raise ApprovalMisconfigured(
            f"APPROVAL_HANDLERS: {path!r} is not a subclass of"
            " approval_workflow.handlers.BaseApprovalHandler."
        )
    return handler


@lru_cache(maxsize=256)
def handler_by_convention(model: type[Model]) -> type[BaseApprovalHandler] | None:
    """Return `<app>.approval.<Model>ApprovalHandler`, or None when the app has no such class.

    A module that exists and fails while it is imported raises its own error.
    """
    module_name = f"{apps.get_app_config(model._meta.app_label).name}.approval"
    if find_spec(module_name) is None:
        return None
    handler = getattr(import_module(module_name), f"{model.__name__}ApprovalHandler", None)
    return handler if isinstance(handler, type) else None
