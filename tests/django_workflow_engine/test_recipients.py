"""From recipients to addresses (D-95, D-96, D-98, K23, L6)."""

import pytest
from django.utils.functional import SimpleLazyObject

from approval_workflow.models import ApprovalFlow
from approval_workflow.services import advance_flow, start_flow
from django_workflow_engine.recipient_resolver import creator_of, resolve_recipients
from tests.factories import OpportunityFactory, PurchaseRequestFactory, TicketFactory, UserFactory

pytestmark = pytest.mark.django_db


def resolve(attachment, *recipients, **context):
    return resolve_recipients(
        recipient_types=list(recipients), workflow_attachment=attachment, **context
    )


# The words


def test_creator_is_who_created_the_object(attachment):  # D-95, D-96
    assert resolve(attachment, "creator") == [attachment.target.created_by.email]


@pytest.mark.parametrize(
    ("factory", "field"),
    [
        (TicketFactory, "created_by"),
        (PurchaseRequestFactory, "requester"),
        (OpportunityFactory, "owner"),
    ],
)
def test_creator_is_found_in_the_first_field_that_names_one(factory, field):
    obj = factory.create()
    assert creator_of(obj) == getattr(obj, field)


def test_fields_that_name_the_creator_are_a_setting(attachment, settings):
    obj = PurchaseRequestFactory.create()
    settings.DJANGO_WORKFLOW_ENGINE = {"CREATOR_FIELDS": ["title", "nothing", "requester"]}
    assert creator_of(obj) == obj.requester
    settings.DJANGO_WORKFLOW_ENGINE = {"CREATOR_FIELDS": ["nothing"]}
    assert creator_of(obj) is None


def test_creator_is_the_starter_where_the_object_names_none(attachment, settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"CREATOR_FIELDS": ["nothing"]}
    assert resolve(attachment, "creator") == [attachment.started_by.email]


def test_workflow_starter(attachment):  # D-96
    assert resolve(attachment, "workflow_starter") == [attachment.started_by.email]


def test_delegated_to_comes_from_the_context(attachment):  # D-96
    bob = UserFactory.create()
    assert resolve(attachment, "delegated_to", delegated_to=bob) == [bob.email]
    assert resolve(attachment, "delegated_to", delegated_to=bob.pk) == [bob.email]
    assert resolve(attachment, "delegated_to", delegated_to=None) == []
    assert resolve(attachment, "delegated_to") == []


def test_current_approver_is_whoever_is_asked_now(attachment):  # D-96
    ann, bob = UserFactory.create(), UserFactory.create()
    ticket = attachment.target
    start_flow(ticket, [{"step": 1, "assigned_to": ann}, {"step": 2, "assigned_to": bob}])
    attachment.flow = ticket_flow(ticket)
    assert resolve(attachment, "current_approver") == [ann.email]
    advance_flow(ticket, "approved", ann)
    assert resolve(attachment, "current_approver") == [bob.email]
    advance_flow(ticket, "approved", bob)
    assert resolve(attachment, "current_approver") == []


def ticket_flow(ticket):
    return ApprovalFlow.objects.for_object(ticket).get()


def test_nobody_is_asked_before_the_start(attachment):
    assert resolve(attachment, "current_approver") == []


# Addresses, users, keys


def test_address_stands_for_itself(attachment):  # D-96
    assert resolve(attachment, " manager@example.com ") == ["manager@example.com"]


def test_user_stands_for_their_address(attachment):  # D-96
    ann = UserFactory.create()
    assert resolve(attachment, ann, SimpleLazyObject(lambda: UserFactory.create(email="b@x.org")))
    assert resolve(attachment, ann) == [ann.email]


def test_key_of_a_user(attachment):  # D-96
    ann, bob = UserFactory.create(), UserFactory.create()
    assert resolve(attachment, ann.pk, str(bob.pk), 987654) == [ann.email, bob.email]


@pytest.mark.parametrize("size", [1, 10])
def test_keys_are_looked_up_in_one_statement(attachment, statements, size):
    keys = [UserFactory.create().pk for _number in range(size)]
    with statements() as seen:
        assert len(resolve(attachment, *keys)) == size
    assert seen.count == 1, str(seen)


@pytest.mark.parametrize("single", ["creator", "one@example.org"])
def test_single_recipient_needs_no_list(attachment, single):
    assert len(resolve_recipients(single, attachment)) == 1


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_no_recipients(attachment, nothing):
    assert resolve_recipients(nothing, attachment) == []


# Who is left out


@pytest.mark.parametrize("unknown", ["boss", "no@address@example", "@", 1.5, None, True, object()])
def test_unknown_recipient_is_logged_and_left_out(attachment, caplog, unknown):
    assert resolve(attachment, unknown, "ann@example.org") == ["ann@example.org"]
    assert "Unknown recipient" in caplog.text


def test_inactive_users_and_empty_addresses_are_left_out(attachment):
    gone, silent = UserFactory.create(is_active=False), UserFactory.create(email="")
    assert resolve(attachment, gone, silent, gone.pk, silent.pk) == []


def test_each_address_comes_once_in_the_order_of_the_recipients(attachment):  # D-98
    ann = UserFactory.create(email="Ann@Example.org")
    found = resolve(attachment, "zoe@example.org", ann, "ANN@example.ORG", ann.pk, "ann@b.org")
    assert found == ["zoe@example.org", "Ann@Example.org", "ann@b.org"]


def test_context_of_an_action_can_be_passed_whole(attachment):  # D-95
    """As the printed handler does: `resolve_recipients(..., **context)`."""
    context = {"attachment": attachment, "user": None, "event": "after_approve", "reason": ""}
    found = resolve_recipients(
        recipient_types=["a@example.org"], workflow_attachment=attachment, **context
    )
    assert found == ["a@example.org"]
