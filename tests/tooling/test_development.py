"""`pip install -r requirements-dev.txt` and then `pytest`, with nothing else, is enough."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
# What our own run hands down to its children: a plain one starts without it.
HANDED_DOWN = ("DJANGO_", "PYTEST_", "PYTHONPATH", "TEST_DATABASE", "COV_")
# The boxes of each package's contract: the prefix of their names, and how many there are.
CONTRACTS = {"core": ("S0", 60), "engine": ("D", 122)}


def lines(name: str) -> Iterator[str]:
    """The lines of a file of requirements, those of the files that it names included."""
    for line in (ROOT / name).read_text("utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            yield from lines(text.removeprefix("-r "))
        elif text:
            yield text


# S0-58
def test_the_requirements_hold_both_packages_and_what_runs_the_tests() -> None:
    found = list(lines("requirements-dev.txt"))
    for package in ("approval_workflow", "django_workflow_engine"):
        assert any(line.startswith(f"-e ./packages/{package}") for line in found), package
    names = {Requirement(line).name for line in found if not line.startswith("-")}
    assert {"pytest", "pytest-django", "factory-boy"} <= names


# S0-58
def test_plain_pytest_knows_where_the_tests_are() -> None:
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert tables["tool"]["pytest"]["ini_options"]["testpaths"] == ["tests"]


# S0-58
def test_plain_pytest_collects() -> None:
    plain = {key: value for key, value in os.environ.items() if not key.startswith(HANDED_DOWN)}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/docs"]
    found = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=plain, capture_output=True, text=True, timeout=120, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.count("::") >= 5


def without_its_docstring(source: str) -> str:
    """A module without what it says of itself: a box is named by the test that holds it."""
    said = ast.get_docstring(ast.parse(source), clean=False)
    return source.replace(said, "", 1) if said else source


@pytest.mark.parametrize(("prefix", "boxes"), CONTRACTS.values(), ids=CONTRACTS)
def test_every_box_of_a_contract_is_named_by_a_test(prefix: str, boxes: int) -> None:
    box = re.compile(rf"\b{prefix}-(\d+)\b")
    named = {
        int(number)
        for path in (ROOT / "tests").rglob("test_*.py")
        for number in box.findall(without_its_docstring(path.read_text("utf-8")))
    }
    everything = set(range(1, boxes + 1))
    assert sorted(everything - named) == []
    assert sorted(named - everything) == []
