"""The example in Arabic: words that no other app changes, and formats of the language."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polib
import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import formats
from django.utils.translation import gettext, override, pgettext

from approval_workflow.choices import ApprovalStatus, FlowStatus
from config import settings as site
from purchasing.models import Department, PurchaseRequest, Role
from support.models import TicketStatus
from tests.integration.example_site import page_of, person, use_example

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
CATALOGUES = [
    *sorted(ROOT.glob("packages/*/src/*/locale/ar/LC_MESSAGES/django.po")),
    ROOT / "example_project/locale/ar/LC_MESSAGES/django.po",
]
# Django, REST framework and django-filter have words of their own for these, which say the same.
SAY_THE_SAME = {
    "Action",
    "Remove",
    "Submit",
    "version",
    "You do not have permission to perform this action.",
}


@pytest.fixture(autouse=True)
def example(settings: Any, tmp_path: Path) -> None:
    use_example(settings, tmp_path)


@pytest.fixture
def arabic() -> Iterator[None]:
    with override("ar"):
        yield


@pytest.fixture
def site_formats(settings: Any) -> Iterator[None]:
    settings.FORMAT_MODULE_PATH = site.FORMAT_MODULE_PATH
    formats.reset_format_cache()
    yield
    formats.reset_format_cache()


@pytest.fixture
def desks() -> PurchaseRequest:
    call_command("seed", verbosity=0)
    return PurchaseRequest.objects.create(
        title="Desks", amount="86000.50", description="-", requester=person("hana")
    )


def arabic_page(username: str) -> Client:
    client = page_of(username)
    client.post("/language/setlang/", {"language": "ar", "next": "/"})
    return client


@pytest.mark.usefixtures("arabic")
@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-5])
def test_no_other_app_changes_our_words(path: Path) -> None:
    changed = {
        entry.msgid
        for entry in polib.pofile(str(path))
        if not entry.msgid_plural
        and entry.msgstr
        != (pgettext(entry.msgctxt, entry.msgid) if entry.msgctxt else gettext(entry.msgid))
    }

    assert changed - SAY_THE_SAME == set()


@pytest.mark.usefixtures("arabic")
def test_a_cancelled_ticket_leaves_cancelled_flows_their_word() -> None:
    assert TicketStatus.CANCELLED.label == "ملغاة"
    assert FlowStatus.CANCELLED.label == ApprovalStatus.CANCELLED.label == "ملغى"


@pytest.mark.usefixtures("desks", "arabic")
def test_roles_and_departments_have_arabic_names() -> None:
    roles = [str(role) for role in Role.objects.all()]
    departments = [str(department) for department in Department.objects.all()]

    assert roles
    assert departments
    assert [name for name in roles + departments if name.isascii()] == []


@pytest.mark.usefixtures("site_formats", "arabic")
def test_date_and_time_have_an_arabic_format() -> None:
    assert formats.get_format("DATETIME_FORMAT") == "j F، Y، g:i A"


@pytest.mark.usefixtures("site_formats")
@pytest.mark.parametrize(("language", "amount"), [("en", "86,000.50"), ("ar", "86.000,50")])
def test_the_amount_is_grouped_as_the_language_does(
    desks: PurchaseRequest, language: str, amount: str
) -> None:
    client = page_of("hana") if language == "en" else arabic_page("hana")

    assert amount in client.get(f"/items/purchase-requests/{desks.pk}/").content.decode()


def test_pages_are_titled_with_their_own_name_first(desks: PurchaseRequest) -> None:
    page = page_of("hana").get(f"/items/purchase-requests/{desks.pk}/").content.decode()

    title = page.split("<title>")[1].split("</title>")[0].split()
    assert " ".join(title) == "Desks | Approvals: example project"
