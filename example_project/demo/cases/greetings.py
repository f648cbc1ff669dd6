"""Hello world: a request, an approval, and a job in the background."""

from demo.acts import approve, person, start
from demo.errors import CaseFailed
from demo.expectations import expect_stage, expect_workflow
from demo.narrator import Narrator
from demo.played import PlayedCase
from hello.models import HelloRequest
from hello.workflows import HelloWorld


def greeting_sent(narrator: Narrator) -> PlayedCase:
    """The manager approves the text, and a job sends it."""
    title = "A greeting is approved and sent in the background"
    narrator.case(title)
    request = _asked_for("Hello, world!", narrator)
    manager = person("salma")
    request.approved = True
    request.save(update_fields=["approved"])
    narrator.act(f"{manager.get_full_name()} finds that the world may read this")
    approve(request, manager, narrator)
    expect_workflow(request, "completed")
    request.refresh_from_db()
    if request.sent_at is None:
        raise CaseFailed(f"{request}: the job should have sent it.")
    narrator.act("The job has sent it")
    return PlayedCase(title, request)


def greeting_kept(narrator: Narrator) -> PlayedCase:
    """The manager is done with it and has not approved the text: the job is left out."""
    title = "A greeting that nobody sends"
    narrator.case(title)
    request = _asked_for("Hello, world, and good riddance!", narrator)
    approve(request, person("salma"), narrator, comment="Seen, but this stays here")
    expect_workflow(request, "completed")
    request.refresh_from_db()
    if request.sent_at is not None:
        raise CaseFailed(f"{request}: nobody should have sent it.")
    narrator.act("Nothing was sent")
    return PlayedCase(title, request)


def _asked_for(text: str, narrator: Narrator) -> HelloRequest:
    requester = person("hana")
    request = HelloRequest.objects.create(text=text, requester=requester)
    narrator.act(f"{requester.get_full_name()} would like to say: {text}")
    start(request, HelloWorld, requester, narrator)
    expect_stage(request, "Approve")
    return request
