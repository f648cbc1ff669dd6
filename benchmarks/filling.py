"""A database as it is after years: so many flows, shared out among two thousand people."""

from benchmarks.company import HOLDERS, Company, found_company
from benchmarks.copies import copy_flow
from benchmarks.copying import analyse, as_text, trusted
from benchmarks.kinds import played, waiting_for_me


def fill(flows: int) -> Company:
    """Fill the database with about so many flows, one in ten of them open; return the people.

    One of the company has about one step to decide for each 20,000 flows, `me` has always 65.
    """
    company = found_company()
    with trusted():
        for kind in played(company):
            others = _other_role(company) if kind.of_role else _other_people(company, 1)
            copy_flow(kind.flow, flows * kind.share // 100, others)
        for number, flow in waiting_for_me(company):
            copy_flow(flow, number - 1)
    analyse()
    return company


def _other_people(company: Company, stride: int) -> dict[str, str]:
    """Each copy is for those who come so many people later."""
    first, number = company.people[0].pk, len(company.people)
    return {
        column: f"{first} + ({column} - {first} + number * {stride}) % {number}"
        for column in ("assigned_to_id", "action_user_id", "actor_id", "started_by_id")
    }


def _other_role(company: Company) -> dict[str, str]:
    first, number = company.roles[0].pk, len(company.roles)
    role = as_text(f"{first} + number % {number}")
    return _other_people(company, HOLDERS) | {"assigned_role_object_id": role}
