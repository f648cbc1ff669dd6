"""The same engine on models that have other fields and other words for their status."""

from decimal import Decimal

from crm.models import Opportunity
from demo.acts import approve, hand_in, next_person, person, reject
from demo.expectations import expect_stage, expect_status
from demo.narrator import Narrator
from demo.played import PlayedCase
from demo.seeding.workflows import SALES_PROCESS, TICKET_RESOLUTION
from support.models import Ticket, TicketPriority


def deal_won(narrator: Narrator) -> PlayedCase:
    """Both stages approve, and the opportunity is won."""
    title = "An opportunity is won"
    narrator.case(title)
    seller = person("diego")
    deal = Opportunity.objects.create(
        name="Maintenance contract for the harbour", amount=Decimal("64000.00"), owner=seller
    )
    narrator.act(f"{seller.get_full_name()} brings a deal: {deal.name}, {deal.amount:,.2f}")
    hand_in(deal, SALES_PROCESS, seller, narrator)
    approve(deal, next_person(deal), narrator)
    expect_stage(deal, "Contract Review")
    approve(deal, person("faisal"), narrator)
    expect_status(deal, workflow="completed", field="status", value="won")
    return PlayedCase(title, deal)


def ticket_cancelled(narrator: Narrator) -> PlayedCase:
    """Triage rejects, and the ticket is cancelled."""
    title = "A ticket is cancelled"
    narrator.case(title)
    author = person("hana")
    ticket = Ticket.objects.create(
        title="The printer is out of paper", priority=TicketPriority.LOW, created_by=author
    )
    narrator.act(f"{author.get_full_name()} opens a ticket: {ticket.title}")
    hand_in(ticket, TICKET_RESOLUTION, author, narrator)
    reject(ticket, next_person(ticket), narrator, "The paper is in the cupboard next to it")
    expect_status(ticket, workflow="rejected", field="status", value="cancelled")
    return PlayedCase(title, ticket)
