"""Sending e-mails, each in the language of who gets it.

The templates of an e-mail called `name` are `django_workflow_engine/email/<name>.subject.txt`,
`<name>.txt` and `<name>.html`; where a project has none, those of `workflow_update` are used.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.mail import EmailMultiAlternatives
from django.db.models import Model
from django.template import TemplateDoesNotExist
from django.template.loader import select_template
from django.utils import translation
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from django_workflow_engine.conf import settings
from django_workflow_engine.exceptions import WorkflowMisconfigured

logger = logging.getLogger(__name__)

TEMPLATES = "django_workflow_engine/email"
GENERIC = "workflow_update"


@dataclass(frozen=True, slots=True)
class Email:
    """One message to one address."""

    name: str
    address: str
    subject: str
    context: Mapping[str, Any]
    user: Any
    cc: tuple[str, ...]


def send_bulk_workflow_emails(
    name: str,
    recipients: Iterable[Any],
    context: Mapping[str, Any],
    deduplicate: bool = True,
    subject: str | None = None,
    cc: Iterable[str] | None = None,
    user: Any = None,
) -> dict[str, int]:
    """Send an e-mail to each recipient; return how many messages were `sent`, `failed`, `skipped`.

    `recipients` are addresses or users. `subject` replaces that of the templates. `cc` goes on the
    first message only. `user` is handed to `WORKFLOW_SEND_EMAIL_FUNCTION`; without it that gets the
    account with the address, if there is one. That function has no `cc`: those addresses get
    messages of their own.

    Empty addresses and, with `deduplicate`, repeated ones are skipped; all are while
    `WORKFLOW_DISABLE_EMAILS` is set. A message that cannot be sent is logged and counts as failed.
    """
    send = _sender()
    mailed = send is _send_by_django
    wanted = [*recipients, *(() if mailed else cc or ())]
    people = list(_people(wanted, deduplicate))
    counts = {"sent": 0, "failed": 0, "skipped": len(wanted) - len(people)}
    if settings.disable_emails:
        return {**counts, "skipped": len(wanted)}
    copies = _copies(cc or (), people) if mailed else ()
    for address, account in people:
        with translation.override(_language(account)):
            email = _email(name, address, subject, context, user or account, copies)
            sent = _is_sent(send, email)
        counts["sent" if sent else "failed"] += 1
        if sent:
            copies = ()
    return counts


def has_template(name: str) -> bool:
    """Return whether there is an e-mail of this name.

    A function in `WORKFLOW_SEND_EMAIL_FUNCTION` may know e-mails that Django has no templates of.
    """
    if settings.send_email_function:
        return True
    try:
        select_template([f"{TEMPLATES}/{name}.html", f"{TEMPLATES}/{name}.txt"])
    except TemplateDoesNotExist:
        return False
    return True


def _people(recipients: list[Any], deduplicate: bool) -> Iterator[tuple[str, Any]]:
    """Yield address and account, or None for the account where nobody is known by it."""
    addresses = [_address(recipient) for recipient in recipients]
    accounts = _accounts(addresses)
    seen: set[str] = set()
    for recipient, address in zip(recipients, addresses, strict=True):
        known = address.casefold()
        if not address or (deduplicate and known in seen):
            continue
        seen.add(known)
        account = recipient if isinstance(recipient, Model) else accounts.get(known)
        yield address, account


def _address(recipient: Any) -> str:
    if isinstance(recipient, Model):
        recipient = getattr(recipient, get_user_model().get_email_field_name(), "")
    return str(recipient or "").strip()


def _accounts(addresses: Iterable[str]) -> dict[str, Any]:
    """Return users by address, looked up in one statement where anything depends on it."""
    user_model = get_user_model()
    names = {field.name for field in user_model._meta.get_fields()}
    email_field = user_model.get_email_field_name()
    needed = settings.send_email_function or settings.user_language_field in names
    if not needed or email_field not in names:
        return {}
    spellings = {spelling for address in addresses for spelling in (address, address.lower())}
    users = user_model._base_manager.filter(**{f"{email_field}__in": spellings - {""}})
    return {getattr(user, email_field).casefold(): user for user in users.order_by("-pk")}


def _language(account: Any) -> str | None:
    """The language of the account where it names one that the site has, else the active one."""
    code = getattr(account, settings.user_language_field, None)
    try:
        return translation.get_supported_language_variant(str(code)) if code else _active()
    except LookupError:
        return _active()


def _active() -> str:
    return translation.get_language() or django_settings.LANGUAGE_CODE


def _copies(cc: Iterable[str], people: list[tuple[str, Any]]) -> tuple[str, ...]:
    """The addresses of `cc` that get no message of their own."""
    seen = {address.casefold() for address, _account in people}
    return tuple(address for address in cc if address.casefold() not in seen)


def _email(
    name: str,
    address: str,
    subject: str | None,
    context: Mapping[str, Any],
    user: Any,
    cc: tuple[str, ...],
) -> Email:
    """Make the message in the language that is active."""
    shown = _completed(context)
    if not subject:
        subject = " ".join(_rendered(name, "subject.txt", shown).split())
    return Email(name, address, subject, {**shown, "subject": subject}, user, cc)


def _completed(context: Mapping[str, Any]) -> dict[str, Any]:
    """The context with its lazy texts settled, and with what every template counts on."""
    shown = {
        key: str(value) if isinstance(value, Promise) else value for key, value in context.items()
    }
    shown.setdefault("stage_name", shown.get("current_stage") or "")
    shown.setdefault("user_name", shown.get("user") or "")
    about = shown.get("object_name") or shown.get("workflow_name") or _("your request")
    shown.setdefault("about", about)
    return shown


def _rendered(name: str, kind: str, context: Mapping[str, Any]) -> str:
    template = select_template([f"{TEMPLATES}/{name}.{kind}", f"{TEMPLATES}/{GENERIC}.{kind}"])
    return str(template.render(dict(context))).strip()


def _sender() -> Callable[[Email], Any]:
    path = settings.send_email_function
    if path is None:
        return _send_by_django
    try:
        function = import_string(path)
    except ImportError as error:
        raise WorkflowMisconfigured(
            f"WORKFLOW_SEND_EMAIL_FUNCTION: {path!r} cannot be imported: {error}"
        ) from error

    def send(email: Email) -> Any:
        return function(
            email.name, email.address, email.subject, dict(email.context), user=email.user
        )

    return send


def _send_by_django(email: Email) -> None:
    message = EmailMultiAlternatives(
        subject=email.subject,
        body=_rendered(email.name, "txt", email.context),
        to=[email.address],
        cc=list(email.cc),
        headers={"Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(_rendered(email.name, "html", email.context), "text/html")
    message.send()


def _is_sent(send: Callable[[Email], Any], email: Email) -> bool:
    try:
        sent = send(email) is not False
    except Exception:
        # Whatever the mail server or the project's function raises: the others still get theirs.
        logger.exception("The e-mail %s could not be sent", email.name)
        return False
    if not sent:
        logger.error("The e-mail %s was not sent: the function returned False", email.name)
    return sent
