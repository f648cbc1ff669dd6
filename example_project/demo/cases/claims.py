"""Claims: stages with statuses of their own, and a condition that decides about the last one."""

from decimal import Decimal

from claims.models import Claim
from claims.workflows import ClaimProcessing
from demo.acts import person, set_status, start
from demo.expectations import expect_stage, expect_status
from demo.narrator import Narrator
from demo.played import PlayedCase


def large_claim(narrator: Narrator) -> PlayedCase:
    """Above 1,000 the review is not the last word."""
    title = "A large claim is decided on once more"
    narrator.case(title)
    claim = _in_review(narrator, "Water in the archive", "4200.00")
    set_status(claim, "Approved", person("kofi"), narrator)
    expect_stage(claim, "Approve/Reject")
    set_status(claim, "Approved", person("lena"), narrator)
    expect_status(claim, workflow="completed", field="status", value="approved")
    return PlayedCase(title, claim)


def small_claim(narrator: Narrator) -> PlayedCase:
    """At 1,000 the review is the last word."""
    title = "A small claim ends with its review"
    narrator.case(title)
    claim = _in_review(narrator, "A scratched windscreen", "1000.00")
    set_status(claim, "Approved", person("kofi"), narrator)
    expect_status(claim, workflow="completed", field="status", value="approved")
    return PlayedCase(title, claim)


def assessed_higher(narrator: Narrator) -> PlayedCase:
    """What the reviewer has found out counts, not what the claim says."""
    title = "A claim that turns out to be large is rejected"
    narrator.case(title)
    claim = _in_review(narrator, "Hail on the roof", "900.00")
    context = {"claim": {"amount": 1500}}
    set_status(claim, "Approved", person("kofi"), narrator, context)
    expect_stage(claim, "Approve/Reject")
    set_status(claim, "Rejected", person("lena"), narrator)
    expect_status(claim, workflow="rejected", field="status", value="rejected")
    return PlayedCase(title, claim)


def _in_review(narrator: Narrator, damage: str, amount: str) -> Claim:
    claimant = person("peter")
    claim = Claim.objects.create(damage=damage, amount=Decimal(amount), claimant=claimant)
    narrator.act(f"{claimant.get_full_name()} reports: {damage}, {claim.amount:,.2f}")
    start(claim, ClaimProcessing, claimant, narrator)
    set_status(claim, "Submitted", claimant, narrator)
    expect_stage(claim, "Review Claim")
    return claim
