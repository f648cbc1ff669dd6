"""Keep the translations whole.

    python tools/messages.py compile   write the .mo beside each .po
    python tools/messages.py check     complete, placeholders intact, .mo as the .po says
    python tools/messages.py sources   every text of the code is in the .po (needs xgettext)

The compiled files are committed, so that a machine with nothing but Python can build the wheels.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parents[1]
HOMES = [
    ROOT / "packages" / "approval_workflow" / "src" / "approval_workflow",
    ROOT / "packages" / "django_workflow_engine" / "src" / "django_workflow_engine",
    ROOT / "example_project",
]
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|\{\w*\}|%[sd]")

Texts = dict[tuple[str | None, str], tuple[str, ...]]


def catalogues(home: Path) -> list[Path]:
    return sorted(home.glob("**/locale/*/LC_MESSAGES/*.po"))


def texts(entries: Iterable[polib.POEntry | polib.MOEntry]) -> Texts:
    """Map context and source text to the translations, plural forms in order."""
    return {
        (entry.msgctxt or None, entry.msgid): (
            tuple(entry.msgstr_plural[form] for form in sorted(entry.msgstr_plural))
            or (entry.msgstr,)
        )
        for entry in entries
    }


def compile_all() -> list[str]:
    for home in HOMES:
        for path in catalogues(home):
            polib.pofile(str(path)).save_as_mofile(str(path.with_suffix(".mo")))
            print(f"compiled {path.relative_to(ROOT)}")
    return []


def check() -> list[str]:
    faults = []
    for home in HOMES:
        for path in catalogues(home):
            name = path.relative_to(ROOT)
            faults += [f"{name}: {fault}" for fault in faults_of(path)]
    return faults


def faults_of(path: Path) -> Iterator[str]:
    catalogue = polib.pofile(str(path))
    for entry in catalogue:
        if entry.obsolete:
            yield f"obsolete: {entry.msgid!r}"
        elif not entry.translated():
            yield f"untranslated or fuzzy: {entry.msgid!r}"
        else:
            yield from placeholder_faults(entry)
    yield from compiled_faults(path, catalogue)


def placeholder_faults(entry: polib.POEntry) -> Iterator[str]:
    """A form may leave a placeholder out (Arabic "one" and "two" do), but not invent one."""
    allowed = set(PLACEHOLDER.findall(entry.msgid + (entry.msgid_plural or "")))
    if entry.msgid_plural:
        for text in entry.msgstr_plural.values():
            if set(PLACEHOLDER.findall(text)) - allowed:
                yield f"placeholder that the source does not have: {text!r}"
    elif set(PLACEHOLDER.findall(entry.msgstr)) != allowed:
        yield f"placeholders differ from the source: {entry.msgid!r}"


def compiled_faults(path: Path, catalogue: polib.POFile) -> Iterator[str]:
    compiled = path.with_suffix(".mo")
    if not compiled.exists():
        yield "never compiled: run make messages"
        return
    present = polib.mofile(str(compiled))
    plural_forms = [source.metadata.get("Plural-Forms") for source in (catalogue, present)]
    translated = [entry for entry in catalogue if entry.translated()]
    if texts(present) != texts(translated) or plural_forms[0] != plural_forms[1]:
        yield "the .mo is older than the .po: run make messages"


def sources() -> list[str]:
    if shutil.which("xgettext") is None:
        return ["xgettext is missing; on Debian: apt-get install gettext"]
    return [fault for home in HOMES for fault in missing_from(home)]


def missing_from(home: Path) -> list[str]:
    """Extract the texts of one tree in a copy of it, and compare with each catalogue."""
    faults = []
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / home.name
        shutil.copytree(home, copy, ignore=shutil.ignore_patterns("*.mo", "*.sqlite3", ".*"))
        for path in catalogues(home):
            language = path.parts[-3]
            extracted = extract(copy, language, path.relative_to(home))
            present = texts(living(path))
            faults += [
                f"{path.relative_to(ROOT)}: {what}: {text!r}"
                for what, keys in (
                    ("not in it", extracted - present.keys()),
                    ("no longer in the code", present.keys() - extracted),
                )
                for _, text in sorted(keys, key=str)
            ]
    return faults


def extract(copy: Path, language: str, catalogue: Path) -> set[tuple[str | None, str]]:
    subprocess.run(
        [sys.executable, "-P", "-m", "django", "makemessages", "-l", language, "--verbosity", "0"],
        cwd=copy,
        check=True,
    )
    return set(texts(living(copy / catalogue)))


def living(path: Path) -> list[polib.POEntry]:
    return [entry for entry in polib.pofile(str(path)) if not entry.obsolete]


def main() -> int:
    commands = {"compile": compile_all, "check": check, "sources": sources}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=commands)
    faults = commands[parser.parse_args().command]()
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
