"""The look at the translations sees each kind of fault."""

import polib
import pytest

from tools.messages import faults_of


@pytest.fixture
def catalogue(tmp_path):
    """Write a catalogue with one entry, compile it, and return its path."""

    def write(**entry):
        path = tmp_path / "django.po"
        file = polib.POFile()
        file.metadata = {"Content-Type": "text/plain; charset=UTF-8"}
        file.append(polib.POEntry(**entry))
        file.save(str(path))
        file.save_as_mofile(str(path.with_suffix(".mo")))
        return path

    return write


def test_whole_catalogue_has_no_fault(catalogue):
    assert list(faults_of(catalogue(msgid="Hello %(name)s", msgstr="مرحبا %(name)s"))) == []


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({"msgid": "Hello", "msgstr": ""}, "untranslated or fuzzy"),
        ({"msgid": "Hello", "msgstr": "مرحبا", "flags": ["fuzzy"]}, "untranslated or fuzzy"),
        ({"msgid": "Hello", "msgstr": "مرحبا", "obsolete": True}, "obsolete"),
        ({"msgid": "Hello %(name)s", "msgstr": "مرحبا"}, "placeholders differ"),
        ({"msgid": "Hello", "msgstr": "مرحبا %(name)s"}, "placeholders differ"),
    ],
)
def test_fault_in_an_entry_is_named(catalogue, entry, fault):
    [found] = faults_of(catalogue(**entry))
    assert found.startswith(fault)


def test_plural_form_may_leave_the_number_out_but_not_invent_another(catalogue):
    entry = {"msgid": "%(count)s step", "msgid_plural": "%(count)s steps"}
    assert list(faults_of(catalogue(**entry, msgstr_plural={0: "خطوة", 1: "%(count)s"}))) == []

    [found] = faults_of(catalogue(**entry, msgstr_plural={0: "خطوة", 1: "%(number)s"}))
    assert found.startswith("placeholder that the source does not have")


def test_catalogue_changed_after_it_was_compiled(catalogue):
    path = catalogue(msgid="Hello", msgstr="مرحبا")
    changed = polib.pofile(str(path))
    changed[0].msgstr = "أهلا"
    changed.save()
    assert list(faults_of(path)) == ["the .mo is older than the .po: run make messages"]


def test_catalogue_that_was_never_compiled(catalogue):
    path = catalogue(msgid="Hello", msgstr="مرحبا")
    path.with_suffix(".mo").unlink()
    assert list(faults_of(path)) == ["never compiled: run make messages"]
