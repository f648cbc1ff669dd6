"""The core's pages in the admin: looking, and nothing but looking (S0-57)."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse
from pytest_django.asserts import assertContains, assertNotContains

from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from approval_workflow.services import advance_flow, cancel_flow, start_flow
from tests.factories import OpportunityFactory, PurchaseRequestFactory, UserFactory, make_role

pytestmark = pytest.mark.django_db

MODELS = [ApprovalFlow, ApprovalInstance, ApprovalEvent]


def url(model, page, *args):
    return reverse(f"admin:approval_workflow_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def admin_client():
    client = Client()
    client.force_login(UserFactory.create(is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def staff():
    return UserFactory.create(is_staff=True)


@pytest.fixture
def staff_client(staff):
    client = Client()
    client.force_login(staff)
    return client


def make_flow(**purchase):
    """A flow in which one person has approved and a role is still to be asked."""
    person = UserFactory.create(username="layla")
    flow = start_flow(
        obj=PurchaseRequestFactory.create(**purchase),
        steps=[
            {"step": 1, "assigned_to": person},
            {
                "step": 2,
                "assigned_role": make_role(2, name="Treasurer"),
                "role_selection_strategy": "consensus",
            },
            {
                "step": 3,
                "assigned_role": make_role(1, name="Board"),
                "role_selection_strategy": "anyone",
            },
        ],
        started_by=person,
    )
    advance_flow(flow.instances.get(step_number=1), "approved", person, comment="Looks fair")
    flow.refresh_from_db()
    return flow


@pytest.mark.parametrize("model", MODELS)
def test_lists_name_the_object_and_where_it_stands(admin_client, model):
    make_flow(title="Desk lamps")

    assertContains(admin_client.get(url(model, "changelist")), "Desk lamps")


def test_a_flow_is_shown_with_its_steps_and_its_history(admin_client):  # S0-57
    flow = make_flow(title="Desk lamps")

    page = admin_client.get(url(ApprovalFlow, "change", flow.pk))

    assert [row.step.step_number for row in page.context["steps"]] == [1, 2, 2, 3]
    assert [row.event.kind for row in page.context["events"]] == list(
        flow.events.order_by("sequence").values_list("kind", flat=True)
    )
    for text in ("Desk lamps", "layla", "Looks fair", "Board", "All users with role must approve"):
        assertContains(page, text)


def test_what_a_person_wrote_is_shown_as_text(admin_client):
    flow = make_flow()
    voter = flow.instances.filter(step_number=2).first()
    advance_flow(voter, "rejected", voter.assigned_to, comment="<script>alert(1)</script>")

    page = admin_client.get(url(ApprovalFlow, "change", flow.pk))

    assertNotContains(page, "<script>alert(1)")
    assertContains(page, "&lt;script&gt;alert(1)")


@pytest.mark.parametrize("model", MODELS)
def test_nobody_adds_changes_or_deletes(admin_client, model):
    make_flow()
    row = model.objects.first()
    before = list(model.objects.order_by("pk").values())

    assert admin_client.get(url(model, "add")).status_code == 403
    assert admin_client.post(url(model, "change", row.pk), {"comment": "x"}).status_code == 403
    assert admin_client.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert list(model.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("model", MODELS)
def test_the_list_offers_no_bulk_deletion(admin_client, model):
    make_flow()
    keys = list(model.objects.values_list("pk", flat=True))

    admin_client.post(
        url(model, "changelist"),
        {"action": "delete_selected", "_selected_action": keys, "post": "yes"},
    )

    assert model.objects.count() == len(keys)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("page", ["changelist", "change"])
def test_staff_need_the_view_permission(staff, staff_client, model, page):
    make_flow()
    address = url(model, page, *([model.objects.first().pk] if page == "change" else []))

    assert staff_client.get(address).status_code == 403
    name = f"view_{model._meta.model_name}"
    staff.user_permissions.add(
        Permission.objects.get(content_type__app_label="approval_workflow", codename=name)
    )
    assert staff_client.get(address).status_code == 200


def test_a_page_that_does_not_exist_sends_back_to_the_front(admin_client):
    assert admin_client.get(url(ApprovalFlow, "change", 999)).status_code == 302


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("word", ["needle", "4711"])
def test_people_and_keys_can_be_searched_for(admin_client, model, word):
    person = UserFactory.create(username="needle")
    wanted = PurchaseRequestFactory.create(pk=4711, title="The wanted one")
    start_flow(obj=wanted, steps=[{"step": 1, "assigned_to": person}], started_by=person)
    make_flow(title="Another one")

    page = admin_client.get(url(model, "changelist"), {"q": word})

    assertContains(page, "The wanted one")
    assertNotContains(page, "Another one")


@pytest.mark.parametrize("model", MODELS)
def test_filters_work(admin_client, model):
    flow = make_flow(title="Ended")
    cancel_flow(flow, user=flow.started_by)
    start_flow(
        obj=OpportunityFactory.create(name="Running"),
        steps=[{"step": 1, "assigned_to": UserFactory.create()}],
    )
    query = {
        ApprovalFlow: {"status__exact": "cancelled"},
        ApprovalInstance: {"status__exact": "cancelled"},
        ApprovalEvent: {"kind__exact": "flow_cancelled"},
    }[model]

    page = admin_client.get(url(model, "changelist"), query)

    assertContains(page, "Ended")
    assertNotContains(page, "Running")


@pytest.mark.parametrize("model", MODELS)
def test_an_object_that_is_gone_still_has_a_row(admin_client, model):
    flow = make_flow()
    key = flow.target.pk
    flow.target.delete()

    for address in (url(model, "changelist"), url(model, "change", model.objects.first().pk)):
        assertContains(admin_client.get(address), f"purchase request {key} (deleted)")


@pytest.mark.parametrize("model", MODELS)
def test_objects_of_an_app_that_was_removed_still_have_rows(admin_client, model):
    flow = make_flow()
    content_type = flow.content_type
    content_type.app_label, content_type.model = "removed_app", "thing"
    content_type.save()
    type(content_type).objects.clear_cache()

    assertContains(admin_client.get(url(model, "changelist")), f"thing {flow.object_id} (deleted)")


def test_the_history_names_accounts_that_are_gone(admin_client):
    flow = make_flow()
    QuerySet.update(flow.events.filter(sequence=1), actor_id=987654)

    page = admin_client.get(url(ApprovalFlow, "change", flow.pk))

    assertContains(page, "account 987654 (deleted)")
    assertContains(admin_client.get(url(ApprovalEvent, "changelist")), "account 987654 (deleted)")


@pytest.mark.parametrize("model", MODELS)
def test_a_list_takes_the_same_statements_for_any_number_of_rows(admin_client, statements, model):
    make_flow()
    address = url(model, "changelist")
    admin_client.get(address)
    with statements() as few:
        admin_client.get(address)
    for _number in range(12):
        start_flow(
            obj=PurchaseRequestFactory.create(),
            steps=[{"step": 1, "assigned_to": UserFactory.create()}],
            started_by=UserFactory.create(),
        )
    with statements() as many:
        admin_client.get(address)

    assert many.count == few.count, f"{few}\n\n{many}"


def test_a_flow_takes_the_same_statements_for_any_number_of_steps(admin_client, statements):
    def count(steps):
        flow = start_flow(
            obj=PurchaseRequestFactory.create(),
            steps=[
                {
                    "step": number,
                    "assigned_role": make_role(1),
                    "role_selection_strategy": "anyone",
                }
                for number in range(1, steps + 1)
            ],
        )
        admin_client.get(url(ApprovalFlow, "change", flow.pk))
        with statements() as seen:
            admin_client.get(url(ApprovalFlow, "change", flow.pk))
        return seen.count

    assert count(3) == count(15)


def test_the_turns_of_roles_have_no_page():
    registered = {model._meta.model_name for model in admin.site._registry}

    assert "roleturn" not in registered
