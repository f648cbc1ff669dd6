"""The configuration of a stage. Covers D-22, D-58, D-73, D-75, D-77, K1, K3, K20."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from approval_workflow.choices import ApprovalType, RejectionPolicy, RoleSelectionStrategy
from django_workflow_engine.choices import ApprovalTypes
from django_workflow_engine.exceptions import InvalidConfiguration
from django_workflow_engine.models import Stage
from django_workflow_engine.schemas import reference_errors, validate_stage_info
from tests.factories import (
    DynamicFormFactory,
    UserFactory,
    by_role,
    by_user,
    make_role,
    make_workflow,
    stages_of,
)

pytestmark = pytest.mark.django_db


def errors_of(stage_info: Any) -> dict[str, str]:
    with pytest.raises(InvalidConfiguration) as caught:
        validate_stage_info(stage_info)
    assert caught.value.code == "invalid_configuration"
    return caught.value.errors


def errors_of_approval(approval: Any) -> dict[str, str]:
    return errors_of({"approvals": [approval]})


def approval_after(approval: dict[str, Any]) -> Any:
    return validate_stage_info({"approvals": [approval]})["approvals"][0]


class TestAccepted:
    def test_everything_that_a_stage_may_hold(self) -> None:  # D-22
        info = {
            "color": "#3498DB",
            "approvals": [
                by_role(
                    make_role(),
                    "consensus",
                    required_form=DynamicFormFactory.create().pk,
                    step_approval_type="submit",
                    allow_higher_level=False,
                    rejection_policy="out_of_reach",
                ),
                by_user(UserFactory.create(), step_approval_type="move"),
            ],
        }
        assert validate_stage_info(info) == info

    @pytest.mark.parametrize("empty", [{}, {"approvals": []}, {"approvals": None, "color": ""}])
    def test_stage_that_asks_nobody_yet(self, empty: dict[str, Any]) -> None:  # K20
        assert validate_stage_info(empty) == {}

    def test_members_of_the_enumerations(self) -> None:  # D-73, K1
        role, form = make_role(), DynamicFormFactory.create()
        approval = approval_after(
            {
                "approval_type": ApprovalTypes.ROLE,
                "user_role": role.pk,
                "role_selection_strategy": RoleSelectionStrategy.ROUND_ROBIN,
                "required_form": form.pk,
                "step_approval_type": ApprovalType.CHECK_IN_VERIFY,
                "rejection_policy": RejectionPolicy.FIRST,
            }
        )
        assert json.loads(json.dumps(approval)) == approval
        assert {type(value) for value in approval.values()} == {str, int}
        assert approval["role_selection_strategy"] == "round_robin"

    @pytest.mark.parametrize("word", ["ROLE", "role", "Role", " role "])
    def test_words_in_any_case(self, word: str) -> None:  # K1, K3
        approval = approval_after(
            {
                "approval_type": word,
                "user_role": make_role().pk,
                "role_selection_strategy": "RANDOM",
                "step_approval_type": "APPROVE",
                "rejection_policy": "Out_Of_Reach",
            }
        )
        assert approval["approval_type"] == "ROLE"
        assert approval["role_selection_strategy"] == "random"
        assert approval["step_approval_type"] == "approve"
        assert approval["rejection_policy"] == "out_of_reach"

    def test_role_without_a_strategy_means_anyone(self) -> None:
        approval = approval_after({"approval_type": "ROLE", "user_role": make_role().pk})
        assert approval["role_selection_strategy"] == "anyone"

    def test_empty_values_are_left_out(self) -> None:
        user = UserFactory.create()
        approval = approval_after(
            {**by_user(user), "user_role": None, "required_form": "", "allow_higher_level": None}
        )
        assert approval == by_user(user)

    def test_what_was_handed_in_is_not_changed(self) -> None:
        given = {"approvals": [{"approval_type": "role", "user_role": make_role().pk}]}
        validate_stage_info(given)
        assert given["approvals"][0]["approval_type"] == "role"


class TestRefused:
    @pytest.mark.parametrize(
        ("stage_info", "path"),
        [
            (None, "stage_info"),
            ([], "stage_info"),
            ({"approvals": {}}, "approvals"),
            ({"approvals": "x"}, "approvals"),
            ({"approvals": ["x"]}, "approvals[0]"),
            ({"color": "blue"}, "color"),
            ({"color": "#12345"}, "color"),
            ({"color": 5}, "color"),
            ({"color": "#12345678"}, "color"),
        ],
    )
    def test_wrong_shape(self, stage_info: Any, path: str) -> None:
        assert list(errors_of(stage_info)) == [path]

    def test_unknown_key_names_the_nearest_one(self) -> None:
        errors = errors_of({"colour": "#123456", "approvals": [{"aproval_type": "ROLE"}]})
        assert "'color'" in errors["colour"]
        assert "'approval_type'" in errors["approvals[0].aproval_type"]

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("approval_type", "NOBODY"),
            ("approval_type", 1),
            ("user_role", 1.5),
            ("user_role", True),
            ("user_role", []),
            ("role_selection_strategy", 1),
            ("role_selection_strategy", "everybody"),
            ("required_form", {}),
            ("step_approval_type", "ROLE"),
            ("allow_higher_level", "yes"),
            ("rejection_policy", "never"),
        ],
    )
    def test_wrong_value(self, key: str, value: Any) -> None:
        errors = errors_of_approval({**by_role(make_role()), key: value})
        assert list(errors) == [f"approvals[0].{key}"]

    def test_wrong_word_is_told_what_is_known(self) -> None:
        errors = errors_of_approval({**by_role(make_role()), "role_selection_strategy": "all"})
        message = errors["approvals[0].role_selection_strategy"]
        assert "anyone" in message
        assert "consensus" in message

    @pytest.mark.parametrize(
        ("strategy", "key"),
        [
            ("quorum", "quorum_count"),
            ("percentage", "percentage_required"),
            ("hierarchy_up", "hierarchy_levels"),
            ("hierarchy_chain", "hierarchy_levels"),
            ("dynamic_attribute", "dynamic_source"),
            ("dynamic_function", "dynamic_source"),
        ],
    )
    def test_strategy_without_its_number(self, strategy: str, key: str) -> None:
        errors = errors_of_approval(by_role(make_role(), strategy))
        assert list(errors) == [f"approvals[0].{key}"]

    @pytest.mark.parametrize(
        ("approval", "key"),
        [
            ({}, "approval_type"),
            ({"approval_type": "ROLE"}, "user_role"),
            ({"approval_type": "USER"}, "approval_user"),
        ],
    )
    def test_what_is_required(self, approval: dict[str, Any], key: str) -> None:
        assert list(errors_of_approval(approval)) == [f"approvals[0].{key}"]

    def test_keys_of_the_other_kind(self) -> None:
        user, role = UserFactory.create(), make_role()
        assert list(errors_of_approval({**by_user(user), "user_role": role.pk})) == [
            "approvals[0].user_role"
        ]
        assert list(errors_of_approval({**by_role(role), "approval_user": user.pk})) == [
            "approvals[0].approval_user"
        ]

    def test_something_to_submit_without_a_form(self) -> None:  # D-75
        errors = errors_of_approval(by_user(UserFactory.create(), step_approval_type="submit"))
        assert list(errors) == ["approvals[0].required_form"]

    def test_form_on_a_step_that_only_moves_on(self) -> None:  # D-75
        form = DynamicFormFactory.create()
        errors = errors_of_approval(
            by_user(UserFactory.create(), step_approval_type="move", required_form=form.pk)
        )
        assert list(errors) == ["approvals[0].required_form"]

    @pytest.mark.parametrize("key", [0, "abc", 2**80, -1, "01"])
    def test_what_does_not_exist(self, key: Any) -> None:  # D-77
        errors = errors_of(
            {
                "approvals": [
                    {"approval_type": "ROLE", "user_role": key},
                    {"approval_type": "USER", "approval_user": key},
                    by_user(UserFactory.create(), required_form=key),
                ]
            }
        )
        assert list(errors) == [
            "approvals[0].user_role",
            "approvals[1].approval_user",
            "approvals[2].required_form",
        ]

    def test_reference_whose_setting_is_missing_names_the_setting(self, settings: Any) -> None:
        form = DynamicFormFactory.create()
        approval = by_user(UserFactory.create(), required_form=form.pk)
        settings.APPROVAL_DYNAMIC_FORM_MODEL = None
        errors = errors_of_approval(approval)
        assert "APPROVAL_DYNAMIC_FORM_MODEL" in errors["approvals[0].required_form"]

    def test_all_errors_at_once(self) -> None:
        errors = errors_of(
            {"color": "red", "approvals": [{"approval_type": "X"}, {"approval_type": "USER"}]}
        )
        assert list(errors) == ["color", "approvals[0].approval_type", "approvals[1].approval_user"]
        with pytest.raises(InvalidConfiguration, match=r"color: .*; approvals\[0\]"):
            validate_stage_info({"color": "red", "approvals": [{}]})


@pytest.mark.parametrize("stages", [6, 100])
def test_references_take_three_statements_for_any_number_of_stages(
    stages: int, statements: Callable[..., Any]
) -> None:
    form = DynamicFormFactory.create()
    approvals = [
        by_role(make_role(), required_form=form.pk),
        by_user(UserFactory.create(), required_form=form.pk),
    ]
    with statements() as seen:
        found = reference_errors({number: {"approvals": approvals} for number in range(stages)})
    assert found == {}
    assert seen.count == 3, seen


class TestStage:
    def test_stores_what_was_understood(self) -> None:
        stage = stages_of(make_workflow())[0]
        role = make_role()
        stage.stage_info = {"approvals": [{"approval_type": "role", "user_role": role.pk}]}
        stage.save()
        stage.refresh_from_db()
        assert stage.stage_info == {"approvals": [by_role(role)]}

    @pytest.mark.parametrize("update_fields", [None, ["stage_info"]])
    def test_refuses_a_wrong_configuration(self, update_fields: list[str] | None) -> None:
        stage = stages_of(make_workflow())[0]
        stage.stage_info = {"approvals": [{"approval_type": "USER", "approval_user": 0}]}
        with pytest.raises(InvalidConfiguration):
            stage.save(update_fields=update_fields)
        assert Stage.objects.get().stage_info != stage.stage_info

    def test_new_one_is_checked_too(self) -> None:
        pipeline = make_workflow([[]]).pipelines.get()
        with pytest.raises(InvalidConfiguration):
            Stage.objects.create(pipeline=pipeline, name_en="New", stage_info={"x": 1})

    def test_can_be_renamed_after_its_role_was_deleted(self) -> None:
        role = make_role()
        stage = stages_of(make_workflow([[by_role(role)]]))[0]
        role.delete()
        stage.name_en = "Renamed"
        stage.save()
        assert Stage.objects.get().name_en == "Renamed"

    def test_form_of_the_admin_gets_the_errors_at_the_field(self) -> None:
        stage = stages_of(make_workflow())[0]
        stage.stage_info = {"color": "red"}
        with pytest.raises(ValidationError) as caught:
            stage.full_clean()
        assert list(caught.value.message_dict) == ["stage_info"]
        assert caught.value.message_dict["stage_info"][0].startswith("color: ")
