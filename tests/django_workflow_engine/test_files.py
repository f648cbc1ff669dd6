"""Workflows as files: written, read again, compared."""

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.utils.translation import override

from django_workflow_engine import files
from django_workflow_engine.choices import ActionType, StageKind, WorkflowStatus, WorkflowStrategy
from django_workflow_engine.exceptions import InvalidWorkflowFile
from django_workflow_engine.files import FileFormat, dump, export_workflows, import_workflows, load
from django_workflow_engine.files import text as files_text
from django_workflow_engine.files.checking import SCHEMA_FILE, file_schema
from django_workflow_engine.files.layout import ACTION, PIPELINE, STAGE, WORKFLOW
from django_workflow_engine.models import Pipeline, Stage, WorkFlow, WorkflowAction
from django_workflow_engine.schemas.approvals import READERS
from django_workflow_engine.schemas.places import GROUP_READERS, STAGE_READERS
from django_workflow_engine.schemas.references import SETTING_OF_KEY
from django_workflow_engine.services import attach_workflow_to_object
from purchasing.models import Department, DynamicForm, Role
from tests.factories import (
    DepartmentFactory,
    DynamicFormFactory,
    PurchaseRequestFactory,
    RoleFactory,
    UserFactory,
    by_role,
    by_user,
    make_workflow,
    stages_of,
)
from tests.testapp.models import UuidRole

pytestmark = pytest.mark.django_db

FUNCTION = "tests.testapp.workflow_actions.note"

FILE = """\
format: 1
workflows:
  - slug: purchase
    name_en: Purchase
    name_ar: شراء
    company: acme
    actions:
      - action_type: on_workflow_complete
        function_path: tests.testapp.workflow_actions.note
        parameters:
          a:
            - 1
            - 2
          b: 'no'
        order: 1
    pipelines:
      - name_en: Finance
        order: 1
        department: Accounts
        stages:
          - name_en: Check
            order: 1
            stage_info:
              approvals:
                - approval_type: ROLE
                  quorum_count: 2
                  role_selection_strategy: quorum
                  sla_duration: P2DT00H00M00S
                  timeout_action: delegate
                  timeout_delegate_to: ann
                  user_role: Managers
                - approval_type: USER
                  approval_user: ann
                  required_form: Budget
              color: '#3498db'
            form_info:
              required_form: Budget
          - name_en: Pay
            name_ar: ادفع
            order: 2
            stage_info:
              approvals:
                - approval_type: TEAM_HEAD
            actions:
              - action_type: after_approve
                function_path: tests.testapp.workflow_actions.note
                conditions:
                  amount__gte: 1000
                execution: inline
                failure_policy: stop
                order: 2
                is_active: false
"""


ROUTING = """\
format: 1
workflows:
  - slug: claim
    name_en: Claim
    pipelines:
      - name_en: Claims
        order: 1
        pipeline_info:
          parallel_group: desks
          join: any
        stages:
          - name_en: Review
            code: look
            order: 1
            stage_info:
              kind: status
              max_visits: 3
              routes:
                - priority: 2
                  to: score
                  when: object.amount > 1000.0
                - to: end
              skip_when: object.amount < 1.0
              statuses:
                - completes: true
                  name: Approved
                - default: true
                  name: New
                - name: Refused
                  rejects: true
          - name_en: Score
            order: 2
            stage_info:
              job:
                function: tests.testapp.workflow_actions.score
                parameters:
                  score: 700
              kind: job
          - name_en: Wait
            order: 3
            stage_info:
              kind: timer
              timer:
                duration: P2DT00H00M00S
          - name_en: Until
            order: 4
            stage_info:
              kind: timer
              timer:
                until: object.created_at + duration("1h")
            actions:
              - action_type: after_move_stage
                function_path: tests.testapp.workflow_actions.note
                when: object.amount > 5.0
                compensation: tests.testapp.workflow_actions.note
                order: 1
          - name_en: Tax
            order: 5
            stage_info:
              approvals:
                - approval_type: SELF
              approve_when: object.amount < 5.0
              join: 2
              parallel_group: checks
"""


@pytest.fixture
def world() -> dict[str, Any]:
    """What the file names."""
    return {
        "ann": UserFactory.create(username="ann"),
        "acme": UserFactory.create(username="acme"),
        "role": RoleFactory.create(name="Managers"),
        "form": DynamicFormFactory.create(name="Budget"),
        "department": DepartmentFactory.create(name="Accounts"),
    }


def content(text: str = FILE) -> Any:
    return load(text, FileFormat.YAML)


def exported(**options: Any) -> str:
    return dump(export_workflows(WorkFlow.objects.templates()).content, FileFormat.YAML)


def errors_of(changed: Any) -> dict[str, str]:
    """The errors of a file, which leaves nothing behind."""
    before = (WorkFlow.objects.count(), Stage.objects.count())
    with pytest.raises(InvalidWorkflowFile) as caught:
        import_workflows(changed)
    assert (WorkFlow.objects.count(), Stage.objects.count()) == before
    return caught.value.errors


def replaced(old: str, new: str) -> Any:
    assert old in FILE
    return content(FILE.replace(old, new, 1))


class TestRoundTrip:
    def test_export_import_export_is_the_same_text(self, world):
        import_workflows(content())
        assert exported() == FILE
        WorkFlow.objects.all().delete()
        import_workflows(content(FILE))
        assert exported() == FILE

    @pytest.mark.parametrize("file_format", list(FileFormat))
    def test_in_both_formats(self, world, file_format):
        import_workflows(content())
        first = dump(export_workflows(WorkFlow.objects.templates()).content, file_format)
        WorkFlow.objects.all().delete()
        import_workflows(load(first, file_format))
        assert dump(export_workflows(WorkFlow.objects.templates()).content, file_format) == first

    def test_in_another_database_names_lead_to_other_keys(self, world):
        import_workflows(content())
        WorkFlow.objects.all().delete()
        for name in ("role", "form", "department"):
            model = type(world[name])
            model.objects.all().delete()
            model.objects.create(name="Other", **({"form_schema": {}} if name == "form" else {}))
        roles = RoleFactory.create(name="Managers")
        form, department = DynamicFormFactory(name="Budget"), DepartmentFactory(name="Accounts")
        import_workflows(content())
        stage = Stage.objects.get(name_en="Check")
        assert stage.stage_info["approvals"][0]["user_role"] == roles.pk
        assert stage.form_info == {"required_form": form.pk}
        assert stage.pipeline.department == department
        assert stage.pipeline.workflow.company == world["acme"]
        assert exported() == FILE

    def test_importing_again_changes_nothing(self, world):
        assert [each.created for each in import_workflows(content())] == [True]
        before = [
            list(model.objects.order_by("pk").values())
            for model in (WorkFlow, Pipeline, Stage, WorkflowAction)
        ]
        (again,) = import_workflows(content())
        assert (again.created, list(again.changes)) == (False, [])
        after = [
            list(model.objects.order_by("pk").values())
            for model in (WorkFlow, Pipeline, Stage, WorkflowAction)
        ]
        assert after == before

    def test_spelling_and_defaults_make_no_change(self, world):
        import_workflows(content())
        short = FILE.replace("        order: 1\n        department", "        department")
        short = short.replace("P2DT00H00M00S", "172800").replace(": quorum", ": QUORUM")
        assert short != FILE
        (again,) = import_workflows(content(short))
        assert list(again.changes) == []

    def test_kinds_routes_and_groups_come_back(self):
        jsonschema.validate(content(ROUTING), file_schema())
        import_workflows(content(ROUTING))
        assert content(exported()) == content(ROUTING)
        first = exported()
        WorkFlow.objects.all().delete()
        import_workflows(content(first))
        assert exported() == first

    @pytest.mark.parametrize("strategy", ["pipeline", "workflow"])
    def test_where_other_levels_ask(self, world, strategy):
        info = {"approvals": [by_role(world["role"])]}
        if strategy == "workflow":
            WorkFlow.objects.create(name_en="Leave", strategy=strategy, workflow_info=info)
        else:
            workflow = WorkFlow.objects.create(name_en="Leave", strategy=strategy)
            Pipeline.objects.create(workflow=workflow, name_en="HR", order=0, pipeline_info=info)
        first = exported()
        assert "user_role: Managers" in first
        WorkFlow.objects.all().delete()
        import_workflows(content(first))
        assert exported() == first

    def test_snapshots_and_default_actions_stay_out(self, world):
        make_workflow(slug="purchase")
        template = WorkFlow.objects.get()
        attach_workflow_to_object(PurchaseRequestFactory.create(), template)
        plain = export_workflows(WorkFlow.objects.templates()).content
        assert [workflow["slug"] for workflow in plain["workflows"]] == ["purchase"]
        assert "actions" not in plain["workflows"][0]

    def test_default_actions_are_made_and_left_alone(self, world):
        import_workflows(content())
        defaults = WorkflowAction.objects.filter(is_default=True)
        assert defaults.count() == 5
        import_workflows(replaced("name_en: Pay", "name_en: Transfer"))
        assert defaults.count() == 5


class TestDefaultActions:
    """What a new workflow gets is not written down; what people made of it is."""

    @pytest.fixture
    def template(self, world: dict[str, Any]) -> WorkFlow:
        """Its first default action is switched off, its second one is gone."""
        import_workflows(content())
        first, second, *_others = WorkflowAction.objects.filter(is_default=True)
        first.is_active = False
        first.save()
        second.delete()
        return WorkFlow.objects.get(slug="purchase")

    def defaults(self) -> list[tuple[str, bool]]:
        rows = WorkflowAction.objects.filter(is_default=True)
        return list(rows.values_list("action_type", "is_active"))

    def test_those_that_were_changed_come_back(self, template):
        first, before = exported(), self.defaults()
        WorkFlow.objects.all().delete()
        import_workflows(content(first))
        assert self.defaults() == before
        assert len(before) == 4
        assert exported() == first

    def test_importing_them_again_changes_nothing(self, template):
        revision = template.revision
        (imported,) = import_workflows(content(exported()))
        template.refresh_from_db()
        assert (imported.changes, template.revision) == ([], revision)

    def test_those_of_the_project_do_not_show(self, world, settings):
        import_workflows(content())
        assert "default_actions" not in exported()
        settings.WORKFLOW_AUTO_CREATE_ACTIONS = False
        assert len(content(exported())["workflows"][0]["default_actions"]) == 5

    def test_none_at_all_is_an_empty_list(self, world):
        import_workflows(content())
        WorkflowAction.objects.filter(is_default=True).delete()
        assert content(exported())["workflows"][0]["default_actions"] == []
        (imported,) = import_workflows(content(exported()))
        assert imported.changes == []

    def test_changes_are_told_in_words_and_make_a_version(self, template):
        changed, revision = content(exported()), template.revision
        changed["workflows"][0]["default_actions"] = []
        (imported,) = import_workflows(changed)
        template.refresh_from_db()
        assert self.defaults() == []
        assert len(imported.changes) == 4
        assert all(str(change).endswith("removed default action") for change in imported.changes)
        assert template.revision > revision

    def test_a_file_without_them_leaves_them_alone(self, template):
        before = self.defaults()
        (imported,) = import_workflows(content())
        assert (imported.changes, self.defaults()) == ([], before)

    @pytest.mark.parametrize(
        ("wrong", "path"),
        [
            ({"function_path": "os.system"}, "function_path"),
            ({"parameters": {"template": "gone"}}, "parameters.template"),
        ],
    )
    def test_mistakes_are_told_with_their_places(self, template, wrong, path):
        changed = content(exported())
        changed["workflows"][0]["default_actions"][1].update(wrong)
        before = self.defaults()
        with pytest.raises(InvalidWorkflowFile) as caught:
            import_workflows(changed)
        assert list(caught.value.errors) == [f"workflows[0].default_actions[1].{path}"]
        assert self.defaults() == before


class TestChanging:
    def changes(self, changed: Any) -> list[str]:
        import_workflows(content())
        (imported,) = import_workflows(changed)
        assert not imported.created
        return [str(change) for change in imported.changes]

    def test_differences_are_told_in_words(self, world):
        changed = FILE.replace("name_ar: شراء", "name_ar: المشتريات")
        changed = changed.replace("quorum_count: 2", "quorum_count: 3")
        assert self.changes(content(changed)) == [
            "name_ar: شراء becomes المشتريات",
            "Finance / Check / stage_info.approvals[0].quorum_count: 2 becomes 3",
        ]

    def test_in_arabic_too(self, world):
        import_workflows(content())
        (imported,) = import_workflows(replaced("company: acme", "company: ann"))
        with override("ar"):
            assert str(imported.changes[0]) == "company: كانت القيمة acme وتصبح ann"

    def test_a_renamed_stage_is_the_same_row(self, world):
        import_workflows(content())
        stage = Stage.objects.get(name_en="Pay")
        import_workflows(replaced("name_en: Pay", "name_en: Transfer"))
        stage.refresh_from_db()
        assert stage.name_en == "Transfer"

    def test_a_stage_with_a_code_keeps_its_row_under_another_name_and_order(self):
        import_workflows(content(ROUTING))
        stage = Stage.objects.get(code="look")
        changed = ROUTING.replace("name_en: Review", "name_en: Second look")
        import_workflows(
            content(changed.replace("order: 1\n            stage", "order: 9\n            stage"))
        )
        stage.refresh_from_db()
        assert (stage.name_en, stage.order) == ("Second look", 9)

    def test_stages_that_change_places_keep_their_rows(self, world):
        import_workflows(content())
        keys = dict(Stage.objects.values_list("name_en", "pk"))
        swapped = content()
        swapped["workflows"][0]["pipelines"][0]["stages"].reverse()
        for order, stage in enumerate(swapped["workflows"][0]["pipelines"][0]["stages"], start=1):
            stage["order"] = order
        import_workflows(swapped)
        assert dict(Stage.objects.values_list("name_en", "pk")) == keys
        assert [stage.name_en for stage in stages_of(WorkFlow.objects.get())] == ["Pay", "Check"]

    def test_what_the_file_does_not_have_is_deleted(self, world):
        changed = content()
        changed["workflows"][0]["pipelines"][0]["stages"].pop()
        changed["workflows"][0]["actions"] = []
        assert self.changes(changed) == [
            f"on_workflow_complete {FUNCTION}: removed action",
            "Finance / Pay: removed stage",
        ]
        assert Stage.objects.count() == 1

    def test_new_rows_are_told(self, world):
        changed = content()
        changed["workflows"][0]["pipelines"].append({"name_en": "Legal"})
        assert self.changes(changed) == ["Legal: added pipeline"]
        assert Pipeline.objects.get(name_en="Legal").order == 2

    def test_objects_under_way_keep_their_version(self, world):
        import_workflows(content())
        item = PurchaseRequestFactory.create()
        template = WorkFlow.objects.get()
        attachment = attach_workflow_to_object(item, template, auto_start=False)
        import_workflows(replaced("name_en: Pay", "name_en: Transfer"))
        assert stages_of(attachment.workflow)[1].name_en == "Pay"
        other = attach_workflow_to_object(
            PurchaseRequestFactory.create(), template, auto_start=False
        )
        assert other.workflow.version == 2

    def test_the_author_is_noted(self, world):
        import_workflows(content(), user=world["ann"])
        assert WorkFlow.objects.get().changed_by == world["ann"]

    def test_a_dry_run_tells_the_same_and_writes_nothing(self, world):
        assert import_workflows(content(), dry_run=True)[0].created
        assert not WorkFlow.objects.exists()
        import_workflows(content())
        changed = replaced("name_en: Pay", "name_en: Transfer")
        told = import_workflows(changed, dry_run=True)
        assert exported() == FILE
        assert import_workflows(changed) == told


class TestNames:
    def test_names_that_mean_nothing_are_told_with_their_places(self, world):
        Role.objects.all().delete()
        world["department"].delete()
        world["acme"].delete()
        assert errors_of(content()) == {
            "workflows[0].company": "There is no user called 'acme'.",
            "workflows[0].pipelines[0].department": "There is no department called 'Accounts'.",
            "workflows[0].pipelines[0].stages[0].stage_info.approvals[0].user_role": (
                "There is no role called 'Managers'."
            ),
        }

    def test_names_that_mean_several(self, world):
        DepartmentFactory.create(name="Accounts")
        (message,) = errors_of(content()).values()
        assert message == "There is more than one department called 'Accounts'."

    def test_what_cannot_be_told_apart_is_named_by_its_key_with_a_warning(self, world):
        import_workflows(content())
        DynamicForm.objects.create(name="Budget", form_schema={})
        export = export_workflows(WorkFlow.objects.all())
        place = "purchase, pipelines[0].stages[0].form_info.required_form"
        key = world["form"].pk
        assert f"{place}: there is no name for this, only the key {key}." in export.warnings
        assert import_workflows(export.content)[0].changes == []

    def test_a_role_that_is_gone_is_named_by_its_key(self, world):
        import_workflows(content())
        key = world["role"].pk
        Role.objects.all().delete()
        export = export_workflows(WorkFlow.objects.all())
        assert len(export.warnings) == 1
        path = "workflows[0].pipelines[0].stages[0].stage_info.approvals[0].user_role"
        errors = errors_of(export.content)
        assert list(errors) == [path]
        assert f"'{key}'" in errors[path]

    def test_natural_keys(self, settings, world):
        settings.APPROVAL_ROLE_MODEL = "auth.Group"
        group = Group.objects.create(name="Managers")
        make_workflow([[by_role(group)]], slug="by_group")
        text = exported()
        assert "user_role:\n" in text
        plain = content(text)
        approval = plain["workflows"][0]["pipelines"][0]["stages"][0]["stage_info"]["approvals"][0]
        assert approval["user_role"] == ["Managers"]
        assert import_workflows(plain)[0].changes == []
        approval["user_role"] = ["Nobody"]
        (message,) = errors_of(plain).values()
        assert message == "There is no group called 'Nobody'."

    def test_a_model_without_a_name_is_named_by_key(self, settings):
        settings.APPROVAL_ROLE_MODEL = "testapp.UuidRole"
        role = UuidRole.objects.create()
        make_workflow([[by_role(role, user_role=str(role.pk))]], slug="by_uuid")
        export = export_workflows(WorkFlow.objects.all())
        assert len(export.warnings) == 1
        assert import_workflows(export.content)[0].changes == []

    def test_without_the_setting_it_is_said_which_one_is_missing(self, settings, world):
        settings.DJANGO_WORKFLOW_ENGINE = {}
        errors = errors_of(content())
        assert errors == {
            "workflows[0].pipelines[0].department": (
                "The setting DEPARTMENT_MODEL does not say what this is."
            )
        }


class TestMistakes:
    """Everything is told with its place, and nothing is left behind."""

    @pytest.mark.parametrize(
        ("old", "new", "path"),
        [
            ("format: 1", "format: 2", "format"),
            ("format: 1", "format: true", "format"),
            ("slug: purchase", "slug: ''", "workflows[0].slug"),
            ("slug: purchase", "slug: 'a b'", "workflows[0].slug"),
            ("slug: purchase", "slugs: purchase", "workflows[0].slugs"),
            ("name_en: Purchase", "status: active", "workflows[0].name_en"),
            ("order: 1\n        department", "order: -1\n        department", "order"),
            ("name_en: Check", "name_en: 5", "stages[0].name_en"),
            ("color: '#3498db'", "color: blue", "stages[0].stage_info.color"),
            ("approval_type: ROLE", "approval_type: NOBODY", "approvals[0].approval_type"),
            ("quorum_count: 2", "quorum: 2", "approvals[0].quorum"),
            ("approval_user: ann", "approval_user: {key: 0}", "approvals[1].approval_user"),
            ("action_type: after_approve", "action_type: never", "actions[0].action_type"),
            ("tests.testapp.workflow_actions.note", "os.system", "actions[0].function_path"),
            ("execution: inline", "execution: later", "actions[0].execution"),
            ("approval_type: TEAM_HEAD", "approval_type: USER", "approvals[0].approval_user"),
        ],
    )
    def test_one_mistake(self, world, old, new, path):
        errors = errors_of(replaced(old, new))
        assert [place for place in errors if place.endswith(path)], errors

    @pytest.mark.parametrize(
        ("old", "new", "path"),
        [
            ("kind: status", "kind: people", "stages[0].stage_info.kind"),
            ("join: any", "join: some", "pipeline_info.join"),
            ("to: score", "goal: score", "stage_info.routes[0].goal"),
            ("object.amount > 1000.0", "object.amount >", "stage_info.routes[0].when"),
            ("duration: P2DT00H00M00S", "duration: soon", "stage_info.timer.duration"),
            ("workflow_actions.score", "workflow_actions.gone", "stage_info.job.function"),
            ("default: true", "default: 1", "statuses[1].default"),
        ],
    )
    def test_one_mistake_of_routing(self, old, new, path):
        assert old in ROUTING
        errors = errors_of(content(ROUTING.replace(old, new, 1)))
        assert [place for place in errors if place.endswith(path)], errors

    @pytest.mark.parametrize("value", [None, [], "text", {"format": 1}, {"workflows": []}])
    def test_what_is_no_file(self, value):
        assert errors_of(value)

    def test_a_stage_that_objects_are_at_is_not_deleted(self, world):
        import_workflows(content())
        UserFactory.create_batch(2, role=world["role"])
        item, template = PurchaseRequestFactory.create(), WorkFlow.objects.get()
        with pytest.warns(UserWarning, match="disable_clone"):
            attach_workflow_to_object(item, template, disable_clone=True)
        changed = content()
        del changed["workflows"][0]["pipelines"][0]["stages"][0]
        assert errors_of(changed) == {
            "workflows[0].workflow": "Something here is in use by objects that are under way."
        }

    def test_a_workflow_given_twice(self, world):
        twice = content()
        twice["workflows"] *= 2
        assert errors_of(twice) == {"workflows[1].slug": "This workflow is given twice."}

    def test_a_mistake_in_the_second_workflow_leaves_the_first_unwritten(self, world):
        both = content()
        both["workflows"].append({"slug": "b", "name_en": "B", "strategy": "stage"})
        both["workflows"][1]["actions"] = [
            {"action_type": "after_approve", "function_path": "os.system"}
        ]
        assert list(errors_of(both)) == ["workflows[1].actions[0].function_path"]

    @pytest.mark.parametrize(
        ("text", "file_format", "message"),
        [
            ("a: 1\na: 2", FileFormat.YAML, "given twice"),
            ('{"a": 1, "a": 2}', FileFormat.JSON, "given twice"),
            ("a: [", FileFormat.YAML, "expected"),
            ("{", FileFormat.JSON, "Expecting"),
            ("!!python/object/apply:os.system [ls]", FileFormat.YAML, "could not determine"),
            ("[" * 100_000, FileFormat.JSON, "nested too deeply"),
        ],
    )
    def test_text_that_cannot_be_read(self, text, file_format, message):
        with pytest.raises(InvalidWorkflowFile, match=message):
            load(text, file_format)

    def test_dates_stay_text(self):
        assert load("a: 2024-01-31", FileFormat.YAML) == {"a": "2024-01-31"}

    def test_without_pyyaml_it_is_said_what_to_install(self, monkeypatch):
        monkeypatch.setattr(files_text, "yaml", None)
        for function in (load, dump):
            with pytest.raises(InvalidWorkflowFile, match=r"django-dynamic-workflows\[yaml\]"):
                function("{}", FileFormat.YAML)
        assert load("{}", FileFormat.JSON) == {}


class TestSchema:
    def test_it_is_a_schema_that_exports_satisfy(self, world):
        jsonschema.Draft202012Validator.check_schema(file_schema())
        import_workflows(content())
        jsonschema.validate(export_workflows(WorkFlow.objects.all()).content, file_schema())

    def test_it_knows_the_keys_that_there_are(self):
        definitions = file_schema()["$defs"]
        layout = {"workflow": WORKFLOW, "pipeline": PIPELINE, "stage": STAGE, "action": ACTION}
        for name, keys in layout.items():
            assert definitions[name]["properties"].keys() == keys.keys()
        approval = definitions["approval"]["properties"]
        assert approval.keys() == READERS.keys()
        references = {key for key, rule in approval.items() if "$ref" in rule}
        assert references == SETTING_OF_KEY.keys()
        stage_info = definitions["stage"]["properties"]["stage_info"]["properties"]
        assert stage_info.keys() == {"color", "approvals", *STAGE_READERS}
        pipeline_info = definitions["pipeline"]["properties"]["pipeline_info"]["properties"]
        assert pipeline_info.keys() == {"approvals", *GROUP_READERS}

    def test_it_knows_the_words_that_there_are(self):
        workflow = file_schema()["$defs"]["workflow"]["properties"]
        assert workflow["status"]["enum"] == WorkflowStatus.values
        assert workflow["strategy"]["enum"] == WorkflowStrategy.values
        stage_info = file_schema()["$defs"]["stage"]["properties"]["stage_info"]["properties"]
        assert stage_info["kind"]["enum"] == StageKind.values

    def test_it_is_shipped_beside_the_module(self):
        assert Path(files.__file__).parent == SCHEMA_FILE.parent


class TestStatements:
    def test_exporting_takes_the_same_for_any_size(self, world, statements):
        counts = []
        for number in (1, 10):
            for _index in range(number):
                make_workflow([[by_user(world["ann"]), by_role(world["role"])]] * 2)
            with statements() as seen:
                export_workflows(WorkFlow.objects.templates())
            counts.append(seen.count)
        assert counts[0] == counts[1]

    def test_importing_takes_the_same_for_any_number_of_stages(self, world, statements):
        counts = []
        for number in (2, 20):
            plain = content()
            plain["workflows"][0]["slug"] = f"slug-{number}"
            stage = plain["workflows"][0]["pipelines"][0]["stages"][0]
            plain["workflows"][0]["pipelines"][0]["stages"] = [
                {**stage, "name_en": f"Stage {index}", "order": index} for index in range(number)
            ]
            with statements() as seen:
                import_workflows(plain)
            counts.append(seen.count)
        assert counts[0] == counts[1]


class TestCommands:
    def run(self, *args: str) -> tuple[str, str]:
        out, err = StringIO(), StringIO()
        try:
            call_command(*args, stdout=out, stderr=err)
        except CommandError as error:
            err.write(f"{error}\n")
        return out.getvalue(), err.getvalue()

    def test_there_and_back(self, world, tmp_path):
        path = tmp_path / "purchase.yaml"
        path.write_text(FILE, "utf-8")
        assert self.run("import_workflow", str(path)) == ("purchase: new\n", "")
        assert self.run("import_workflow", str(path)) == ("purchase: unchanged\n", "")
        assert self.run("export_workflow", "purchase") == (FILE, "")
        other = tmp_path / "all.json"
        assert self.run("export_workflow", "--all", "--output", str(other)) == ("", "")
        assert json.loads(other.read_text("utf-8")) == yaml.safe_load(FILE)
        assert self.run("import_workflow", str(other)) == ("purchase: unchanged\n", "")

    def test_the_format_can_be_named(self, world):
        import_workflows(content())
        text, _err = self.run("export_workflow", "purchase", "--format", "json")
        assert json.loads(text)["format"] == 1

    def test_a_dry_run(self, world, tmp_path):
        import_workflows(content())
        path = tmp_path / "purchase.yaml"
        path.write_text(FILE.replace("quorum_count: 2", "quorum_count: 3"), "utf-8")
        out, err = self.run("import_workflow", str(path), "--dry-run")
        assert out.splitlines() == [
            "purchase: changed",
            "  Finance / Check / stage_info.approvals[0].quorum_count: 2 becomes 3",
            "Nothing was written.",
        ]
        assert (err, exported()) == ("", FILE)

    def test_errors_of_all_files_are_told_and_nothing_is_written(self, world, tmp_path):
        good, bad, worse = (tmp_path / name for name in ("a.yaml", "b.yaml", "c.txt"))
        good.write_text(FILE, "utf-8")
        bad.write_text(FILE.replace("company: acme", "company: nobody"), "utf-8")
        out, err = self.run("import_workflow", str(good), str(bad), str(worse))
        assert out == ""
        assert f"{bad}: workflows[0].company: There is no user called 'nobody'." in err
        assert f"{worse}: Expected a name that ends in .yaml, .yml or .json." in err
        assert err.endswith("Nothing was written. Errors: 2\n")
        assert not WorkFlow.objects.exists()

    def test_two_files_with_one_workflow(self, world, tmp_path):
        path = tmp_path / "a.yaml"
        path.write_text(FILE, "utf-8")
        _out, err = self.run("import_workflow", str(path), str(path))
        assert "purchase: given by more than one file" in err
        assert not WorkFlow.objects.exists()

    def test_files_that_cannot_be_opened(self, tmp_path):
        missing, binary = tmp_path / "missing.json", tmp_path / "binary.json"
        binary.write_bytes(b"\xff\xfe")
        _out, err = self.run("import_workflow", str(missing), str(binary))
        assert err.count(": file: ") == 2

    def test_the_author_can_be_named(self, world, tmp_path):
        path = tmp_path / "a.yaml"
        path.write_text(FILE, "utf-8")
        self.run("import_workflow", str(path), "--user", "ann")
        assert WorkFlow.objects.get().changed_by == world["ann"]
        assert "no user 'nobody'" in self.run("import_workflow", str(path), "--user", "nobody")[1]

    @pytest.mark.parametrize("args", [[], ["purchase", "--all"], ["gone"]])
    def test_what_to_export_has_to_be_said(self, world, args):
        import_workflows(content())
        out, err = self.run("export_workflow", *args)
        assert out == ""
        assert re.search(r"Name the workflows, or give --all\.|There is no workflow gone\.", err)

    def test_warnings_go_to_the_error_stream(self, world):
        import_workflows(content())
        Department.objects.create(name="Accounts")
        out, err = self.run("export_workflow", "--all")
        assert load(out, FileFormat.YAML)["format"] == 1
        key = world["department"].pk
        place = "purchase, pipelines[0].department"
        assert err == f"{place}: there is no name for this, only the key {key}.\n"


def test_every_event_can_be_in_a_file(world):
    plain = content()
    plain["workflows"][0]["actions"] = [
        {"action_type": event, "function_path": FUNCTION} for event in ActionType.values
    ]
    import_workflows(plain)
    assert WorkflowAction.objects.filter(is_default=False).count() == len(ActionType) + 1
