"""Purchase requests on their way through finance and the executives."""

from demo.acts import (
    approve,
    ask_for,
    delegate,
    form_is_refused,
    hand_in,
    next_person,
    person,
    reject,
    send_back,
    whose_turn,
)
from demo.errors import CaseFailed
from demo.expectations import expect_stage, expect_status, expect_turn
from demo.narrator import Narrator
from demo.played import PlayedCase
from demo.seeding.workflows import PURCHASE_APPROVAL
from django_workflow_engine.models import Stage
from purchasing.models import PurchaseRequest

REVIEW_FORM = {
    "reviewer_comment": "Initial review passed, the budget code is right",
    "budget_code": "BDG-2026-001",
}
BUDGET_FORM = {
    "budget_manager_comment": "Sufficient funds are available",
    "allocated_budget": "50000.00",
}
SIGN_OFF_FORM = {"cfo_comment": "Ready for the executives", "finance_ref": "FIN-2026-PR-001"}
# The stages of finance with the form that each asks for and what is said there.
FINANCE = (
    ("Initial Review", REVIEW_FORM, "The papers are complete"),
    ("Budget Approval", BUDGET_FORM, "Within the budget of the department"),
    ("Final Finance Sign-off", SIGN_OFF_FORM, "Signed off"),
)


def approved_all_the_way(narrator: Narrator) -> PlayedCase:
    """Finance approves three times, then all executives agree."""
    title = "Approved all the way"
    narrator.case(title)
    request = _handed_in(narrator, "hana", "Laptops for the new team", "24500.00")
    _pass_finance(request, narrator)
    _pass_executives(request, narrator)
    expect_status(request, workflow="completed", field="workflow_status", value="approved")
    return PlayedCase(title, request)


def rejected_at_budget(narrator: Narrator) -> PlayedCase:
    """The review passes, and the budget manager says no."""
    title = "Rejected at the budget"
    narrator.case(title)
    request = _handed_in(narrator, "peter", "Espresso machine with a service plan", "780.00")
    _pass_review(request, narrator)
    reason = "Insufficient budget allocation for this quarter"
    reject(request, person("maria"), narrator, reason)
    expect_status(request, workflow="rejected", field="workflow_status", value="denied")
    return PlayedCase(title, request)


def sent_back_then_approved(narrator: Narrator) -> PlayedCase:
    """The budget manager sends the request back to the first stage; then it is approved."""
    title = "Sent back to the first stage, then approved"
    narrator.case(title)
    request = _handed_in(narrator, "hana", "Standing desks", "6900.00")
    _pass_review(request, narrator)
    reason = "Please provide a cost breakdown"
    send_back(request, person("yusuf"), narrator, _first_stage_of_template(), reason)
    expect_stage(request, "Initial Review")
    _pass_finance(request, narrator)
    _pass_executives(request, narrator)
    expect_status(request, workflow="completed", field="workflow_status", value="approved")
    return PlayedCase(title, request)


def delegated(narrator: Narrator) -> PlayedCase:
    """A budget manager hands the decision to somebody else, who approves."""
    title = "Delegated to somebody else"
    narrator.case(title)
    request = _handed_in(narrator, "peter", "Forklift for the warehouse", "18200.00")
    _pass_review(request, narrator)
    stand_in = person("salma")
    reason = "The amount exceeds my approval limit"
    delegate(request, person("maria"), narrator, stand_in, reason)
    _expect_asked(request, stand_in.username)
    approve(request, stand_in, narrator, BUDGET_FORM, "Decided for Maria Costa")
    expect_stage(request, "Final Finance Sign-off")
    approve(request, person("faisal"), narrator, SIGN_OFF_FORM, "Signed off")
    _pass_executives(request, narrator)
    expect_status(request, workflow="completed", field="workflow_status", value="approved")
    return PlayedCase(title, request)


def executives_in_consensus(narrator: Narrator) -> PlayedCase:
    """Nothing happens before the last executive has agreed; a bad form is refused on the way."""
    title = "A consensus of the executives"
    narrator.case(title)
    request = _handed_in(narrator, "hana", "New building for the archive", "940000.00")
    incomplete = {"reviewer_comment": "Looks fine"}
    form_is_refused(request, next_person(request), narrator, incomplete)
    expect_stage(request, "Initial Review")
    _pass_finance(request, narrator)
    executives = whose_turn(request)
    expect_turn(request, [user.username for user in executives], {"layla", "omar", "grace"})
    for executive in executives[:-1]:
        approve(request, executive, narrator)
        expect_status(request, workflow="in_progress", field="workflow_status", value="in_progress")
        expect_stage(request, "Executive Approval")
    approve(request, executives[-1], narrator)
    expect_status(request, workflow="completed", field="workflow_status", value="approved")
    return PlayedCase(title, request)


def left_to_the_executives(narrator: Narrator) -> PlayedCase:
    """Finance has approved; the votes are left to whoever signs in on the site."""
    title = "Left to you: the executives have not voted yet"
    narrator.case(title)
    request = _handed_in(narrator, "peter", "Solar panels for the roof", "86000.00")
    _pass_finance(request, narrator)
    expect_stage(request, "Executive Approval")
    return PlayedCase(title, request)


def _handed_in(narrator: Narrator, requester: str, title: str, amount: str) -> PurchaseRequest:
    starter = person(requester)
    request = ask_for(starter, title, amount, narrator)
    hand_in(request, PURCHASE_APPROVAL, starter, narrator, amount=amount, priority="normal")
    expect_stage(request, "Initial Review")
    return request


def _pass_review(request: PurchaseRequest, narrator: Narrator) -> None:
    stage, form_data, comment = FINANCE[0]
    expect_stage(request, stage)
    approve(request, next_person(request), narrator, form_data, comment)


def _pass_finance(request: PurchaseRequest, narrator: Narrator) -> None:
    for stage, form_data, comment in FINANCE:
        expect_stage(request, stage)
        approve(request, next_person(request), narrator, form_data, comment)


def _pass_executives(request: PurchaseRequest, narrator: Narrator) -> None:
    expect_stage(request, "Executive Approval")
    for executive in whose_turn(request):
        approve(request, executive, narrator)


def _first_stage_of_template() -> Stage:
    return Stage.objects.get(pipeline__workflow__slug=PURCHASE_APPROVAL, name_en="Initial Review")


def _expect_asked(request: PurchaseRequest, username: str) -> None:
    if username not in {user.username for user in whose_turn(request)}:
        raise CaseFailed(f"{request}: {username} should be asked now.")
