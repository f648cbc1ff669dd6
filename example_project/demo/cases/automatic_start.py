"""Requests whose approval starts by itself, from an amount on."""

from demo.acts import ask_for, person, whose_turn
from demo.expectations import expect_no_workflow, expect_stage, expect_status
from demo.narrator import Narrator
from demo.played import PlayedCase
from django_workflow_engine.services import get_workflow_attachment


def from_the_limit_on(narrator: Narrator) -> PlayedCase:
    """A request for exactly 1,000 is under way without anybody handing it in."""
    title = "Starts by itself at 1,000"
    narrator.case(title)
    request = ask_for(person("peter"), "Projector for the meeting room", "1000.00", narrator)
    expect_status(request, workflow="in_progress", field="workflow_status", value="in_progress")
    expect_stage(request, "Initial Review")
    template = get_workflow_attachment(request).workflow.cloned_from
    reviewer = whose_turn(request)[0].first_name
    narrator.act(f"{template.name_en} has started; Initial Review waits for {reviewer}")
    return PlayedCase(title, request)


def below_the_limit(narrator: Narrator) -> PlayedCase:
    """A request for a cent less waits for somebody to hand it in."""
    title = "Does not start by itself below 1,000"
    narrator.case(title)
    request = ask_for(person("peter"), "Whiteboard for the hallway", "999.99", narrator)
    expect_no_workflow(request)
    narrator.act("No workflow has started; the request waits to be handed in")
    return PlayedCase(title, request)
