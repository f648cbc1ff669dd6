"""Who is asked in an approval, by kind; its numbers, tracks and deadline. Covers D-71, D-73, K3."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType

from approval_workflow.choices import RoleSelectionStrategy
from approval_workflow.exceptions import ApprovalMisconfigured, NobodyEligible
from approval_workflow.models import ApprovalInstance
from approval_workflow.services import advance_flow
from django_workflow_engine.choices import ApprovalTypes
from django_workflow_engine.definition import compile_definition
from django_workflow_engine.exceptions import (
    InvalidConfiguration,
    WorkflowIncomplete,
    WorkflowMisconfigured,
)
from django_workflow_engine.models import Pipeline, Stage, WorkFlow
from django_workflow_engine.schemas import validate_stage_info
from django_workflow_engine.services import (
    act_on_object,
    attach_workflow_to_object,
    get_detailed_workflow_data,
    get_workflow_approval_summary,
    get_workflow_attachment,
    preview_approvers,
)
from purchasing.models import User
from tests.factories import (
    DepartmentFactory,
    DynamicFormFactory,
    OpportunityFactory,
    PurchaseRequestFactory,
    RoleFactory,
    UserFactory,
    by_role,
    by_user,
    make_flat_workflow,
    make_pipeline_workflow,
    make_role,
    make_workflow,
)
from tests.faults import dump

pytestmark = pytest.mark.django_db

HERE = "tests.django_workflow_engine.test_approver_kinds"
SELF = {"approval_type": "SELF"}
TEAM_HEAD = {"approval_type": "TEAM_HEAD"}
DEPARTMENT_HEAD = {"approval_type": "DEPARTMENT_HEAD"}


def assigned(**keys: Any) -> dict[str, Any]:
    return {"approval_type": "ASSIGNED", **keys}


# What the resolvers below were called with, and what they answer.
asked_of: list[tuple[Any, Any]] = []
answers: dict[str, Any] = {}


def resolver(obj: Any, user: Any) -> Any:
    asked_of.append((obj, user))
    return answers["people"]


@pytest.fixture
def people() -> dict[str, User]:
    """A head over two people of one department, which has a head of its own."""
    top = RoleFactory.create()
    staff = RoleFactory.create(parent=top)
    boss = UserFactory.create(username="boss", role=top)
    chief = UserFactory.create(username="chief")
    department = DepartmentFactory.create(head=chief)
    made = {
        name: UserFactory.create(username=name, role=staff, department=department)
        for name in ("ann", "bob")
    }
    return {"boss": boss, "chief": chief, **made}


def attach(request: Any, *approvals: dict[str, Any], user: Any = None) -> list[str]:
    """Attach a workflow that asks for this; return who is asked first, by name."""
    attach_workflow_to_object(request, make_flat_workflow(*approvals), user=user)
    return waiting(request)


def waiting(request: Any) -> list[str]:
    rows = ApprovalInstance.objects.for_object(request).current().order_by("assigned_to__username")
    return list(rows.values_list("assigned_to__username", flat=True))


def errors_of(*approvals: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidConfiguration) as caught:
        validate_stage_info({"approvals": list(approvals)})
    return caught.value.errors


def shown(workflow: WorkFlow, obj: Any, user: Any = None) -> list[tuple[list[str], int, str]]:
    return [
        (sorted(person.username for person in each.people), each.needed, each.reason)
        for each in preview_approvers(workflow, obj, user)
    ]


class TestSelf:
    def test_asks_the_creator_of_the_object(self, people: dict[str, User]) -> None:  # L6
        request = PurchaseRequestFactory.create(requester=people["ann"])
        assert attach(request, SELF, user=people["bob"]) == ["ann"]

    def test_asks_who_started_where_the_object_names_nobody(self, people: dict[str, User]) -> None:
        request = PurchaseRequestFactory.create(requester=people["ann"])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("django_workflow_engine.approvers.creator_of", lambda obj: None)
            assert attach(request, SELF, user=people["bob"]) == ["bob"]

    @pytest.mark.parametrize("is_known", [True, False])
    def test_nobody_there_is_an_error_that_names_the_place(
        self, people: dict[str, User], is_known: bool, settings: Any
    ) -> None:
        settings.DJANGO_WORKFLOW_ENGINE = {"CREATOR_FIELDS": ["requester"] if is_known else ["x"]}
        people["ann"].is_active = False
        people["ann"].save()
        request = PurchaseRequestFactory.create(requester=people["ann"])
        with pytest.raises(NobodyEligible, match=r"^Purchase approval .*, approvals\[1\]: there"):
            attach(request, by_user(people["bob"]), SELF)
        assert get_workflow_attachment(request) is None

    def test_asks_the_creator_at_a_later_stage_too(self, people: dict[str, User]) -> None:
        request = PurchaseRequestFactory.create(requester=people["ann"])
        workflow = make_workflow([[by_user(people["bob"]), SELF]])
        attach_workflow_to_object(request, workflow, user=people["bob"])
        advance_flow(request, "approved", people["bob"])
        assert waiting(request) == ["ann"]


class TestAssigned:
    def test_field_names_one_person(self, people: dict[str, User]) -> None:
        opportunity = OpportunityFactory.create(owner=people["ann"])
        assert attach(opportunity, assigned(assigned_field="owner")) == ["ann"]

    def test_path_goes_through_relations(self, people: dict[str, User]) -> None:
        request = PurchaseRequestFactory.create(requester=people["ann"])
        approval = assigned(assigned_field="requester.department.head")
        assert attach(request, approval) == ["chief"]

    def test_of_several_all_must_approve(self, people: dict[str, User]) -> None:
        request = PurchaseRequestFactory.create(requester=people["ann"])
        names = attach(request, assigned(assigned_field="requester.department.members"))
        assert names == ["ann", "bob"]
        assert act_on_object(request, "approved", people["ann"]).status == "in_progress"
        assert act_on_object(request, "approved", people["bob"]).status == "completed"

    def test_of_several_as_many_as_the_quorum_says(self, people: dict[str, User]) -> None:
        request = PurchaseRequestFactory.create(requester=people["ann"])
        approval = assigned(assigned_field="requester.department.members", quorum_count=1)
        attach(request, approval)
        assert act_on_object(request, "approved", people["bob"]).status == "completed"

    @pytest.mark.parametrize("several", [True, False])
    def test_resolver_names_people(
        self, people: dict[str, User], settings: Any, several: bool
    ) -> None:
        settings.DJANGO_WORKFLOW_ENGINE = {"ASSIGNMENT_RESOLVERS": {"one": f"{HERE}.resolver"}}
        asked_of.clear()
        answers["people"] = [people["ann"], people["bob"]] if several else people["bob"]
        request = PurchaseRequestFactory.create(requester=people["ann"])
        names = attach(request, assigned(assigned_resolver="one"), user=people["boss"])
        assert names == (["ann", "bob"] if several else ["bob"])
        assert asked_of == [(request, people["ann"])]

    def test_resolver_that_is_gone_is_named(self, people: dict[str, User], settings: Any) -> None:
        settings.DJANGO_WORKFLOW_ENGINE = {"ASSIGNMENT_RESOLVERS": {"one": f"{HERE}.resolver"}}
        workflow = make_flat_workflow(assigned(assigned_resolver="one"))
        settings.DJANGO_WORKFLOW_ENGINE = {}
        with pytest.raises(WorkflowMisconfigured, match=r"ASSIGNMENT_RESOLVERS.*'one'"):
            attach_workflow_to_object(PurchaseRequestFactory.create(), workflow)

    def test_nobody_found_is_an_error_that_names_the_place(self, people: dict[str, User]) -> None:
        request = PurchaseRequestFactory.create(requester=UserFactory.create())
        with pytest.raises(NobodyEligible, match=r"approvals\[0\]: .*nobody eligible"):
            attach(request, assigned(assigned_field="requester.department.head"))
        assert get_workflow_attachment(request) is None

    def test_field_that_is_not_there_or_holds_no_user_is_a_mistake_of_the_project(self) -> None:
        for path in ("nothing", "title"):
            with pytest.raises(ApprovalMisconfigured):
                attach(PurchaseRequestFactory.create(), assigned(assigned_field=path))

    @pytest.mark.parametrize(
        ("keys", "wrong"),
        [
            ({}, "assigned_field"),
            ({"assigned_field": "a", "assigned_resolver": "one"}, "assigned_field"),
            ({"assigned_field": "_private"}, "assigned_field"),
            ({"assigned_field": "a..b"}, "assigned_field"),
            ({"assigned_field": "a" * 301}, "assigned_field"),
            ({"assigned_resolver": "onne"}, "assigned_resolver"),
            ({"assigned_field": "a", "user_role": 1}, "user_role"),
        ],
    )
    def test_is_checked_when_it_is_saved(
        self, settings: Any, keys: dict[str, Any], wrong: str
    ) -> None:
        settings.DJANGO_WORKFLOW_ENGINE = {"ASSIGNMENT_RESOLVERS": {"one": f"{HERE}.resolver"}}
        assert list(errors_of(assigned(**keys))) == [f"approvals[0].{wrong}"]


class TestTeamHead:
    def test_is_the_role_above_the_requester(self, people: dict[str, User]) -> None:
        request = PurchaseRequestFactory.create(requester=people["ann"])
        assert attach(request, TEAM_HEAD, user=people["chief"]) == ["boss"]

    def test_is_the_manager_where_there_is_such_a_field(
        self, people: dict[str, User], settings: Any
    ) -> None:
        settings.APPROVAL_HEAD_MANAGER_FIELD = "head_manager"
        people["ann"].head_manager = people["chief"]
        people["ann"].save()
        request = PurchaseRequestFactory.create(requester=people["ann"])
        assert attach(request, TEAM_HEAD) == ["chief"]

    def test_nobody_above_is_an_error_that_names_the_place(self, people: dict[str, User]) -> None:
        request = PurchaseRequestFactory.create(requester=people["boss"])
        with pytest.raises(NobodyEligible, match=r"approvals\[0\]: "):
            attach(request, TEAM_HEAD)


class TestDepartmentHead:
    def test_is_that_of_the_pipelines_department(self, people: dict[str, User]) -> None:
        finance = DepartmentFactory.create(head=people["boss"])
        workflow = make_pipeline_workflow([DEPARTMENT_HEAD])
        Pipeline.objects.update(
            department_content_type=ContentType.objects.get_for_model(finance),
            department_id=str(finance.pk),
        )
        request = PurchaseRequestFactory.create(requester=people["ann"])
        attach_workflow_to_object(request, workflow)
        assert waiting(request) == ["boss"]

    def test_is_found_in_a_stage_of_such_a_pipeline(self, people: dict[str, User]) -> None:
        finance = DepartmentFactory.create(head=people["boss"])
        workflow = make_workflow([[DEPARTMENT_HEAD]])
        Pipeline.objects.update(
            department_content_type=ContentType.objects.get_for_model(finance),
            department_id=str(finance.pk),
        )
        request = PurchaseRequestFactory.create(requester=people["ann"])
        attach_workflow_to_object(request, workflow)
        assert waiting(request) == ["boss"]

    def test_is_that_of_the_requester_where_the_pipeline_has_none(
        self, people: dict[str, User]
    ) -> None:
        request = PurchaseRequestFactory.create(requester=people["ann"])
        assert attach(request, DEPARTMENT_HEAD, user=people["boss"]) == ["chief"]

    def test_is_whoever_it_is_when_the_step_opens(self, people: dict[str, User]) -> None:
        request = PurchaseRequestFactory.create(requester=people["ann"])
        attach(request, by_user(people["bob"]), DEPARTMENT_HEAD)
        people["ann"].department.head = people["boss"]
        people["ann"].department.save()
        act_on_object(request, "approved", people["bob"])
        assert waiting(request) == ["boss"]

    def test_department_without_a_head_is_not_passed_over(self, people: dict[str, User]) -> None:
        finance = DepartmentFactory.create(head=None)
        workflow = make_pipeline_workflow([DEPARTMENT_HEAD])
        Pipeline.objects.update(
            department_content_type=ContentType.objects.get_for_model(finance),
            department_id=str(finance.pk),
        )
        request = PurchaseRequestFactory.create(requester=people["ann"])
        with pytest.raises(NobodyEligible, match=r"^Pipeline 1, approvals\[0\]: "):
            attach_workflow_to_object(request, workflow)

    def test_requester_without_a_department_is_an_error(self) -> None:
        with pytest.raises(NobodyEligible):
            attach(PurchaseRequestFactory.create(), DEPARTMENT_HEAD)

    @pytest.mark.parametrize("key", ["USER_DEPARTMENT_FIELD", "DEPARTMENT_HEAD_FIELD"])
    def test_setting_that_names_no_field_is_told(
        self, people: dict[str, User], settings: Any, key: str
    ) -> None:
        settings.DJANGO_WORKFLOW_ENGINE = {key: "nothing"}
        request = PurchaseRequestFactory.create(requester=people["ann"])
        with pytest.raises(WorkflowMisconfigured, match=key):
            attach(request, DEPARTMENT_HEAD)


class TestKinds:
    @pytest.mark.parametrize("kind", ["SELF", "TEAM_HEAD", "DEPARTMENT_HEAD"])
    @pytest.mark.parametrize("key", ["user_role", "approval_user", "assigned_field"])
    def test_take_no_key_of_another_kind(self, kind: str, key: str) -> None:
        value = {"user_role": make_role().pk, "approval_user": UserFactory.create().pk}
        approval = {"approval_type": kind, key: value.get(key, "owner")}
        assert list(errors_of(approval)) == [f"approvals[0].{key}"]

    def test_are_counted_and_named_in_the_data(self) -> None:  # D-39, D-42
        approvals = [SELF, TEAM_HEAD, DEPARTMENT_HEAD, assigned(assigned_field="owner")]
        workflow = make_workflow([[approvals]])
        by_type = get_workflow_approval_summary(workflow.pk)["by_type"]
        assert by_type == {
            **dict.fromkeys(ApprovalTypes.values, 1),
            "ROLE": 0,
            "USER": 0,
        }
        stage = get_detailed_workflow_data(workflow.pk)["pipelines"][0]["stages"][0]
        labels = [
            each["approval_type_display"] for each in stage["approval_configuration"]["approvals"]
        ]
        assert labels == [
            "Approval by the requester",
            "Approval by the head of the team",
            "Approval by the head of the department",
            "Approval by the people assigned",
        ]

    def test_inactive_person_is_an_error_that_names_the_place(self) -> None:
        gone = UserFactory.create(is_active=False)
        with pytest.raises(NobodyEligible, match=r"approvals\[0\]: there is nobody who can be"):
            attach(PurchaseRequestFactory.create(), by_user(gone))

    def test_nobody_later_in_the_place_is_named_by_every_way_in(
        self, people: dict[str, User]
    ) -> None:
        request = PurchaseRequestFactory.create(requester=people["boss"])
        workflow = make_workflow([[[by_user(people["bob"]), TEAM_HEAD]]])
        attach_workflow_to_object(request, workflow)
        before = dump()
        for act in (advance_flow, act_on_object):
            with pytest.raises(NobodyEligible, match=r"^Pipeline 1 / Stage 1.1, approvals\[1\]: "):
                act(request, "approved", people["bob"])
        assert dump() == before


class TestStrategies:
    """All of the core's, with their numbers. D-71, K3."""

    @pytest.mark.parametrize(
        ("strategy", "keys", "asked", "decisive"),
        [
            ("anyone", {}, 3, 1),
            ("consensus", {}, 3, 3),
            ("round_robin", {}, 1, 1),
            ("quorum", {"quorum_count": 2}, 3, 2),
            ("majority", {}, 3, 2),
            ("percentage", {"percentage_required": 66.67}, 3, 2),
            ("percentage", {"percentage_required": "100"}, 3, 3),
            ("random", {}, 1, 1),
            ("workload_balanced", {}, 1, 1),
            ("seniority_based", {}, 1, 1),
        ],
    )
    def test_of_roles_ask_and_need_as_many_people_as_they_say(
        self, strategy: str, keys: dict[str, Any], asked: int, decisive: int
    ) -> None:
        request = PurchaseRequestFactory.create()
        assert len(attach(request, by_role(make_role(3), strategy, **keys))) == asked
        for number in range(1, decisive + 1):
            row = ApprovalInstance.objects.for_object(request).current().first()
            after = act_on_object(request, "approved", row.assigned_to)
            assert after.status == ("completed" if number == decisive else "in_progress")

    def test_of_roles_take_turns(self) -> None:  # D-71
        approval = by_role(make_role(3), "round_robin")
        asked = [attach(PurchaseRequestFactory.create(), approval) for _turn in range(4)]
        assert len({name for (name,) in asked}) == 3
        assert asked[3] == asked[0]

    def test_of_the_hierarchy_go_up_from_the_person_named(self, people: dict[str, User]) -> None:
        request = PurchaseRequestFactory.create()
        keys = {"hierarchy_levels": 1, "hierarchy_base_user": people["ann"].pk}
        chain = {
            "approval_type": "ROLE",
            "role_selection_strategy": "hierarchy_chain",
            **keys,
        }
        assert attach(request, chain) == ["ann", "boss"]
        up = {**chain, "role_selection_strategy": "hierarchy_up"}
        assert attach(PurchaseRequestFactory.create(), up) == ["boss"]

    @pytest.mark.parametrize("strategy", ["supervisor", "management_path"])
    def test_of_the_hierarchy_start_at_who_started(  # D-71, K3
        self, people: dict[str, User], strategy: str
    ) -> None:
        approval = {"approval_type": "ROLE", "role_selection_strategy": strategy}
        assert attach(PurchaseRequestFactory.create(), approval, user=people["ann"]) == ["boss"]

    def test_lead_of_the_role(self, people: dict[str, User]) -> None:
        role = make_role(2, lead=people["chief"])
        assert attach(PurchaseRequestFactory.create(), by_role(role, "lead_only")) == ["chief"]

    def test_attribute_of_the_object(self, people: dict[str, User]) -> None:
        request = PurchaseRequestFactory.create(requester=people["ann"])
        approval = {
            "approval_type": "ROLE",
            "role_selection_strategy": "dynamic_attribute",
            "dynamic_source": "requester.department.head",
        }
        assert attach(request, approval) == ["chief"]

    @pytest.mark.parametrize("value", sorted(RoleSelectionStrategy.values))
    def test_every_one_can_be_stored_with_its_numbers(self, value: str) -> None:
        sources = {
            "dynamic_attribute": "owner",
            "dynamic_function": "django_workflow_engine.department_head",
        }
        numbers = {
            "quorum_count": 1,
            "percentage_required": 50,
            "hierarchy_levels": 1,
            "dynamic_source": sources.get(value, "owner"),
        }
        info = {"approvals": [by_role(make_role(), value, **numbers)]}
        assert validate_stage_info(info) == info

    def test_that_need_a_role_must_have_one(self) -> None:
        approval = {"approval_type": "ROLE", "role_selection_strategy": "quorum"}
        assert list(errors_of(approval)) == [
            "approvals[0].user_role",
            "approvals[0].quorum_count",
        ]


class TestRules:
    @pytest.mark.parametrize(
        ("key", "value", "stored"),
        [
            ("sla_duration", "P2DT4H", "P2DT04H00M00S"),
            ("sla_duration", 90, "P0DT00H01M30S"),
            ("sla_duration", timedelta(hours=1), "P0DT01H00M00S"),
            ("parallel_group", " finance ", "finance"),
            ("extra_fields", {"colour": "red"}, {"colour": "red"}),
            ("max_escalation_level", 2, 2),
            ("exclude_starter", True, True),
        ],
    )
    def test_are_stored_as_understood(self, key: str, value: Any, stored: Any) -> None:
        approval = by_user(UserFactory.create(), **{key: value})
        assert validate_stage_info({"approvals": [approval]})["approvals"][0][key] == stored

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("sla_duration", "soon"),
            ("sla_duration", 0),
            ("sla_duration", -5),
            ("sla_duration", True),
            ("sla_duration", float("inf")),
            ("sla_duration", "P99999999D"),
            ("max_escalation_level", 0),
            ("max_escalation_level", 2**31),
            ("parallel_group", 5),
            ("parallel_group", "x" * 101),
            ("parallel_group", "\0"),
            ("parallel_required", "yes"),
            ("exclude_deciders", 1),
            ("extra_fields", []),
            ("extra_fields", {"stage_id": 5}),
            ("extra_fields", {"x": float("nan")}),
            ("timeout_delegate_to", 0),
        ],
    )
    def test_of_the_wrong_kind_are_refused(self, key: str, value: Any) -> None:
        found = errors_of(by_user(UserFactory.create(), **{key: value}))
        assert list(found) == [f"approvals[0].{key}"]

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("quorum_count", 0),
            ("quorum_count", True),
            ("quorum_count", 1.5),
            ("hierarchy_levels", "2"),
            ("percentage_required", 0),
            ("percentage_required", 100.01),
            ("percentage_required", 33.333),
            ("percentage_required", "half"),
            ("percentage_required", "NaN"),
            ("hierarchy_base_user", 0),
        ],
    )
    def test_numbers_of_the_wrong_kind_are_refused(self, key: str, value: Any) -> None:
        found = errors_of(by_role(make_role(), **{key: value}))
        assert list(found) == [f"approvals[0].{key}"]

    def test_of_deadlines_belong_together(self) -> None:
        user = UserFactory.create()
        assert list(errors_of(by_user(user, timeout_action="approve"))) == [
            "approvals[0].sla_duration"
        ]
        timed = by_user(user, timeout_action="delegate", sla_duration=60)
        assert list(errors_of(timed)) == ["approvals[0].timeout_delegate_to"]
        timed = by_user(
            user, timeout_action="APPROVE", sla_duration=60, timeout_delegate_to=user.pk
        )
        assert list(errors_of(timed)) == ["approvals[0].timeout_delegate_to"]

    def test_reach_the_step(self, people: dict[str, User]) -> None:
        form = DynamicFormFactory.create()
        request = PurchaseRequestFactory.create()
        attach(
            request,
            by_role(
                make_role(2),
                "percentage",
                percentage_required=66.67,
                required_form=form.pk,
                step_approval_type="check_in_verify",
                allow_higher_level=False,
                rejection_policy="out_of_reach",
                exclude_starter=True,
                exclude_deciders=True,
                sla_duration="P1D",
                timeout_action="delegate",
                timeout_delegate_to=people["ann"].pk,
                max_escalation_level=3,
                extra_fields={"note": "urgent"},
            ),
        )
        row = ApprovalInstance.objects.for_object(request).current().first()
        assert row.percentage_required == Decimal("66.67")
        assert (row.form, row.approval_type) == (form, "check_in_verify")
        assert (row.allow_higher_level, row.rejection_policy) == (False, "out_of_reach")
        assert (row.exclude_starter, row.exclude_deciders) == (True, True)
        assert (row.sla_duration, row.timeout_action) == (timedelta(days=1), "delegate")
        assert (row.timeout_delegate_to, row.max_escalation_level) == (people["ann"], 3)
        workflow = get_workflow_attachment(request).workflow
        assert row.extra_fields == {"note": "urgent", "workflow_id": workflow.pk, "approval": 0}

    @pytest.mark.parametrize("key", ["hierarchy_base_user", "timeout_delegate_to"])
    def test_person_named_who_is_gone_is_told(self, people: dict[str, User], key: str) -> None:
        person = UserFactory.create()
        rules = {"sla_duration": 60, "timeout_action": "delegate", "timeout_delegate_to": person.pk}
        if key == "hierarchy_base_user":
            rules = {"role_selection_strategy": "supervisor", key: person.pk}
        workflow = make_flat_workflow({**by_role(make_role()), **rules})
        person.delete()
        with pytest.raises(WorkflowIncomplete, match=r"approvals\[0\]"):
            attach_workflow_to_object(PurchaseRequestFactory.create(), workflow)


class TestTracks:
    def test_approvals_with_tracks_run_side_by_side(self, people: dict[str, User]) -> None:
        request = PurchaseRequestFactory.create()
        first = attach(
            request,
            by_user(people["ann"], parallel_group="law"),
            by_user(people["bob"], parallel_group="money"),
            by_user(people["boss"]),
        )
        assert first == ["ann", "bob"]
        act_on_object(request, "approved", people["bob"])
        assert waiting(request) == ["ann"]
        act_on_object(request, "approved", people["ann"])
        assert waiting(request) == ["boss"]

    def test_track_that_comes_again_begins_the_next_step(self, people: dict[str, User]) -> None:
        request = PurchaseRequestFactory.create()
        attach(
            request,
            by_user(people["ann"], parallel_group="law"),
            by_user(people["bob"], parallel_group="money"),
            by_user(people["boss"], parallel_group="law"),
            by_user(people["chief"], parallel_group="money"),
        )
        for name in ("ann", "bob"):
            act_on_object(request, "approved", people[name])
        assert waiting(request) == ["boss", "chief"]

    def test_later_places_number_their_steps_on(self, people: dict[str, User]) -> None:
        request = PurchaseRequestFactory.create()
        side_by_side = [
            by_user(people["ann"], parallel_group="law"),
            by_user(people["bob"], parallel_group="money"),
        ]
        workflow = make_workflow([[side_by_side, side_by_side, by_user(people["boss"])]])
        attach_workflow_to_object(request, workflow)
        for name in ("ann", "bob", "ann", "bob"):
            act_on_object(request, "approved", people[name])
        rows = ApprovalInstance.objects.for_object(request).order_by("pk")
        assert [row.step_number for row in rows] == [1, 1, 2, 2, 3]

    def test_track_that_is_not_waited_for_is_told_with_its_own_stage(
        self, people: dict[str, User]
    ) -> None:
        request = PurchaseRequestFactory.create()
        aside = by_user(people["bob"], parallel_group="money", parallel_required=False)
        workflow = make_workflow(
            [[[by_user(people["ann"], parallel_group="law"), aside], by_user(people["boss"])]]
        )
        attach_workflow_to_object(request, workflow)
        moved = act_on_object(request, "approved", people["ann"])
        assert moved.current_stage.name_en == "Stage 1.2"
        after = act_on_object(request, "approved", people["bob"])
        assert (after.status, after.current_stage.name_en) == ("in_progress", "Stage 1.2")
        told = after.executions.filter(action_type="after_approve").order_by("pk").last()
        first = Stage.objects.get(pipeline__workflow=after.workflow, order=1)
        assert told.context["stage_id"] == first.pk


class TestPreview:
    def test_says_who_would_be_asked_and_why(self, people: dict[str, User]) -> None:
        role = make_role(2)
        workflow = make_workflow(
            [[by_user(people["bob"]), by_role(role, "consensus")], [[SELF, TEAM_HEAD]]]
        )
        request = PurchaseRequestFactory.create(requester=people["ann"])
        assert shown(workflow, request, people["chief"]) == [
            (["bob"], 1, "The person named"),
            (
                sorted(user.username for user in role.users.all()),
                2,
                "All users with role must approve",
            ),
            (["ann"], 1, "The person named"),
            (["boss"], 1, "The supervisor of a person"),
        ]

    def test_names_place_and_approval(self, people: dict[str, User]) -> None:
        workflow = make_pipeline_workflow([[SELF, TEAM_HEAD], []])
        request = PurchaseRequestFactory.create(requester=people["ann"])
        previews = preview_approvers(workflow, request)
        assert [(each.place.label, each.approval and each.approval.kind) for each in previews] == [
            ("Pipeline 1", "SELF"),
            ("Pipeline 1", "TEAM_HEAD"),
            ("Pipeline 2", None),
        ]
        assert previews[-1].reason == "Nobody is asked here yet."

    def test_says_why_nobody_would_be_asked(self, people: dict[str, User]) -> None:
        role = make_role()
        workflow = make_flat_workflow(by_role(role), by_role(make_role(0)), TEAM_HEAD)
        role.delete()
        request = PurchaseRequestFactory.create(requester=people["boss"])
        gone, nobody, top = shown(workflow, request)
        assert gone == ([], 0, "The role, user or form is gone.")
        assert nobody[:2] == top[:2] == ([], 0)
        assert "nobody eligible" in nobody[2]
        assert "The supervisor of a person" in top[2]

    def test_writes_nothing(self, people: dict[str, User]) -> None:
        workflow = make_flat_workflow(
            by_role(make_role(2), "round_robin"), SELF, TEAM_HEAD, DEPARTMENT_HEAD
        )
        request = PurchaseRequestFactory.create(requester=people["ann"])
        before = dump()
        assert len(preview_approvers(workflow, request)) == 4
        assert dump() == before

    def test_agrees_with_what_then_happens(self, people: dict[str, User]) -> None:
        workflow = make_flat_workflow(DEPARTMENT_HEAD)
        request = PurchaseRequestFactory.create(requester=people["ann"])
        [(names, _needed, _reason)] = shown(workflow, request)
        attach_workflow_to_object(request, workflow)
        assert waiting(request) == names == ["chief"]


def test_definition_reads_what_json_cannot_hold() -> None:
    user = UserFactory.create()
    approval = by_role(make_role(), "percentage", percentage_required=12.5, sla_duration=60)
    workflow = make_flat_workflow({**approval, "timeout_action": "reject"}, by_user(user))
    first, second = compile_definition(workflow.pk).first.approvals
    assert (first.percentage_required, first.sla_duration) == (
        Decimal("12.5"),
        timedelta(minutes=1),
    )
    assert (second.percentage_required, second.sla_duration) == (None, None)


def test_strategy_of_the_project_says_what_it_lacks(settings: Any) -> None:
    settings.APPROVAL_ROLE_STRATEGIES = {
        "picky": "approval_workflow.strategies.role.Quorum",
    }
    found = errors_of(by_role(make_role(), "picky"))
    assert list(found) == ["approvals[0].quorum_count"]
