"""Templates as plain data. Covers D-36 to D-45, D-118, L27."""

from collections.abc import Callable
from typing import Any

import pytest

from approval_workflow.choices import RoleSelectionStrategy
from django_workflow_engine.choices import ApprovalTypes
from django_workflow_engine.models import WorkFlow
from django_workflow_engine.services.data import (
    get_detailed_workflow_data,
    get_workflow_approval_summary,
    get_workflow_pipeline_structure,
    get_workflow_statistics,
)
from django_workflow_engine.versions import current_snapshot
from purchasing.models import User
from tests.factories import (
    UserFactory,
    by_role,
    by_user,
    make_large_workflow,
    make_role,
    make_workflow,
    stages_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> User:
    return UserFactory.create(username="acme", first_name="Acme", last_name="Corp")


@pytest.fixture
def purchase(acme: User) -> WorkFlow:
    """Two pipelines: a role and a user; then nobody."""
    user, role = UserFactory.create(), make_role()
    return make_workflow(
        [[by_role(role), [by_user(user), by_role(role, "consensus")]], [[]]],
        name_en="Purchase",
        name_ar="شراء",
        company=acme,
    )


class TestDetails:
    def test_of_one_workflow_have_the_documented_shape(  # D-37, D-38
        self, purchase: WorkFlow, acme: User
    ) -> None:
        first, second, third = stages_of(purchase)
        data = get_detailed_workflow_data(workflow_id=purchase.pk)
        pipelines = data.pop("pipelines")
        assert data == {
            "id": purchase.pk,
            "name_en": "Purchase",
            "name_ar": "شراء",
            "company": acme.pk,
            "company_name": "Acme Corp",
            "is_active": True,
            "pipelines_count": 2,
            "total_stages_count": 3,
            "workflow_summary": {"total_pipelines": 2, "total_stages": 3, "total_approvals": 3},
        }
        assert [
            (pipeline["id"], pipeline["name_en"], pipeline["stages_count"])
            for pipeline in pipelines
        ] == [(first.pipeline_id, "Pipeline 1", 2), (third.pipeline_id, "Pipeline 2", 1)]
        stages = [stage for pipeline in pipelines for stage in pipeline["stages"]]
        assert [
            (stage["id"], stage["name_en"], stage["approvals_count"], stage["has_approvals"])
            for stage in stages
        ] == [
            (first.pk, "Stage 1.1", 1, True),
            (second.pk, "Stage 1.2", 2, True),
            (third.pk, "Stage 2.1", 0, False),
        ]
        assert stages[2]["approval_configuration"] == {"approvals": []}

    def test_of_an_approval_have_its_words(self, purchase: WorkFlow) -> None:  # D-39
        stage = stages_of(purchase)[1]
        pipelines = get_detailed_workflow_data(workflow_id=purchase.pk)["pipelines"]
        by_person, by_board = pipelines[0]["stages"][1]["approval_configuration"]["approvals"]
        stored = stage.stage_info["approvals"]
        assert by_person == {
            "approval_type": "USER",
            "approval_type_display": "User-specific Approval",
            "approval_user": stored[0]["approval_user"],
        }
        assert by_board == {
            "approval_type": "ROLE",
            "approval_type_display": "Role-based Approval",
            "role_selection_strategy": "consensus",
            "strategy_display": "All users with role must approve",
            "user_role": stored[1]["user_role"],
        }

    def test_of_an_approval_by_anyone_are_as_printed(self, purchase: WorkFlow) -> None:  # D-39
        pipelines = get_detailed_workflow_data(workflow_id=purchase.pk)["pipelines"]
        approval = pipelines[0]["stages"][0]["approval_configuration"]["approvals"][0]
        del approval["user_role"]
        assert approval == {
            "approval_type": "ROLE",
            "approval_type_display": "Role-based Approval",
            "role_selection_strategy": "anyone",
            "strategy_display": "Any user with role can approve",
        }

    def test_of_a_workflow_without_company(self) -> None:
        data = get_detailed_workflow_data(workflow_id=make_workflow().pk)
        assert (data["company"], data["company_name"]) == (None, None)

    def test_of_a_workflow_that_is_not_active_say_so(self) -> None:  # D-37
        workflow = make_workflow(is_active=False)
        assert get_detailed_workflow_data(workflow_id=workflow.pk)["is_active"] is False

    def test_of_an_unknown_workflow_are_an_error(self) -> None:
        with pytest.raises(WorkFlow.DoesNotExist):
            get_detailed_workflow_data(workflow_id=0)

    def test_of_another_companys_workflow_are_an_error(self, purchase: WorkFlow) -> None:
        with pytest.raises(WorkFlow.DoesNotExist):
            get_detailed_workflow_data(workflow_id=purchase.pk, company_id=UserFactory.create().pk)

    def test_of_all_are_a_list_with_totals(self, purchase: WorkFlow) -> None:  # D-40
        other = make_workflow(name_en="Leave")
        data = get_detailed_workflow_data()
        assert set(data) == {"workflows", "total_count", "statistics"}
        assert [workflow["id"] for workflow in data["workflows"]] == [other.pk, purchase.pk]
        assert data["workflows"][1] == get_detailed_workflow_data(workflow_id=purchase.pk)
        assert data["total_count"] == 2
        assert data["statistics"]["total_stages"] == 4

    def test_leave_out_what_is_not_active(self) -> None:  # D-36, D-118
        make_workflow(is_active=False)
        make_workflow(status="draft")
        active = make_workflow()
        shown = get_detailed_workflow_data()
        assert [data["id"] for data in shown["workflows"]] == [active.pk]
        assert shown["total_count"] == 1
        assert get_detailed_workflow_data(include_inactive=True)["total_count"] == 3

    def test_of_one_company_leave_the_others_out(  # D-36, D-118
        self, purchase: WorkFlow, acme: User
    ) -> None:
        make_workflow(company=UserFactory.create())
        data = get_detailed_workflow_data(company_id=acme.pk)
        assert [workflow["id"] for workflow in data["workflows"]] == [purchase.pk]

    def test_leave_snapshots_out_of_the_list(self, purchase: WorkFlow) -> None:  # D-45
        snapshot = current_snapshot(purchase)
        assert get_detailed_workflow_data()["total_count"] == 1
        assert get_detailed_workflow_data(include_inactive=True)["total_count"] == 1
        assert get_detailed_workflow_data(workflow_id=snapshot.pk)["name_en"] == "Purchase (Copy)"


class TestStructure:
    def test_has_what_a_diagram_needs(self, purchase: WorkFlow) -> None:  # D-41
        first, second, third = stages_of(purchase)
        assert get_workflow_pipeline_structure(purchase.pk) == {
            "pipelines": [
                {
                    "id": first.pipeline_id,
                    "name_en": "Pipeline 1",
                    "stages": [
                        {
                            "id": first.pk,
                            "name_en": "Stage 1.1",
                            "color": "#3498db",
                            "approvals_count": 1,
                        },
                        {
                            "id": second.pk,
                            "name_en": "Stage 1.2",
                            "color": "#3498db",
                            "approvals_count": 2,
                        },
                    ],
                },
                {
                    "id": third.pipeline_id,
                    "name_en": "Pipeline 2",
                    "stages": [
                        {
                            "id": third.pk,
                            "name_en": "Stage 2.1",
                            "color": "#3498db",
                            "approvals_count": 0,
                        }
                    ],
                },
            ]
        }

    def test_of_a_stage_without_colour_has_an_empty_one(self) -> None:  # D-41
        workflow = make_workflow([[]])
        workflow.pipelines.get().stages.create(name_en="Stage 1")
        (pipeline,) = get_workflow_pipeline_structure(workflow.pk)["pipelines"]
        assert [stage["color"] for stage in pipeline["stages"]] == [""]

    def test_of_an_unknown_workflow_is_an_error(self) -> None:
        with pytest.raises(WorkFlow.DoesNotExist):
            get_workflow_pipeline_structure(0)


class TestSummary:
    def test_counts_by_type_strategy_and_pipeline(self, purchase: WorkFlow) -> None:  # D-42
        first, _second, third = stages_of(purchase)
        nobody = dict.fromkeys(ApprovalTypes.values, 0)
        assert get_workflow_approval_summary(purchase.pk) == {
            "total_approvals": 3,
            "by_type": {**nobody, "ROLE": 2, "USER": 1},
            "by_strategy": {
                **dict.fromkeys(RoleSelectionStrategy.values, 0),
                "anyone": 1,
                "consensus": 1,
            },
            "by_pipeline": [
                {
                    "id": first.pipeline_id,
                    "name_en": "Pipeline 1",
                    "stages_count": 2,
                    "total_approvals": 3,
                    "by_type": {**nobody, "ROLE": 2, "USER": 1},
                },
                {
                    "id": third.pipeline_id,
                    "name_en": "Pipeline 2",
                    "stages_count": 1,
                    "total_approvals": 0,
                    "by_type": nobody,
                },
            ],
        }

    def test_names_every_type_where_nobody_is_asked(self) -> None:  # D-42
        summary = get_workflow_approval_summary(make_workflow([[[]]]).pk)
        assert summary["by_type"] == dict.fromkeys(ApprovalTypes.values, 0)

    def test_of_an_unknown_workflow_is_an_error(self) -> None:
        with pytest.raises(WorkFlow.DoesNotExist):
            get_workflow_approval_summary(0)


class TestStatistics:
    def test_count_templates_and_what_is_in_them(self, purchase: WorkFlow) -> None:  # D-43
        make_workflow(is_active=False)
        assert get_workflow_statistics()["overview"] == {
            "total_workflows": 2,
            "active_workflows": 1,
            "total_pipelines": 3,
            "total_stages": 4,
            "total_approvals": 4,
            "avg_pipelines_per_workflow": 1.5,
            "avg_stages_per_workflow": 2.0,
            "avg_approvals_per_stage": 1.0,
        }

    def test_are_also_by_company(self, purchase: WorkFlow) -> None:  # D-43, L27
        make_workflow()
        make_workflow(company=UserFactory.create(username="bare", first_name="", last_name=""))
        totals = {"workflows": 1, "active_workflows": 1}
        assert get_workflow_statistics()["by_company"] == {
            "Acme Corp": {**totals, "pipelines": 2, "stages": 3, "approvals": 3},
            "bare": {**totals, "pipelines": 1, "stages": 1, "approvals": 1},
        }

    def test_companies_of_one_name_are_not_mixed(self, purchase: WorkFlow) -> None:
        twin = UserFactory.create(username="twin", first_name="Acme", last_name="Corp")
        make_workflow(company=twin)
        by_company = get_workflow_statistics()["by_company"]
        assert set(by_company) == {"Acme Corp (acme)", "Acme Corp (twin)"}

    def test_of_one_company(self, purchase: WorkFlow, acme: User) -> None:
        make_workflow(company=UserFactory.create())
        statistics = get_workflow_statistics(company_id=acme.pk)
        assert statistics["overview"]["total_workflows"] == 1
        assert list(statistics["by_company"]) == ["Acme Corp"]

    def test_of_nothing_divide_by_nothing(self) -> None:
        statistics = get_workflow_statistics()
        assert statistics["by_company"] == {}
        assert set(statistics["overview"].values()) == {0}

    def test_do_not_count_snapshots(self, purchase: WorkFlow) -> None:  # D-45
        before = get_workflow_statistics()
        current_snapshot(purchase)
        assert get_workflow_statistics() == before


@pytest.mark.parametrize("stages", [6, 100])
@pytest.mark.parametrize(
    "read",
    [
        lambda workflow: get_detailed_workflow_data(workflow_id=workflow.pk),
        lambda workflow: get_detailed_workflow_data(),
        lambda workflow: get_workflow_pipeline_structure(workflow.pk),
        lambda workflow: get_workflow_approval_summary(workflow.pk),
        lambda workflow: get_workflow_statistics(),
    ],
    ids=["details of one", "details of all", "structure", "summary", "statistics"],
)
def test_statements_do_not_grow(  # D-44
    read: Callable[[WorkFlow], Any], stages: int, statements: Callable[..., Any], acme: User
) -> None:
    for number in range(stages // 10):
        make_workflow(name_en=f"Other {number}", company=acme)
    workflow = make_large_workflow(stages, pipelines=3, company=acme)
    with statements() as seen:
        read(workflow)
    assert seen.count == 3, seen
