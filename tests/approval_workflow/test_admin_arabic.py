"""The core's pages in Arabic: whole, and with texts of both directions side by side."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.contrib.messages import get_messages
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from pytest_django.asserts import assertContains, assertNotContains

from approval_workflow.admin.directions import isolated, shown_json
from approval_workflow.choices import (
    Action,
    ApprovalStatus,
    ApprovalType,
    EventKind,
    FlowStatus,
    RejectionPolicy,
    RoleSelectionStrategy,
    TimeoutAction,
)
from approval_workflow.models import ApprovalEvent, ApprovalFlow, ApprovalInstance, Substitution
from approval_workflow.services import advance_flow, cancel_flow, start_flow, substitute
from tests.approval_workflow.flows import last_event, make_flow, the_current
from tests.factories import PurchaseRequestFactory, UserFactory

pytestmark = pytest.mark.django_db

VOCABULARIES = [
    Action,
    ApprovalStatus,
    ApprovalType,
    EventKind,
    FlowStatus,
    RejectionPolicy,
    RoleSelectionStrategy,
    TimeoutAction,
]


@pytest.fixture
def client():
    """A manager who reads Arabic."""
    client = Client()
    client.force_login(UserFactory.create(is_staff=True, is_superuser=True))
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "ar"
    return client


@pytest.fixture
def sami():
    return UserFactory.create(username="سامي")


def change_page(row):
    return reverse(f"admin:approval_workflow_{row._meta.model_name}_change", args=[row.pk])


def list_of(model):
    return reverse(f"admin:approval_workflow_{model._meta.model_name}_changelist")


def flow_of(sami, title="شراء (Herman Miller)", **step):
    return start_flow(
        PurchaseRequestFactory.create(title=title),
        [{"assigned_to": sami, **step}, {"step": 2, "assigned_to": sami}],
    )


# Words


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_every_label_has_an_arabic_one(vocabulary):
    english = dict(vocabulary.choices)
    with override("ar"):
        arabic = {value: str(label) for value, label in vocabulary.choices}
    with override("en"):
        same = [value for value in arabic if arabic[value] == str(english[value])]

    assert same == []
    assert all("\u0600" <= label[0] <= "\u06ff" for label in arabic.values())


def test_the_history_of_a_flow_is_headed_in_our_own_words(client, sami):
    """The admin says "History" too, of something else, and its word would win."""
    page = client.get(change_page(flow_of(sami)))

    assertContains(page, '<h2 id="approval-history">السجل</h2>', html=True)


def test_a_substitution_that_is_over_and_a_flow_that_is_over_have_words_of_their_own(client, sami):
    over = substitute(sami, UserFactory.create(), ends_at=timezone.now() + timedelta(days=1))
    long_ago = timezone.now() - timedelta(days=9)
    rows = Substitution.objects.filter(pk=over.pk)
    rows.update(starts_at=long_ago, ends_at=long_ago + timedelta(days=1))

    assertContains(client.get(list_of(Substitution)), ">انتهت</td>")
    assertContains(client.get(change_page(flow_of(sami))), "وقت الانتهاء")


def test_a_substitution_is_named_in_words(sami, ann):
    row = substitute(sami, ann, ends_at=timezone.now() + timedelta(days=1))

    with override("ar"):
        assert str(row) == "ann بدلًا من سامي"


def test_a_step_is_named_in_arabic_on_the_page_that_asks(client, sami):
    data = {"action": "remind", "_selected_action": the_current(flow_of(sami)).pk}

    page = client.post(list_of(ApprovalInstance), data)

    assertContains(page, "الخطوة 1")
    assertNotContains(page, "step 1")


def test_an_event_tells_statuses_by_their_names(client, sami):
    event = last_event(flow_of(sami), "step_opened")

    page = client.get(change_page(event))

    assertContains(page, '<div class="readonly">لم يحن دوره</div>', html=True)
    assertContains(page, '<div class="readonly">مفتوح</div>', html=True)
    assertNotContains(page, "Digest")


# Directions


def test_a_name_is_kept_apart_from_the_sentence_around_it(client, sami):
    flow = flow_of(sami)
    cancel_flow(flow)
    data = {"action": "cancel", "_selected_action": flow.pk, "confirmed": "y", "reason": "x"}

    response = client.post(list_of(ApprovalFlow), data)

    (message,) = get_messages(response.wsgi_request)
    assert str(message).startswith(isolated("شراء (Herman Miller)"))


def test_names_and_comments_have_the_direction_of_their_own(client, sami, ann):
    flow = flow_of(sami, allow_higher_level=True)
    substitute(sami, ann, ends_at=timezone.now() + timedelta(days=1))
    advance_flow(the_current(flow), "approved", ann, comment="Fine (see #12).")

    page = client.get(change_page(flow))

    assertContains(page, "<bdi>سامي</bdi>")
    assertContains(page, "<bdi>Fine (see #12).</bdi>", count=2)
    assertContains(page, "نيابةً عن <bdi>سامي</bdi>")


def test_what_machines_write_is_left_to_right(client, sami):
    event = last_event(flow_of(sami), "step_opened")

    page = client.get(change_page(event))

    assertContains(page, shown_json(event.data), html=True)
    assertContains(page, f'<code dir="ltr">{event.digest}</code>', html=True)


def test_what_was_filled_in_is_shown_as_text(client, sami):
    step = the_current(flow_of(sami))
    ApprovalInstance.objects.filter(pk=step.pk).update(form_data={"note": "<b>ملاحظة</b>"})

    page = client.get(change_page(step))

    assertContains(page, "&lt;b&gt;ملاحظة&lt;/b&gt;")
    assertNotContains(page, "<b>ملاحظة")


@pytest.mark.parametrize(
    ("language", "shown"),
    [("en", "03/31/2026 2:30 p.m."), ("ar", "31\u200f/03\u200f/2026 2:30 م")],
)
def test_moments_are_in_the_format_of_the_language(language, shown):
    moment = datetime(2026, 3, 31, 14, 30, tzinfo=UTC)
    with override(language):
        text = render_to_string("approval_workflow/admin/moment.html", {"moment": moment})

    assert text.strip() == f'<time datetime="2026-03-31T14:30:00+00:00">{shown}</time>'


def test_no_moment_is_no_text():
    assert render_to_string("approval_workflow/admin/moment.html", {"moment": None}).strip() == ""


# Titles


@pytest.mark.parametrize("model", [ApprovalFlow, ApprovalInstance, ApprovalEvent])
def test_a_page_is_titled_with_what_it_is_about(client, ann, model):
    make_flow(ann, obj=PurchaseRequestFactory.create(title="Desk lamps"))

    page = client.get(change_page(model.objects.first()))

    assert "Desk lamps" in page.content.decode().split("</title>")[0]
