"""The page at `/`, and signing in."""

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from purchasing.models import PurchaseRequest
from tests.integration.example_site import page_of, person, use_example

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def example(settings: Any, tmp_path: Path) -> None:
    use_example(settings, tmp_path)


@pytest.fixture
def seeded() -> None:
    call_command("seed", verbosity=0)


@pytest.fixture
def running(
    seeded: None, django_capture_on_commit_callbacks: Callable[..., Any]
) -> PurchaseRequest:
    with django_capture_on_commit_callbacks(execute=True):
        return PurchaseRequest.objects.create(
            title="Ergonomic chairs",
            amount="1500.00",
            description="Six of them",
            requester=person("hana"),
        )


class _Sources(HTMLParser):
    """Collects every address that the page makes a browser load or follow."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in {"href", "src", "action"}]


def test_the_page_comes_up_before_anything_is_seeded(client: Client) -> None:
    page = client.get("/").content.decode()

    assert "manage.py seed" in page
    assert "make demo" in page


@pytest.mark.usefixtures("seeded")
def test_the_page_tells_every_account_and_where_to_go(client: Client) -> None:
    response = client.get("/")

    page = response.content.decode()
    assert response.status_code == 200
    for text in ("layla", "Chief Financial Officer", "/admin/", "/api/purchase-requests/"):
        assert text in page
    assert len(response.context["accounts"]) == 16


@pytest.mark.usefixtures("running")
def test_the_page_lists_what_runs_with_its_stage(client: Client) -> None:
    page = client.get("/").content.decode()

    assert "Ergonomic chairs" in page
    assert "Initial Review" in page
    assert "your turn" not in page


def test_the_page_marks_what_waits_for_the_reader(running: PurchaseRequest) -> None:
    pages = [page_of(name).get("/").content.decode() for name in ("nora", "tariq")]

    assert [page.count("your turn") for page in sorted(pages, key=len)] == [0, 1]
    links = [f'href="/items/purchase-requests/{running.pk}/"' in page for page in pages]
    assert sorted(links) == [False, True]


def test_the_page_takes_the_same_number_of_statements_for_any_number_of_rows(
    seeded: None,
    statements: Callable[..., Any],
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    client = page_of("hana")
    counts = []
    for size in (2, 6):
        with django_capture_on_commit_callbacks(execute=True):
            for number in range(size):
                PurchaseRequest.objects.create(
                    title=str(number), amount="2000", description="-", requester=person("hana")
                )
        with statements() as seen:
            client.get("/")
        counts.append(seen.count)

    assert counts[0] == counts[1]


@pytest.mark.usefixtures("running")
def test_the_page_is_arabic_for_those_who_choose_it(client: Client) -> None:
    client.post("/language/setlang/", {"language": "ar", "next": "/"})

    page = client.get("/").content.decode()

    assert '<html lang="ar" dir="rtl">' in page
    for text in ("الجاري الآن", "المراجعة الأولية", "مراجعة مالية", "المدير المالي"):
        assert text in page


@pytest.mark.usefixtures("running")
def test_the_page_loads_nothing_from_other_hosts(client: Client) -> None:
    sources = _Sources()
    sources.feed(client.get("/").content.decode())

    assert len(sources.found) > 5
    assert [source for source in sources.found if "//" in source] == []


@pytest.mark.usefixtures("seeded")
def test_a_person_signs_in_and_out(client: Client) -> None:
    credentials = {"username": "hana", "password": "demo", "next": "/"}

    signed_in = client.post("/sign-in/", credentials, follow=True)
    assert "Hana Kim" in signed_in.content.decode().split("</header>")[0]

    signed_out = client.post("/sign-out/", follow=True)
    assert "Hana Kim" not in signed_out.content.decode().split("</header>")[0]


@pytest.mark.usefixtures("seeded")
def test_a_wrong_password_is_refused(client: Client) -> None:
    response = client.post("/sign-in/", {"username": "hana", "password": "guess"})

    assert response.status_code == 200
    assert response.context["form"].non_field_errors()
    assert "_auth_user_id" not in client.session


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(
    "path",
    [
        "purchasing/user/",
        "purchasing/role/",
        "purchasing/department/",
        "purchasing/dynamicform/",
        "purchasing/purchaserequest/",
        "crm/opportunity/",
        "support/ticket/",
        "hello/hellorequest/",
        "claims/claim/",
    ],
)
def test_every_model_of_the_example_is_in_the_admin(admin_client: Client, path: str) -> None:
    assert admin_client.get(f"/admin/{path}").status_code == 200
    assert admin_client.get(f"/admin/{path}add/").status_code == 200
