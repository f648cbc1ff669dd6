"""Two thousand people in a tree of roles, and one person whose inbox is known."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from approval_workflow.services import substitute
from purchasing.models import Role, User

HOLDERS = 5
DEPARTMENTS, TEAMS = 20, 380
PEOPLE = (DEPARTMENTS + TEAMS) * HOLDERS


@dataclass(frozen=True, eq=False)
class Company:
    """Whom flows are shared out among, and who has a fixed number of steps to decide."""

    # Keys ascend without gaps, and so the people of a role can be found by arithmetic.
    people: list[User]
    roles: list[Role]
    # Holds a role of their own, has juniors, and stands in for somebody.
    me: User
    role: Role
    junior: User
    away: User

    @property
    def head(self) -> User:
        """One of those who hold the role of a department: all its teams are below them."""
        return self.people[0]


def found_company() -> Company:
    """Make the people, their roles and what they are to each other."""
    roles = _roles()
    people = User.objects.bulk_create(
        User(username=f"employee{number}", role=roles[number // HOLDERS])
        for number in range(PEOPLE)
    )
    role = Role.objects.create(name="Office")
    me = _person("me", role)
    for number in range(1, HOLDERS):
        _person(f"colleague{number}", role)
    junior = _person("junior", Role.objects.create(name="Desk", parent=role))
    away = _person("away")
    substitute(away, me, ends_at=timezone.now() + timedelta(days=365))
    return Company(people, roles, me, role, junior, away)


def _roles() -> list[Role]:
    """Departments, each with its teams below it, as one tree under the company."""
    company = Role.objects.create(name="Company")
    names = [f"Department {number}" for number in range(DEPARTMENTS)]
    places = {"lft": 0, "rght": 0, "level": 0, "tree_id": 0}
    departments = Role.objects.bulk_create(
        Role(name=name, parent=company, **places) for name in names
    )
    teams = Role.objects.bulk_create(
        Role(name=f"Team {number}", parent=departments[number % DEPARTMENTS], **places)
        for number in range(TEAMS)
    )
    Role.objects.rebuild()
    return [*departments, *teams]


def _person(name: str, role: Role | None = None) -> User:
    return User.objects.create(username=name, role=role)
