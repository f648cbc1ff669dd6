"""Roles, departments, people and their permissions."""

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ImproperlyConfigured

from demo import roster
from demo.seeding.tally import Tally
from purchasing.models import Department, Role, User

PERMISSION_CODENAMES = ("start_workflow", "approve_workflow")


def seed_people(tally: Tally) -> None:
    """Make the whole organisation; what exists is left as somebody may have changed it."""
    _seed_roles(tally)
    _seed_departments(tally)
    _seed_admin(tally)
    _seed_company(tally)
    new_usernames = _seed_accounts(tally)
    _link_managers(new_usernames)
    _link_heads()
    _admit_participants()


def _seed_roles(tally: Tally) -> None:
    for spec in roster.ROLES:
        parent = Role.objects.get(name=spec.parent) if spec.parent else None
        _, created = Role.objects.get_or_create(
            name=spec.name, defaults={"name_ar": spec.name_ar, "parent": parent}
        )
        tally.add("roles", created)


def _seed_departments(tally: Tally) -> None:
    for spec in roster.DEPARTMENTS:
        _, created = Department.objects.get_or_create(
            name=spec.name, defaults={"name_ar": spec.name_ar}
        )
        tally.add("departments", created)


def _seed_admin(tally: Tally) -> None:
    created = not User.objects.filter(username=roster.ADMIN_USERNAME).exists()
    if created:
        User.objects.create_superuser(
            roster.ADMIN_USERNAME,
            "admin@example.org",
            roster.ADMIN_PASSWORD,
            first_name="Ada",
            last_name="Administrator",
        )
    tally.add("people", created)


def _seed_company(tally: Tally) -> None:
    """Make the account that stands for the company; nobody signs in with it."""
    _, created = User.objects.get_or_create(
        username=roster.COMPANY_USERNAME,
        defaults={
            "first_name": "Acme",
            "last_name": "Trading",
            "email": "office@example.org",
            "password": make_password(None),
        },
    )
    tally.add("company accounts", created)


def _seed_accounts(tally: Tally) -> set[str]:
    existing = set(User.objects.values_list("username", flat=True))
    missing = [person for person in roster.PEOPLE if person.username not in existing]
    password = make_password(roster.PASSWORD) if missing else ""
    for person in missing:
        _create_account(person, password)
    for person in roster.PEOPLE:
        tally.add("people", person in missing)
    return {person.username for person in missing}


def _create_account(person: roster.Person, password: str) -> None:
    User.objects.create(
        username=person.username,
        first_name=person.first_name,
        last_name=person.last_name,
        email=person.email,
        language=person.language,
        password=password,
        role=Role.objects.get(name=person.role),
        department=Department.objects.get(name=person.department),
    )


def _link_managers(usernames: set[str]) -> None:
    for person in roster.PEOPLE:
        if person.manager and person.username in usernames:
            manager = User.objects.get(username=person.manager)
            User.objects.filter(username=person.username).update(head_manager=manager)


def _link_heads() -> None:
    for spec in roster.DEPARTMENTS:
        head = User.objects.get(username=spec.head)
        Department.objects.filter(name=spec.name, head=None).update(head=head)


def _admit_participants() -> None:
    """Let everybody of the demo start workflows and decide on steps that are theirs."""
    group, _ = Group.objects.get_or_create(name=roster.PARTICIPANTS_GROUP)
    group.permissions.add(*_participant_permissions())
    usernames = [person.username for person in roster.PEOPLE]
    group.user_set.add(*User.objects.filter(username__in=usernames))


def _participant_permissions() -> list[Permission]:
    permissions = list(
        Permission.objects.filter(
            content_type__app_label="django_workflow_engine", codename__in=PERMISSION_CODENAMES
        )
    )
    if len(permissions) != len(PERMISSION_CODENAMES):
        raise ImproperlyConfigured("The engine's permissions are missing: run migrate first.")
    return permissions
