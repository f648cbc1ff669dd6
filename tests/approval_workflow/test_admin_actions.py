"""Managers' actions in the admin: hold, cancel, reassign, …; who may, and what is told."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from approval_workflow.admin import managed
from approval_workflow.admin.directions import isolated
from approval_workflow.choices import ApprovalStatus, FlowStatus
from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance
from approval_workflow.services import advance_flow, cancel_flow, hold_flow, start_flow, substitute
from approval_workflow.types import Continuation
from purchasing.models import User
from tests.approval_workflow.flows import (
    kinds,
    last_event,
    make_document,
    make_flow,
    the_current,
    verified,
)
from tests.factories import PurchaseRequestFactory, UserFactory, make_role

pytestmark = pytest.mark.django_db

FLOWS = "admin:approval_workflow_approvalflow"
STEPS = "admin:approval_workflow_approvalinstance"
# Each action with its list and the permission that it takes.
ACTIONS = {
    "hold": (FLOWS, "change_approvalflow"),
    "resume": (FLOWS, "change_approvalflow"),
    "cancel": (FLOWS, "change_approvalflow"),
    "reassign": (STEPS, "change_approvalinstance"),
    "remind": (STEPS, "change_approvalinstance"),
}


@pytest.fixture
def manager():
    return UserFactory.create(username="manager", is_staff=True, is_superuser=True)


@pytest.fixture
def manager_client(manager):
    return signed_in(manager)


@pytest.fixture
def staff():
    return UserFactory.create(username="staff", is_staff=True)


@pytest.fixture
def later():
    return timezone.now() + timedelta(days=3)


def signed_in(user, **options):
    client = Client(**options)
    client.force_login(user)
    return client


def grant(user, *names):
    permissions = Permission.objects.filter(
        content_type__app_label="approval_workflow", codename__in=names
    )
    assert len(permissions) == len(names)
    user.user_permissions.add(*permissions)


def make_for(action, user):
    """Return a flow on which the action can be taken."""
    flow = make_flow(user)
    return hold_flow(flow) if action == "resume" else flow


def rows_of(action, flow):
    return [flow] if ACTIONS[action][0] == FLOWS else [the_current(flow)]


def post(client, action, rows, **typed):
    data = {"action": action, "_selected_action": [row.pk for row in rows], **typed}
    return client.post(reverse(f"{ACTIONS[action][0]}_changelist"), data)


def confirm(client, action, rows, *, reason="On leave", **typed):
    if action == "reassign":
        typed.setdefault("assign_to", UserFactory.create().pk)
    return post(client, action, rows, confirmed="yes", reason=reason, **typed)


def told(response):
    return [(message.level_tag, str(message)) for message in get_messages(response.wsgi_request)]


def everything():
    models = (ApprovalFlow, ApprovalInstance, ApprovalEvent)
    return [list(model.objects.order_by("pk").values()) for model in models]


# What the actions do


def test_a_flow_is_cancelled_with_its_reason(manager_client, manager, ann):
    flow = make_flow(ann, ann)

    response = confirm(manager_client, "cancel", [flow], reason="Not needed any more")

    flow.refresh_from_db()
    event = last_event(flow, "flow_cancelled")
    assert flow.status == FlowStatus.CANCELLED
    assert (event.actor, event.comment) == (manager, "Not needed any more")
    assert told(response) == [("success", "1 flow was cancelled.")]
    assert verified(flow)


def test_a_flow_is_held_with_its_reason(manager_client, manager, ann):
    flow = make_flow(ann)

    response = confirm(manager_client, "hold", [flow], reason="Audit")

    flow.refresh_from_db()
    event = last_event(flow, "flow_held")
    assert flow.status == FlowStatus.ON_HOLD
    assert (event.actor, event.comment) == (manager, "Audit")
    assert told(response) == [("success", "1 flow was put on hold.")]


def test_a_flow_on_hold_is_resumed_with_its_reason(manager_client, manager, ann):
    flow = hold_flow(make_flow(ann))

    response = confirm(manager_client, "resume", [flow], reason="Audited")

    flow.refresh_from_db()
    event = last_event(flow, "flow_resumed")
    assert flow.status == FlowStatus.IN_PROGRESS
    assert (event.actor, event.comment) == (manager, "Audited")
    assert told(response) == [("success", "1 flow was resumed.")]


@pytest.mark.parametrize("action", ["hold", "resume"])
def test_flows_that_stand_otherwise_are_told_of(manager_client, ann, action):
    flow = make_flow(ann) if action == "resume" else hold_flow(make_flow(ann))
    before = everything()
    ((level, text),) = told(confirm(manager_client, action, [flow]))
    assert (level, "nothing was done" in text) == ("error", True)
    assert everything() == before


def test_page_of_a_flow_on_hold_says_so_and_offers_to_resume_it(manager_client, manager, ann):
    flow = hold_flow(make_flow(ann), manager, reason="The supplier is being checked")
    page = manager_client.get(reverse(f"{FLOWS}_change", args=[flow.pk]))
    assertContains(page, "This flow is on hold; nothing is decided until it is resumed.")
    assertContains(page, "is asked, but the flow is on hold")
    assertContains(page, 'name="action" value="resume"')
    assertContains(page, "Flow put on hold")
    assertContains(page, "The supplier is being checked")
    assertNotContains(page, 'value="hold"')
    assertNotContains(page, 'value="reassign"')


def test_page_of_a_running_flow_offers_to_hold_it(manager_client, ann):
    page = manager_client.get(reverse(f"{FLOWS}_change", args=[make_flow(ann).pk]))
    assertContains(page, 'form="approval-flow" name="action" value="hold"')
    assertNotContains(page, 'value="resume"')


def test_page_of_a_flow_that_waits_says_so(manager_client):
    flow = start_flow(make_document(), Continuation(waits=True))
    page = manager_client.get(reverse(f"{FLOWS}_change", args=[flow.pk]))
    assertContains(page, "Nobody is asked now; the flow goes on by itself.")


def test_a_step_is_reassigned_with_its_reason(manager_client, manager, ann, bob):  # V-11
    flow = make_flow(ann)
    row = the_current(flow)

    response = confirm(manager_client, "reassign", [row], assign_to=bob.pk, reason="On leave")

    row.refresh_from_db()
    event = last_event(flow, "reassigned")
    assert row.status == ApprovalStatus.REASSIGNED
    assert the_current(flow).assigned_to == bob
    assert (event.actor, event.comment) == (manager, "On leave")
    assert told(response) == [("success", "1 step was reassigned.")]


def test_people_are_reminded_with_a_reason(manager_client, manager, ann):
    flow = make_flow(ann)

    response = confirm(manager_client, "remind", [the_current(flow)], reason="Quarter ends")

    event = last_event(flow, "reminded")
    assert the_current(flow).reminded_at is not None
    assert (event.actor, event.comment) == (manager, "Quarter ends")
    assert told(response) == [("success", "The people of 1 step were reminded.")]


# The reason, and the page that asks for it


@pytest.mark.parametrize("action", ACTIONS)
def test_choosing_an_action_asks_first_and_changes_nothing(manager_client, ann, action):
    flow = make_for(action, ann)
    before = everything()

    response = post(manager_client, action, rows_of(action, flow))

    assert response.status_code == 200
    assertContains(response, 'name="reason"')
    assertContains(response, " autofocus", count=1)
    assertContains(response, "Contract")
    assertNotContains(response, "errornote")
    assert everything() == before


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("reason", ["", "   ", "a\0b"])
def test_without_a_reason_nothing_is_done(manager_client, ann, action, reason):
    flow = make_for(action, ann)
    before = everything()

    response = confirm(manager_client, action, rows_of(action, flow), reason=reason)

    assert response.status_code == 200
    assert list(response.context["errors"]) == ["reason"]
    assert everything() == before


def test_a_missing_reason_is_told_as_what_was_expected(manager_client, ann):
    response = confirm(manager_client, "cancel", [make_flow(ann)], reason="")

    assert response.context["errors"] == {"reason": ["Expected why this is done."]}


@pytest.mark.parametrize("typed", ["", "0", "nobody"])
def test_a_step_is_reassigned_to_somebody_who_exists(manager_client, ann, typed):
    flow = make_flow(ann)

    response = confirm(manager_client, "reassign", [the_current(flow)], assign_to=typed)

    assert list(response.context["errors"]) == ["assign_to"]
    assert the_current(flow).assigned_to == ann


@pytest.mark.parametrize("action", ACTIONS)
def test_a_get_changes_nothing(manager_client, ann, action):
    flow = make_for(action, ann)
    before = everything()
    (row,) = rows_of(action, flow)

    manager_client.get(
        reverse(f"{ACTIONS[action][0]}_changelist"),
        {
            "action": action,
            "_selected_action": row.pk,
            "confirmed": "yes",
            "reason": "x",
            "assign_to": ann.pk,
        },
    )

    assert everything() == before


@pytest.mark.parametrize("action", ACTIONS)
def test_a_request_from_elsewhere_is_refused(manager, ann, action):
    flow = make_for(action, ann)
    client = signed_in(manager, enforce_csrf_checks=True)
    before = everything()

    assert confirm(client, action, rows_of(action, flow)).status_code == 403
    assert everything() == before


def test_what_was_typed_is_kept_when_something_is_missing(manager_client, ann):
    flow = make_flow(ann)

    response = confirm(manager_client, "reassign", [the_current(flow)], assign_to="", reason="Ill")

    assertContains(response, "Ill</textarea>")


def test_names_on_the_page_are_text(manager_client, ann):
    flow = start_flow(
        PurchaseRequestFactory.create(title="<script>alert(1)</script>"), [{"assigned_to": ann}]
    )

    response = post(manager_client, "cancel", [flow])

    assertNotContains(response, "<script>alert(1)")
    assertContains(response, "&lt;script&gt;alert(1)")


# Who may


@pytest.mark.parametrize("action", ACTIONS)
def test_the_permission_to_look_is_not_enough(staff, ann, action):
    grant(staff, "view_approvalflow", "view_approvalinstance")
    flow, client = make_for(action, ann), signed_in(staff)
    before = everything()

    assert post(client, action, rows_of(action, flow)).status_code == 403
    assert confirm(client, action, rows_of(action, flow), assign_to=staff.pk).status_code == 403
    assert everything() == before


@pytest.mark.parametrize("action", ACTIONS)
def test_the_list_offers_actions_to_those_who_may(staff, ann, action):
    page, permission = ACTIONS[action]
    make_for(action, ann)
    grant(staff, "view_approvalflow", "view_approvalinstance")
    address, option = reverse(f"{page}_changelist"), f'<option value="{action}">'
    assertNotContains(signed_in(staff).get(address), option)

    grant(staff, permission)

    assertContains(signed_in(staff).get(address), option)


@pytest.mark.parametrize("action", ACTIONS)
def test_the_permission_to_change_is_enough(staff, ann, action):
    grant(staff, ACTIONS[action][1])
    flow = make_for(action, ann)
    typed = {"assign_to": staff.username} if action == "reassign" else {}

    response = confirm(signed_in(staff), action, rows_of(action, flow), **typed)

    assert [level for level, _text in told(response)] == ["success"]


def test_the_permission_for_steps_does_not_cancel_flows(staff, ann):
    grant(staff, "change_approvalinstance", "view_approvalflow")
    flow = make_flow(ann)

    assert confirm(signed_in(staff), "cancel", [flow]).status_code == 403
    flow.refresh_from_db()
    assert flow.is_open


@pytest.mark.parametrize("model", [ApprovalFlow, ApprovalInstance])
def test_the_permission_to_change_makes_nothing_editable(staff, ann, model):
    make_flow(ann)
    name = model._meta.model_name
    grant(staff, f"change_{name}", f"add_{name}", f"delete_{name}")
    client, row = signed_in(staff), model.objects.get()
    before = everything()
    page = f"admin:approval_workflow_{name}"

    assert client.get(reverse(f"{page}_change", args=[row.pk])).status_code == 200
    for address in (
        reverse(f"{page}_add"),
        reverse(f"{page}_change", args=[row.pk]),
        reverse(f"{page}_delete", args=[row.pk]),
    ):
        assert client.post(address, {"status": "approved", "post": "yes"}).status_code == 403
    assert everything() == before


@pytest.mark.parametrize("action", ACTIONS)
def test_rows_that_the_site_hides_from_somebody_are_left_alone(
    manager_client, ann, action, monkeypatch
):
    """Keys typed into the request reach no further than the list does."""
    shown, hidden = make_for(action, ann), make_for(action, ann)
    mine, foreign = rows_of(action, shown)[0], rows_of(action, hidden)[0]
    page = admin.site.get_model_admin(type(mine))
    monkeypatch.setattr(
        page, "get_queryset", lambda _request: type(mine).objects.filter(pk=mine.pk)
    )
    before = kinds(hidden)

    confirm(manager_client, action, [mine, foreign])

    assert kinds(hidden) == before
    assert kinds(shown)[-1] in {
        "flow_held",
        "flow_resumed",
        "flow_cancelled",
        "reassigned",
        "reminded",
    }


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("key", ["", "abc", "1,2", "1\0", "9" * 30])
def test_what_can_be_no_key_is_a_bad_request(manager_client, ann, action, key):
    make_for(action, ann)
    before = everything()
    data = {"action": action, "_selected_action": key, "confirmed": "yes", "reason": "x"}

    response = manager_client.post(reverse(f"{ACTIONS[action][0]}_changelist"), data)

    assert response.status_code == 400
    assert everything() == before


@pytest.mark.parametrize("origin", ["abc", "a\nb", "\0", "../..", "//example.org", "1\r\nX: y"])
def test_who_types_another_way_back_stays_on_the_site(manager_client, ann, origin):
    response = confirm(manager_client, "remind", [the_current(make_flow(ann))], origin=origin)

    assert response.status_code == 302
    assert response.url.startswith("/admin/approval_workflow/approvalflow/")
    assert "\n" not in response.url


# Where people are not to be searched


def test_who_may_not_see_users_types_a_name(staff, ann, bob):
    grant(staff, "change_approvalinstance")
    flow, client = make_flow(ann), signed_in(staff)

    page = post(client, "reassign", [the_current(flow)])
    confirm(client, "reassign", [the_current(flow)], assign_to="bob")

    assertContains(page, "The name with which the person signs in.")
    assert the_current(flow).assigned_to == bob


def test_a_name_that_nobody_has_is_refused(staff, ann):
    grant(staff, "change_approvalinstance")
    flow = make_flow(ann)

    response = confirm(signed_in(staff), "reassign", [the_current(flow)], assign_to="zed")

    assertContains(response, "Nobody signs in with this name.")


def test_who_may_see_users_searches_for_them(manager_client, ann):
    response = post(manager_client, "reassign", [the_current(make_flow(ann))])

    assertContains(response, "admin-autocomplete")
    assertContains(response, 'data-field-name="assigned_to"')


def test_without_a_page_for_users_a_name_is_typed(manager_client, ann, monkeypatch):
    monkeypatch.delitem(admin.site._registry, User)

    response = post(manager_client, "reassign", [the_current(make_flow(ann))])

    assertContains(response, "The name with which the person signs in.")


# One by one


def test_one_that_has_ended_does_not_keep_the_others(manager_client, ann):
    flows = [make_flow(ann) for _number in range(3)]
    cancel_flow(flows[1])

    response = confirm(manager_client, "cancel", flows)

    assert [flow.status for flow in ApprovalFlow.objects.all()] == ["cancelled"] * 3
    assert sorted(told(response)) == [
        ("error", f"{isolated('Contract')}: nothing was done. This flow has ended (Cancelled)."),
        ("success", "2 flows were cancelled."),
    ]


@pytest.mark.parametrize("action", ["reassign", "remind"])
def test_a_step_that_was_decided_meanwhile_is_told_of(manager_client, ann, bob, action):
    decided, open_one = make_flow(ann), make_flow(ann)
    rows = [the_current(decided), the_current(open_one)]
    advance_flow(rows[0], "approved", ann)

    response = confirm(manager_client, action, rows, **_to(action, bob))

    levels = sorted(level for level, _text in told(response))
    assert levels == ["error", "success"]
    assert kinds(decided)[-1] == "flow_completed"
    assert kinds(open_one)[-1] in {"reassigned", "reminded"}


@pytest.mark.parametrize("action", ["reassign", "remind"])
def test_a_step_whose_turn_has_not_come_is_told_of(manager_client, ann, bob, action):
    flow = make_flow(ann, ann)
    later = flow.instances.get(step_number=2)

    response = confirm(manager_client, action, [later], **_to(action, bob))

    ((level, text),) = told(response)
    assert level == "error"
    assert "Contract" in text
    assert "step 2" in text
    assert "nothing was done. " in text


def _to(action, person):
    return {"assign_to": person.pk} if action == "reassign" else {}


def _inactive(flow, ann):
    return UserFactory.create(is_active=False)


def _the_same(flow, ann):
    return ann


def _in_a_circle(flow, ann):
    first = UserFactory.create()
    advance_flow(the_current(flow), "delegated", ann, delegate_to=first)
    return ann


@pytest.mark.parametrize(
    ("person_of", "problem"),
    [
        (_inactive, "This account is not active."),
        (_the_same, "A step cannot be handed to oneself."),
        (_in_a_circle, "This person has a part in the step already."),
    ],
)
def test_somebody_who_cannot_take_the_step_is_told_of(manager_client, ann, person_of, problem):
    flow = make_flow(ann)
    person = person_of(flow, ann)
    row = the_current(flow)

    response = confirm(manager_client, "reassign", [row], assign_to=person.pk)

    row.refresh_from_db()
    assert row.status == ApprovalStatus.CURRENT
    ((level, text),) = told(response)
    assert level == "error"
    assert text.endswith(f"nothing was done. {problem}")


def test_more_than_can_be_dealt_with_at_a_time_are_refused(manager_client, ann, monkeypatch):
    monkeypatch.setattr(managed, "MOST", 2)
    flows = [make_flow(ann) for _number in range(3)]
    before = everything()

    response = confirm(manager_client, "cancel", flows)

    assert told(response) == [
        ("warning", "At most 2 rows can be dealt with at a time; nothing was done.")
    ]
    assert everything() == before


def test_rows_that_are_gone_are_told_of(manager_client, ann):
    flow = make_flow(ann)
    missing = ApprovalFlow(pk=flow.pk + 1000)

    response = confirm(manager_client, "cancel", [missing])

    assert told(response) == [("warning", "None of what was chosen is there any more.")]


def test_all_rows_of_a_filtered_list_can_be_chosen(manager_client, ann):
    ended, running = make_flow(ann), make_flow(ann)
    cancel_flow(ended)
    address = reverse(f"{FLOWS}_changelist") + "?status__exact=in_progress"

    page = manager_client.post(
        address,
        {"action": "cancel", "index": "0", "select_across": "1", "_selected_action": running.pk},
    )

    assert [key for key, _label in page.context["rows"]] == [running.pk]


def test_asking_takes_the_same_statements_for_any_number_of_rows(manager_client, ann, statements):
    def count(number):
        rows = [the_current(make_flow(ann)) for _number in range(number)]
        with statements() as seen:
            post(manager_client, "remind", rows)
        return seen.count

    count(1)
    assert count(2) == count(12)


# The page of a flow


def change_page(flow):
    return reverse(f"{FLOWS}_change", args=[flow.pk])


def test_the_buttons_of_a_flow_lead_to_the_page_that_asks(manager_client, ann):
    flow = make_flow(ann)
    row = the_current(flow)

    page = manager_client.get(change_page(flow))

    assertContains(page, 'form="approval-flow" name="action" value="cancel"')
    assertContains(page, f'form="approval-step-{row.pk}" name="action" value="reassign"')
    assertContains(page, f'form="approval-step-{row.pk}" name="action" value="remind"')
    assertContains(page, f'<form method="post" id="approval-step-{row.pk}"')


def test_who_came_from_a_flow_goes_back_to_it(manager_client, ann):
    flow = make_flow(ann)

    asked = post(manager_client, "remind", [the_current(flow)], origin=flow.pk)
    done = confirm(manager_client, "remind", [the_current(flow)], origin=flow.pk)

    assertContains(asked, f'<input type="hidden" name="origin" value="{flow.pk}">', html=True)
    assert done.status_code == 302
    assert done.url == change_page(flow)


def test_who_came_from_the_list_goes_back_to_its_filters(manager_client, ann):
    address = reverse(f"{FLOWS}_changelist") + "?status__exact=in_progress"
    data = {"action": "cancel", "_selected_action": make_flow(ann).pk, "confirmed": "yes"}

    assert manager_client.post(address, {**data, "reason": "x"}).url == address


def test_the_way_back_never_leaves_the_site(manager_client, ann):
    flow = make_flow(ann)

    response = confirm(manager_client, "cancel", [flow], origin="//elsewhere.example/")

    assert response.url.startswith(reverse(f"{FLOWS}_changelist"))


def test_a_flow_that_has_ended_has_no_buttons(manager_client, ann):
    flow = make_flow(ann)
    cancel_flow(flow)

    page = manager_client.get(change_page(flow))

    assertNotContains(page, 'name="action"')
    assertNotContains(page, "approval-waiting")


@pytest.mark.parametrize(
    ("permission", "shown", "hidden"),
    [
        ("view_approvalflow", (), ("hold", "cancel", "reassign", "remind")),
        ("change_approvalflow", ("hold", "cancel"), ("reassign", "remind")),
        ("change_approvalinstance", ("reassign", "remind"), ("hold", "cancel")),
    ],
)
def test_the_flow_shows_the_buttons_that_one_may_press(staff, ann, permission, shown, hidden):
    grant(staff, *{"view_approvalflow", permission})

    page = signed_in(staff).get(change_page(make_flow(ann)))

    for action in shown:
        assertContains(page, f'name="action" value="{action}"')
    for action in hidden:
        assertNotContains(page, f'name="action" value="{action}"')


# Who may act now, and why


def explained(client, flow):
    rows = client.get(change_page(flow)).context["waiting"]
    return [(person.name, person.allowed, person.why) for row in rows for person in row.people]


def test_the_person_asked_and_their_stand_in_are_explained(manager_client, ann, bob, cid, later):
    substitute(ann, bob, ends_at=later)

    assert explained(manager_client, make_flow(ann)) == [
        (str(ann), True, "is asked"),
        (str(bob), True, f"stands in for {isolated(ann)}"),
    ]


def test_seniors_are_explained(manager_client):
    chief = make_role(1, name="Chief")
    clerk = make_role(1, name="Clerk", parent=chief)
    (junior,), (senior,) = clerk.users.all(), chief.users.all()

    assert explained(manager_client, make_flow(junior)) == [
        (str(junior), True, "is asked"),
        (str(senior), True, f"is above {isolated(junior)} in the role tree"),
    ]


def test_new_holders_of_a_role_are_explained(manager_client):
    role = make_role(1)
    flow = make_flow({"assigned_role": role, "role_selection_strategy": "anyone"})
    new = UserFactory.create(role=role)

    assert (str(new), True, "holds the role that is asked") in explained(manager_client, flow)


def test_somebody_inactive_is_explained(manager_client, ann):
    flow = make_flow(ann)
    ann.is_active = False
    ann.save()

    assert explained(manager_client, flow) == [
        (str(ann), False, "is asked, but the account is not active")
    ]


def test_somebody_who_left_the_role_is_explained(manager_client):
    role = make_role(2)
    flow = make_flow({"assigned_role": role, "role_selection_strategy": "consensus"})
    leaver = role.users.first()
    User.objects.filter(pk=leaver.pk).update(role=None)

    assert (str(leaver), False, "is asked, but does not hold the role any more") in explained(
        manager_client, flow
    )


def test_separation_of_duties_is_explained(manager_client, ann, bob):
    flow = make_flow(ann, {"assigned_to": bob, "exclude_deciders": True})
    advance_flow(the_current(flow), "approved", ann)
    ApprovalInstance.objects.filter(flow=flow, step_number=2).update(assigned_to=ann)

    assert explained(manager_client, flow) == [
        (str(ann), False, "is asked, but started the flow or has decided in it")
    ]


def test_a_step_that_cannot_be_explained_still_has_its_page(manager_client):
    flow = make_flow({"assigned_role": make_role(1), "role_selection_strategy": "anyone"})
    ApprovalInstance.objects.update(role_selection_strategy="retired")

    page = manager_client.get(change_page(flow))

    assertContains(page, "Who may act cannot be told:")
    assert [row.people for row in page.context["waiting"]] == [[]]


def test_what_is_explained_is_what_the_service_allows(manager_client, ann, bob, later):
    substitute(ann, bob, ends_at=later)
    flow = make_flow(ann, ann)
    names = [name for name, allowed, _why in explained(manager_client, flow) if allowed]

    for name in names:
        advance_flow(the_current(flow), "approved", User.objects.get(username=name))

    flow.refresh_from_db()
    assert flow.status == FlowStatus.COMPLETED
