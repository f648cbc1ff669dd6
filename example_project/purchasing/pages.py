"""The front page."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from demo.roster import ADMIN_PASSWORD, ADMIN_USERNAME, PASSWORD, PEOPLE
from purchasing.board import running_items
from purchasing.models import User


@dataclass(frozen=True, kw_only=True)
class Account:
    """One row of the table that says how to sign in."""

    username: str
    password: str
    name: str
    role: str | Promise
    duty: str | Promise


def front_page(request: HttpRequest) -> HttpResponse:
    """Say what is there and how to sign in.

    Everybody may read it: it prints the passwords of the demo, so it has nothing to hide.
    """
    context = {"running": running_items(request.user), "accounts": _accounts()}
    return render(request, "purchasing/front_page.html", context)


def _accounts() -> list[Account]:
    users = {user.username: user for user in User.objects.select_related("role")}
    people = [
        Account(
            username=person.username,
            password=PASSWORD,
            name=users[person.username].get_full_name(),
            role=_role_of(users[person.username]),
            duty=person.duty,
        )
        for person in PEOPLE
        if person.username in users
    ]
    return [*_administrator(users), *people]


def _administrator(users: dict[str, User]) -> list[Account]:
    if ADMIN_USERNAME not in users:
        return []
    return [
        Account(
            username=ADMIN_USERNAME,
            password=ADMIN_PASSWORD,
            name=users[ADMIN_USERNAME].get_full_name(),
            role=_("Administrator"),
            duty=_("Sees and changes everything in the admin"),
        )
    ]


def _role_of(user: User) -> str:
    return str(user.role) if user.role else ""
