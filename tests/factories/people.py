"""People, their roles and departments, and the forms they fill in."""

from typing import Any

import factory

from purchasing.models import Department, DynamicForm, Role, User


class DepartmentFactory(factory.django.DjangoModelFactory[Department]):
    class Meta:
        model = Department

    name = factory.Sequence(lambda number: f"Department {number}")


class RoleFactory(factory.django.DjangoModelFactory[Role]):
    class Meta:
        model = Role

    name = factory.Sequence(lambda number: f"Role {number}")


class UserFactory(factory.django.DjangoModelFactory[User]):
    """A person who can sign in with the password "secret"."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda number: f"user{number}")
    first_name = "Person"
    last_name = factory.Sequence(lambda number: f"No. {number}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.org")
    password = factory.django.Password("secret")


class DynamicFormFactory(factory.django.DjangoModelFactory[DynamicForm]):
    """A form with one required text field, "note"."""

    class Meta:
        model = DynamicForm

    name = factory.Sequence(lambda number: f"Form {number}")
    form_schema = factory.LazyFunction(
        lambda: {
            "type": "object",
            "properties": {"note": {"type": "string"}},
            "required": ["note"],
        }
    )


def make_role(holders: int = 1, **fields: Any) -> Role:
    """Make a role that as many people hold; `role.users` are they."""
    role = RoleFactory.create(**fields)
    User.objects.bulk_create(UserFactory.build(role=role) for _number in range(holders))
    return role
