"""The page on other packages names tests that exist, and that name the box."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/other-packages.md"
ROW = re.compile(r"^\| ([TV]-\d+) \|.*\| `([\w/]+\.py)(?:::(\w+))?` \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE.read_text("utf-8"))


def test_all_boxes_have_a_row() -> None:
    wanted = [*(f"T-{number}" for number in range(1, 13)), *(f"V-{n}" for n in range(1, 14))]
    assert [box for box, _file, _test in ROWS] == wanted


@pytest.mark.parametrize(("box", "file", "test"), ROWS, ids=[row[0] for row in ROWS])
def test_the_test_of_a_row_names_its_box(box: str, file: str, test: str) -> None:
    source = (ROOT / "tests" / file).read_text("utf-8")
    if not test:
        assert re.search(rf"\b{box}\b", source)
        return
    # Comments and decorators above it.
    head = rf"((?:^[#@].*\n|^\s.*\n|^\).*\n)*)^def {test}\b"
    above = re.search(head, source, re.MULTILINE)
    assert above is not None
    assert re.search(rf"\b{box}\b", above.group(1))
