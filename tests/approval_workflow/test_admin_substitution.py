"""Stand-ins in the admin: named and ended through the services, never edited."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from approval_workflow.admin.errors import argument_and_message
from approval_workflow.exceptions import Conflict
from approval_workflow.models import Substitution
from approval_workflow.services import substitute
from purchasing.models import PurchaseRequest
from tests.approval_workflow.flows import make_flow
from tests.factories import PurchaseRequestFactory, UserFactory

pytestmark = pytest.mark.django_db

PAGE = "admin:approval_workflow_substitution"
LIST, ADD = f"{PAGE}_changelist", f"{PAGE}_add"


@pytest.fixture
def staff():
    return UserFactory.create(username="staff", is_staff=True)


@pytest.fixture
def client(staff):
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def chief():
    return signed_in(UserFactory.create(is_staff=True, is_superuser=True))


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def grant(user, *names):
    user.user_permissions.add(
        *Permission.objects.filter(
            content_type__app_label="approval_workflow",
            codename__in=[f"{name}_substitution" for name in names],
        )
    )


def days(number):
    return timezone.now() + timedelta(days=number)


def stand_in(person, by, *, start=-1, end=1, models=()):
    made = substitute(person, by, ends_at=days(max(end, 1)), models=models)
    Substitution.objects.filter(pk=made.pk).update(starts_at=days(start), ends_at=days(end))
    return Substitution.objects.get(pk=made.pk)


def typed(person, by, *, start=None, end=None, **more):
    """What somebody types into the form; moments are typed as date and time."""
    data = {"person": person, "substitute": by, **more}
    for name, moment in (("starts_at", start), ("ends_at", end)):
        data[f"{name}_0"] = moment.strftime("%Y-%m-%d") if moment else ""
        data[f"{name}_1"] = moment.strftime("%H:%M:%S") if moment else ""
    return data


def add(client, *people, **more):
    return client.post(reverse(ADD), typed(*people, **more))


def end(client, *rows):
    data = {"action": "end_now", "_selected_action": [row.pk for row in rows]}
    return client.post(reverse(LIST), data)


def told(response):
    return [(message.level_tag, str(message)) for message in get_messages(response.wsgi_request)]


# Naming a stand-in


def test_a_stand_in_is_named_from_now_on_for_everything(chief, ann, bob):
    """S0-57"""
    response = add(chief, ann.pk, bob.pk, end=days(3))

    made = Substitution.objects.get()
    assert response.status_code == 302
    assert (made.person, made.substitute, made.for_all_models) == (ann, bob, True)
    assert made.holds_at(timezone.now())


def test_a_stand_in_is_named_for_a_time_and_some_models(chief, ann, bob):
    flow = make_flow(ann, obj=PurchaseRequestFactory.create())

    add(chief, ann.pk, bob.pk, start=days(1), end=days(3), content_types=[flow.content_type_id])

    made = Substitution.objects.get()
    assert made.starts_at.date() == days(1).date()
    assert not made.for_all_models
    assert [kind.model_class() for kind in made.content_types.all()] == [PurchaseRequest]


def test_only_models_that_have_had_flows_are_offered(chief, ann, retired_type):
    flow = make_flow(ann, obj=PurchaseRequestFactory.create())
    make_flow(ann)
    retired = make_flow(ann)
    type(retired).objects.filter(pk=retired.pk).update(content_type=retired_type)

    kinds = chief.get(reverse(ADD)).context["adminform"].form.fields["content_types"].queryset

    assert flow.content_type in kinds
    assert [kind.model for kind in kinds] == ["purchaserequest", "document"]


@pytest.mark.parametrize(
    ("people", "when", "field", "problem"),
    [
        (("ann", "ann"), 3, "substitute", "Nobody stands in for themselves."),
        (("ann", "gone"), 3, "substitute", "This account is not active."),
        (("bob", "ann"), 3, "substitute", "These substitutions would go round in a circle."),
        (("ann", "cid"), -3, "ends_at", "Expected a moment after the beginning and now."),
    ],
)
def test_what_the_service_refuses_is_told_at_the_field(
    chief, ann, bob, cid, people, when, field, problem
):
    gone = UserFactory.create(username="gone", is_active=False)
    keys = {person.username: person.pk for person in (ann, bob, cid, gone)}
    substitute(ann, bob, ends_at=days(9))

    response = add(chief, *(keys[name] for name in people), end=days(when))

    assert response.status_code == 200
    assert response.context["adminform"].form.errors == {field: [problem]}
    assert Substitution.objects.count() == 1


def test_what_is_missing_is_told_at_the_field(chief):
    response = add(chief, "", "")

    errors = response.context["adminform"].form.errors
    assert sorted(errors) == ["ends_at", "person", "substitute"]


def test_who_may_not_see_users_types_names(client, staff, ann, bob):
    grant(staff, "add")

    page = client.get(reverse(ADD))
    add(client, "ann", "bob", end=days(2))

    assertContains(page, "The name with which the person signs in.", count=2)
    assert Substitution.objects.get(person=ann, substitute=bob)


# Ending one


def test_one_that_holds_ends_now_and_the_log_tells_who_did_it(client, staff, ann, bob):
    grant(staff, "change")
    row = stand_in(ann, bob)

    response = end(client, row)

    row.refresh_from_db()
    assert not row.holds_at(timezone.now())
    assert told(response) == [("success", "1 substitution was ended.")]
    entry = LogEntry.objects.get(object_id=str(row.pk))
    assert (entry.user, entry.get_change_message()) == (staff, "Ended.")


def test_one_that_has_not_begun_goes_away(chief, ann, bob):
    end(chief, stand_in(ann, bob, start=1, end=2))

    assert not Substitution.objects.exists()


def test_one_that_has_ended_is_left_alone(chief, ann, bob):
    row = stand_in(ann, bob, start=-5, end=-3)

    response = end(chief, row)

    assert told(response) == [("warning", "0 substitutions were ended.")]
    assert Substitution.objects.get().ends_at == row.ends_at


def test_a_substitution_has_a_button_until_it_has_ended(chief, ann, bob):
    row = stand_in(ann, bob)
    address = reverse(f"{PAGE}_change", args=[row.pk])
    assertContains(chief.get(address), 'value="end_now"')
    assertContains(chief.get(address), 'value="End now"')

    end(chief, row)

    assertNotContains(chief.get(address), 'value="end_now"')


# Who may


def test_looking_takes_a_permission_and_gives_no_other(client, staff, ann, bob):
    row = stand_in(ann, bob)
    address = reverse(f"{PAGE}_change", args=[row.pk])
    assert client.get(reverse(LIST)).status_code == 403
    grant(staff, "view")

    assertNotContains(client.get(reverse(LIST)), "end_now")
    assertNotContains(client.get(address), "end_now")
    assert end(client, row).status_code == 403
    assert client.get(reverse(ADD)).status_code == 403
    assert add(client, "ann", "bob", end=days(3)).status_code == 403
    assert Substitution.objects.get().ends_at == row.ends_at


def test_the_permission_to_change_does_not_add(client, staff, ann, bob):
    grant(staff, "change")

    assert add(client, "ann", "bob", end=days(3)).status_code == 403
    assert not Substitution.objects.exists()


def test_nobody_edits_or_deletes_one(chief, ann, bob, cid):
    row = stand_in(ann, bob)
    change = reverse(f"{PAGE}_change", args=[row.pk])

    assert chief.post(change, typed(ann.pk, cid.pk, end=days(9))).status_code == 403
    assert chief.post(reverse(f"{PAGE}_delete", args=[row.pk]), {"post": "y"}).status_code == 403
    assert Substitution.objects.get().substitute == bob


def test_a_get_ends_nothing(chief, ann, bob):
    row = stand_in(ann, bob)

    chief.get(reverse(LIST), {"action": "end_now", "_selected_action": row.pk})

    assert Substitution.objects.get().ends_at == row.ends_at


# The list


@pytest.mark.parametrize("state", ["now", "later", "ended"])
def test_the_list_is_filtered_by_state(chief, state):
    times = {"now": (-1, 1), "later": (1, 2), "ended": (-5, -3)}
    people = [UserFactory.create(username=f"away-{name}") for name in times]
    for person, (start, last) in zip(people, times.values(), strict=True):
        stand_in(person, UserFactory.create(), start=start, end=last)

    page = chief.get(reverse(LIST), {"state": state})

    assert [row.person.username for row in page.context["cl"].result_list] == [f"away-{state}"]


def test_both_people_can_be_searched_for(chief, ann, bob, cid):
    stand_in(ann, bob)
    stand_in(bob, cid)

    for word, count in (("ann", 1), ("bob", 2), ("cid", 1)):
        page = chief.get(reverse(LIST), {"q": word})
        assert len(page.context["cl"].result_list) == count


def test_the_list_tells_what_for_and_when(chief, ann, bob, cid):
    stand_in(ann, bob)
    stand_in(bob, cid, start=3, end=4, models=[PurchaseRequest])

    page = chief.get(reverse(LIST))

    for text in ("everything", "purchase request", "holds now", "to come"):
        assertContains(page, f">{text}</td>")


def test_the_list_takes_the_same_statements_for_any_number_of_rows(chief, ann, statements):
    def count(number):
        for _number in range(number):
            stand_in(UserFactory.create(), ann, models=[PurchaseRequest])
        with statements() as seen:
            chief.get(reverse(LIST))
        return seen.count

    count(1)
    assert count(1) == count(10)


def test_an_error_about_no_argument_is_told_as_it_is():
    assert argument_and_message(Conflict("Not now: later.")) == (None, "Not now: later.")
