"""Signed webhooks: what is sent where, and what a receiver takes for genuine."""

import json
import socket
import time
from unittest import mock

import pytest
import time_machine
from django.utils import timezone

from django_workflow_engine.actions import posting, runner
from django_workflow_engine.exceptions import ActionNotAllowed, WebhookNotVerified
from django_workflow_engine.models import ActionExecution
from django_workflow_engine.webhooks import sign_webhook, verify_webhook
from tests.django_workflow_engine.due_actions import Action, make_due
from tests.django_workflow_engine.receiver import listening
from tests.factories import UserFactory

PATH = "django_workflow_engine.action_handlers.call_webhook"
SECRET = "between the two of us"


@pytest.fixture(autouse=True)
def open_to_this_machine(settings):
    settings.DJANGO_WORKFLOW_ENGINE = {
        "WEBHOOK_SECRETS": {"shop": SECRET},
        "WEBHOOK_ALLOW_PRIVATE": True,
    }


@pytest.fixture
def receiver():
    with listening() as receiver:
        yield receiver


def send(attachment, url, **parameters):
    """Run a webhook; return the row that it leaves."""
    action = Action(PATH, {"url": url, "secret": "shop", **parameters})
    (row,) = make_due(attachment, action, stage_id=attachment.current_stage_id, reason="fine")
    runner.run_due()
    row.refresh_from_db()
    return row


def send_again():
    ActionExecution.objects.update(run_after=timezone.now())
    runner.run_due()


# Sending


def test_webhook_tells_of_the_event(attachment, receiver):
    row = send(attachment, f"{receiver.url}/hooks?shop=1", headers={"X-Token": "abc"})
    assert (row.status, row.result) == ("done", {"status": 200})
    ((path, headers, body),) = receiver.received
    told = json.loads(body)
    assert path == "/hooks?shop=1"
    assert (headers["X-Token"], headers["Content-Type"]) == ("abc", "application/json")
    assert told["event"] == "after_approve"
    assert told["object"] == {"model": "support.ticket", "pk": attachment.object_id}
    assert told["stage"]["name_en"] == "Stage 1.1"
    assert (told["reason"], told["user"]) == ("fine", None)


def test_webhook_names_people_and_the_template(attachment, receiver):
    ann = UserFactory.create(username="ann")
    action = Action(PATH, {"url": receiver.url, "secret": "shop"})
    make_due(attachment, action, user_id=ann.pk)
    runner.run_due()
    told = json.loads(receiver.received[0][2])
    assert told["user"] == {"id": str(ann.pk), "username": "ann"}
    assert told["workflow"]["slug"] == attachment.workflow.slug


def test_receiver_takes_what_was_sent_for_genuine(attachment, receiver):
    row = send(attachment, receiver.url)
    ((_path, headers, body),) = receiver.received
    assert verify_webhook(body, headers, SECRET) == f"{row.transition}:0"


def test_repeated_attempt_has_the_same_delivery_and_body(attachment, receiver):
    receiver.status = 503
    row = send(attachment, receiver.url)
    assert row.status == "failed"
    assert row.error == f"{receiver.url} answered 503: what the receiver says"
    receiver.status = 204
    send_again()
    first, second = receiver.received
    assert first[2] == second[2]
    assert first[1]["X-Workflow-Delivery"] == second[1]["X-Workflow-Delivery"]
    row.refresh_from_db()
    assert (row.status, row.result) == ("done", {"status": 204})


def test_redirect_is_not_followed(attachment, receiver):
    receiver.status, receiver.answer = 302, {"Location": f"{receiver.url}/elsewhere"}
    row = send(attachment, receiver.url)
    assert "answered 302" in row.error
    assert [path for path, _headers, _body in receiver.received] == ["/"]


def test_nobody_there_is_a_failure_without_the_query(attachment):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/hooks"
        row = send(attachment, f"{url}?token=hush")
    assert row.status == "failed"
    assert row.error.startswith(f"{url}: ConnectionRefusedError")
    assert "hush" not in row.error


def test_silence_ends_after_the_timeout(attachment):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        row = send(attachment, f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2)
    assert "TimeoutError" in row.error
    assert time.monotonic() - began < 5


def test_https_checks_the_certificate(attachment, receiver):
    row = send(attachment, receiver.url.replace("http://", "https://"))
    assert "SSLError" in row.error
    assert receiver.received == []


# Addresses that are not public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104  # to be refused
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:127.0.0.1",
        "2002:7f00:1::",
    ],
)
def test_address_is_not_public(address):
    assert not posting.is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1"])
def test_address_is_public(address):
    assert posting.is_public(address)


def test_webhook_to_an_address_that_is_not_public_is_dead_and_never_sent(
    attachment, receiver, settings
):
    settings.DJANGO_WORKFLOW_ENGINE = {"WEBHOOK_SECRETS": {"shop": SECRET}}
    row = send(attachment, receiver.url.replace("127.0.0.1", "localhost"))
    assert row.status == "dead"
    assert "is not a public address" in row.error
    assert receiver.received == []


def test_one_address_that_is_not_public_is_enough_to_refuse(settings):
    settings.DJANGO_WORKFLOW_ENGINE = {}
    found = [(0, 0, 0, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.1")]
    with (
        mock.patch("socket.getaddrinfo", return_value=found),
        mock.patch("socket.create_connection", side_effect=AssertionError("connected")),
        pytest.raises(ActionNotAllowed, match=r"10\.0\.0\.1"),
    ):
        posting.post("http://shop.example/", b"", {}, 1)


def test_connection_goes_to_the_address_that_was_judged(settings):
    """A name that is asked twice may lead elsewhere the second time."""
    settings.DJANGO_WORKFLOW_ENGINE = {}
    found = [(0, 0, 0, "", ("93.184.216.34", 80))]
    with (
        mock.patch("socket.getaddrinfo", return_value=found) as asked,
        mock.patch("socket.create_connection", side_effect=OSError("enough")) as connected,
        pytest.raises(Exception, match="enough"),
    ):
        posting.post("http://shop.example/", b"", {}, 1)
    assert asked.call_count == 1
    assert connected.call_args.args[0] == ("93.184.216.34", 80)


# Receiving

BODY = json.dumps({"delivery": "d:0", "amount": 5}).encode()
NOW = 1_800_000_000


def headers(body=BODY, secret=SECRET, timestamp=NOW):
    return {
        "x-workflow-timestamp": str(timestamp),
        "X-WORKFLOW-SIGNATURE": sign_webhook(body, secret, timestamp),
    }


@time_machine.travel(NOW, tick=False)
def test_genuine_webhook_gives_its_delivery():
    assert verify_webhook(BODY, headers(), SECRET) == "d:0"


FORGERIES = {
    "another body": (BODY.replace(b"5", b"6"), headers(), "signature"),
    "another secret": (BODY, headers(secret="guessed"), "signature"),
    "another time": (BODY, {**headers(), "x-workflow-timestamp": str(NOW + 1)}, "signature"),
    "no signature": (BODY, {"x-workflow-timestamp": str(NOW)}, "signature"),
    "signature of another alphabet": (
        BODY,
        {**headers(), "X-WORKFLOW-SIGNATURE": "sha256=توقيع"},
        "signature",
    ),
    "no time": (BODY, {}, "time stamp"),
    "time in other digits": (BODY, {"x-workflow-timestamp": "٣"}, "time stamp"),
    "too old": (BODY, headers(timestamp=NOW - 301), "too old"),
    "from the future": (BODY, headers(timestamp=NOW + 301), "future"),
    "no JSON": (b"?", headers(body=b"?"), "names no delivery"),
    "no delivery": (b"[]", headers(body=b"[]"), "names no delivery"),
}


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(("body", "given", "message"), FORGERIES.values(), ids=FORGERIES)
def test_forged_or_old_webhook_is_refused(body, given, message):
    with pytest.raises(WebhookNotVerified, match=message):
        verify_webhook(body, given, SECRET)


@time_machine.travel(NOW, tick=False)
def test_tolerance_is_the_receivers_choice():
    late = headers(timestamp=NOW - 10)
    assert verify_webhook(BODY, late, SECRET, tolerance=10) == "d:0"
    with pytest.raises(WebhookNotVerified):
        verify_webhook(BODY, late, SECRET, tolerance=9)
