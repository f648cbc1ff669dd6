"""Versions have a number, a moment and a person. Covers issue 4 item 4 with D-46 to D-48."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from django_workflow_engine.authorship import changed_by, current_author_id
from django_workflow_engine.exceptions import SnapshotIsImmutable, WorkflowIncomplete
from django_workflow_engine.models import Pipeline, Stage, WorkFlow
from django_workflow_engine.services import (
    attach_workflow_to_object,
    cancel_workflow,
    publish_version,
    versions_of,
)
from django_workflow_engine.versions import current_snapshot, delete_unused_snapshots
from tests.factories import PurchaseRequestFactory, UserFactory, make_workflow, stages_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return UserFactory.create(username="ann")


@pytest.fixture
def bob():
    return UserFactory.create(username="bob")


def author(template):
    return WorkFlow.objects.get(pk=template.pk).changed_by


class TestAuthor:
    @pytest.mark.parametrize(
        "change",
        [
            lambda template: template.save(),
            lambda template: template.save(update_fields=["name_en"]),
            lambda template: WorkFlow.objects.filter(pk=template.pk).update(name_en="New"),
            lambda template: WorkFlow.objects.bulk_update([template], ["name_ar"]),
            lambda template: stages_of(template)[0].save(),
            lambda template: template.pipelines.update(order=4),
            lambda template: Pipeline.objects.bulk_create([Pipeline(workflow=template)]),
            lambda template: stages_of(template)[0].delete(),
            lambda template: Stage.objects.filter(pipeline__workflow=template).delete(),
        ],
    )
    def test_is_whoever_makes_the_change(self, ann, change):
        template = make_workflow()
        assert author(template) is None
        with changed_by(ann):
            change(template)
        assert author(template) == ann

    def test_of_a_new_template_is_who_made_it(self, ann):
        with changed_by(ann):
            made = WorkFlow.objects.create(name_en="One")
            (bulk,) = WorkFlow.objects.bulk_create([WorkFlow(name_en="Two", slug="two")])
        assert [author(made), author(bulk)] == [ann, ann]

    def test_is_forgotten_with_a_change_by_nobody_known(self, ann):
        template = make_workflow()
        with changed_by(ann):
            template.save()
        template.save()
        assert author(template) is None
        assert template.changed_by is None

    def test_is_the_innermost_and_ends_with_its_block(self, ann, bob):
        with changed_by(ann):
            with changed_by(bob):
                assert current_author_id() == bob.pk
            assert current_author_id() == ann.pk
        assert current_author_id() is None

    @pytest.mark.parametrize("nobody", [None, AnonymousUser()])
    def test_may_be_nobody(self, ann, nobody):
        with changed_by(ann), changed_by(nobody):
            assert author(make_workflow()) is None

    def test_whose_account_is_deleted_leaves_the_version_current(self, ann):
        with changed_by(ann):
            template = make_workflow()
        version = current_snapshot(template)
        ann.delete()
        assert author(template) is None
        assert current_snapshot(template) == version
        assert version.cloned_from_id == template.pk


class TestNumber:
    def test_counts_the_versions_of_one_template(self):
        first, second = make_workflow(), make_workflow()
        numbers = [current_snapshot(first).version, current_snapshot(second).version]
        first.save()
        numbers += [current_snapshot(first).version, current_snapshot(first).version]
        assert numbers == [1, 1, 2, 2]

    def test_of_a_deleted_version_is_not_given_again(self):
        template = make_workflow()
        for _number in range(3):
            current_snapshot(template)
            template.save()
        current_snapshot(template)
        assert delete_unused_snapshots() == 3
        template.save()
        assert current_snapshot(template).version == 5

    def test_of_a_template_is_none(self):
        assert make_workflow().version is None

    @pytest.mark.parametrize(
        "fields", [{"version": 7}, {"revision": 1}, {"is_hidden": True}, {"key": None}]
    )
    def test_and_what_goes_with_it_cannot_be_updated(self, fields):
        template = make_workflow()
        version = current_snapshot(template)
        before = list(WorkFlow.objects.order_by("pk").values())
        for row in (template, version):
            with pytest.raises(SnapshotIsImmutable):
                WorkFlow.objects.filter(pk=row.pk).update(**fields)
        assert list(WorkFlow.objects.order_by("pk").values()) == before

    def test_put_on_a_template_in_memory_is_not_saved(self):
        template = make_workflow()
        template.version = 4
        template.save()
        assert WorkFlow.objects.get(pk=template.pk).version is None

    def test_cannot_be_had_by_making_a_version_by_hand(self):
        template = make_workflow()
        by_hand = {"name_en": "Mine", "is_hidden": True, "cloned_from": template, "version": 9}
        with pytest.raises(SnapshotIsImmutable):
            WorkFlow.objects.create(**by_hand)
        with pytest.raises(SnapshotIsImmutable):
            WorkFlow.objects.bulk_create([WorkFlow(**by_hand)])
        template.is_hidden = True
        with pytest.raises(SnapshotIsImmutable):
            template.save()
        assert list(WorkFlow.objects.templates()) == [template]
        assert not WorkFlow.objects.snapshots().exists()


class TestPublish:
    def test_takes_the_version_that_the_next_object_runs_on(self):  # D-46
        template = make_workflow()
        version = publish_version(template)
        attachment = attach_workflow_to_object(PurchaseRequestFactory.create(), template)
        assert attachment.workflow == version
        assert publish_version(template) == version

    def test_names_who_changed_the_template(self, ann, bob):
        with changed_by(ann):
            template = make_workflow()
        assert publish_version(template, bob).changed_by == ann

    def test_names_who_publishes_where_nobody_is_known(self, bob):
        template = make_workflow()
        assert publish_version(template, bob).changed_by == bob
        assert author(template) is None

    def test_keeps_when_it_was_taken(self):
        moment = datetime(2026, 3, 1, 9, tzinfo=UTC)
        template = make_workflow()
        with time_machine.travel(moment, tick=False):
            version = publish_version(template)
        assert version.created_at == moment

    def test_of_an_incomplete_template_names_what_is_missing_and_writes_nothing(self):
        template = make_workflow([[[]]])
        with pytest.raises(WorkflowIncomplete) as caught:
            publish_version(template)
        assert list(caught.value.errors) == ["Pipeline 1 / Stage 1.1"]
        assert not WorkFlow.objects.snapshots().exists()


class TestList:
    def test_tells_of_each_version_what_it_is_and_what_runs_on_it(self, ann):  # D-48
        with changed_by(ann):
            template = make_workflow()
        requests = PurchaseRequestFactory.create_batch(3)
        old = [attach_workflow_to_object(each, template) for each in requests]
        cancel_workflow(requests[0])
        template.save()
        publish_version(template)
        newest, oldest = versions_of(template)
        assert (newest.number, newest.is_current, newest.changed_by) == (2, True, None)
        assert (newest.running, newest.attachments) == (0, 0)
        assert (oldest.number, oldest.is_current, oldest.changed_by) == (1, False, ann)
        assert (oldest.running, oldest.attachments) == (2, 3)
        assert oldest.workflow == old[0].workflow
        assert timezone.now() - newest.created_at < timedelta(minutes=1)

    def test_of_a_version_is_that_of_its_template(self):
        template = make_workflow()
        version = publish_version(template)
        template.save()
        assert versions_of(version) == versions_of(template)
        assert [row.is_current for row in versions_of(template)] == [False]

    def test_of_a_template_that_nothing_ran_on_is_empty(self):
        publish_version(make_workflow())
        assert versions_of(make_workflow()) == []

    @pytest.mark.parametrize("number", [1, 12])
    def test_costs_one_statement(self, ann, statements, number):
        template = make_workflow()
        for _version in range(number):
            with changed_by(ann):
                template.save()
            publish_version(template)
        with statements() as seen:
            assert [row.changed_by.username for row in versions_of(template)] == ["ann"] * number
        assert seen.count == 1, seen
