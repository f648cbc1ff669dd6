"""The builder in a real browser: a workflow is built by clicking, stored, opened again, changed."""

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import (
    staleness_of,
    text_to_be_present_in_element,
)
from selenium.webdriver.support.ui import Select, WebDriverWait

from django_workflow_engine.models import Stage, WorkFlow
from django_workflow_engine.services import validate_completeness
from tests.factories import (
    DynamicFormFactory,
    RoleFactory,
    UserFactory,
    by_role,
    by_user,
    make_large_workflow,
    make_workflow,
    stages_of,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WAIT = 10
STAGES = "pipelines-0-stages"


class Builder:
    """The page of a workflow as somebody at a keyboard sees it."""

    def __init__(self, driver, address):
        self.driver = driver
        driver.get(address)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def write(self, name, text):
        field = self.find(f"[name='{name}']")
        field.clear()
        field.send_keys(text)

    def choose(self, name, value):
        Select(self.find(f"[name='{name}']")).select_by_value(value)

    def search(self, name, text):
        """Pick what a search finds, with the keyboard."""
        self.find(f"[name='{name}'] + .select2 .select2-selection").click()
        self.find(".select2-search__field").send_keys(text)
        found = (By.CSS_SELECTOR, ".select2-results__option--highlighted")
        wait = WebDriverWait(self.driver, WAIT, ignored_exceptions=[StaleElementReferenceException])
        wait.until(text_to_be_present_in_element(found, text))
        self.find(".select2-search__field").send_keys(Keys.ENTER)

    def press(self, within, button):
        self.enter(self.find(f"{within} [data-wb='{button}']"))

    def add(self, prefix):
        """Press the button below the rows with this prefix."""
        self.enter(self.find(f"[data-wb-prefix='{prefix}'] + .wb-add button"))

    def unfold(self, name):
        """Open the folded part that the field is in."""
        field = self.find(f"[name='{name}']")
        self.enter(field.find_element(By.XPATH, "ancestor::details[1]/summary"))

    def enter(self, button):
        """Press a button with the keyboard: it need not stay where it is on the screen."""
        button.send_keys(Keys.ENTER)

    def is_shown(self, selector):
        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return bool(found) and found[0].is_displayed()

    @property
    def progress(self):
        return self.find("[data-wb-progress] p").text

    def save(self):
        page = self.find("html")
        self.enter(self.find("[name='_continue']"))
        WebDriverWait(self.driver, WAIT).until(staleness_of(page))

    def mistakes(self):
        """What the browser has complained of, but for the icon that no test project has."""
        complaints = [row for row in self.driver.get_log("browser") if row["level"] == "SEVERE"]
        return [row for row in complaints if "favicon.ico" not in row["message"]]


def test_a_workflow_is_built_by_clicking(signed_in, live_server):
    RoleFactory.create(name="Treasurers")
    UserFactory.create(username="layla")
    page = Builder(signed_in, f"{live_server.url}/admin/django_workflow_engine/workflow/add/")
    page.write("name_en", "Purchases")
    page.write("pipelines-0-name_en", "Finance")
    page.write(f"{STAGES}-0-name_en", "Sign-off")
    assert page.progress == "Places where nobody is asked yet: 1"
    page.search(f"{STAGES}-0-approvals-0-user_role", "Treas")
    page.choose(f"{STAGES}-0-approvals-0-role_selection_strategy", "quorum")
    page.write(f"{STAGES}-0-approvals-0-quorum_count", "2")
    page.add(STAGES)
    page.write(f"{STAGES}-1-name_en", "Review")
    page.add(f"{STAGES}-1-approvals")
    page.choose(f"{STAGES}-1-approvals-0-approval_type", "USER")
    page.search(f"{STAGES}-1-approvals-0-approval_user", "layla")
    assert page.progress == "At each place somebody is asked."
    page.press("[data-wb-prefix='pipelines-0-stages'] > li:last-child > .wb-head", "up")
    page.save()

    workflow = WorkFlow.objects.templates().get()
    review, signoff = stages_of(workflow)
    assert (review.name_en, signoff.name_en) == ("Review", "Sign-off")
    assert signoff.stage_info["approvals"][0]["quorum_count"] == 2
    assert validate_completeness(workflow) == {}
    assert page.find(f"[name='{STAGES}-0-name_en']").get_attribute("value") == "Review"
    assert not page.mistakes()


def test_a_workflow_with_a_job_a_route_and_two_branches_is_built(signed_in, live_server):  # T-11
    UserFactory.create(username="layla")
    page = Builder(signed_in, f"{live_server.url}/admin/django_workflow_engine/workflow/add/")
    page.write("name_en", "Contracts")
    page.write("pipelines-0-name_en", "Approval")
    page.write(f"{STAGES}-0-name_en", "Credit check")
    page.choose(f"{STAGES}-0-kind", "job")
    assert not page.is_shown(f"[name='{STAGES}-0-approvals-0-approval_type']")
    assert page.progress == "", "nobody need be asked where a job is done"
    page.write(f"{STAGES}-0-job_path", "tests.testapp.workflow_actions.score")
    page.add(f"{STAGES}-0-parameters")
    page.write(f"{STAGES}-0-parameters-0-name", "n")
    page.choose(f"{STAGES}-0-parameters-0-kind", "number")
    page.write(f"{STAGES}-0-parameters-0-value", "9")
    for place, name in enumerate(("Legal", "Finance", "Board"), start=1):
        page.add(STAGES)
        page.write(f"{STAGES}-{place}-name_en", name)
        page.add(f"{STAGES}-{place}-approvals")
        page.choose(f"{STAGES}-{place}-approvals-0-approval_type", "USER")
        page.search(f"{STAGES}-{place}-approvals-0-approval_user", "layla")
    for place in (1, 2):
        page.unfold(f"{STAGES}-{place}-parallel_group")
        page.write(f"{STAGES}-{place}-parallel_group", "review")
    page.unfold(f"{STAGES}-0-code")
    page.add(f"{STAGES}-0-routes")
    page.write(f"{STAGES}-0-routes-0-when", "results.credit_check.score > 5")
    route = page.find(f"[name='{STAGES}-0-routes-0-to']")
    route.send_keys("")
    offered = [option.get_attribute("value") for option in Select(route).options]
    assert offered == ["", "credit_check", "legal", "finance", "board", "end"]
    page.choose(f"{STAGES}-0-routes-0-to", "board")
    page.save()

    workflow = WorkFlow.objects.templates().get()
    check, legal, finance, _board = stages_of(workflow)
    assert check.stage_info["kind"] == "job"
    assert check.stage_info["routes"] == [{"to": "board", "when": "results.credit_check.score > 5"}]
    assert legal.stage_info["parallel_group"] == finance.stage_info["parallel_group"] == "review"
    assert validate_completeness(workflow) == {}
    picture = f"{live_server.url}/admin/django_workflow_engine/workflow/{workflow.pk}/diagram/"
    page.driver.get(picture)
    assert page.is_shown(".wb-picture svg")
    assert not page.mistakes()


def test_what_does_not_apply_is_hidden_and_shown_again(signed_in, live_server):
    workflow = make_workflow([[by_user(UserFactory.create())]])
    address = f"{live_server.url}/admin/django_workflow_engine/workflow/{workflow.pk}/change/"
    page = Builder(signed_in, address)
    approval = f"{STAGES}-0-approvals-0"
    assert not page.is_shown(f"[name='{approval}-assigned_field']")

    page.choose(f"{approval}-approval_type", "ASSIGNED")

    assert page.is_shown(f"[name='{approval}-assigned_field']")
    assert not page.is_shown(f"[name='{approval}-approval_user'] + .select2")
    assert not page.is_shown("[name='approvals-TOTAL_FORMS'] ~ .wb-add")
    page.choose("strategy", "workflow")
    assert page.is_shown("[data-wb-prefix='approvals'] + .wb-add")
    assert page.is_shown(f"[name='{STAGES}-0-name_en']"), "what is stored is not hidden"
    assert page.is_shown("[data-wb-levels='stage pipeline'] > [data-wb-misplaced]")
    assert not page.mistakes()


def test_a_large_workflow_is_an_overview_that_is_opened_stage_by_stage(signed_in, live_server):
    role, form = RoleFactory.create(name="Treasurers"), DynamicFormFactory.create(name="Travel")
    workflow = make_large_workflow(14, approval=by_role(role))
    address = f"{live_server.url}/admin/django_workflow_engine/workflow/{workflow.pk}/change/"
    page = Builder(signed_in, address)
    first = f"[data-wb-prefix='{STAGES}'] > li:first-child"
    approval = f"{STAGES}-0-approvals-0"
    assert not page.is_shown(f"[name='{STAGES}-0-name_en']")
    assert page.find(f"{first} [data-wb-summary]").text == "Treasurers"

    page.press(f"{first} > .wb-head", "fold")

    assert page.is_shown(f"[name='{approval}-user_role'] + .select2")
    hidden = page.driver.find_elements(By.CSS_SELECTOR, f"[name^='{STAGES}-1-'] + .select2")
    assert not hidden, "what is not seen is not set up"
    page.search(f"{approval}-required_form", "Travel")
    page.save()
    stored = stages_of(workflow)[0].stage_info["approvals"][0]
    assert stored["required_form"] == form.pk
    assert not page.mistakes()


def test_a_stored_workflow_is_changed_and_stays_as_it_is_in_arabic(signed_in, live_server):
    workflow = make_workflow([[by_user(UserFactory.create()), by_user(UserFactory.create())]])
    signed_in.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {"Accept-Language": "ar"}})
    signed_in.execute_cdp_cmd("Network.enable", {})
    address = f"{live_server.url}/admin/django_workflow_engine/workflow/{workflow.pk}/change/"
    page = Builder(signed_in, address)
    assert page.find("html").get_attribute("dir") == "rtl"

    page.press(f"[data-wb-prefix='{STAGES}'] > li:first-child > .wb-head", "remove")
    assert page.is_shown(f"[data-wb-prefix='{STAGES}'] > li:first-child .wb-undo")
    page.save()

    assert [stage.name_en for stage in Stage.objects.all()] == ["Stage 1.2"]
    assert not page.mistakes()
