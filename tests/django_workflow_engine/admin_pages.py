"""The admin's pages as a browser without scripts sees and sends them."""

from functools import cached_property
from html.parser import HTMLParser
from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from tests.factories import UserFactory


class FormReader(HTMLParser):
    """Collects what the fields of a page's main form would send; templates send nothing."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id = form_id
        self.values: dict[str, list[str]] = {}
        self.labels: set[str] = set()
        self.ids: list[str] = []
        self._inside = False
        self._templates = 0
        self._select: str | None = None
        self._options: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form":
            self._inside = found.get("id") == self.form_id
        if tag == "template":
            self._templates += 1
        if self._inside and not self._templates:
            self._field(tag, found)

    def _field(self, tag: str, found: dict[str, str | None]) -> None:
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "label":
            self.labels.add(found.get("for") or "")
        if tag == "input":
            self._input(found)
        elif tag == "select":
            self._select, self._options = found.get("name"), []
        elif tag == "option":
            self._options.append((found.get("value") or "", "selected" in found))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        if tag == "template":
            self._templates -= 1
        if tag == "select" and self._select:
            chosen = [value for value, selected in self._options if selected]
            first = [value for value, _selected in self._options[:1]]
            self.values[self._select] = chosen or first
            self._select = None

    def _input(self, found: dict[str, str | None]) -> None:
        name, kind = found.get("name"), found.get("type", "text")
        if not name or kind == "submit":
            return
        sent = self.values.setdefault(name, [])
        if kind not in ("checkbox", "radio"):
            sent.append(found.get("value") or "")
        elif "checked" in found:
            sent.append(found.get("value") or "on")


class Page:
    """A page of the admin with the form on it."""

    def __init__(self, client: Client, address: str, form_id: str) -> None:
        self.client = client
        self.address = address
        self.form_id = form_id
        self.response = client.get(address)
        assert self.response.status_code == 200, self.response.status_code

    @cached_property
    def reader(self) -> FormReader:
        """What was read of the page, once somebody asks for it."""
        reader = FormReader(self.form_id)
        reader.feed(self.response.content.decode())
        return reader

    @cached_property
    def data(self) -> dict[str, Any]:
        """What the form would send."""
        return dict(self.reader.values)

    def set(self, **values: Any) -> "Page":
        """Fill fields in; "__" in a name stands for "-". The field must be on the page."""
        for name, value in values.items():
            self.fill({name.replace("__", "-"): value})
        return self

    def fill(self, values: dict[str, Any]) -> "Page":
        for name, value in values.items():
            assert name in self.data, f"{name} is not on the page: {sorted(self.data)}"
            self.data[name] = value
        return self

    def row(self, prefix: str, **values: Any) -> "Page":
        """Fill in the fields of one row."""
        return self.fill({f"{prefix}-{name}": value for name, value in values.items()})

    def send(self, button: str = "_continue", **kwargs: Any) -> Any:
        return self.client.post(self.address, {**self.data, button: "x"}, **kwargs)


def address_of(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:django_workflow_engine_{model._meta.model_name}_{page}", args=args)


def superuser_client() -> Client:
    client = Client()
    client.force_login(UserFactory.create(is_staff=True, is_superuser=True))
    return client


def staff_client(*codenames: str) -> Client:
    """A client of somebody on the staff with these permissions of the engine."""
    user = UserFactory.create(is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(
            content_type__app_label="django_workflow_engine", codename__in=codenames
        )
    )
    client = Client()
    client.force_login(user)
    return client
