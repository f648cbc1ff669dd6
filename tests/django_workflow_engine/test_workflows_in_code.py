"""Classes that describe workflows: what they say, what they refuse, how objects start on them."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import jsonschema
import pytest

from django_workflow_engine import workflows
from django_workflow_engine.choices import ActionType
from django_workflow_engine.exceptions import WorkflowMisconfigured
from django_workflow_engine.files import export_workflows
from django_workflow_engine.files.checking import file_schema
from django_workflow_engine.models import Stage, WorkFlow
from django_workflow_engine.services import (
    get_workflow_attachment,
    update_stage_status,
    validate_completeness,
)
from django_workflow_engine.workflows.content import content_of
from tests.factories import PurchaseRequestFactory, RoleFactory, UserFactory
from tests.testapp.models import Document, UuidDocument
from tests.testapp.workflow_actions import note, score

pytestmark = pytest.mark.django_db

LARGE = "purchaserequest.amount > 1000"
FUNCTIONS = "tests.testapp.workflow_actions"


class Purchase(workflows.Workflow):
    """Every kind of stage, in two pipelines."""

    checks = workflows.Group(join=1)

    class Finance(workflows.Pipeline):
        look = workflows.StatusStage(
            "Look at it",
            "انظر",
            color="#3498db",
            statuses=[
                workflows.Status("New", default=True),
                workflows.Status("Fine", completes=True),
                workflows.Status("Refused", rejects=True),
            ],
            routes=[workflows.Route("score", when=LARGE), workflows.Route("wait")],
            max_visits=3,
        )
        score = workflows.JobStage("Score", job=score, parameters={"score": 700})
        wait = workflows.TimerStage("Wait", duration=timedelta(days=2))
        until = workflows.TimerStage("Until", until="now", skip_when="!" + LARGE.join("()"))

        class Meta:
            name_en = "Finance"
            name_ar = "المالية"

    class LastChecks(workflows.Pipeline):
        tax = workflows.Stage(
            "Tax",
            group="checks",
            approvals=[
                workflows.role("Clerks", "quorum", quorum_count=2, sla_duration=timedelta(days=1))
            ],
        )
        legal = workflows.Stage(
            "Legal",
            group="checks",
            approvals=[workflows.person("ann"), workflows.requester()],
            approve_when="!" + LARGE.join("()"),
            actions=[workflows.Action(ActionType.AFTER_APPROVE, note, when=LARGE)],
        )

    class Meta:
        company = "ann"
        actions = [
            workflows.Action(
                ActionType.ON_WORKFLOW_COMPLETE,
                "note",
                parameters={"returns": 1},
                compensation=note,
            )
        ]


class Hello(workflows.Workflow):
    """Stages without pipelines."""

    approve = workflows.Stage("Approve", approvals=[workflows.person("ann")])


class Base(workflows.Workflow):
    check = workflows.Stage("Check", approvals=[workflows.requester()])
    pay = workflows.Stage("Pay", approvals=[workflows.team_head()])

    class Meta:
        abstract = True
        is_active = False


class Special(Base):
    check = workflows.Stage("Check twice", approvals=[workflows.department_head()])
    thank = workflows.Stage("Thank", approvals=[workflows.assigned("requester")])


class Short(Base):
    pay = None

    class Meta(Base.Meta):
        name_en = "In short"


@pytest.fixture
def ann() -> Any:
    return UserFactory.create(username="ann")


@pytest.fixture
def people(ann: Any) -> Any:
    clerks = RoleFactory.create(name="Clerks")
    UserFactory.create_batch(2, role=clerks)
    return ann


def said(cls: type[workflows.Workflow]) -> dict[str, Any]:
    content = content_of([cls])
    jsonschema.validate(content, file_schema())
    workflow: dict[str, Any] = content["workflows"][0]
    return workflow


def stages(cls: type[workflows.Workflow]) -> dict[str, dict[str, Any]]:
    return {
        stage["code"]: stage for pipeline in said(cls)["pipelines"] for stage in pipeline["stages"]
    }


class TestContent:
    def test_names_come_from_the_class(self) -> None:
        class LeaveOfAbsence(workflows.Workflow):
            ask = workflows.Stage("Ask", approvals=[workflows.requester()])

        workflow = said(LeaveOfAbsence)
        assert (workflow["slug"], workflow["name_en"]) == ("leave_of_absence", "Leave of absence")

    def test_stages_alone_are_in_a_pipeline_called_as_the_workflow(self) -> None:
        [pipeline] = said(Hello)["pipelines"]
        assert pipeline["name_en"] == "Hello"
        assert [stage["code"] for stage in pipeline["stages"]] == ["approve"]

    def test_kinds_of_stages(self) -> None:
        found = stages(Purchase)
        assert found["look"]["stage_info"]["statuses"] == [
            {"name": "New", "default": True, "completes": False, "rejects": False},
            {"name": "Fine", "default": False, "completes": True, "rejects": False},
            {"name": "Refused", "default": False, "completes": False, "rejects": True},
        ]
        assert found["score"]["stage_info"] == {
            "kind": "job",
            "job": {"function": f"{FUNCTIONS}.score", "parameters": {"score": 700}},
        }
        assert found["wait"]["stage_info"]["timer"] == {"duration": "P2DT00H00M00S"}
        assert found["until"]["stage_info"]["timer"] == {"until": "now"}

    # T-5
    def test_routes_and_conditions(self) -> None:
        look = stages(Purchase)["look"]["stage_info"]
        assert look["routes"] == [{"to": "score", "when": LARGE}, {"to": "wait"}]
        assert stages(Purchase)["until"]["stage_info"]["skip_when"] == f"!({LARGE})"

    # V-3
    def test_groups(self) -> None:
        for code in ("tax", "legal"):
            info = stages(Purchase)[code]["stage_info"]
            assert (info["parallel_group"], info["join"]) == ("checks", 1)

    def test_pipelines_run_side_by_side(self) -> None:
        class Beside(workflows.Workflow):
            desks = workflows.Group()

            class First(workflows.Pipeline):
                a = workflows.Stage("A", approvals=[workflows.requester()])

                class Meta:
                    group = "desks"

            class Second(workflows.Pipeline):
                b = workflows.Stage("B", approvals=[workflows.requester()])

                class Meta:
                    group = "desks"

        infos = [pipeline["pipeline_info"] for pipeline in said(Beside)["pipelines"]]
        assert infos == [{"parallel_group": "desks", "join": "all"}] * 2

    def test_approvals_name_people_as_files_do(self) -> None:
        [approval] = stages(Purchase)["tax"]["stage_info"]["approvals"]
        assert approval == {
            "approval_type": "ROLE",
            "user_role": "Clerks",
            "role_selection_strategy": "quorum",
            "quorum_count": 2,
            "sla_duration": "P1DT00H00M00S",
        }

    def test_actions_name_their_functions(self) -> None:
        [action] = said(Purchase)["actions"]
        assert (action["function_path"], action["compensation"]) == ("note", f"{FUNCTIONS}.note")
        [action] = stages(Purchase)["legal"]["actions"]
        assert (action["action_type"], action["when"]) == ("after_approve", LARGE)

    @pytest.mark.parametrize("level", ["workflow", "pipeline"])
    def test_people_are_asked_where_approvals_are(self, level: str) -> None:
        class Flat(workflows.Workflow):
            class Meta:
                approvals = [workflows.requester()]

        class Wide(workflows.Workflow):
            class Desk(workflows.Pipeline):
                class Meta:
                    approvals = [workflows.requester()]

        workflow = said({"workflow": Flat, "pipeline": Wide}[level])
        place = workflow if level == "workflow" else workflow["pipelines"][0]
        assert workflow["strategy"] == level
        assert place[f"{level}_info"] == {"approvals": [{"approval_type": "SELF"}]}


class TestSubclassing:
    # V-5
    def test_a_class_has_the_parts_of_those_it_is_made_of(self) -> None:
        assert [(code, stage["name_en"]) for code, stage in stages(Special).items()] == [
            ("check", "Check twice"),
            ("pay", "Pay"),
            ("thank", "Thank"),
        ]

    def test_none_takes_a_part_away(self) -> None:
        assert list(stages(Short)) == ["check"]

    def test_options_are_taken_over_but_for_names(self) -> None:
        assert (said(Special)["slug"], said(Special)["is_active"]) == ("special", False)
        assert (said(Short)["slug"], said(Short)["name_en"]) == ("short", "In short")
        assert not Short.options.abstract


class TestMistakes:
    """Each names the class and the attribute, when the class is made."""

    def refusal(self, **attributes: Any) -> str:
        with pytest.raises(WorkflowMisconfigured) as caught:
            type("Wrong", (workflows.Workflow,), attributes)
        return str(caught.value)

    def stage(self, **keys: Any) -> workflows.Stage:
        return workflows.Stage("A", approvals=[workflows.requester()], **keys)

    def test_an_unknown_option(self) -> None:
        text = self.refusal(Meta=type("Meta", (), {"slugs": "x"}))
        assert text == "Wrong.Meta.slugs: there is no such option. Did you mean 'slug'?"

    def test_a_route_to_nowhere(self) -> None:
        text = self.refusal(check=self.stage(routes=[workflows.Route("chek")]))
        assert text.startswith("Wrong.check.routes[0].to: there is no stage 'chek'.")
        assert "check" in text.partition("chek'.")[2]

    def test_an_unknown_group(self) -> None:
        text = self.refusal(check=self.stage(group="grop"), group=workflows.Group())
        assert text.startswith("Wrong.check.group: there is no group 'grop'.")

    def test_a_group_of_another_class(self) -> None:
        text = self.refusal(check=self.stage(group=workflows.Group()))
        assert text.startswith("Wrong.check.group: there is no group ''.")

    def test_stages_beside_pipelines(self) -> None:
        text = self.refusal(check=self.stage(), Desk=type("Desk", (workflows.Pipeline,), {}))
        assert text == "Wrong.check: expected stages or pipelines here, not both."

    def test_a_department_beside_pipelines(self) -> None:
        text = self.refusal(
            Desk=type("Desk", (workflows.Pipeline,), {}),
            Meta=type("Meta", (), {"department": "Sales"}),
        )
        assert text.startswith("Wrong.Meta.department: expected in the Meta of a pipeline")

    def test_one_code_in_two_pipelines(self) -> None:
        desks = {
            name: type(name, (workflows.Pipeline,), {"check": self.stage()}) for name in ("A", "B")
        }
        text = self.refusal(**desks)
        assert text == "Wrong.B.check: A.check has the same name, which is the code of a stage."

    @pytest.mark.parametrize("name", ["start", "template", "end"])
    def test_a_name_that_is_not_free(self, name: str) -> None:
        text = self.refusal(**{name: self.stage()})
        assert text == f"Wrong.{name}: this name is not free; take another one."


class TestStarting:
    # T-11
    def test_the_template_is_what_the_class_says(self, people: Any) -> None:
        workflows.sync_workflows([Purchase])
        template = Purchase.template()
        assert validate_completeness(template) == {}
        exported = export_workflows([template]).content["workflows"][0]
        assert [pipeline["name_en"] for pipeline in exported["pipelines"]] == [
            "Finance",
            "Last checks",
        ]
        assert exported["company"] == "ann"

    # T-1, T-2: the steps with their codes, the first and the last.
    def test_stages_have_their_codes(self, people: Any) -> None:
        workflows.sync_workflows([Purchase])
        found = Stage.objects.filter(pipeline__workflow=Purchase.template())
        codes = found.order_by("pipeline__order", "order").values_list("code", flat=True)
        assert list(codes) == ["look", "score", "wait", "until", "tax", "legal"]

    def test_without_a_template_it_is_said_what_to_do(self) -> None:
        with pytest.raises(WorkflowMisconfigured, match=r"'hello' yet: run manage\.py sync"):
            Hello.template()

    # T-7
    def test_an_object_is_started_by_the_class(self, people: Any) -> None:
        workflows.sync_workflows([Purchase])
        request = PurchaseRequestFactory.create(amount=Decimal("1000.01"))
        attachment = Purchase.start(request, people, metadata={"urgent": True})
        assert attachment.workflow.cloned_from == Purchase.template()
        assert (attachment.started_by, attachment.metadata) == (people, {"urgent": True})
        assert attachment.current_stage.code == "look"

    # T-5: a whole number and a decimal compare.
    @pytest.mark.parametrize(("amount", "stage"), [("1000.00", "wait"), ("1000.01", "score")])
    def test_its_condition_decides(self, people: Any, amount: str, stage: str) -> None:
        workflows.sync_workflows([Purchase])
        request = PurchaseRequestFactory.create(amount=Decimal(amount))
        Purchase.start(request, people)
        update_stage_status(request, "Fine", people)
        attachment = get_workflow_attachment(request)
        assert attachment is not None
        assert attachment.current_stage.code == stage

    # T-10, V-1: any model, whatever its key.
    @pytest.mark.parametrize("model", [Document, UuidDocument])
    def test_any_model_can_start(self, ann: Any, model: Any) -> None:
        workflows.sync_workflows([Hello])
        obj = model.objects.create()
        assert Hello.start(obj, ann).target == obj

    def test_a_version_is_not_taken_for_the_template(self, ann: Any) -> None:
        workflows.sync_workflows([Hello])
        Hello.start(Document.objects.create(), ann)
        WorkFlow.objects.templates().filter(slug="hello").update(slug="other")
        with pytest.raises(WorkflowMisconfigured):
            Hello.template()
