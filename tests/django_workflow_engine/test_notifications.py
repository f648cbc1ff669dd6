"""Sending e-mails (D-94, D-97, D-98, D-99, D-117, D-119)."""

import re
from html import unescape

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import translation
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy

from django_workflow_engine.exceptions import WorkflowMisconfigured
from django_workflow_engine.notifications import send_bulk_workflow_emails
from tests.factories import UserFactory
from tests.testapp import mailing

CONTEXT = {
    "workflow_name": "Purchases",
    "stage_name": "Budget & Finance",
    "object_name": "Laptops for <R&D>",
    "user_name": "Bob",
    "reason": "Within the budget",
}
NAMES = [
    "workflow_approved",
    "workflow_rejected",
    "workflow_resubmission",
    "workflow_delegated",
    "workflow_stage_moved",
    "workflow_update",
]

pytestmark = pytest.mark.django_db


@pytest.fixture
def custom_sender(settings):
    settings.WORKFLOW_SEND_EMAIL_FUNCTION = "tests.testapp.mailing.send_email"
    mailing.sent.clear()
    return mailing.sent


def send(*recipients, name="workflow_approved", context=CONTEXT, **options):
    return send_bulk_workflow_emails(name=name, recipients=recipients, context=context, **options)


def html_of(message):
    ((content, kind),) = message.alternatives
    assert kind == "text/html"
    return content


# What is sent


def test_each_recipient_gets_a_message_of_their_own():  # D-94
    assert send("a@example.org", "b@example.org") == {"sent": 2, "failed": 0, "skipped": 0}
    assert [message.to for message in mail.outbox] == [["a@example.org"], ["b@example.org"]]
    assert {message.from_email for message in mail.outbox} == {"workflow@example.org"}


def test_recipient_may_be_a_user():
    send(UserFactory.create(email="ann@example.org"))
    assert mail.outbox[0].to == ["ann@example.org"]


@pytest.mark.parametrize("name", NAMES)
def test_message_is_text_and_html(name):
    send("a@example.org", name=name)
    (message,) = mail.outbox
    assert message.subject.endswith(": Laptops for <R&D>")
    for line in ("Stage: Budget & Finance", "By: Bob", "Comment: Within the budget"):
        assert line in message.body.splitlines()
    html = html_of(message)
    assert html.startswith("<!DOCTYPE html>")
    assert '<html lang="en" dir="ltr">' in html
    assert "Laptops for &lt;R&amp;D&gt;" in html
    assert "<R&D>" not in html


@pytest.mark.parametrize("name", NAMES)
def test_message_in_arabic_is_arabic_from_right_to_left(name):
    send("a@example.org", name=name)
    with translation.override("ar"):
        send("a@example.org", name=name)
    english, arabic = mail.outbox
    assert '<html lang="ar" dir="rtl">' in html_of(arabic)
    assert "المرحلة: Budget & Finance" in arabic.body.splitlines()
    assert arabic.subject != english.subject
    # What is left in Latin letters are the names in the context.
    written = latin_words(f"{arabic.subject} {arabic.body} {visible_text(html_of(arabic))}")
    assert written <= latin_words(" ".join(CONTEXT.values()))


def visible_text(html):
    return unescape(re.sub(r"<[^>]*>", " ", html))


def latin_words(text):
    return set(re.findall("[A-Za-z]+", text))


def test_name_without_templates_uses_the_generic_ones():
    """The printed handler's context: `current_stage` and `user`, no names of people."""
    user = UserFactory.create(username="zoe")
    context = {"workflow_name": "Purchases", "current_stage": "Budget", "user": user}
    send("a@example.org", name="default_template", context=context)
    (message,) = mail.outbox
    assert message.subject == "Workflow update: Purchases"
    assert "Stage: Budget" in message.body
    assert "By: zoe" in message.body


def test_project_replaces_the_templates_it_has():
    context = {**CONTEXT, "custom_field": "Cost centre 7"}
    send("a@example.org", name="custom_approved", context=context)
    assert html_of(mail.outbox[0]) == "<p>Cost centre 7 in Purchases</p>"
    assert "Stage: Budget & Finance" in mail.outbox[0].body


def test_empty_context_is_enough():
    send("a@example.org", context={})
    assert mail.outbox[0].subject == "Approved: your request"


def test_subject_given_replaces_the_templates():  # D-98
    send("a@example.org", subject="Custom Approval Notification")
    assert mail.outbox[0].subject == "Custom Approval Notification"
    assert "<title>Custom Approval Notification</title>" in html_of(mail.outbox[0])


def test_line_breaks_in_a_name_do_not_break_the_subject():
    send("a@example.org", context={**CONTEXT, "object_name": "Laptops\nBcc: all@example.org"})
    assert mail.outbox[0].subject == "Approved: Laptops Bcc: all@example.org"


def test_programs_that_answer_by_themselves_are_told_not_to():
    send("a@example.org")
    assert mail.outbox[0].extra_headers["Auto-Submitted"] == "auto-generated"


# In which language


def test_message_is_in_the_language_of_who_gets_it():
    UserFactory.create(email="Ann@example.org", language="ar")
    UserFactory.create(email="bob@example.org", language="en")
    with translation.override("ar"):
        send("ann@example.org", "bob@example.org")
        assert translation.get_language() == "ar"
    assert ['lang="ar"' in html_of(message) for message in mail.outbox] == [True, False]


@pytest.mark.parametrize("language", ["", "fr", "nonsense"])
def test_message_is_in_the_active_language_where_none_is_known(language):
    user = UserFactory.create(language=language)
    with translation.override("ar"):
        send(user, "stranger@example.org")
    assert ['lang="ar"' in html_of(message) for message in mail.outbox] == [True, True]


def test_names_in_the_context_are_read_in_the_language_of_the_message():
    context = {**CONTEXT, "stage_name": gettext_lazy("Stage")}
    send(UserFactory.create(language="ar"), UserFactory.create(language="en"), context=context)
    assert "المرحلة: المرحلة" in mail.outbox[0].body
    assert "Stage: Stage" in mail.outbox[1].body


@pytest.mark.parametrize("size", [1, 10])
def test_languages_are_looked_up_in_one_statement(statements, size):
    addresses = [UserFactory.create().email for _number in range(size)]
    with statements() as seen:
        send(*addresses)
    assert seen.count == 1, str(seen)


def test_field_of_the_language_is_a_setting(settings):
    settings.DJANGO_WORKFLOW_ENGINE = {"USER_LANGUAGE_FIELD": "first_name"}
    send(UserFactory.create(first_name="ar"))
    assert 'lang="ar"' in html_of(mail.outbox[0])


# To whom


def test_repeated_addresses_get_one_message():  # D-94, D-98
    counts = send("a@example.org", "A@Example.org", "b@example.org", "a@example.org")
    assert counts == {"sent": 2, "failed": 0, "skipped": 2}


def test_repeated_addresses_get_a_message_each_where_that_is_wanted():
    assert send("a@example.org", "a@example.org", deduplicate=False)["sent"] == 2


def test_empty_addresses_are_skipped():
    assert send("", None, UserFactory.create(email="")) == {"sent": 0, "failed": 0, "skipped": 3}


def test_copies_go_with_the_first_message_only():  # D-98
    send("a@example.org", "b@example.org", cc=["boss@example.org", "A@example.org"])
    assert [message.cc for message in mail.outbox] == [["boss@example.org"], []]


def test_copies_go_with_the_first_message_that_can_be_sent(monkeypatch):
    refuse_mail_to("a@example.org", monkeypatch)
    assert send("a@example.org", "b@example.org", cc=["boss@example.org"])["sent"] == 1
    assert [message.cc for message in mail.outbox] == [["boss@example.org"]]


# When it cannot be sent


def refuse_mail_to(address, monkeypatch):
    deliver = EmailBackend.send_messages

    def send_messages(self, messages):
        if any(address in message.to for message in messages):
            raise ConnectionRefusedError("the mail server is down")
        return deliver(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", send_messages)


def test_message_that_cannot_be_sent_does_not_keep_the_others(monkeypatch, caplog):
    refuse_mail_to("b@example.org", monkeypatch)
    counts = send("a@example.org", "b@example.org", "c@example.org")
    assert counts == {"sent": 2, "failed": 1, "skipped": 0}
    assert "workflow_approved could not be sent" in caplog.text


def test_setting_switches_e_mail_off(settings, custom_sender):  # D-99
    settings.WORKFLOW_DISABLE_EMAILS = True
    assert send("a@example.org", "b@example.org") == {"sent": 0, "failed": 0, "skipped": 2}
    assert mail.outbox == custom_sender == []


# The project's own sender


# D-97, D-117
def test_project_sender_gets_name_address_subject_context_and_user(custom_sender):
    ann = UserFactory.create(email="ann@example.org", language="ar")
    send("ann@example.org", "stranger@example.org", context={**CONTEXT, "extra": lazystr("text")})
    assert mail.outbox == []
    first, second = custom_sender
    assert (first.name, first.email) == ("workflow_approved", "ann@example.org")
    assert (first.user, second.user) == (ann, None)
    assert second.subject == "Approved: Laptops for <R&D>"
    assert first.subject != second.subject
    assert (first.context["workflow_name"], first.context["stage_name"]) == (
        "Purchases",
        "Budget & Finance",
    )
    assert type(first.context["extra"]) is str


def test_project_sender_gets_the_user_that_the_caller_names(custom_sender):
    bob = UserFactory.create()
    send("ann@example.org", user=bob)
    assert custom_sender[0].user == bob


def test_project_sender_gets_a_call_for_each_copy(custom_sender):
    send("a@example.org", cc=["boss@example.org", "a@example.org"])
    assert [sent.email for sent in custom_sender] == ["a@example.org", "boss@example.org"]


def test_project_sender_that_fails_is_counted_and_logged(custom_sender, caplog):  # D-119
    counts = send("raise@example.org", "false@example.org", "fine@example.org")
    assert counts == {"sent": 1, "failed": 2, "skipped": 0}
    assert [sent.email for sent in custom_sender] == ["fine@example.org"]
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


def test_project_sender_that_does_not_exist_is_a_misconfiguration(settings):
    settings.WORKFLOW_SEND_EMAIL_FUNCTION = "tests.testapp.mailing.no_such_function"
    with pytest.raises(WorkflowMisconfigured, match="WORKFLOW_SEND_EMAIL_FUNCTION"):
        send("a@example.org")
