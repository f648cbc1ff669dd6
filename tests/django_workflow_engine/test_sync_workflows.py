"""Classes into templates: made, changed, compared, refused."""

import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from io import StringIO
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command

from django_workflow_engine import workflows
from django_workflow_engine.differences import difference
from django_workflow_engine.exceptions import InvalidConfiguration
from django_workflow_engine.models import Stage, WorkFlow, WorkflowAttachment
from django_workflow_engine.versions import current_snapshot
from tests.factories import RoleFactory, UserFactory
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db

MODULE = "tests.testapp.workflows"


def claim(
    name: str = "Review", person: str = "ann", code: str = "review", **options: Any
) -> type[workflows.Workflow]:
    """A workflow with one stage for a person and one for a role."""
    parts = {
        code: workflows.Stage(name, approvals=[workflows.person(person)]),
        "pay": workflows.Stage("Pay", approvals=[workflows.role("Clerks")]),
        "Meta": type("Meta", (), {"slug": "claim", **options}),
    }
    return type("Claim", (workflows.Workflow,), parts)


@pytest.fixture
def ann() -> Any:
    RoleFactory.create(name="Clerks")
    return UserFactory.create(username="ann")


def changes(cls: type[workflows.Workflow], **options: Any) -> list[str]:
    [imported] = workflows.sync_workflows([cls], **options)
    assert not imported.created
    return [str(change) for change in imported.changes]


class TestSync:
    def test_a_class_is_made_a_template_once(self, ann: Any) -> None:
        assert [each.created for each in workflows.sync_workflows([claim()])] == [True]
        revision = WorkFlow.objects.get().revision
        assert changes(claim()) == []
        assert WorkFlow.objects.get().revision == revision

    def test_what_differs_is_told_and_written(self, ann: Any) -> None:
        workflows.sync_workflows([claim()])
        UserFactory.create(username="bob")
        assert changes(claim("Look", "bob")) == [
            "Claim / Look / name_en: Review becomes Look",
            "Claim / Look / stage_info.approvals[0].approval_user: ann becomes bob",
        ]

    def test_a_stage_under_another_name_is_the_same_row(self, ann: Any) -> None:
        workflows.sync_workflows([claim()])
        stage = Stage.objects.get(code="review")
        workflows.sync_workflows([claim("Look")])
        stage.refresh_from_db()
        assert stage.name_en == "Look"

    def test_a_stage_under_another_code_is_the_same_row(self, ann: Any) -> None:
        workflows.sync_workflows([claim()])
        stage = Stage.objects.get(code="review")
        assert changes(claim(code="look")) == ["Claim / Review / code: review becomes look"]
        stage.refresh_from_db()
        assert stage.code == "look"

    def test_objects_under_way_keep_their_version(self, ann: Any) -> None:
        workflows.sync_workflows([claim()])
        claim().start(Document.objects.create(), ann)
        before = current_snapshot(claim().template())
        workflows.sync_workflows([claim("Look")])
        [attachment] = WorkflowAttachment.objects.all()
        assert attachment.workflow == before
        [change] = difference(before, claim().template())
        assert str(change) == ("Claim / Look: 'name (English)' was 'Review' and is now 'Look'.")

    def test_a_dry_run_tells_the_same_and_writes_nothing(self, ann: Any) -> None:
        assert workflows.sync_workflows([claim()], dry_run=True)[0].created
        assert not WorkFlow.objects.exists()
        workflows.sync_workflows([claim()])
        told = changes(claim("Look"), dry_run=True)
        assert Stage.objects.filter(name_en="Review").exists()
        assert changes(claim("Look")) == told != []

    def test_the_author_is_noted(self, ann: Any) -> None:
        workflows.sync_workflows([claim()], user=ann)
        assert WorkFlow.objects.get().changed_by == ann

    # V-7
    def test_permissions_of_its_own_are_created(self, ann: Any) -> None:
        workflows.sync_workflows([claim(creates_permissions=True)])
        names = Permission.objects.filter(codename__contains=":claim")
        assert set(names.values_list("codename", flat=True)) == {
            "start:claim",
            "view:claim",
            "act:claim",
            "act:claim:review",
            "act:claim:pay",
        }

    def test_other_templates_are_left_alone(self, ann: Any) -> None:
        other = WorkFlow.objects.create(name_en="Other", slug="other")
        workflows.sync_workflows([claim()])
        other.refresh_from_db()
        assert other.revision == 1


class TestMistakes:
    def errors_of(self, *classes: type[workflows.Workflow]) -> dict[str, str]:
        with pytest.raises(InvalidConfiguration) as caught:
            workflows.sync_workflows(classes)
        assert not WorkFlow.objects.exists()
        return dict(caught.value.errors)

    def test_names_that_mean_nothing_are_told_by_class_and_attribute(self) -> None:
        assert self.errors_of(claim(company="acme", department="Sales")) == {
            "Claim.Meta.company": "There is no user called 'acme'.",
            "Claim.Meta.department": "There is no department called 'Sales'.",
            "Claim.review.approvals[0].approval_user": "There is no user called 'ann'.",
            "Claim.pay.approvals[0].user_role": "There is no role called 'Clerks'.",
        }

    def test_stages_of_pipelines_are_named_with_them(self) -> None:
        class Nested(workflows.Workflow):
            class Desk(workflows.Pipeline):
                look = workflows.Stage("Look", approvals=[workflows.requester()])

                class Meta:
                    department = "Sales"

            class Other(workflows.Pipeline):
                check = workflows.Stage("Check", approvals=[workflows.person("ann")])

        nested = Nested.__qualname__
        assert self.errors_of(Nested) == {
            f"{nested}.Desk.Meta.department": "There is no department called 'Sales'.",
            f"{nested}.Other.check.approvals[0].approval_user": "There is no user called 'ann'.",
        }

    @pytest.mark.parametrize(
        ("stage", "path"),
        [
            (workflows.JobStage("A", job=lambda: None), "job.function"),
            (workflows.JobStage("A", job="os.system"), "job.function"),
            (workflows.TimerStage("A"), "timer"),
            (workflows.StatusStage("A", statuses=[workflows.Status("New")]), "statuses"),
            (workflows.Stage("A", color="blue"), "color"),
            (workflows.Stage("A", skip_when="object.amount >"), "skip_when"),
            (
                workflows.Stage("A", actions=[workflows.Action("never", "note")]),
                "actions[0].action_type",
            ),
        ],
    )
    def test_what_a_stage_cannot_be(self, stage: Any, path: str) -> None:
        cls = type("Wrong", (workflows.Workflow,), {"first": stage})
        assert list(self.errors_of(cls)) == [f"Wrong.first.{path}"]

    def test_what_cannot_be_run_is_refused(self, ann: Any) -> None:
        class Stuck(workflows.Workflow):
            check = workflows.Stage("Check", approvals=[workflows.requester()])
            loop = workflows.Stage(
                "Loop", approvals=[workflows.requester()], routes=[workflows.Route("loop")]
            )
            nobody = workflows.Stage("Nobody")

        name = Stuck.__qualname__
        assert self.errors_of(Stuck) == {
            f"{name}.check": "From here no way leads to the end.",
            f"{name}.loop": "From here no way leads to the end.",
            f"{name}.nobody": "The stage has no approvals. No way leads here.",
        }

    def test_conditions_are_judged_against_the_models_of_the_settings(
        self, ann: Any, settings: Any
    ) -> None:
        class Titled(workflows.Workflow):
            check = workflows.Stage(
                "Check", approvals=[workflows.requester()], skip_when="document.tittle == 'x'"
            )

        settings.DJANGO_WORKFLOW_ENGINE = {
            "MODEL_WORKFLOW_MAPPINGS": {"testapp.Document": ["titled"]}
        }
        [(place, message)] = self.errors_of(Titled).items()
        assert place == f"{Titled.__qualname__}.check"
        assert "testapp.Document has no field 'tittle'" in message

    def test_an_empty_class_says_what_it_lacks(self) -> None:
        cls = type("Empty", (workflows.Workflow,), {})
        assert self.errors_of(cls) == {"Empty.Meta": "The workflow has no pipelines."}

    def test_two_classes_of_one_slug(self, ann: Any) -> None:
        first, second = claim(), claim()
        assert self.errors_of(first, second) == {
            "Claim.Meta.slug": f"{first.__module__}.Claim has the same slug, 'claim'."
        }


class TestCommand:
    @pytest.fixture
    def module(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
        """The module `workflows` of the only app that has one."""
        module = ModuleType(MODULE)
        module.__spec__ = ModuleSpec(MODULE, None)
        monkeypatch.setitem(sys.modules, MODULE, module)
        testapp = apps.get_app_config("testapp")
        monkeypatch.setattr(apps, "get_app_configs", lambda: [testapp])
        return module

    def run(self, *args: str) -> tuple[str, str]:
        out, err = StringIO(), StringIO()
        try:
            call_command("sync_workflows", *args, stdout=out, stderr=err)
        except CommandError as error:
            err.write(f"{error}\n")
        return out.getvalue(), err.getvalue()

    def test_classes_of_apps_are_found(self, ann: Any, module: Any) -> None:
        module.Claim, module.Workflow = claim(), workflows.Workflow
        module.Same = module.Claim
        module.Abstract = type(
            "Abstract", (workflows.Workflow,), {"Meta": type("Meta", (), {"abstract": True})}
        )
        assert workflows.installed_workflows() == [module.Claim]

    def test_there_and_again(self, ann: Any, module: Any) -> None:
        module.Claim = claim()
        assert self.run() == ("claim: new\n", "")
        assert self.run() == ("claim: unchanged\n", "")
        assert self.run("--check") == ("claim: unchanged\nNothing was written.\n", "")

    @pytest.mark.parametrize("option", ["--dry-run", "--check"])
    def test_differences_are_told_in_words(self, ann: Any, module: Any, option: str) -> None:
        module.Claim = claim()
        self.run()
        module.Claim = claim("Look")
        out, err = self.run(option)
        assert out.splitlines() == [
            "claim: changed",
            "  Claim / Look / name_en: Review becomes Look",
            "Nothing was written.",
        ]
        assert err == ("Not as the code says: claim.\n" if option == "--check" else "")
        assert not Stage.objects.filter(name_en="Look").exists()

    def test_mistakes_are_told_by_class_and_attribute(self, module: Any) -> None:
        module.Claim = claim()
        out, err = self.run()
        assert out == ""
        assert err.splitlines() == [
            "Claim.review.approvals[0].approval_user: There is no user called 'ann'.",
            "Claim.pay.approvals[0].user_role: There is no role called 'Clerks'.",
            "Nothing was written. Errors: 2",
        ]

    def test_the_author_can_be_named(self, ann: Any, module: Any) -> None:
        module.Claim = claim()
        self.run("--user", "ann")
        assert WorkFlow.objects.get().changed_by == ann
        assert self.run("--user", "nobody")[1] == "There is no user 'nobody'.\n"
