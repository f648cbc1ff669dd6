"""What is different between two versions, in words. Covers issue 4 item 4."""

import pytest
from django.utils import translation

from django_workflow_engine.differences import Change, ChangeKind, difference
from django_workflow_engine.differences.comparing import moved
from django_workflow_engine.models import Pipeline, Stage, WorkFlow, WorkflowAction
from django_workflow_engine.services import publish_version
from django_workflow_engine.versions import current_snapshot
from tests.factories import (
    DepartmentFactory,
    DynamicFormFactory,
    UserFactory,
    by_role,
    by_user,
    make_large_workflow,
    make_role,
    make_workflow,
    stages_of,
)

pytestmark = pytest.mark.django_db

FUNCTION = "django_workflow_engine.action_handlers.send_approval_notification"


@pytest.fixture(autouse=True)
def no_default_actions(settings):
    settings.WORKFLOW_AUTO_CREATE_ACTIONS = False


class World:
    """A template with two pipelines, and those who are named in it."""

    def __init__(self):
        self.ann = UserFactory.create(username="ann")
        self.bob = UserFactory.create(username="bob")
        self.board = make_role(1, name="Board")
        self.staff = make_role(1, name="Staff")
        self.form = DynamicFormFactory.create(name="Budget")
        ann = by_user(self.ann)
        self.template = make_workflow([[ann, ann], [ann]], name_en="Purchases", name_ar="مشتريات")
        self.first, self.second = self.template.pipelines.order_by("order")
        self.check, self.budget, self.last = stages_of(self.template)

    def ask(self, *approvals, stage=None, **info):
        stage = stage or self.check
        stage.stage_info = {**stage.stage_info, "approvals": list(approvals), **info}
        stage.save()

    def stands_at(self, *statuses):
        save(self.check, stage_info={"kind": "status", "statuses": list(statuses)})

    def act(self, **fields):
        return WorkflowAction.objects.create(
            **{"action_type": "after_approve", "function_path": FUNCTION, **fields}
        )


@pytest.fixture
def world():
    return World()


def save(row, **fields):
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()


NOTHING = None
# What is prepared, what is changed, and what is said about it.
CASES = {
    "nothing": (NOTHING, lambda w: w.template.save(), []),
    "name": (
        NOTHING,
        lambda w: save(w.template, name_en="Buying"),
        ["Buying: 'name (English)' was 'Purchases' and is now 'Buying'."],
    ),
    "arabic name": (
        NOTHING,
        lambda w: save(w.template, name_ar=""),
        ["Purchases: 'name (Arabic)' was 'مشتريات' and is now empty."],
    ),
    "company": (
        NOTHING,
        lambda w: save(w.template, company=w.bob),
        ["Purchases: 'company' is now 'bob'."],
    ),
    "status": (
        NOTHING,
        lambda w: save(w.template, status="archived", is_active=False),
        [
            "Purchases: 'status' was 'Active' and is now 'Archived'.",
            "Purchases: 'active' was 'yes' and is now 'no'.",
        ],
    ),
    "pipeline added": (
        NOTHING,
        lambda w: Stage.objects.create(
            pipeline=Pipeline.objects.create(workflow=w.template, name_en="New", order=3),
            name_en="Sign",
            stage_info={"approvals": [by_user(w.bob)]},
        ),
        [
            "Purchases: the pipeline 'New' was added.",
            "New: the stage 'Sign' was added.",
            "New / Sign: an approval was added: bob.",
        ],
    ),
    "pipeline removed": (
        NOTHING,
        lambda w: w.second.delete(),
        ["Purchases: the pipeline 'Pipeline 2' was removed."],
    ),
    "pipeline renamed": (
        NOTHING,
        lambda w: save(w.second, name_en="Finance"),
        ["Finance: 'name (English)' was 'Pipeline 2' and is now 'Finance'."],
    ),
    "pipeline moved": (
        NOTHING,
        lambda w: save(w.second, order=0),
        ["Pipeline 2: now comes first."],
    ),
    "department": (
        NOTHING,
        lambda w: save(w.second, department=DepartmentFactory.create(name="Legal")),
        ["Pipeline 2: 'department' is now 'Legal'."],
    ),
    "stage removed": (
        NOTHING,
        lambda w: w.budget.delete(),
        ["Pipeline 1: the stage 'Stage 1.2' was removed."],
    ),
    "stage moved": (
        NOTHING,
        lambda w: save(w.check, order=7),
        ["Pipeline 1 / Stage 1.2: now comes first."],
    ),
    "stage in another pipeline": (
        NOTHING,
        lambda w: save(w.budget, pipeline=w.second, name_en="Budget"),
        [
            "Pipeline 2 / Budget: was moved from the pipeline 'Pipeline 1' to 'Pipeline 2'.",
            "Pipeline 2 / Budget: 'name (English)' was 'Stage 1.2' and is now 'Budget'.",
        ],
    ),
    "colour": (
        NOTHING,
        lambda w: w.ask(by_user(w.ann), color="#000000"),
        ["Pipeline 1 / Stage 1.1: 'colour' was '#3498db' and is now '#000000'."],
    ),
    "approval added": (
        NOTHING,
        lambda w: w.ask(by_user(w.ann), by_role(w.board, "consensus")),
        [
            (
                "Pipeline 1 / Stage 1.1: an approval was added: Board (All users with role must"
                " approve)."
            )
        ],
    ),
    "approval removed": (
        lambda w: w.ask(by_user(w.ann), {"approval_type": "SELF"}),
        lambda w: w.ask(by_user(w.ann)),
        ["Pipeline 1 / Stage 1.1: an approval was removed: Approval by the requester."],
    ),
    "approvals moved": (
        lambda w: w.ask(by_user(w.ann), by_user(w.bob)),
        lambda w: w.ask(by_user(w.bob), by_user(w.ann)),
        ["Pipeline 1 / Stage 1.1, approval by bob: is now asked first."],
    ),
    "same approval twice": (
        lambda w: w.ask(by_user(w.ann), by_user(w.ann)),
        lambda w: w.ask(by_user(w.ann)),
        ["Pipeline 1 / Stage 1.1: an approval was removed: ann."],
    ),
    "person": (
        NOTHING,
        lambda w: w.ask(by_user(w.bob)),
        ["Pipeline 1 / Stage 1.1, approval by bob: 'person' was 'ann' and is now 'bob'."],
    ),
    "role and strategy": (
        lambda w: w.ask(by_role(w.board, "anyone")),
        lambda w: w.ask(by_role(w.staff, "quorum", quorum_count=1)),
        [
            "Pipeline 1 / Stage 1.1, approval by Staff (A number of users with role must approve):"
            f" '{field}'{said}."
            for field, said in [
                ("role", " was 'Board' and is now 'Staff'"),
                (
                    "who of the role",
                    (
                        " was 'Any user with role can approve' and is now"
                        " 'A number of users with role must approve'"
                    ),
                ),
                ("how many must approve", " is now '1'"),
            ]
        ],
    ),
    "kind of approval": (
        NOTHING,
        lambda w: w.ask({"approval_type": "ASSIGNED", "assigned_field": "requester"}),
        [
            "Pipeline 1 / Stage 1.1: an approval was removed: ann.",
            (
                "Pipeline 1 / Stage 1.1: an approval was added: Approval by the people assigned"
                " (requester)."
            ),
        ],
    ),
    "terms": (
        NOTHING,
        lambda w: w.ask(
            by_user(w.ann, required_form=w.form.pk, allow_higher_level=False, sla_duration="P1DT2H")
        ),
        [
            f"Pipeline 1 / Stage 1.1, approval by ann: '{field}' {said}."
            for field, said in [
                ("form to fill in", "is now 'Budget'"),
                ("people above may act too", "was 'yes' and is now 'no'"),
                ("to be done within", "is now '1\xa0day, 2\xa0hours'"),
            ]
        ],
    ),
    "form of the stage": (
        NOTHING,
        lambda w: save(w.check, form_info={"required_form": w.form.pk}),
        ["Pipeline 1 / Stage 1.1, approval by ann: 'form to fill in' is now 'Budget'."],
    ),
    "action added": (
        NOTHING,
        lambda w: w.act(stage=w.check),
        [f"Pipeline 1 / Stage 1.1: an action was added: After approval: {FUNCTION}."],
    ),
    "action switched off": (
        lambda w: w.act(workflow=w.template),
        lambda w: w.template.actions.update(is_active=False),
        [f"Purchases: an action was removed: After approval: {FUNCTION}."],
    ),
    "action changed": (
        lambda w: w.act(pipeline=w.first),
        lambda w: w.first.actions.update(parameters={"cc": ["creator"]}, failure_policy="stop"),
        [
            (
                f"Pipeline 1, action After approval: {FUNCTION}: 'parameters' is now"
                ' \'{"cc": ["creator"]}\'.'
            ),
            (
                f"Pipeline 1, action After approval: {FUNCTION}: 'after a failure' was"
                " 'Go on with the next action' and is now 'Stop until it succeeds'."
            ),
        ],
    ),
}


JOB = "tests.testapp.workflow_actions.score"
STAGE = "Pipeline 1 / Stage 1.1"
CASES |= {
    "code": (
        NOTHING,
        lambda w: save(w.check, code="look"),
        [f"{STAGE}: 'code' was 'stage_11' and is now 'look'."],
    ),
    "code that begins as the name": (
        NOTHING,
        lambda w: save(w.check, code="stage_11_b"),
        [f"{STAGE}: 'code' was 'stage_11' and is now 'stage_11_b'."],
    ),
    "name but not the code": (
        lambda w: save(w.check, code="stage_11"),
        lambda w: save(w.check, name_en="Look"),
        ["Pipeline 1 / Look: 'name (English)' was 'Stage 1.1' and is now 'Look'."],
    ),
    "job": (
        NOTHING,
        lambda w: save(
            w.check,
            stage_info={"kind": "job", "job": {"function": JOB, "parameters": {"score": 1}}},
        ),
        [
            f"{STAGE}: 'colour' was '#3498db' and is now empty.",
            f"{STAGE}: 'what it waits for' was 'People decide' and is now 'A job is done'.",
            f"{STAGE}: 'job' is now '{JOB} {{\"score\": 1}}'.",
            f"{STAGE}: an approval was removed: ann.",
        ],
    ),
    "timer": (
        lambda w: save(w.check, stage_info={"kind": "timer", "timer": {"until": "now"}}),
        lambda w: save(w.check, stage_info={"kind": "timer", "timer": {"duration": "P2D"}}),
        [f"{STAGE}: 'timer' was 'until now' and is now '2\xa0days'."],
    ),
    "statuses": (
        lambda w: w.stands_at({"name": "Done", "completes": True}),
        lambda w: w.stands_at(
            {"name": "New", "default": True},
            {"name": "Done", "completes": True},
            {"name": "Refused", "rejects": True},
        ),
        [
            (
                f"{STAGE}: 'statuses' was 'Done (completes)' and is now"
                " 'New (at first); Done (completes); Refused (rejects)'."
            )
        ],
    ),
    "routes": (
        lambda w: w.ask(by_user(w.ann), routes=[{"to": "end", "when": "object.amount > 5.0"}]),
        lambda w: w.ask(
            by_user(w.ann),
            routes=[{"to": "stage_2_1", "when": "object.amount > 5.0"}, {"to": "stage_1_2"}],
        ),
        [
            (
                f"{STAGE}: 'routes' was 'to the end if object.amount > 5.0' and is now"
                " 'to stage_2_1 if object.amount > 5.0; to stage_1_2'."
            )
        ],
    ),
    "conditions of a stage": (
        NOTHING,
        lambda w: w.ask(by_user(w.ann), skip_when="false", approve_when="true", max_visits=2),
        [
            f"{STAGE}: 'passed over if' is now 'false'.",
            f"{STAGE}: 'approves itself if' is now 'true'.",
            f"{STAGE}: 'visits at most' is now '2'.",
        ],
    ),
    "stages side by side": (
        lambda w: w.ask(by_user(w.ann), parallel_group="g", join="any"),
        lambda w: w.ask(by_user(w.ann), stage=w.budget, parallel_group="g"),
        [
            f"{STAGE}: 'side by side with' is now 'Stage 1.2'.",
            f"{STAGE}: 'branches waited for' is now '1'.",
            "Pipeline 1 / Stage 1.2: 'side by side with' is now 'Stage 1.1'.",
            "Pipeline 1 / Stage 1.2: 'branches waited for' is now '1'.",
        ],
    ),
    "pipelines side by side": (
        lambda w: save(w.first, pipeline_info={"parallel_group": "g"}),
        lambda w: save(w.second, pipeline_info={"parallel_group": "g"}),
        [
            "Pipeline 1: 'side by side with' is now 'Pipeline 2'.",
            "Pipeline 1: 'branches waited for' is now 'all'.",
            "Pipeline 2: 'side by side with' is now 'Pipeline 1'.",
            "Pipeline 2: 'branches waited for' is now 'all'.",
        ],
    ),
    "condition and compensation of an action": (
        lambda w: w.act(pipeline=w.first),
        lambda w: w.first.actions.update(when="object.amount > 5.0", compensation=FUNCTION),
        [
            (
                f"Pipeline 1, action After approval: {FUNCTION}: 'condition' is now"
                " 'object.amount > 5.0'."
            ),
            f"Pipeline 1, action After approval: {FUNCTION}: 'compensation' is now '{FUNCTION}'.",
        ],
    ),
}


@pytest.mark.parametrize(("prepare", "edit", "said"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("of", ["template", "versions"])
def test_is_said_in_words(world, prepare, edit, said, of):
    if prepare is not None:
        prepare(world)
    before = current_snapshot(world.template)
    edit(world)
    after = current_snapshot(world.template) if of == "versions" else world.template
    assert [str(change) for change in difference(before, after)] == said


@pytest.mark.parametrize("edit", [case[1] for case in CASES.values()], ids=CASES)
def test_there_and_back_is_nothing(world, edit):
    before = current_snapshot(world.template)
    edit(world)
    assert difference(before, before) == []
    assert difference(world.template, current_snapshot(world.template)) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("abc", "abc", ""),
        ("abcd", "bcda", "a"),
        ("abcd", "dabc", "d"),
        ("abcde", "acdbe", "b"),
        ("", "", ""),
    ],
)
def test_as_few_as_can_be_are_said_to_have_moved(old, new, expected):
    assert moved(old, new) == set(expected)


def test_what_moved_is_said_to_come_after_what_is_before_it_now(world):
    template = make_workflow([[by_user(world.ann)] * 4])
    before = current_snapshot(template)
    save(stages_of(template)[0], order=9)
    (change,) = difference(before, template)
    assert str(change) == "Pipeline 1 / Stage 1.1: now comes after 'Stage 1.4'."
    world.ask(by_user(world.ann), by_user(world.bob), {"approval_type": "SELF"})
    before = current_snapshot(world.template)
    world.ask(by_user(world.bob), {"approval_type": "SELF"}, by_user(world.ann))
    (change,) = difference(before, world.template)
    assert str(change).endswith("approval by ann: is now asked after Approval by the requester.")


def test_can_be_read_by_programs(world):
    before = current_snapshot(world.template)
    world.ask(by_user(world.bob), by_user(world.ann))
    place = "Pipeline 1 / Stage 1.1"
    assert difference(before, world.template) == [
        Change(ChangeKind.ADDED, place, "approval", None, "bob"),
    ]
    world.ask(by_user(world.bob))
    assert difference(before, world.template) == [
        Change(ChangeKind.CHANGED, f"{place}, approval by bob", "approval_user", "ann", "bob"),
    ]


def test_is_said_in_arabic(world):
    before = current_snapshot(world.template)
    save(world.second, name_ar="المالية")
    world.ask(by_role(world.board))
    with translation.override("ar"):
        said = [str(change) for change in difference(before, world.template)]
    assert said == [
        "Pipeline 1 / Stage 1.1: حُذفت موافقة: ann.",
        "Pipeline 1 / Stage 1.1: أُضيفت موافقة: Board (تكفي موافقة أي مستخدم في الدور).",
        "المالية: أصبح «الاسم (بالعربية)» الآن «المالية».",
    ]


def test_names_what_is_gone_by_its_key(world):
    gone = UserFactory.create()
    world.ask(by_user(gone))
    before = current_snapshot(world.template)
    key = gone.pk
    gone.delete()
    world.ask(by_user(world.ann))
    (change,) = difference(before, world.template)
    assert change.before == f"{key} (gone)"


def test_knows_stages_whose_template_row_is_gone_by_their_names(world):
    before = current_snapshot(world.template)
    save(world.last, name_ar="نهاية")
    after = current_snapshot(world.template)
    world.second.delete()
    (change,) = difference(before, after)
    assert (change.field, change.after) == ("name_ar", "نهاية")


def test_tells_of_another_place_where_people_are_asked(world):
    before = current_snapshot(world.template)
    Stage.objects.filter(pipeline__workflow=world.template).delete()
    for pipeline in (world.first, world.second):
        save(pipeline, pipeline_info={"approvals": [by_user(world.bob)]})
    save(world.template, strategy="pipeline")
    said = [str(change) for change in difference(before, publish_version(world.template))]
    assert said == [
        "Purchases: 'where people are asked' was 'In stages' and is now 'In pipelines'.",
        *(
            f"Pipeline {stage[6]}: the stage '{stage}' was removed."
            for stage in ("Stage 1.1", "Stage 1.2", "Stage 2.1")
        ),
        "Pipeline 1: an approval was added: bob.",
        "Pipeline 2: an approval was added: bob.",
    ]


def test_tells_of_approvals_of_the_workflow_itself(world):
    template = WorkFlow.objects.create(
        name_en="Flat", strategy="workflow", workflow_info={"approvals": [by_user(world.ann)]}
    )
    before = current_snapshot(template)
    save(template, workflow_info={"approvals": [by_user(world.bob)]})
    (change,) = difference(before, template)
    assert str(change) == "Flat, approval by bob: 'person' was 'ann' and is now 'bob'."


@pytest.mark.parametrize("stages", [4, 60])
def test_costs_the_same_for_any_size(statements, stages):
    template = make_large_workflow(stages)
    before = current_snapshot(template)
    approval = by_role(make_role(1), required_form=DynamicFormFactory.create().pk)
    rows = stages_of(template)
    for row in rows:
        row.stage_info = {"approvals": [approval]}
    Stage.objects.bulk_update(rows, ["stage_info"])
    with statements() as seen:
        assert len(difference(before, template)) == 3 * stages
    assert seen.count <= 16, seen
